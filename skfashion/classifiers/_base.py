"""scikit-learn's contract, for all classifiers: what comes in, what goes out, what stays."""

from contextlib import contextmanager
from numbers import Real

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin
from sklearn.metrics import get_scorer_names
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, train_test_split

from skfashion import _training
from skfashion._utils import scores
from skfashion._utils.config import in_settings
from skfashion._utils.messages import shown, some
from skfashion._utils.typing import Array, NDArray, Self
from skfashion._utils.validation import StrOptions, _fit_context, with_callbacks
from skfashion.classifiers import _checks, _label_checks
from skfashion.classifiers._estimator import BaseImageEstimator

ROUNDING = 1e-5


class BaseImageClassifier(ClassifierMixin, BaseImageEstimator):
    """Base of all classifiers: labels, their weights, and probabilities."""

    __metadata_request__fit = {"groups": True}  # so that a search that is given them needs no word

    _parameter_constraints = {
        **BaseImageEstimator._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "scoring": [StrOptions({"loss", *get_scorer_names()})],
    }

    def _default_space(self):
        """Return what is worth tuning: `Choice` and `Number` by parameter name."""
        raise ValueError(
            f"{type(self).__name__} doesn't say what is worth tuning: write the space by hand."
        )

    @in_settings
    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Array,
        y: Array | None = None,
        sample_weight: Array | None = None,
        *,
        groups: Array | None = None,
        X_val: Array | None = None,
        y_val: Array | None = None,
    ) -> Self:
        """Train on images and their labels.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, h * w * c)
            Images: uint8 or float.
        y : array-like of shape (n,) or (n, n_labels), default=None
            Labels of any kind, to be given; of several labels an image a column each, of 0 and 1.
        sample_weight : array-like of shape (n,), default=None
            Weights of the images. Their ratios count, as their mean is made 1.
        groups : array-like of shape (n,), default=None
            What images belong together, such as those of one patient: what early stopping
            watches is of other groups than what is trained on.
        X_val, y_val : array-like, default=None
            Validation images, in place of a part of X. Without `early_stopping` their scores are
            written to `history_` and change nothing.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If images or labels can't be read as such, don't fit together or have one class.
        TypeError
            If they are a data set or a generator, and not arrays.
        MemoryError
            If the network doesn't fit in memory.
        """
        _training.prepare_process()
        with unchanged_on_error(self):
            again = self.warm_start and hasattr(self, "_weights")
            known = self.classes_ if again else None
            X, y, weight, groups = self._check_training_data(
                X, y, sample_weight, known, groups=groups, reset=not again
            )
            self.input_range_ = self.input_range_ or "0-255"
            X_val, y_val = self._check_validation_data(X_val, y_val)
            seed = self._draw_seed()
            if X_val is None and self.early_stopping:
                labels = self._labels(y)
                train, valid = _split_off(labels, self.validation_fraction, seed, groups)
                X_val, y_val = X[valid], y[valid]
                X, y, weight = X[train], y[train], weight[train]
            self._mean_weight = _mean_of(weight)
            plan, start = self._make_plan(seed, self._weights if again else None)
            score = None
            if self.early_stopping and self._scoring not in ("accuracy", "loss"):

                def probabilities(outputs):
                    return _as_probabilities(outputs, plan.gives_logits, self._multilabel)

                labels = self._labels(y_val)
                score = scores.score_of(self._scoring, self.classes_, labels, probabilities)
            data = self._data(plan, X, y, weight, X_val, y_val)
            self._train(plan, data, start, score=score)
            self._plan = plan
            self.__dict__.pop("_position", None)
        return self

    @in_settings
    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: Array,
        y: Array | None = None,
        classes: Array | None = None,
        sample_weight: Array | None = None,
    ) -> Self:
        """Train one epoch more, the optimizer going on where it was.

        An estimator with two phases trains the second once the first has had its epochs. As
        in `sklearn.neural_network.MLPClassifier`, the optimizer is the one of the first call:
        parameters that are set later count from the next `fit`.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, h * w * c)
            Images.
        y : array-like of shape (n,) or (n, n_labels), default=None
            Labels, to be given.
        classes : array-like of shape (n_classes,), default=None
            All labels there will be; needed in the first call. Of several labels an image
            ``numpy.arange(n_labels)``.
        sample_weight : array-like of shape (n,), default=None
            How much each image counts; 1 is the mean of the first call's.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            With `early_stopping`, or labels that are not in `classes`.
        """
        if self.early_stopping:
            raise ValueError(
                "partial_fit has no data of its own to stop by: set early_stopping=False, or "
                "call fit."
            )
        _training.prepare_process()
        with unchanged_on_error(self):
            first = not hasattr(self, "classes_")
            _checks.refuse_no_array(X, "X")  # before it is asked for classes
            known = _label_checks.known_classes(classes, None if first else self.classes_)
            X, y, weight, _ = self._check_training_data(X, y, sample_weight, known, reset=first)
            if first:
                self._mean_weight = _mean_of(weight)
            plan, start = self._make_plan(self._draw_seed()) if first else (self._plan, None)
            index, state = self._next_epoch(plan)
            epoch = state.epoch + 1 if state else 1
            data = self._data(plan, X, y, weight)
            state = self._train(plan.only(index, epoch), data, state or start, replay=False)
            self._plan = plan
            # Plain data: whoever pickles the estimator can go on as well.
            slots = {"slots": state.slots, "seeds": state.seeds}
            self._position = {"phase": index, "epoch": epoch, **slots}
        return self

    @in_settings
    def predict_proba(self, X: Array) -> NDArray:
        """Return the probability of each class; of several labels an image, of each label.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, h * w * c)
            Images.

        Returns
        -------
        ndarray of shape (n, n_classes)
            float32, columns in the order of `classes_`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If the images have another shape than in `fit`.
        """
        views = self._outputs(X, flip=self._flips)
        how = self._plan.gives_logits, self._multilabel
        return np.mean([_as_probabilities(view, *how) for view in views], axis=0)

    def predict_log_proba(self, X: Array) -> NDArray:
        """Return the logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, h * w * c)
            Images.

        Returns
        -------
        ndarray of shape (n, n_classes)
            float32, -inf where the probability is 0; columns in the order of `classes_`.

        Raises
        ------
        NotFittedError, ValueError
            As `predict_proba`.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X: Array) -> NDArray:
        """Return the most probable label of each image, or all that are more probable than not.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, h * w * c)
            Images.

        Returns
        -------
        ndarray of shape (n,) or (n, n_labels)
            Labels of `classes_`; of several labels an image, rows of 0 and 1.

        Raises
        ------
        NotFittedError, ValueError
            As `predict_proba`.
        """
        probabilities = self.predict_proba(X)
        return scores.decided(probabilities, self.classes_, self._multilabel)

    @property
    def n_classes_(self) -> int:
        """Number of labels."""
        return len(self.classes_)

    def _check_training_data(self, X, y, sample_weight, classes, *, reset, groups=None):
        """Return images as the network takes them, labels as numbers, weights and groups."""
        X = _checks.check_images(self, X, reset=reset)
        groups = _checks.check_groups(X, groups)
        multilabel = getattr(self, "multilabel", False) if reset else self._multilabel
        rows, y, weight, classes = _label_checks.check_targets(
            np.arange(len(X)), y, sample_weight, classes, self.class_weight, multilabel
        )
        if len(rows) < len(X):
            X, groups = X[rows], groups if groups is None else groups[rows]
        if reset:
            self.classes_ = classes
            self.multilabel_ = y.ndim == 2
        return self._see(X, reset=reset), y, weight, groups

    def _check_validation_data(self, X_val, y_val):
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val belong together: one was given, the other not.")
        if X_val is None:
            return None, None
        X_val = self._see_again(X_val, "X_val")
        y_val = _label_checks.check_labels(X_val, y_val, "y_val", self._multilabel)
        return X_val, _label_checks.encode(y_val, self.classes_, "y_val")

    def _data(self, plan, X, y, weight, X_val=None, y_val=None):
        """Return what is trained on, targets as the loss wants them."""
        weight = _relative_to(self._mean_weight, weight)
        y_val = None if X_val is None else self._targets(plan, y_val)
        return _training.Data(X, self._targets(plan, y), weight, X_val, y_val)

    def _targets(self, plan, y):
        if plan.takes_rows and not self._multilabel:
            return np.eye(len(self.classes_), dtype=np.float32)[y]
        y = y.astype(np.float32)
        # Metrics want one output and its target in one shape.
        return y[:, np.newaxis] if plan.n_outputs == 1 else y

    @property
    def _multilabel(self):
        return getattr(self, "multilabel_", False)  # what earlier versions fitted hasn't

    def _labels(self, y):
        """Return labels of their numbers; several an image are rows of 0 and 1 all along."""
        return y if self._multilabel else self.classes_[y]


@contextmanager
def unchanged_on_error(estimator):
    """Give an estimator its attributes back if the block fails, so that nothing is lost."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def _split_off(labels, fraction, seed, groups=None):
    """Return the positions to train on and those of a part to stop by: stratified for one label.

    Groups stay whole, and of a splitter it is the first part.
    """
    rows, seed, several = np.arange(len(labels)), seed % 2**32, labels.ndim == 2
    try:
        if not isinstance(fraction, Real):
            train, valid = next(iter(fraction.split(rows, labels, groups)))
        elif groups is None:
            stratify = None if several else labels
            return train_test_split(rows, test_size=fraction, stratify=stratify, random_state=seed)
        else:
            n = max(2, min(round(1 / fraction), len(np.unique(groups))))
            kind = GroupKFold if several else StratifiedGroupKFold
            splitter = kind(n, shuffle=True, random_state=seed)
            train, valid = next(splitter.split(rows, labels, groups))
        if not several and len(np.unique(labels[train])) < len(np.unique(labels)):
            raise ValueError("some classes would not be trained on.")
    except ValueError as error:
        found, counts = np.unique(labels, return_counts=True)
        if counts.min() == 1 and not several:
            raise ValueError(
                f"early_stopping=True needs two images of each class, one to train on and one to "
                f"stop by, and there is one of {some(found[counts == 1].tolist())}: give more of "
                "them, X_val= and y_val=, or early_stopping=False."
            ) from None
        of = "" if groups is None else f" in {len(np.unique(groups))} groups"
        raise ValueError(
            f"early_stopping=True can't set aside validation_fraction={shown(fraction)} of "
            f"{len(labels)} images{of}{'' if several else ' with every class in it'} ({error}) "
            "Give more images, another fraction, X_val= and y_val=, or early_stopping=False."
        ) from None
    return train, valid


def _mean_of(weight):
    """Return the mean of positive weights, equal ones' to the last bit."""
    largest = weight.max()
    with np.errstate(invalid="ignore"):  # of infinity, which is refused below
        return float(largest * np.mean(weight / largest))


def _relative_to(mean, weight):
    """Return weights as multiples of a mean, float32."""
    with np.errstate(over="ignore"):
        relative = (weight / mean).astype(np.float32)
    if not np.isfinite(relative).all():
        raise ValueError(
            "sample_weight (times class_weight) has values too large for float32 beside their "
            "mean, or that of the first call of partial_fit: give weights of one scale."
        )
    return relative


def _as_probabilities(outputs, logits, multilabel):
    """Return one column of probabilities a class, whatever a network ends in."""
    outputs = np.asarray(outputs, dtype=np.float32)  # half precision doesn't sum to one
    if outputs.ndim == 1 or outputs.shape[1] == 1:
        outputs = outputs.reshape(-1)
        outputs = expit(outputs) if logits else outputs
        outputs = np.column_stack([1 - outputs, outputs])
    elif logits:
        outputs = softmax(outputs, axis=1)
    low, high = outputs.min(), outputs.max()
    if np.isnan(low):
        raise ValueError(
            "The network's outputs are not finite: were some pixels far outside the range it was "
            "fitted on? Scale them as in fit."
        )
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise ValueError(
            f"The network's outputs are not probabilities: they lie in [{low:g}, "
            f"{high:g}]. Let its last layer be a softmax (a sigmoid for one output), "
            "or take a loss with from_logits=True."
        )
    if multilabel:  # as far from 0 and 1 as Keras' loss takes them to be
        return np.clip(outputs, 1e-7, 1 - 1e-7)
    total = outputs.sum(axis=1, keepdims=True)
    # Independent sigmoids; what is off by a rounding error stays as it is.
    off = (np.abs(total - 1) > ROUNDING) & (total > 0)
    return np.where(off, outputs / np.where(off, total, 1), outputs) if off.any() else outputs
