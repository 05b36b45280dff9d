"""Models of a search's folds, and what they say of images they weren't trained on: from `memory`.

Nothing is trained.
"""

from contextlib import nullcontext
from numbers import Integral

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection import check_cv

from skfashion import _training
from skfashion._utils.validation import _check_method_params, _safe_split
from skfashion.model_selection._spaces import is_ours


def fold_models(search, X, y, candidate, **params):
    """Yield test rows and the fitted estimator of each fold of a candidate.

    `X`, `y` and `params` are what the search's fit got. Raises LookupError where `memory` doesn't
    hold the fits, ValueError where the folds can't be drawn again.
    """
    _check_kept(search.estimator)
    chosen = clone(search.cv_results_["params"][candidate], safe=False)
    fit_params = search._get_routed_params_for_fit(params).estimator.fit
    for train, test in splits_of(search, X, y, **params):
        model = clone(search.estimator).set_params(**clone(chosen, safe=False))
        part = _safe_split(model, X, y, train)
        routed = _check_method_params(X, fit_params, train)
        # Fits that trained with others round differently, and are kept apart.
        kinds = nullcontext, _training.together
        if not any(_is_read(model, part, routed, kind) for kind in kinds):
            raise LookupError(
                f"memory= doesn't hold the fits of candidate {candidate}: it was emptied since, "
                "the search was on other images, labels or weights of them, in another order, or "
                "fits failed or were stopped."
            )
        yield test, model


def _is_read(model, part, params, kind):
    """Fit a model from its store alone, as a fit of a kind; tell whether all of it was there."""
    try:
        with kind(), _training.only_kept():
            model.fit(*part, **params)
    except _training.NotKeptError:
        return False
    return True


def out_of_fold(search, X, y, candidate, **params):
    """Return probabilities of each image by models that weren't trained on it, and its fold.

    Columns are those of `numbered`. Rows are NaN, folds -1, of images that no fold tests on; of
    several folds that do, the mean and the first.
    """
    classes, _ = numbered(y)
    total = np.zeros((len(y), len(classes)), np.float32)
    n, folds = np.zeros(len(y)), np.full(len(y), -1)
    for fold, (test, model) in enumerate(fold_models(search, X, y, candidate, **params)):
        columns = np.searchsorted(classes, model.classes_)
        images, _ = _safe_split(model, X, None, test)
        total[np.ix_(test, columns)] += model.predict_proba(images)
        n[test] += 1
        folds[test] = np.where(folds[test] < 0, fold, folds[test])
    total[n == 0] = np.nan
    return total / np.maximum(n, 1, dtype=np.float32)[:, np.newaxis], folds


def numbered(y):
    """Return the classes, sorted, and labels as their numbers; of several labels 0s and 1s."""
    y = np.asarray(y)
    return (np.arange(y.shape[1]), y) if y.ndim == 2 else np.unique(y, return_inverse=True)


def splits_of(search, X, y, **params):
    """Return training and test rows of each fold, as the search has drawn them."""
    cv = check_cv(search.cv, y, classifier=is_classifier(search.estimator))
    seed = getattr(cv, "random_state", 0)
    drawn = getattr(cv, "shuffle", True) and not isinstance(seed, Integral)
    routed = search._get_routed_params_for_fit(params).splitter.split
    splits = [] if drawn else list(cv.split(X, y, **routed))
    if len(splits) != search.n_splits_:
        raise ValueError(
            f"The folds of this search can't be drawn again from cv={search.cv!r}: search with a "
            "number, a splitter with an integer random_state, or a list of (train, test)."
        )
    return splits


def _check_kept(estimator):
    """Refuse an estimator whose fits no folder keeps."""
    inside = [estimator, *estimator.get_params(deep=True).values()]
    ours = [each for each in inside if is_ours(each)]
    if not ours:
        raise TypeError(f"{type(estimator).__name__} has no classifier of skfashion in it.")
    if any(each.memory is None or not isinstance(each.random_state, Integral) for each in ours):
        raise LookupError(
            "The fits of this search's folds aren't kept: its classifier needs memory= and an "
            "integer random_state=."
        )
