"""An ensemble of the networks that a search has trained already."""

from copy import copy
from numbers import Integral
from typing import Any

import joblib
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import VotingClassifier
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags, indexable
from sklearn.utils.validation import check_is_fitted

from skfashion import _training
from skfashion._utils.messages import shown
from skfashion._utils.scores import decided, score_column
from skfashion._utils.typing import Array, NDArray, Self
from skfashion._utils.validation import BaseSearchCV, Interval, _fit_context
from skfashion._utils.version_mixin import VersionMixin
from skfashion.model_selection._out_of_fold import fold_models, numbered, out_of_fold
from skfashion.model_selection._spaces import is_ours

_REFIT = -1  # in `folds_`
_SMALLEST = 1e-7  # probability: one mistake of a network that was sure doesn't decide alone


class EnsembleFromSearch(VersionMixin, ClassifierMixin, BaseEstimator):
    """Mean of the best networks of a search, without training any.

    A cross-validated search has trained a network for each candidate and fold, and
    predicted with each the images it hadn't seen. Candidates are chosen by these
    out-of-fold probabilities, greedily and with replacement [1]_: whichever most lowers
    the log loss of the mean comes next, and one chosen twice counts twice. The networks
    of the chosen candidates, one a fold, are read back from the folder of `memory`, and
    predict together with the refitted best, which counts as those of one fold do.

    Parameters
    ----------
    search : fitted search
        `GridSearchCV`, `RandomizedSearchCV`, `BayesSearchCV`, `HyperbandSearchCV` or a
        like one, over a classifier of this package with `memory` and an integer
        `random_state`, or a Pipeline that ends in one.
    n_members : int, default=5
        Candidates to choose, those chosen twice counted twice. Each brings a network a fold.
    n_candidates : int, default=20
        Candidates to choose from: those with the best mean test score.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels.
    estimators_ : list of estimator
        Fitted classifiers or Pipelines. Steps that do the same are the same objects.
    weights_ : ndarray of shape (n_estimators,)
        How often each counts in the mean, whole numbers.
    candidates_, folds_ : ndarray of shape (n_estimators,)
        Where each comes from: its row of ``cv_results_``, and the fold it was not
        trained on; -1 is the refitted best.
    oof_score_ : float
        Out-of-fold accuracy of the chosen candidates' mean. It is a little flattering, as
        the choice was made by the same probabilities.
    oof_losses_ : ndarray of shape (n_chosen,)
        Out-of-fold log loss after each choice.

    Raises
    ------
    LookupError
        From `fit`: if a network isn't in the folder of `memory` and would have to be trained.
    TypeError, ValueError
        From `fit`: if it is not a search over a classifier of this package, or its folds can't
        be drawn again.

    See Also
    --------
    skfashion.save : Keeps the ensemble in one file.
    skfashion.export : Writes it as one graph that runs without this package.

    Notes
    -----
    Networks of the folds have seen fewer images than the refitted best, with three folds two
    thirds, and their mean has to make up for it. Predicting takes as long as all the networks;
    what they share (reading, scaling, a frozen backbone) is done once.

    References
    ----------
    .. [1] Caruana, R., Niculescu-Mizil, A., Crew, G., Ksikes, A. (2004). Ensemble
       selection from libraries of models. International Conference on Machine Learning.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skfashion import DenseClassifier, EnsembleFromSearch
    >>> from skfashion.datasets import make_images
    >>> X, y = make_images(n_samples=90, n_classes=3, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     clf = DenseClassifier(16, epochs=3, memory=folder, random_state=0)
    ...     search = GridSearchCV(clf, {"learning_rate": [1e-3, 1e-2]}, cv=3).fit(X, y)
    ...     ensemble = EnsembleFromSearch(search).fit(X, y)
    >>> ensemble.predict(X).shape
    (90,)
    """

    _parameter_constraints = {
        "search": "no_validation",
        "n_members": [Interval(Integral, 1, None, closed="left")],
        "n_candidates": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, search: Any, *, n_members: int = 5, n_candidates: int = 20) -> None:
        self.search = search
        self.n_members = n_members
        self.n_candidates = n_candidates

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Array, y: Array, **params: Any) -> Self:
        """Choose candidates, and read their networks back.

        Parameters
        ----------
        X, y : array-like or sequence of str
            Images and labels that the search was fitted on, in the same order.
        **params : dict
            What else was given to the search's `fit`, such as `groups`.

        Returns
        -------
        self : object
            The fitted ensemble.
        """
        _check_search(self.search)
        X, y = indexable(X, y)
        rows, probabilities, tested = _best(self.search, X, y, self.n_candidates, params)
        classes, truth = numbered(y)
        truth = truth[tested]
        picks, self.oof_losses_ = _chosen(probabilities, truth, self.n_members)
        members = []  # row, fold, weight and estimator of each
        for pick, count in zip(*np.unique(picks, return_counts=True), strict=True):
            models = fold_models(self.search, X, y, rows[pick], **params)
            for fold, (_, estimator) in enumerate(models):
                _check_classes(estimator.classes_, classes)
                members.append((rows[pick], fold, count, estimator))
        if hasattr(self.search, "best_estimator_"):
            refitted = self.search.best_estimator_
            members.append((self.search.best_index_, _REFIT, len(picks), refitted))
        *told, estimators = zip(*members, strict=True)
        self.candidates_, self.folds_, self.weights_ = map(np.array, told)
        self.estimators_ = _sharing(estimators)
        self.classes_, self.multilabel_ = estimator.classes_, truth.ndim == 2
        mean = np.mean([probabilities[pick] for pick in picks], axis=0)
        right = decided(mean, np.arange(mean.shape[1]), self.multilabel_) == truth
        self.oof_score_ = float(np.mean(right.all(axis=1) if self.multilabel_ else right))
        return self

    def predict_proba(self, X: Array) -> NDArray:
        """Return the probability of each class; of several labels an image, of each label.

        Parameters
        ----------
        X : array-like or sequence of str
            Images, as the search's estimator takes them.

        Returns
        -------
        ndarray of shape (n, n_classes)
            float32, columns in the order of `classes_`.

        Raises
        ------
        NotFittedError, ValueError
            Before `fit`, or if the images have another shape.
        """
        check_is_fitted(self)
        seen, total = {}, 0.0
        for estimator, weight in zip(self.estimators_, self.weights_, strict=True):
            *before, classifier = _steps(estimator)
            key = tuple(map(id, before))
            if key not in seen:
                seen[key] = estimator[:-1].transform(X) if before else X
            total = total + weight * classifier.predict_proba(seen[key]).astype(np.float64)
        return (total / self.weights_.sum()).astype(np.float32)

    def predict(self, X: Array) -> NDArray:
        """Return the most probable label of each image, or all that are more probable than not.

        Parameters
        ----------
        X : array-like or sequence of str
            Images, as the search's estimator takes them.

        Returns
        -------
        ndarray of shape (n,) or (n, n_labels)
            Labels of `classes_`; of several labels an image, rows of 0 and 1.

        Raises
        ------
        NotFittedError, ValueError
            As `predict_proba`.
        """
        return decided(self.predict_proba(X), self.classes_, self.multilabel_)

    def _doc_link_url_param_generator(self):
        return {"address": f"skfashion.{type(self).__name__}"}  # where it is public

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        if hasattr(self.search, "get_params"):
            tags.input_tags = get_tags(self.search).input_tags
        return tags


def members_of(estimator, weight=1.0):
    """Yield the classifiers whose mean an estimator predicts: what each counts, and its steps.

    What all count adds up to `weight`. Steps are names and estimators, the classifier last.
    """
    estimator = getattr(estimator, "best_estimator_", estimator)
    check_is_fitted(estimator)
    before, counts = [], [1]
    if isinstance(estimator, Pipeline):
        steps = [each for each in estimator.steps if each[1] not in (None, "passthrough")]
        before, inside = steps[:-1], [steps[-1][1]]
    elif isinstance(estimator, EnsembleFromSearch):
        inside, counts = estimator.estimators_, estimator.weights_
    elif isinstance(estimator, VotingClassifier) and estimator.voting == "soft":
        inside = estimator.estimators_
        counts = estimator._weights_not_none or [1] * len(inside)
    else:
        yield weight, [("", estimator)]
        return
    for each, count in zip(inside, counts, strict=True):
        for share, steps in members_of(each, float(weight * count / sum(counts))):
            yield share, [*before, *steps]


def _best(search, X, y, n, params):
    """Return rows of the n best candidates, what each says out of fold, and of which images."""
    scores, found = search.cv_results_[score_column(search)], {}
    for row in np.argsort(-scores, kind="stable"):
        if np.isfinite(scores[row]) and len(found) < n:
            probabilities, folds = out_of_fold(search, X, y, row, **params)
            tested = folds >= 0
            probabilities = probabilities[tested].astype(float)
            # Candidates may differ in nothing that counts, or be in the results twice.
            found.setdefault(joblib.hash(probabilities), (row, probabilities))
    if not found:
        raise ValueError("All candidates of the search failed: there is nothing to choose.")
    return *zip(*found.values(), strict=True), tested


def _check_classes(trained, classes):
    if not np.array_equal(trained, classes):
        raise ValueError(
            f"A fold was trained on the classes {trained.tolist()}, and there are "
            f"{classes.tolist()}: a mean needs folds with all classes in each."
        )


def _check_search(search):
    """Refuse what is not a fitted search over a classifier of this package."""
    if not isinstance(search, BaseSearchCV) or not hasattr(search, "cv_results_"):
        raise TypeError(
            f"EnsembleFromSearch needs a fitted search of scikit-learn or this package, and got "
            f"{shown(search)}: call its fit first. A clone of a search isn't fitted, and a loaded "
            "ensemble has none."
        )
    if not is_ours(_steps(search.estimator)[-1]):
        raise TypeError(
            "EnsembleFromSearch needs a search over a classifier of skfashion, or a Pipeline that "
            f"ends in one, and its estimator is {shown(search.estimator)}."
        )


def _steps(estimator):
    """Return the steps of a Pipeline, or a list of the estimator itself."""
    if not isinstance(estimator, Pipeline):
        return [estimator]
    return [step for _, step in estimator.steps]


def _chosen(probabilities, truth, n):
    """Return which candidates are chosen, in order, and the log loss after each choice."""
    each = np.stack([_of_truth(found, truth) for found in probabilities])
    picks, losses, total = [], [], 0.0
    for i in range(1, n + 1):
        candidates = -np.log((total + each) / i).mean(axis=1)
        picks.append(int(candidates.argmin()))
        losses.append(candidates.min())
        total = total + each[picks[-1]]
    last = int(np.argmin(losses)) + 1
    return picks[:last], np.array(losses[:last])


def _of_truth(probabilities, truth):
    """Return the probability of what is true, of each image or of each of its labels."""
    if truth.ndim == 2:
        found = np.where(truth, probabilities, 1 - probabilities).ravel()
    else:
        found = probabilities[np.arange(len(truth)), truth]
    return np.clip(found, _SMALLEST, 1)


def _sharing(estimators):
    """Return copies of estimators in which equal steps, and equal weights, are the same objects."""
    steps, weights, shared = {}, {}, []
    for estimator in estimators:
        classifier = copy(_steps(estimator)[-1])
        classifier._weights = [
            weights.setdefault(_training.weights_digest([array]), array)
            for array in classifier._weights
        ]
        if isinstance(estimator, Pipeline):
            before = [
                (name, steps.setdefault(joblib.hash(step), step))
                for name, step in estimator.steps[:-1]
            ]
            classifier = Pipeline([*before, (estimator.steps[-1][0], classifier)])
        shared.append(classifier)
    return shared
