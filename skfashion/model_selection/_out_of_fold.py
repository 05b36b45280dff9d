"""Models of a search's folds, and what they say of images they weren't trained on: from `memory`.

Nothing is trained.
"""

from numbers import Integral

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing

from skfashion import _training
from skfashion.model_selection._spaces import is_ours


def fold_models(search, X, y, candidate, groups=None):
    """Yield test rows and the fitted estimator of each fold of a candidate.

    `X`, `y` and `groups` are those of the search. Raises LookupError where `memory` doesn't hold
    the fits, ValueError where the folds can't be drawn again.
    """
    _check_kept(search.estimator)
    params = clone(search.cv_results_["params"][candidate], safe=False)
    estimator = clone(search.estimator).set_params(**params)
    for train, test in splits_of(search, X, y, groups):
        try:
            with _training.kept_only():
                model = clone(estimator).fit(_safe_indexing(X, train), _safe_indexing(y, train))
        except _training.NotKeptError:
            raise LookupError(
                f"memory= doesn't hold the fits of candidate {candidate}: it was emptied since, "
                "the search was on other images, labels or weights of them, or fits failed."
            ) from None
        yield test, model


def out_of_fold(search, X, y, candidate, groups=None):
    """Return probabilities of each image by models that weren't trained on it, and its fold.

    Columns are in the order of ``search.classes_``. Rows are NaN, folds -1, of images that no
    fold tests on; of several folds that do, the mean and the first.
    """
    classes = np.unique(y)
    total = np.zeros((len(y), len(classes)), np.float32)
    n, folds = np.zeros(len(y)), np.full(len(y), -1)
    for fold, (test, model) in enumerate(fold_models(search, X, y, candidate, groups)):
        columns = np.searchsorted(classes, model.classes_)
        total[np.ix_(test, columns)] += model.predict_proba(_safe_indexing(X, test))
        n[test] += 1
        folds[test] = np.where(folds[test] < 0, fold, folds[test])
    total[n == 0] = np.nan
    return total / np.maximum(n, 1, dtype=np.float32)[:, np.newaxis], folds


def splits_of(search, X, y, groups=None):
    """Return training and test rows of each fold, as the search has drawn them."""
    cv = check_cv(search.cv, y, classifier=is_classifier(search.estimator))
    drawn = getattr(cv, "shuffle", True) and not isinstance(
        getattr(cv, "random_state", 0), Integral
    )
    splits = [] if drawn else list(cv.split(X, y, groups))
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
