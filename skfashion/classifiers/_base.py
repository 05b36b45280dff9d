"""scikit-learn's contract, for all classifiers: what comes in, what goes out, what stays.

No Keras here: what is to be trained goes down as a plan, arrays and a history come back.
"""

from abc import abstractmethod
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skfashion import _training
from skfashion._store import open_store
from skfashion._training import compile_config
from skfashion._utils.config import SettingsMixin, in_settings
from skfashion._utils.sklearn_callbacks import CallbackSupportMixin, with_callbacks
from skfashion._utils.typing import Array, Model, NDArray, Self
from skfashion._utils.validation import HasMethods, Interval, StrOptions, _fit_context
from skfashion._utils.version_mixin import VersionMixin
from skfashion.classifiers import _checks, _replay
from skfashion.classifiers._plan import plan_of, structure_of, write_recipe
from skfashion.classifiers._progress import Progress
from skfashion.classifiers._scikeras import Adapter, check_dtype_policy

# Parameters of a network that change nothing about its weights' shapes.
_SHAPELESS = {
    f"model__{name}" for name in ("activation", "augmentation", "dropout", "unfreeze_from")
}
# What copies and files leave out. The first two are made again from the rest; without its
# run's key a model that is served keeps none of its predictions in `memory`.
_UNCOPIED = ("_model", "_plan", "_run_key")


class BaseImageClassifier(
    CallbackSupportMixin, ClassifierMixin, SettingsMixin, VersionMixin, BaseEstimator
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

    @property
    @abstractmethod
    def _network(self):
        """A function of sizes that returns an uncompiled Keras model."""

    @abstractmethod
    def _stages(self, image_shape, n_classes):
        """Return what is trained, one dict a phase.

        Each has `name`, `epochs` and `parameters`: what scikeras routes to network
        (``model__...``), optimizer (``optimizer__...``), loss and metrics. It may have a
        `schedule`, "constant" or "cosine".
        """

    def _complete(self, recipe):
        """Add to a recipe what its network returns (`n_outputs`) and starts from (`start`).

        Returns the weights it starts from, and a function that sets pretrained ones; None
        for those that its initializers and the seed make.
        """
        recipe.update(n_outputs=len(self.classes_), start="")
        return None, None

    @in_settings
    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Array,
        y: Array,
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
        y : array-like of shape (n,)
            Labels of any kind.
        sample_weight : array-like of shape (n,), default=None
            How much each image counts.
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
        MemoryError
            If the network doesn't fit in memory.
        """
        _training.prepare_process()
        with _checks.unchanged_on_error(self):
            again = self.warm_start and hasattr(self, "_weights")
            known = self.classes_ if again else None
            X, y, weight = self._check_training_data(X, y, sample_weight, known, reset=not again)
            X_val, y_val = self._check_validation_data(X_val, y_val)
            seed = self._draw_seed()
            if X_val is None and self.early_stopping:
                X, y, weight, X_val, y_val = _checks.split_off(
                    X, y, weight, self.validation_fraction, seed
                )
            start = self._begin(seed, self._weights if again else None)
            data = _training.Data(X, self._encode(y), weight, X_val, self._encode(y_val))
            self._run(self._planned()[0], data, *start)
        return self

    @in_settings
    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: Array, y: Array, classes: Array | None = None, sample_weight: Array | None = None
    ) -> Self:
        """Train one epoch more, the optimizer going on where it was.

        An estimator with two phases trains the second once the first has had its epochs. As
        in `sklearn.neural_network.MLPClassifier`, the optimizer is the one of the first call:
        parameters that are set later count from the next `fit`.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, h * w * c)
            Images.
        y : array-like of shape (n,)
            Labels.
        classes : array-like of shape (n_classes,), default=None
            All labels there will be; needed in the first call.
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
        _training.prepare_process()
        with _checks.unchanged_on_error(self):
            first = not hasattr(self, "classes_")
            known = _checks.known_classes(classes, None if first else self.classes_)
            X, y, weight = self._check_training_data(X, y, sample_weight, known, reset=first)
            start = self._begin(self._draw_seed()) if first else (None, None)
            self._train_one_epoch(_training.Data(X, self._encode(y), weight), *start)
        return self

    @in_settings
    def predict_proba(self, X: Array) -> NDArray:
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
        _training.prepare_process()
        X = _checks.check_images(self, X, reset=False)
        _checks.warn_of_range(X, self.input_range_)
        X = self._as_input(X)
        plan, build = self._planned()
        store, key = open_store(self.memory), getattr(self, "_run_key", None)
        outputs = _training.predict(plan, self._weights, X, build, store=store, run_key=key)
        return _checks.as_probabilities(outputs, self._recipe["logits"])

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
        NotFittedError
            Before `fit`.
        ValueError
            If the images have another shape than in `fit`.
        """
        probabilities = self.predict_proba(X)
        return self.classes_[np.argmax(probabilities, axis=1)]

    @property
    def model_(self) -> Model:
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
        return {k: v for k, v in super().__getstate__().items() if k not in _UNCOPIED}

    def _check_training_data(self, X, y, sample_weight, classes, *, reset):
        """Return images as the network takes them, labels, and weights."""
        X, y = _checks.check_images(self, X, y, reset=reset)
        weight = _checks.check_weight(sample_weight, X)
        known = np.unique(y) if classes is None else classes
        _checks.check_known(y, known)
        X, y, weight = _checks.without_zero_weight(X, y, weight)
        _checks.check_several(y if classes is None else known)
        if self.class_weight is not None:
            weight = weight * _checks.weight_of_labels(self.class_weight, y, known)
            X, y, weight = _checks.without_zero_weight(X, y, weight)
        if reset:
            self.classes_ = known
            self.image_shape_ = self._shape_of(X)
            self.n_features_in_ = int(np.prod(X.shape[1:]))
            self.input_range_ = self._range_of(X)
            self._dtype = X.dtype.str
        return self._as_input(X), y, weight

    def _check_validation_data(self, X_val, y_val):
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val belong together: one was given, the other not.")
        if X_val is None:
            return None, None
        X_val, y_val = _checks.check_images(self, X_val, y_val, reset=False, name="X_val")
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
        """Return labels as the loss wants them."""
        if y is None:
            return None
        numbers = self._adapter({}).encode(y, self.classes_)
        rows = np.eye(len(self.classes_), dtype="float32")
        return rows[numbers.astype(int)] if self._recipe["one_hot"] else numbers

    def _adapter(self, parameters):
        return Adapter(self._network, parameters)

    def _draw_seed(self):
        """Return the seed of this fit; the caller's global random state is not touched."""
        if self.random_state is None:
            return int(np.random.SeedSequence().generate_state(1)[0] >> 1)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    @_training.retried("building the network")
    def _begin(self, seed, weights=None):
        """Write down what will be trained; return what `_complete` does, or these weights."""
        check_dtype_policy(self.dtype_policy)
        stages = self._stages(self.image_shape_, len(self.classes_))
        adapters = [self._adapter({"loss": self.loss, **stage["parameters"]}) for stage in stages]
        compiled = [compile_config.as_data(adapter.compile_arguments()) for adapter in adapters]
        recipe = write_recipe(self, stages, compiled, seed)
        start, initialize = self._complete(recipe)
        first = recipe["stages"][0]["compile"]
        if self.callbacks is None:
            compile_config.refuse_averaging(first)
        recipe["one_hot"] = compile_config.takes_rows(first, recipe["n_outputs"])
        recipe["logits"] = compile_config.gives_logits(first)
        if weights is not None:
            self._refuse_other_shapes(recipe)
            start, recipe["start"] = weights, _training.weights_digest(weights)
        self._recipe = recipe
        for name in (*_UNCOPIED, "_position"):
            self.__dict__.pop(name, None)
        return start, initialize

    def _refuse_other_shapes(self, recipe):
        if self._shapes(recipe) != self._shapes(self._recipe):
            raise ValueError(
                "warm_start=True goes on with the weights of the last fit, but parameters of the "
                "network have changed since, and they don't fit any more: set them back, or "
                "warm_start=False."
            )

    def _shapes(self, recipe):
        """Return what decides the shapes of a network's weights."""
        parameters = recipe["stages"][0]["parameters"]
        return {name: v for name, v in parameters.items() if name not in _SHAPELESS}

    def _planned(self):
        """Return the plan of the recipe, and what builds its networks."""
        if not hasattr(self, "_plan"):
            self._plan = plan_of(self._recipe, self._network_key)
        stages = {stage["name"]: stage for stage in self._recipe["stages"]}
        return self._plan, lambda phase: self._build(stages[phase.name])

    def _network_key(self, stage):
        return (_training.frozen(self._network), structure_of(stage))

    def _build(self, stage):
        network = self._adapter(stage["parameters"]).network()
        return network, compile_config.revived(stage["compile"])

    def _run(self, plan, data, start, initialize, *, replay=True):
        progress = Progress(self, plan)
        outcome = _training.run(
            plan,
            data,
            self._planned()[1],
            start=start,
            initialize=initialize,
            store=open_store(self.memory),
            replay=replay and _replay.is_replayable(self, self._recipe),
            on_epoch=progress.on_epoch,
            callbacks=self._callbacks,
            about=_replay.about(self, len(data.X)),
        )
        progress.on_end(outcome)
        _checks.refuse_divergence(outcome.state.weights, len(outcome.state.history))
        self._weights = outcome.state.weights
        self.history_ = _training.as_columns(outcome.state.history)
        self.n_iter_ = len(outcome.state.history)
        self.stopped_by_time_ = progress.late and not outcome.complete
        self._run_key = outcome.key
        return outcome.state

    def _train_one_epoch(self, data, start, initialize):
        plan, _ = self._planned()
        index = 0
        if hasattr(self, "_weights"):
            # After fit: the last phase, with a new optimizer.
            position = dict(getattr(self, "_position", {"phase": len(plan.phases) - 1}))
            index = position.pop("phase")
            history = _training.as_rows(self.history_)
            start = _training.State(self._weights, history, **position)
            if index + 1 < len(plan.phases) and start.epoch >= plan.phases[index].epochs:
                start, index = _training.next_phase(start), index + 1
        epoch = getattr(start, "epoch", 0) + 1
        plan = _training.one_phase(plan, index, epoch)
        state = self._run(plan, data, start, initialize, replay=False)
        # Plain data: whoever pickles the estimator can go on as well.
        self._position = {"phase": index, "epoch": epoch, "slots": state.slots}
        self._position["seeds"] = state.seeds

    def _callbacks(self):
        if self.callbacks is None:
            return []
        return self._adapter({"callbacks": self.callbacks}).callbacks()
