"""Histories of fitted estimators and of all fits of a search, from the folder of `memory`."""

import json
from typing import Any

import pandas as pd
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from skfashion._store import SHARED, open_store
from skfashion._utils.typing import Frame
from skfashion.inspection._runs import runs


def history_frame(fitted: Any) -> Frame:
    """Tabulate losses and accuracies, epoch by epoch.

    Parameters
    ----------
    fitted : estimator
        A fitted classifier of this package, a Pipeline that ends in one, or a search over
        either: any of scikit-learn's or of this package.

    Returns
    -------
    pandas.DataFrame
        One row per epoch: ``epoch`` (over all phases, from 1), ``phase``, ``learning_rate``,
        ``loss``, ``accuracy``, and ``val_loss`` and ``val_accuracy`` where training watched a
        validation part. Of a search, one row per epoch of every fit: before these columns
        ``candidate`` (row of ``cv_results_``) and ``fold`` (from 0; missing for the refit of the
        best candidate), after them ``param_...`` as in ``cv_results_``.

    Raises
    ------
    NotFittedError, TypeError
        Before `fit`, or if there is no classifier of this package in it.

    Notes
    -----
    A search keeps its best estimator only. All other histories come from the folder that was their
    `memory` (with an integer `random_state`), found by the classifier's parameters; without one
    there is the refit alone. Three things can't be told from what is kept:

    - Folds are numbered in the order in which they were first trained, which is the
      splitter's order unless `n_jobs` ran several at a time.
    - Of a candidate that was fitted to other data before, in this folder, the last used count.
    - Candidates that differ in steps before the classifier only, or in the number of images,
      are told apart by the order in which they were trained.

    Examples
    --------
    >>> from skfashion import DenseClassifier
    >>> from skfashion.datasets import make_images
    >>> from skfashion.inspection import history_frame
    >>> X, y = make_images(n_samples=60, n_classes=2, image_size=8, random_state=0)
    >>> history = history_frame(DenseClassifier(8, epochs=3, random_state=0).fit(X, y))
    >>> list(history)
    ['epoch', 'phase', 'learning_rate', 'loss', 'accuracy']
    """
    if not is_search(fitted):
        return _frame(history_of(fitted))
    _check_classifier(fitted.estimator)
    # pandas would spread a tuple over the rows.
    params = [
        {f"param_{k}": v if pd.api.types.is_scalar(v) else str(v) for k, v in each.items()}
        for each in fitted.cv_results_["params"]
    ]
    frames = [
        _frame(history, seconds).assign(candidate=candidate, fold=fold, **params[candidate])
        for candidate, fold, history, seconds in _fits_of(fitted)
    ]
    names = sorted({name for each in params for name in each})
    columns = ["candidate", "fold", "epoch", "phase", "learning_rate", "loss", "accuracy"]
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)
    metrics = [name for name in frame if name not in columns and name not in names]
    frame = frame.reindex(columns=[*columns, *metrics, *names])
    return frame.astype({"candidate": int, "fold": "Int64"})


def is_search(fitted):
    """Tell a search from an estimator."""
    if hasattr(fitted, "_run_search"):
        check_is_fitted(fitted, "cv_results_")
    return hasattr(fitted, "cv_results_")


def check_search(fitted):
    """Refuse what is not a fitted search."""
    if not is_search(fitted):
        raise TypeError(f"{type(fitted).__name__} is not a search: it has no cv_results_.")


def history_of(fitted):
    """Return the history of a fitted estimator as a list of dicts."""
    from skfashion.classifiers._estimator import as_rows

    classifier = _check_classifier(fitted)
    check_is_fitted(classifier, "history_")
    return as_rows(classifier.history_)


def _check_classifier(estimator):
    classifier = classifier_of(estimator)
    if classifier is None:
        raise TypeError(
            f"{type(estimator).__name__} has no history: give a classifier of skfashion, a "
            "Pipeline that ends in one, or a search over one."
        )
    return classifier


def classifier_of(estimator):
    """Return the classifier of this package in an estimator, or None."""
    from skfashion.classifiers._base import BaseImageClassifier

    while estimator is not None and not isinstance(estimator, BaseImageClassifier):
        for name in ("best_estimator_", "estimator_", "estimator"):
            if hasattr(estimator, name):
                estimator = getattr(estimator, name)
                break
        else:
            if not getattr(estimator, "steps", None):
                return None
            estimator = estimator.steps[-1][1]
    return estimator


def _fits_of(search):
    """Yield candidate, fold (None for the refit), history and seconds of each fit known."""
    best = classifier_of(getattr(search, "best_estimator_", None))
    refit = None if best is None else history_of(best)
    found = _runs_of_folds(search, refit)
    first = {}  # when each fold was first trained on, by its data
    for run in (run for kept in found for run in kept):
        first[run.data] = min(run.when, first.get(run.data, run.when))
    for candidate, kept in enumerate(found):
        if refit is not None and candidate == search.best_index_:
            yield candidate, None, refit, None
        for fold, run in enumerate(sorted(kept, key=lambda run: first[run.data])):
            yield candidate, fold, run.history, run.meta.get("seconds")


def _frame(history, seconds=None):
    frame = pd.DataFrame(history)
    frame.insert(0, "epoch", range(1, len(frame) + 1))
    if seconds is not None and len(seconds) == len(frame):
        frame["seconds"] = seconds
    return frame


def _runs_of_folds(search, refit):
    """Return the runs of each candidate's folds: those of its classifier's parameters."""
    # Candidates that differ elsewhere, or in the number of images, have theirs as trained.
    from skfashion.classifiers._replay import parameters_of

    results = search.cv_results_
    resources = results.get("n_resources", [None] * len(results["params"]))
    stores, wanted, groups = {}, [], {}
    for params, resource in zip(results["params"], resources, strict=True):
        estimator = clone(search.estimator).set_params(**clone(params, safe=False))
        classifier = classifier_of(estimator)
        store = open_store(getattr(classifier, "memory", None))
        if store is not None and store not in stores:
            stores[store] = _by_parameters(store, refit)
        own = {} if classifier is None else parameters_of(classifier)
        fit = store, _text_of(type(classifier).__name__, own)
        group = groups.setdefault(fit, [])
        others = _others(estimator, classifier, params), resource
        if others not in group:
            group.append(others)
        wanted.append((fit, group.index(others)))
    n = search.n_splits_
    kept = {}
    for (store, key), group in groups.items():
        last_used = stores.get(store, {}).get(key, [])[: n * len(group)]
        kept[store, key] = sorted(last_used, key=lambda run: run.when)
    return [kept[fit][n * i : n * (i + 1)] for fit, i in wanted]


def _text_of(estimator, parameters):
    return json.dumps([estimator, parameters], sort_keys=True)


def _by_parameters(store, refit):
    """Return the runs of a store that ended a fit of a fold, the last used first, by parameters."""
    finished = [run for run in runs(store) if run.finished]
    whole = {run.data for run in finished if run.history == refit}
    told = {run.key: [run.meta] for run in finished if run.data not in whole}
    for info in store.entries(SHARED):
        shared = store.meta(SHARED, info.key)
        if shared is not None and shared["result"] in told:
            told[shared["result"]].append(shared)
    found = {}
    for run in finished:
        for meta in told.get(run.key, ()):
            text = _text_of(meta.get("estimator"), meta.get("parameters"))
            found.setdefault(text, {})[run.key] = run
    for text, kept in found.items():
        # The last phase of a fit has a run with the history of all, and speaks for them.
        longest = [run.history for run in kept.values()]
        found[text] = [
            run
            for run in kept.values()
            if not any(other[: len(run.history)] == run.history != other for other in longest)
        ]
    return found


def _others(estimator, classifier, params):
    """Return the parameters of a candidate that are not its classifier's, as text."""
    nested = estimator.get_params(deep=True).items()
    prefix = next((f"{name}__" for name, value in nested if value is classifier), "")
    return repr([(name, params[name]) for name in sorted(params) if not name.startswith(prefix)])
