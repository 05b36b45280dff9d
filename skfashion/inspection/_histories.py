"""Histories of fitted estimators and of all fits of a search.

Searches throw the estimators of their folds away. What those went through is looked up
in the folder of `memory`, where every finished fit leaves its history.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skfashion._store import open_store
from skfashion._utils.typing import Frame
from skfashion.inspection._runs import prefixed, runs

# Parameters that change nothing in what a finished fit ends in.
_IDLE = {"memory", "verbose", "warm_start", "max_fit_seconds"}
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
# What a fit learns from its data before it decides what to train.
_LEARNT = ("classes_", "image_shape_", "input_range_", "n_features_in_", "_dtype")


@dataclass(frozen=True)
class Curve:
    """The history of one fit of a search."""

    candidate: int
    fold: int | None
    history: list
    seconds: list | None = None


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
        One row an epoch: ``epoch`` (over all phases, from 1), ``phase``,
        ``learning_rate``, ``loss``, ``accuracy``, and ``val_loss`` and ``val_accuracy``
        where training watched a validation part.

        Of a search, one row an epoch of every fit: before these columns ``candidate`` (row
        of ``cv_results_``) and ``fold`` (from 0; missing for the refit of the best
        candidate), after them ``param_...`` as in ``cv_results_``.

    Raises
    ------
    NotFittedError
        Before `fit`.
    TypeError
        If there is no classifier of this package in it.

    See Also
    --------
    runs_frame : All that a folder holds, of any search.
    HistoryDisplay : The same as a plot.

    Notes
    -----
    A search keeps its best estimator only. The histories of all others come from the
    folder that was their `memory` (with an integer `random_state`); without one, the frame
    of a search has the refit alone. They are found by the classifier's parameters. Three
    things can't be told from what is kept:

    - Folds are numbered in the order in which they were first trained, which is the
      splitter's order unless `n_jobs` ran several at a time.
    - If a candidate was fitted to other data or folds before, in the same folder, the last
      used count.
    - Of candidates that differ in steps before the classifier only, all are found at the
      first of them.

    Examples
    --------
    >>> from skfashion import DenseClassifier
    >>> from skfashion.datasets import make_images
    >>> from skfashion.inspection import history_frame
    >>> X, y = make_images(n_samples=60, n_classes=2, image_size=8, random_state=0)
    >>> history = history_frame(DenseClassifier(8, epochs=3, random_state=0).fit(X, y))
    >>> list(history)
    ['epoch', 'phase', 'learning_rate', 'loss', 'accuracy']
    >>> history.to_csv("history.csv", index=False)  # doctest: +SKIP
    """
    if not is_search(fitted):
        return _frame(history_of(fitted))
    return frame_of_curves(search_curves(fitted), fitted.cv_results_["params"])


def frame_of_curves(curves, params):
    """Return what `history_frame` does of a search."""
    frames = [
        _frame(curve.history, curve.seconds).assign(
            candidate=curve.candidate, fold=curve.fold, **_cells(params[curve.candidate])
        )
        for curve in curves
    ]
    names = sorted({name for each in params for name in prefixed(each)})
    columns = ["candidate", "fold", "epoch", "phase", "learning_rate", "loss", "accuracy"]
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)
    metrics = [name for name in frame if name not in columns and name not in names]
    frame = frame.reindex(columns=[*columns, *metrics, *names])
    return frame.astype({"candidate": int, "fold": "Int64"})


def is_search(fitted):
    """Tell a search from an estimator."""
    if hasattr(fitted, "cv_results_"):
        return True
    if hasattr(fitted, "_run_search"):
        raise NotFittedError(f"This {type(fitted).__name__} is not fitted yet: call fit first.")
    return False


def history_of(fitted):
    """Return the history of a fitted estimator as a list of dicts."""
    classifier = classifier_of(fitted)
    if classifier is None:
        raise TypeError(
            f"{type(fitted).__name__} has no history: give a classifier of skfashion, a Pipeline "
            "that ends in one, or a search over one."
        )
    if not hasattr(classifier, "history_"):
        raise NotFittedError(f"This {type(classifier).__name__} is not fitted yet: call fit first.")
    columns = classifier.history_
    n = len(next(iter(columns.values()), ()))
    return [
        {name: column[i] for name, column in columns.items() if column[i] is not None}
        for i in range(n)
    ]


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


def search_curves(search):
    """Return the histories of all fits of a search that are known."""
    if classifier_of(search.estimator) is None:
        raise TypeError(
            f"{type(search).__name__} searches over {type(search.estimator).__name__}, which "
            "keeps no history: there must be a classifier of skfashion in it."
        )
    refit = _refit(search)
    found = _found(search, refit)
    first = {}
    for kept in found:
        for run in kept:
            data = run.meta.get("data")
            first[data] = min(first.get(data, float("inf")), _when(run))
    curves = []
    for candidate, kept in enumerate(found):
        if refit is not None and candidate == search.best_index_:
            curves.append(Curve(candidate, None, refit))

        def order(run):
            data = run.meta.get("data")
            return _when(run) if data is None else first[data]

        curves += [
            Curve(candidate, fold, run.history, run.meta.get("seconds"))
            for fold, run in enumerate(sorted(kept, key=order))
        ]
    return curves


def _frame(history, seconds=None):
    frame = pd.DataFrame(history)
    frame.insert(0, "epoch", range(1, len(frame) + 1))
    if seconds is not None and len(seconds) == len(frame):
        frame["seconds"] = seconds
    return frame


def _cells(params):
    # pandas would spread a tuple over the rows.
    plain = (int, float, str, bool, type(None))
    return prefixed({k: v if isinstance(v, plain) else str(v) for k, v in params.items()})


def _refit(search):
    classifier = classifier_of(getattr(search, "best_estimator_", None))
    return None if classifier is None else history_of(classifier)


def _found(search, refit):
    """Return the runs of each candidate's folds."""
    by_store, by_training = {}, {}
    candidates = []
    for params in search.cv_results_["params"]:
        estimator = clone(search.estimator).set_params(**clone(params, safe=False))
        classifier = classifier_of(estimator)
        store = open_store(classifier.memory)
        if store is None:
            candidates.append(None)
            continue
        if store not in by_store:
            by_store[store] = _by_parameters(store)
        training = _training_of(classifier, search, _others(estimator, classifier, params))
        known = by_training.setdefault(training, {})
        name = _name(type(classifier).__name__, _parameters(classifier))
        known.update({run.key: run for run in by_store[store].get(name, ())})
        candidates.append(training)
    return [_of_folds(by_training.get(c, {}).values(), search, refit) for c in candidates]


def _by_parameters(store):
    found = {}
    for run in runs(store):
        if run.finished:
            name = _name(run.meta.get("estimator"), run.meta.get("parameters", {}))
            found.setdefault(name, []).append(run)
    return found


def _parameters(classifier):
    from skfashion.classifiers import _replay

    return _replay.about(classifier, 0)["parameters"]


def _name(estimator, parameters):
    kept = {name: value for name, value in parameters.items() if name not in _IDLE}
    # The address of a function is another one in every process.
    return _ADDRESS.sub("", json.dumps([estimator, kept], sort_keys=True, default=repr))


def _others(estimator, classifier, params):
    """Return the values of a candidate that are not the classifier's, as text."""
    prefix = ""
    if estimator is not classifier:
        nested = estimator.get_params(deep=True).items()
        prefix = next(f"{name}__" for name, value in nested if value is classifier)
    return repr(sorted((k, repr(v)) for k, v in params.items() if not k.startswith(prefix)))


def _training_of(classifier, search, others):
    """Return text that is equal for candidates of a search that train the same.

    A rate for fine-tuning is idle where nothing is unfrozen: candidates that differ in it
    share one run, which bears the parameters of the first.
    """
    own = _parameters(classifier)
    name = _name(type(classifier).__name__, own) + others
    fitted = classifier_of(getattr(search, "best_estimator_", None))
    if fitted is None:
        return name
    for learnt in _LEARNT:
        if hasattr(fitted, learnt):
            setattr(classifier, learnt, getattr(fitted, learnt))
    try:
        classifier._begin(classifier._draw_seed())
        plan, _ = classifier._planned()
    except Exception:  # a candidate that couldn't be trained, for whatever reason
        return name
    data = [own.get(name) for name in ("class_weight", "early_stopping", "validation_fraction")]
    return _ADDRESS.sub("", repr((plan, data, others)))


def _of_folds(found, search, refit):
    # A phase has a run of its own; the last phase's has the history of all.
    histories = [run.history for run in found]
    found = [
        run
        for run in found
        if run.history != refit and not any(_begins(longer, run.history) for longer in histories)
    ]
    found = sorted(found, key=lambda run: -run.last_used)
    return found[: search.n_splits_]


def _begins(longer, history):
    return len(longer) > len(history) and longer[: len(history)] == history


def _when(run):
    return run.meta.get("when", run.last_used)
