"""What any image estimator needs, whatever it estimates: pixels, plan, training, state.

No Keras here: what is to be trained goes down as a plan, arrays and a history come back.
"""

import time
from abc import abstractmethod
from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skfashion import _training
from skfashion._store import open_store
from skfashion._training import compile_config
from skfashion._utils import images
from skfashion._utils.config import SettingsMixin
from skfashion._utils.deadline import DeadlineMixin, DeadlineReached
from skfashion._utils.docs import complete
from skfashion._utils.lazy_images import LazyImages
from skfashion._utils.typing import Model
from skfashion._utils.validation import CallbackSupportMixin, HasMethods, Interval
from skfashion._utils.version_mixin import VersionMixin
from skfashion.classifiers import _checks, _docs, _replay
from skfashion.classifiers._scikeras import Adapter
from skfashion.classifiers._upgrade import bring_up

# What copies and files leave out. The model is made again from the rest; without its run's
# key a model that is served keeps none of its predictions in `memory`.
_UNCOPIED = ("_model", "_run_key")


class BaseImageEstimator(
    CallbackSupportMixin, DeadlineMixin, SettingsMixin, VersionMixin, BaseEstimator
):
    """Base of estimators that train a Keras network on images.

    A subclass has an explicit `__init__` with the parameters below among its own, and says
    which network (`_network`) is trained in which phases (`_design`). What it estimates, and
    so its `fit` and `predict`, is its own: `_see` reads images, `_make_plan` and `_train` fit.
    """

    _parameter_constraints = {
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "loss": [str, callable],
        "optimizer": [str, callable, HasMethods("apply_gradients")],
        "test_time_flip": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [
            Interval(Real, 0, 1, closed="neither"),
            HasMethods(["split", "get_n_splits"]),  # a str has the first
        ],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "callbacks": [HasMethods("on_epoch_end"), list, tuple, dict, None],
        "warm_start": ["boolean"],
        "max_fit_seconds": [Interval(Real, 0, None, closed="neither"), None],
        "image_shape": ["array-like", None],
        "dtype_policy": [str, None],
        "memory": [str, HasMethods("__fspath__"), HasMethods("cache"), None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    _sees_neighbours = False  # whether height and width of images matter
    _is_mirrored = False  # whether images are trained in two views, see `Plan`

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        complete(cls, _docs.PARAMETERS, _docs.ATTRIBUTES)

    @property
    @abstractmethod
    def _network(self):
        """A function of sizes that returns an uncompiled Keras model."""

    @abstractmethod
    def _design(self, seed):
        """Return the phases, how many columns the network returns, and what it starts from."""

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
            self._model = _training.export(self._plan, self._weights, self._new_network)
        return self._model

    @property
    def loss_curve_(self) -> list[float]:
        """Loss of the training images in each epoch."""
        return self.history_["loss"]

    def summary(self) -> None:
        """Print the layers of the fitted network, what they put out, and how many weights."""
        self.model_.summary()

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
        if hasattr(self, "_recipe"):
            bring_up(self)
        elif hasattr(self, "_plan"):
            self._plan = _training.Plan.from_data(self._plan)

    def _see(self, X, *, reset):
        """Take checked training images: remember what they look like, return them as pixels."""
        if reset:
            self.image_shape_ = self._shape_of(X)
            self._planar = images.is_planar(self.image_shape)
            self.n_features_in_ = int(np.prod(X.shape[1:]))
            self.input_range_ = None
        if self.input_range_ is None:
            self.input_range_ = self._range_of(X)
            if not reset:
                self._settle_range()
        else:
            images.warn_of_other_range(X, self.input_range_)
        X = self._as_input(X)
        if reset:
            self._dtype = X.dtype.str
        return X

    def _see_again(self, X, name="X"):
        """Check images that are not trained on, and return them as pixels."""
        X = _checks.check_images(self, X, reset=False, name=name)
        images.warn_of_other_range(X, self.input_range_, name)
        return self._as_input(X, name)

    def _outputs(self, X, *, flip):
        """Return what the fitted network makes of images, and of their mirror images if `flip`."""
        check_is_fitted(self)
        _training.prepare_process()
        store, key = open_store(self.memory), getattr(self, "_run_key", None)
        X = self._see_again(X)
        axis = 3 if X.ndim == 4 and self._plan.formats[1] == "channels_first" else 2
        return [
            _training.predict(
                self._plan, self._weights, view, self._new_network, store=store, run_key=key
            )
            for view in ([X, images.mirrored(X, axis)] if flip else [X])
        ]

    def _shape_of(self, X):
        taker = type(self).__name__ if self._sees_neighbours or self._flips else None
        return images.image_shape_of(X.shape, self.image_shape, taker=taker)

    def _range_of(self, X):
        """Return the range of training pixels, or None if all of them are 0."""
        return "as-is"

    def _as_input(self, X, name="X"):
        return _as_pixels(images.as_images(X, self.image_shape_, self._planar), name)

    def _adapter(self, parameters):
        return Adapter(self._network, parameters)

    def _fits_at_once(self, nbytes):
        """Return how many fits side by side are fastest, -1 for one a core, None for no two."""
        return -1 if _training.has_idle_cores() else None

    # A class of the user's own may have no such parameters.

    @property
    def _flips(self):
        return getattr(self, "test_time_flip", False)

    @property
    def _scoring(self):
        return getattr(self, "scoring", "accuracy")

    def _draw_seed(self):
        """Return the seed of this fit; the caller's global random state is not touched."""
        if self.random_state is None:
            return int(np.random.SeedSequence().generate_state(1)[0] >> 1)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _make_plan(self, seed, weights=None):
        """Return the plan of a fit, and what it starts from: these weights, if there are any."""
        dtype_policy = _training.checked_policy(self.dtype_policy)
        phases, n_outputs, start = self._design(seed)
        if weights is not None:
            start = _training.Start(_training.weights_digest(weights), weights)
        compile_config.check(phases[0].compile, n_outputs, self.callbacks)
        stopping = (int(self.n_iter_no_change), float(self.tol), self._scoring)
        plan = _training.Plan(
            phases=tuple(phases),
            batch_size=self._batch_size(),
            dtype_policy=dtype_policy,
            seed=seed,
            n_outputs=n_outputs,
            early_stopping=_training.EarlyStopping(*stopping) if self.early_stopping else None,
            mirrored=self._is_mirrored,
            start=start.key,
        )
        return plan, start

    def _phase(self, name, epochs, network, *, schedule="constant", **parameters):
        """Make a phase of what the network function takes, and what scikeras compiles with."""
        key, rates = self._structure(network)
        phase = _training.Phase(
            name=name,
            epochs=int(epochs),
            network=network,
            network_key=key,
            compile=self._adapter({"loss": self.loss, **parameters}).compile_data(),
            dropout_rates=rates,
            schedule=schedule,
        )
        if schedule != "constant" and "learning_rate" not in phase.numbers:
            raise ValueError(
                f"schedule={schedule!r} is a course of a learning rate that is a number, and this "
                'optimizer has a schedule of its own: leave it out, or give schedule="constant".'
            )
        return phase

    def _batch_size(self):
        return int(self.batch_size)

    def _structure(self, network):
        """Return what stands for a network without its dropout rates, and these."""
        return _training.structure_of(self._network, network, self.dtype_policy)

    def _new_network(self, network):
        return self._network(**network)

    def _train(self, plan, data, start, *, replay=True, score=None):
        progress = _Progress(self, plan)
        store = None if self.memory is None else open_store(self.memory)
        outcome = _training.run(
            plan,
            data,
            self._new_network,
            start=start,
            store=store,
            replay=replay and store is not None and _replay.is_replayable(self, plan),
            on_epoch=progress.on_epoch,
            score=score,
            callbacks=list if self.callbacks is None else self._callbacks,
            about=None if store is None else _replay.about(self, plan, len(data.X)),
        )
        progress.on_end(outcome)
        state = outcome.state
        _refuse_divergence(state.weights, len(state.history))
        self._forget()
        self._weights = state.weights
        self.history_ = _as_columns(state.history)
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
        state = _training.State(self._weights, as_rows(self.history_), **position)
        if index + 1 < len(plan.phases) and state.epoch >= plan.phases[index].epochs:
            return index + 1, _training.next_phase(state)
        return index, state

    def _callbacks(self):
        return self._adapter({"callbacks": self.callbacks}).callbacks()


class _Progress:
    """Prints, stops by time, and tells callbacks of scikit-learn 1.9 of fit, phases and epochs."""

    def __init__(self, estimator, plan):
        self._estimator = estimator
        self._name = type(estimator).__name__
        self._phases = plan.phases
        self._started = time.monotonic()
        self._told = set()
        self._fit = self._phase = self._context = None
        self.late = False
        if hasattr(estimator, "_init_callback_context"):
            n = len(plan.phases) if len(plan.phases) > 1 else plan.phases[0].epochs
            self._fit = self._context = estimator._init_callback_context(max_subtasks=n)
            self._fit.call_on_fit_task_begin(estimator=estimator)

    def on_epoch(self, phase, epoch, logs):
        """Tell of an epoch; return whether the fit ends with it."""
        if self._estimator.verbose > 1:
            numbers = "  ".join(f"{name} {value:.4f}" for name, value in logs.items())
            print(f"[{self._name}] {phase.name} {epoch}/{phase.epochs}  {numbers}", flush=True)
        # A training that is done once more, for lack of memory, tells of its epochs again.
        first, stop = (phase, epoch) not in self._told, False
        if first and self._fit is not None:
            stop = self._tell(phase, logs)
        self._told.add((phase, epoch))
        if phase is self._phases[-1] and epoch == phase.epochs:
            return False
        if self._estimator._is_late():
            raise DeadlineReached(f"{self._name} stopped after epoch {epoch}.")
        limit = self._estimator.max_fit_seconds
        self.late = limit is not None and time.monotonic() - self._started >= limit
        return stop or self.late

    def on_end(self, outcome):
        """Tell of the whole fit."""
        if self._fit is not None:
            self._end_phase()
            self._fit.call_on_fit_task_end(estimator=self._estimator)
        if self._estimator.verbose:
            logs = outcome.state.history[-1]
            numbers = "  ".join(
                f"{name} {value:.4f}"
                for name, value in logs.items()
                if isinstance(value, float) and name != "learning_rate"
            )
            known = len(outcome.state.history) - outcome.epochs_trained
            reused = f" ({known} known)" if known else ""
            how = ", compiled by XLA" if outcome.compiled else ""
            epochs = f"{len(outcome.state.history)} epochs{reused} in {outcome.seconds:.1f} s{how}"
            print(f"[{self._name}] {epochs}  {numbers}", flush=True)

    def _tell(self, phase, logs):
        """Tell callbacks of an epoch that is done; return whether one wants to stop."""
        if phase is not self._phase and len(self._phases) > 1:
            self._end_phase()
            self._context = self._fit.subcontext(phase.name, max_subtasks=phase.epochs)
            self._context.call_on_fit_task_begin(estimator=self._estimator)
        self._phase = phase
        task = self._context.subcontext("epoch")
        task.call_on_fit_task_begin(estimator=self._estimator)
        return task.call_on_fit_task_end(estimator=self._estimator, metadata=dict(logs))

    def _end_phase(self):
        if self._context is not self._fit:
            self._context.call_on_fit_task_end(estimator=self._estimator)


def _as_pixels(X, name):
    """Return images as an array of uint8 or float32."""
    if isinstance(X, LazyImages):
        return X if X.dtype in (np.uint8, np.float32) else X.then(partial(_as_pixels, name=name))
    if X.dtype in (np.uint8, np.float32):
        return np.ascontiguousarray(X)
    with np.errstate(over="ignore"):
        pixels = np.ascontiguousarray(X, dtype=np.float32)
    if X.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise ValueError(
            f"{name} has values too large for float32: scale the pixels, e.g. to [0, 1]."
        )
    return pixels


def _refuse_divergence(weights, n_epochs):
    """Refuse weights that are not finite numbers, as scikit-learn's `MLPClassifier` does."""
    if not all(np.isfinite(array).all() for array in weights):
        raise ValueError(
            f"The training diverged: after {n_epochs} epochs weights of the network are not "
            "finite. Lower learning_rate=, scale pixels that lie far outside [0, 255], or leave "
            "dtype_policy= at float32."
        )


def _as_columns(history):
    """Return a history as a dict of lists, one entry per epoch; None where there is no value."""
    names = dict.fromkeys(name for entry in history for name in entry)
    return {name: [entry.get(name) for entry in history] for name in names}


def as_rows(columns):
    """Return a history as a list of dicts, the inverse of `_as_columns`."""
    return [
        {name: value for name, value in zip(columns, row, strict=True) if value is not None}
        for row in zip(*columns.values(), strict=True)
    ]
