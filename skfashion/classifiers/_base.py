"""scikit-learn's contract, for all classifiers: what comes in, what goes out, what stays.

No Keras here: what is to be trained goes down as a plan, arrays and a history come back.
"""

from abc import abstractmethod
from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skfashion import _training
from skfashion._store import open_store
from skfashion._training import compile_config
from skfashion._utils.deadline import DeadlineMixin
from skfashion._utils.images import as_images, image_shape_of, is_planar
from skfashion._utils.pixel_range import warn_of_other_range
from skfashion._utils.sklearn_callbacks import CallbackSupportMixin, with_callbacks
from skfashion._utils.typing import Array, Model, NDArray, Self
from skfashion._utils.validation import HasMethods, Interval, StrOptions, _fit_context
from skfashion._utils.version_mixin import VersionMixin
from skfashion.classifiers import _checks, _docs, _labels, _replay, _weights
from skfashion.classifiers._progress import Progress
from skfashion.classifiers._scikeras import Adapter, check_dtype_policy, dtype_policy_of

# What copies and files leave out. The model is made again from the rest; without its run's
# key a model that is served keeps none of its predictions in `memory`.
_UNCOPIED = ("_model", "_run_key")


class BaseImageClassifier(
    CallbackSupportMixin, ClassifierMixin, DeadlineMixin, VersionMixin, BaseEstimator
):
    """Base of all classifiers; a subclass says which network, in which phases.

    A subclass has an explicit `__init__` with the parameters below among its own, and
    implements `_network` and `_stages`. Everything else is here.
    """

    _parameter_constraints = {
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "loss": [str, callable],
        "optimizer": [str, callable, HasMethods("apply_gradients")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "callbacks": [HasMethods("on_epoch_end"), list, tuple, dict, None],
        "warm_start": ["boolean"],
        "max_fit_seconds": [Interval(Real, 0, None, closed="neither"), None],
        "image_shape": ["array-like", None],
        "dtype_policy": [str, None],
        "memory": [str, HasMethods("__fspath__"), HasMethods("cache"), None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        _docs.complete(cls)

    @property
    @abstractmethod
    def _network(self):
        """A function of sizes that returns an uncompiled Keras model."""

    @abstractmethod
    def _design(self, seed):
        """Return the phases, how many columns the network returns, and what it starts from."""

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Array,
        y: Array | None = None,
        sample_weight: Array | None = None,
        *,
        X_val: Array | None = None,
        y_val: Array | None = None,
    ) -> Self:
        """Train on images and their labels.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, h * w * c)
            Images: uint8 or float.
        y : array-like of shape (n,), default=None
            Labels of any kind, to be given.
        sample_weight : array-like of shape (n,), default=None
            How much each image counts: beside the others, as their mean is made 1.
        X_val, y_val : array-like, default=None
            Images that early stopping watches, in place of a part of X. Without it, how well
            they are told apart is written to `history_` and changes nothing.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If images or labels are none, don't fit together or have one class.
        TypeError
            If they are a data set or a generator, and not arrays.
        MemoryError
            If the network doesn't fit in memory.
        """
        _training.prepare_process()
        with _checks.unchanged_on_error(self):
            again = self.warm_start and hasattr(self, "_weights")
            known = self.classes_ if again else None
            X, y, weight = self._check_training_data(X, y, sample_weight, known, reset=not again)
            self.input_range_ = self.input_range_ or "0-255"
            X_val, y_val = self._check_validation_data(X_val, y_val)
            seed = self._draw_seed()
            if X_val is None and self.early_stopping:
                train, valid = _labels.split_off(self.classes_[y], self.validation_fraction, seed)
                X_val, y_val = X[valid], y[valid]
                X, y, weight = X[train], y[train], weight[train]
            self._mean_weight = _weights.mean_of(weight)
            plan, start = self._make_plan(seed, self._weights if again else None)
            self._train(plan, self._data(plan, X, y, weight, X_val, y_val), start)
            self._plan = plan
            self.__dict__.pop("_position", None)
        return self

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
        y : array-like of shape (n,), default=None
            Labels, to be given.
        classes : array-like of shape (n_classes,), default=None
            All labels there will be; needed in the first call.
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
        with _checks.unchanged_on_error(self):
            first = not hasattr(self, "classes_")
            _checks.refuse_no_array(X, "X")  # before it is asked for classes
            known = _labels.known_classes(classes, None if first else self.classes_)
            X, y, weight = self._check_training_data(X, y, sample_weight, known, reset=first)
            if first:
                self._mean_weight = _weights.mean_of(weight)
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

    def predict_proba(self, X: Array) -> NDArray:
        """Return the probability of each class."""
        check_is_fitted(self)
        _training.prepare_process()
        X = _checks.check_images(self, X, reset=False)
        warn_of_other_range(X, self.input_range_)
        X = self._as_input(X)
        store, key = open_store(self.memory), getattr(self, "_run_key", None)
        outputs = _training.predict(
            self._plan, self._weights, X, self._build, store=store, run_key=key
        )
        return _checks.as_probabilities(outputs, self._plan.gives_logits)

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
        NotFittedError, ValueError
            As `predict_proba`.
        """
        probabilities = self.predict_proba(X)
        return self.classes_[np.argmax(probabilities, axis=1)]

    @property
    def model_(self) -> Model:
        """The whole network as it predicts, a Keras model: built at first access, the user's own.

        Called, saved, exported or loaded anywhere it gives what `predict_proba` gives (logits
        where the loss takes them). What acts in training alone is left out of it, or switched
        off where it is part of a network of the user's. Its `fit` trains it further, without
        augmentation and dropout; the estimator keeps the weights it has.
        """
        check_is_fitted(self)
        if not hasattr(self, "_model"):
            self._model = _training.export(self._plan, self._weights, self._build)
        return self._model

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def __getstate__(self):
        state = {k: v for k, v in super().__getstate__().items() if k not in _UNCOPIED}
        if "_plan" in state:  # plain data, which skops and files of other versions take
            state["_plan"] = state["_plan"].as_data()
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        if isinstance(getattr(self, "_plan", None), dict):
            self._plan = _training.Plan.from_data(self._plan)

    def _check_training_data(self, X, y, sample_weight, classes, *, reset):
        """Return images as the network takes them, labels as numbers, and weights."""
        X = _checks.check_images(self, X, reset=reset)
        X, y, weight, classes = _weights.check_targets(
            X, y, sample_weight, classes, self.class_weight
        )
        if reset:
            self.classes_ = classes
            self.image_shape_ = self._shape_of(X)
            self._planar = is_planar(self.image_shape)
            self.n_features_in_ = int(np.prod(X.shape[1:]))
            self.input_range_ = None
        if self.input_range_ is None:
            self.input_range_ = self._range_of(X)
            if not reset:
                self._settle_range()
        else:
            warn_of_other_range(X, self.input_range_)
        X = self._as_input(X)
        if reset:
            self._dtype = X.dtype.str
        return X, y, weight

    def _check_validation_data(self, X_val, y_val):
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val belong together: one was given, the other not.")
        if X_val is None:
            return None, None
        X_val = _checks.check_images(self, X_val, reset=False, name="X_val")
        y_val = _labels.check_labels(X_val, y_val, "y_val")
        warn_of_other_range(X_val, self.input_range_, "X_val")
        return self._as_input(X_val, "X_val"), _labels.encode(y_val, self.classes_, "y_val")

    def _data(self, plan, X, y, weight, X_val=None, y_val=None):
        """Return what is trained on, targets as the loss wants them."""
        targets = _labels.targets(len(self.classes_), plan)
        weight = _weights.relative_to(self._mean_weight, weight)
        return _training.Data(
            X, targets[y], weight, X_val, None if X_val is None else targets[y_val]
        )

    def _shape_of(self, X):
        return image_shape_of(X.shape, self.image_shape)

    def _range_of(self, X):
        """Return the range of training pixels, or None if all of them are 0."""
        return "as-is"

    def _as_input(self, X, name="X"):
        return _checks.as_pixels(as_images(X, self.image_shape_, self._planar), name)

    def _adapter(self, parameters):
        return Adapter(self._network, parameters)

    def _draw_seed(self):
        """Return the seed of this fit; the caller's global random state is not touched."""
        if self.random_state is None:
            return int(np.random.SeedSequence().generate_state(1)[0] >> 1)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _make_plan(self, seed, weights=None):
        """Return the plan of a fit, and what it starts from: these weights, if there are any."""
        check_dtype_policy(self.dtype_policy)
        phases, n_outputs, start = self._design(seed)
        if weights is not None:
            start = _training.Start(_training.weights_digest(weights), weights)
        if self.callbacks is None:
            compile_config.refuse_averaging(phases[0].compile)
        stopping = (int(self.n_iter_no_change), float(self.tol))
        plan = _training.Plan(
            phases=tuple(phases),
            batch_size=self._batch_size(),
            dtype_policy=dtype_policy_of(self.dtype_policy),
            seed=seed,
            n_outputs=n_outputs,
            early_stopping=_training.EarlyStopping(*stopping) if self.early_stopping else None,
            start=start.key,
        )
        compile_config.refuse_other_metrics(phases[0].compile, plan.takes_rows, n_outputs)
        return plan, start

    def _phase(self, name, epochs, network, *, schedule="constant", **parameters):
        """Make a phase of what the network function takes, and what scikeras compiles with."""
        arguments = self._adapter({"loss": self.loss, **parameters}).compile_arguments()
        key, rates = self._structure(network)
        phase = _training.Phase(
            name=name,
            epochs=int(epochs),
            network=network,
            network_key=key,
            compile=compile_config.as_data(arguments),
            dropout_rates=rates,
            schedule=schedule,
        )
        if schedule != "constant" and "learning_rate" not in phase.numbers:
            raise ValueError(
                f"schedule={schedule!r} is a course of a learning rate that is a number, and this "
                "optimizer has a schedule of its own: leave one of them out."
            )
        return phase

    def _batch_size(self):
        return int(self.batch_size)

    def _structure(self, network):
        """Return what stands for a network without its dropout rates, and these."""
        return _training.structure_of(self._network, network, partial(self._sample, network))

    def _sample(self, network):
        with _training.build_scope(0, dtype_policy_of(self.dtype_policy)):
            return self._new_network(network)

    def _new_network(self, network):
        parameters = {f"model__{name}": value for name, value in network.items()}
        return self._adapter(parameters).network()

    def _build(self, phase):
        """Return the network of a phase, and what to compile it with."""
        return self._new_network(phase.network), compile_config.revived(phase.compile)

    def _train(self, plan, data, start, *, replay=True):
        callbacks = self._callbacks()
        progress = Progress(self, plan)
        outcome = _training.run(
            plan,
            data,
            self._build,
            start=start,
            store=open_store(self.memory),
            replay=replay and _replay.is_replayable(self, plan, callbacks),
            on_epoch=progress.on_epoch,
            callbacks=callbacks,
            about=_replay.about(self, plan, len(data.X)),
        )
        progress.on_end(outcome)
        state = outcome.state
        _checks.refuse_divergence(state.weights, len(state.history))
        self._forget()
        self._weights = state.weights
        self.history_ = _training.as_columns(state.history)
        self.n_iter_ = len(state.history)
        self.stopped_by_time_ = progress.late and not outcome.complete
        self._run_key = outcome.key
        return state

    def _forget(self):
        for name in _UNCOPIED:
            self.__dict__.pop(name, None)

    def _next_epoch(self, plan):
        """Return the phase that `partial_fit` trains next, and the state it goes on from."""
        if not hasattr(self, "_weights"):
            return 0, None
        # After fit: the last phase, with a new optimizer.
        position = dict(getattr(self, "_position", {"phase": len(plan.phases) - 1}))
        index = position.pop("phase")
        state = _training.State(self._weights, _training.as_rows(self.history_), **position)
        if index + 1 < len(plan.phases) and state.epoch >= plan.phases[index].epochs:
            return index + 1, _training.next_phase(state)
        return index, state

    def _callbacks(self):
        given = self.callbacks
        return [] if given is None else self._adapter({"callbacks": given}).callbacks()
