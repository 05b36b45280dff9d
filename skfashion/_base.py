"""scikit-learn's contract, for all classifiers: what comes in, what goes out, what stays.

No Keras here: what is to be trained goes down as a plan, arrays and a history come back.
"""

import warnings
from abc import abstractmethod
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state, compute_class_weight
from sklearn.utils.validation import check_is_fitted

from skfashion import _checks, _training
from skfashion._adapter import Adapter
from skfashion._progress import Progress
from skfashion._recipe import plan_of, structure_of
from skfashion._store import open_store
from skfashion._validation import Interval, _fit_context

_WARNED = set()


class BaseImageClassifier(ClassifierMixin, BaseEstimator):
    """Base of all classifiers; a subclass says which network, in which phases.

    A subclass has an explicit `__init__` with the parameters below among its own, and
    implements `_network` and `_stages`. Everything else is here.
    """

    _parameter_constraints = {
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "loss": [str, callable],
        "optimizer": [str, callable],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "class_weight": [dict, str, None],
        "callbacks": ["array-like", dict, callable, object, None],
        "warm_start": ["boolean"],
        "max_fit_seconds": [Interval(Real, 0, None, closed="neither"), None],
        "image_shape": ["array-like", None],
        "dtype_policy": [str, None],
        "memory": [object],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    @property
    @abstractmethod
    def _network(self):
        """A function of sizes that returns an uncompiled Keras model."""

    @abstractmethod
    def _stages(self, image_shape, n_classes):
        """Return what is trained, one dict a phase.

        Each has `name`, `epochs` and `parameters`: what scikeras routes to network
        (``model__...``) and optimizer (``optimizer__...``).
        """

    def _initializer(self):
        """Return a name for pretrained weights, and a function that sets them."""
        return "", None

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None):
        """Train on images and their labels.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, h * w * c)
            Images: uint8 or float.
        y : array-like of shape (n,)
            Labels of any kind.
        sample_weight : array-like of shape (n,), default=None
            How much each image counts.
        X_val, y_val : array-like, default=None
            Images that early stopping watches, in place of a part of X.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If images or labels are none, don't fit together or have one class.
        MemoryError
            If the network doesn't fit in memory.
        """
        before = self._weights if self.warm_start and hasattr(self, "_weights") else None
        classes = self.classes_ if before is not None else None
        X, y, weight = self._check_training_data(X, y, sample_weight, classes, reset=before is None)
        X_val, y_val = self._check_validation_data(X_val, y_val)
        self._seed = self._draw_seed()
        if X_val is None and self.early_stopping:
            X, y, weight, X_val, y_val = _checks.split_off(
                X, y, weight, self.validation_fraction, self._seed
            )
        start = self._start(self._stages(self.image_shape_, len(self.classes_)), before)
        self._train(_training.Data(X, self._encode(y), weight, X_val, self._encode(y_val)), start)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train one epoch more, the optimizer going on where it was.

        An estimator with two phases trains the second once the first has had its epochs.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, h * w * c)
            Images.
        y : array-like of shape (n,)
            Labels.
        classes : array-like of shape (n_classes,), default=None
            All labels there will be; needed in the first call unless y has them all.
        sample_weight : array-like of shape (n,), default=None
            How much each image counts.

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
        first = not hasattr(self, "classes_")
        if not first and classes is not None and not np.array_equal(self.classes_, classes):
            raise ValueError(
                f"classes={list(classes)!r} are not those of the first call to partial_fit, "
                f"{list(self.classes_)!r}. Leave them out, or start with a clone."
            )
        known = np.unique(classes) if classes is not None else None
        known = known if first else self.classes_
        X, y, weight = self._check_training_data(X, y, sample_weight, known, reset=first)
        if first:
            self._seed = self._draw_seed()
            start = self._start(self._stages(self.image_shape_, len(self.classes_)), None)
        data = _training.Data(X, self._encode(y), weight)
        self._train_one_epoch(data, start if first else None)
        return self

    def predict_proba(self, X):
        """Return the probability of each class.

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
        check_is_fitted(self)
        X = _checks.check_images(self, X, reset=False)
        _checks.warn_of_range(X, self.input_range_)
        X = self._as_input(X)
        plan, build = self._planned()
        store = open_store(self.memory)
        outputs = _training.predict(plan, self._weights, X, build, store=store)
        return _checks.as_probabilities(outputs)

    def predict(self, X):
        """Return the most probable label of each image.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, h * w * c)
            Images.

        Returns
        -------
        ndarray of shape (n,)
            Labels of `classes_`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If the images have another shape than in `fit`.
        """
        probabilities = self.predict_proba(X)
        return self.classes_[np.argmax(probabilities, axis=1)]

    @property
    def model_(self):
        """The whole network as a Keras model: built at first access, and the user's own."""
        check_is_fitted(self)
        if not hasattr(self, "_model"):
            plan, build = self._planned()
            self._model = _training.export(plan, self._weights, build)
        return self._model

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def __getstate__(self):
        # Both are made again from the rest; a Keras model is no plain data.
        state = super().__getstate__()
        return {k: v for k, v in state.items() if k not in ("_model", "_plan")}

    def _check_training_data(self, X, y, sample_weight, classes, *, reset):
        """Return images as the network takes them, labels, and weights."""
        X, y = _checks.check_images(self, X, y, reset=reset)
        y = _checks.check_labels(y)
        weight = _checks.check_weight(sample_weight, X)
        known = np.unique(y) if classes is None else classes
        _checks.check_known(y, known)
        if self.class_weight is not None:
            weight = weight * self._weight_of(y, known)
        X, y, weight = _checks.without_zero_weight(X, y, weight)
        _checks.check_several(y if classes is None else known)
        if reset:
            self.classes_ = known
            self.image_shape_ = self._shape_of(X)
            self.n_features_in_ = int(np.prod(X.shape[1:]))
            self.input_range_ = self._range_of(X)
            self._dtype = X.dtype.str
        return self._as_input(X), y, weight

    def _weight_of(self, y, classes):
        if self.class_weight == "balanced" and len(np.unique(y)) < len(classes):
            raise ValueError(
                "class_weight='balanced' needs every class in the data, and partial_fit was "
                "given a part of them: give the weights as a dict."
            )
        per_class = compute_class_weight(self.class_weight, classes=classes, y=y)
        return per_class[np.searchsorted(classes, y)].astype("float32")

    def _check_validation_data(self, X_val, y_val):
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val belong together: one was given, the other not.")
        if X_val is None:
            return None, None
        X_val = _checks.check_images(self, X_val, reset=False)
        y_val = _checks.check_labels(y_val)
        if len(X_val) != len(y_val):
            raise ValueError(f"X_val has {len(X_val)} images and y_val {len(y_val)} labels.")
        _checks.check_known(y_val, self.classes_)
        return self._as_input(X_val), y_val

    def _shape_of(self, X):
        return _checks.image_shape_of(X.shape, self.image_shape)

    def _range_of(self, X):
        given = getattr(self, "input_range", "as-is")
        return _checks.detect_input_range(X) if given == "auto" else given

    def _as_input(self, X):
        return _checks.as_images(X, self.image_shape_)

    def _encode(self, y):
        if y is None:
            return None
        return self._adapter(self._recipe["stages"][0]).encode(y, self.classes_)[1]

    def _adapter(self, stage):
        return Adapter(self._network, {**stage["parameters"], "loss": self._recipe["loss"]})

    def _network_key(self, stage):
        return (self._network.__module__, self._network.__qualname__, structure_of(stage))

    def _draw_seed(self):
        """Return the seed of this fit; the caller's global random state is not touched."""
        if self.random_state is None:
            return int(np.random.SeedSequence().generate_state(1)[0] >> 1)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _start(self, stages, weights):
        """Write down what will be trained, as plain data that outlives set_params.

        Returns the weights to start from, None for those of `_initializer`.
        """
        start, _ = self._initializer()
        self._recipe = {
            "stages": stages,
            "loss": self.loss,
            "batch_size": int(self.batch_size),
            "dtype_policy": self.dtype_policy,
            "seed": self._seed,
            "early_stopping": [int(self.n_iter_no_change), float(self.tol)]
            if self.early_stopping
            else None,
            "start": start if weights is None else _training.weights_digest(weights),
        }
        for name in ("_plan", "_model", "_state"):
            self.__dict__.pop(name, None)
        return weights

    def _planned(self):
        """Return the plan of the recipe, and what builds its networks."""
        if not hasattr(self, "_plan"):
            self._plan = plan_of(self._recipe, self._network_key, self._adapter)
        stages = {stage["name"]: stage for stage in self._recipe["stages"]}

        return self._plan, lambda phase: self._build(stages[phase.name])

    def _build(self, stage):
        adapter = self._adapter(stage)
        return adapter.network(), adapter.compile_arguments()

    def _train(self, data, weights):
        plan, build = self._planned()
        callbacks = self._callbacks()
        with Progress(self, plan) as progress:
            outcome = _training.run(
                plan,
                data,
                build,
                start=weights,
                initialize=self._initializer()[1],
                store=open_store(self.memory),
                replay=self._is_replayable(callbacks),
                on_epoch=progress.on_epoch,
                callbacks=callbacks,
                about=self._about(data),
            )
            self._take(outcome.state)
            self.stopped_by_time_ = not outcome.complete
            progress.on_end(outcome)

    def _train_one_epoch(self, data, start):
        plan, build = self._planned()
        if hasattr(self, "_state"):
            state, index = self._state
            if index + 1 < len(plan.phases) and state.epoch >= plan.phases[index].epochs:
                state, index = _training.next_phase(state), index + 1
        elif hasattr(self, "_weights"):  # after fit: the last phase, with a new optimizer
            history = _training.as_rows(self.history_)
            state, index = _training.State(self._weights, history), len(plan.phases) - 1
        else:
            state, index = start, 0
        epochs = 1 + getattr(state, "epoch", 0)
        outcome = _training.run(
            _training.only(plan, index, epochs),
            data,
            build,
            start=state,
            initialize=self._initializer()[1],
            store=open_store(self.memory),
            callbacks=self._callbacks(),
        )
        self._take(outcome.state)
        self._state = (outcome.state, index)

    def _take(self, state):
        self._weights = state.weights
        self.history_ = _training.as_columns(state.history)
        self.n_iter_ = len(state.history)

    def _callbacks(self):
        if self.callbacks is None:
            return []
        given = {"callbacks": self.callbacks, **self._recipe["stages"][0]["parameters"]}
        return Adapter(self._network, given).callbacks()

    def _is_replayable(self, callbacks):
        if self.memory is None:
            return False
        if self.random_state is None:
            _warn_once(
                "memory= can give back a finished fit only for a fixed seed: set "
                "random_state= to an integer. Other things are reused all the same."
            )
        elif callbacks:
            _warn_once(
                "memory= doesn't give back finished fits with callbacks=: what a callback "
                "does can't be told from outside. Other things are reused all the same."
            )
        return self.random_state is not None and not callbacks

    def _about(self, data):
        """Return what a record of the fit says of it, JSON-able."""
        parameters = {
            name: value if isinstance(value, (int, float, str, bool, type(None))) else repr(value)
            for name, value in self.get_params(deep=False).items()
            if name != "memory"
        }
        return {
            "estimator": type(self).__name__,
            "parameters": parameters,
            "n_samples": len(data.X),
        }


def _warn_once(message):
    if message not in _WARNED:
        _WARNED.add(message)
        warnings.warn(message, UserWarning, stacklevel=5)
