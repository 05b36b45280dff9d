"""A network of the user's own."""

from collections.abc import Callable
from dataclasses import replace
from numbers import Integral
from typing import Any

from sklearn.utils import check_scalar

from skfashion import _training
from skfashion._training import compile_config
from skfashion._utils import typing as hints
from skfashion._utils.images import image_shape_of
from skfashion._utils.messages import shown
from skfashion._utils.validation import InvalidParameterError
from skfashion._utils.warnings import warn
from skfashion.classifiers._base import BaseImageClassifier

_PREFIXES = ("model__", "optimizer__", "loss__", "metrics__", "fit__", "callbacks__")
_FIT = {"fit__epochs", "fit__batch_size"}
_UNKNOWN = (
    "KerasImageClassifier got an unexpected parameter {}: beside its own it takes model__..., "
    "optimizer__..., loss__..., metrics__..., callbacks__..., fit__epochs and fit__batch_size.{}"
)
# What scikeras calls otherwise.
_INSTEAD = {
    "build_fn": " Give the function as model=.",
    "validation_split": " Give early_stopping=True and validation_fraction=, or X_val= to fit.",
    "shuffle": " Images are shuffled for each epoch, as random_state= decides: leave it out.",
    "run_eagerly": " Let the function return a network compiled with run_eagerly=True.",
    "predict__batch_size": " Predictions are made in batches of a size of their own: leave it out.",
}


class KerasImageClassifier(BaseImageClassifier):
    """Classifier around a function that returns a Keras model.

    Parameters
    ----------
    model : callable, default=None
        Function, to be given, that returns a `keras.Model` with as many softmax outputs as
        there are classes, or one sigmoid output for two; or logits, if the loss has
        ``from_logits=True``. A network that comes compiled keeps its optimizer, loss and
        metrics. The function is given what is routed to ``model__``, and, where it has such
        parameters, ``meta``: a dict with ``n_classes_``, ``classes_``, ``X_shape_``,
        ``X_dtype_`` and ``n_features_in_``; and ``compile_kwargs``: a dict of what
        `optimizer`, `loss` and `metrics` say, for `keras.Model.compile`.
    optimizer : str or Keras optimizer class, default="adam"
        Optimizer, configured by ``optimizer__...``.
    loss : str or Keras loss class, default="sparse_categorical_crossentropy"
        Loss, configured by ``loss__...``; ``"categorical_crossentropy"`` and its kin get one-hot
        rows made from the labels.
    metrics : list, default=None
        Metrics as for `keras.Model.compile`, configured by ``metrics__...``. None: accuracy.
        Those that compare with one-hot rows, such as AUC, need a loss that does.
    callbacks : callback, class, list or dict of them, default=None
        Keras callbacks, copied for each fit; classes are configured by
        ``callbacks__...``. They see the whole network; with them nothing is shared
        between fits.
    image_shape : tuple of int, default=None
        Height, width and channels that rows are brought to; or channels, height and width,
        such as ``(3, 32, 32)``, of rows and images with all of red first, which the network
        sees with channels last. None: the network sees what `fit` is given.
    **model__parameters
        ``model__...``, ``optimizer__...``, ``loss__...``, ``metrics__...``,
        ``callbacks__...``, ``fit__epochs`` and ``fit__batch_size``: routed as scikeras
        does, listed by `get_params`, kept by `clone`, settable by any search.

    Attributes
    ----------
    image_shape_ : tuple of int
        Shape of what the network sees.
    input_range_ : str
        "as-is": the network sees the pixels that are given.

    See Also
    --------
    DenseClassifier : A network that is there already.

    Examples
    --------
    >>> import keras
    >>> from skfashion import KerasImageClassifier
    >>> from skfashion.datasets import make_images
    >>> def network(units, meta):
    ...     return keras.Sequential([
    ...         keras.Input(meta["X_shape_"][1:]),
    ...         keras.layers.Rescaling(1 / 255),
    ...         keras.layers.Flatten(),
    ...         keras.layers.Dense(units, activation="relu"),
    ...         keras.layers.Dense(meta["n_classes_"], activation="softmax"),
    ...     ])
    >>> X, y = make_images(n_samples=60, n_classes=2, random_state=0)
    >>> clf = KerasImageClassifier(network, model__units=16, epochs=2, random_state=0)
    >>> clf.fit(X, y).predict(X).shape
    (60,)
    """

    _parameter_constraints = {
        **BaseImageClassifier._parameter_constraints,
        "model": [callable, None],
        "metrics": ["array-like", str, callable, None],
    }

    def __init__(
        self,
        model: Callable[..., Any] | None = None,
        *,
        epochs: int = 10,
        batch_size: int = 32,
        optimizer: Any = "adam",
        loss: hints.Loss = "sparse_categorical_crossentropy",
        metrics: Any = None,
        early_stopping: bool = False,
        scoring: str = "accuracy",
        validation_fraction: float | hints.Splitter = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        class_weight: hints.ClassWeight = None,
        test_time_flip: bool = False,
        callbacks: hints.Callbacks = None,
        warm_start: bool = False,
        max_fit_seconds: float | None = None,
        image_shape: hints.Shape | None = None,
        dtype_policy: str | None = None,
        memory: hints.MemoryLike = None,
        random_state: hints.RandomState = None,
        verbose: int = 0,
        # Its name begins with a prefix because scikit-learn's checks take it for one.
        **model__parameters: Any,
    ) -> None:
        self.model = model
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.loss = loss
        self.metrics = metrics
        self.early_stopping = early_stopping
        self.scoring = scoring
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.class_weight = class_weight
        self.test_time_flip = test_time_flip
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.max_fit_seconds = max_fit_seconds
        self.image_shape = image_shape
        self.dtype_policy = dtype_policy
        self.memory = memory
        self.random_state = random_state
        self.verbose = verbose
        for name in model__parameters:
            if not _is_routable(name):
                raise TypeError(_unknown(name))
        self._routed = dict(model__parameters)

    # Routed parameters included; what these methods take is described by scikit-learn.

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {**super().get_params(deep), **self._routed}

    def set_params(self, **params: Any) -> hints.Self:
        routed = {name: value for name, value in params.items() if name.startswith(_PREFIXES)}
        for name in params.keys() - super().get_params(deep=True).keys():
            if not _is_routable(name):
                raise ValueError(_unknown(name))
        super().set_params(**{k: v for k, v in params.items() if k not in routed})
        self._routed = {**self._routed, **routed}
        return self

    @property
    def _network(self):
        # What was fitted, where it can't be built from data alone. What was saved without its
        # function goes on without: its network is in the plan.
        return getattr(self, "_function", None) or self.model or _no_model

    def _default_space(self):
        raise ValueError(
            f"{type(self).__name__} builds a network of yours: only you know what its parameters "
            "are and which values make sense. Write the space by hand."
        )

    def _compile_parameters(self):
        metrics = ["accuracy"] if self.metrics is None else self.metrics
        routed = {
            name: value
            for name, value in self._routed.items()
            if not name.startswith(("fit__", "callbacks__"))
        }
        return {"optimizer": self.optimizer, "metrics": metrics, **routed}

    def _number(self, name):
        """Return `epochs` or `batch_size`, which may be routed."""
        routed = f"fit__{name}"
        if routed not in self._routed:
            return int(getattr(self, name))
        return int(check_scalar(self._routed[routed], routed, Integral, min_val=1))

    def _shape_of(self, X):
        if self.image_shape is not None:
            return image_shape_of(X.shape, self.image_shape)
        if self._flips and X.ndim < 3:
            raise ValueError(
                f"test_time_flip=True mirrors images, and X has rows of {X.shape[1]} values: say "
                "what they are with image_shape=(height, width, channels)."
            )
        return X.shape[1:]

    def _adapter(self, parameters):
        adapter = super()._adapter(parameters)
        adapter.describe(self.classes_, (None, *self.image_shape_), self._dtype)
        return adapter

    def _callbacks(self):
        routed = {n: v for n, v in self._routed.items() if n.startswith("callbacks__")}
        return self._adapter({"callbacks": self.callbacks, **routed}).callbacks()

    def _design(self, seed):
        if self.model is None:
            _no_model()
        # The function is called once a fit. What is kept of it is what it returned. It may ask
        # for all parameters, and not for its own alone.
        parameters = self._compile_parameters()
        sizes = {"epochs": self.epochs, "batch_size": self.batch_size}
        self._function = None
        adapter = self._adapter({"loss": self.loss, **sizes, **parameters})
        built = self._built(adapter, seed)
        _check_input(built.input_shape, self.image_shape_)
        n_outputs = _n_outputs(built.output_shape, len(self.classes_))
        network = dict(built.record)
        compiled = network.pop("compiled")
        if network["config"] is None:  # only the function can build it again
            self._function = self.model
            network["parameters"] = {k: v for k, v in parameters.items() if k.startswith("model__")}
        phase = self._phase("train", self._number("epochs"), network, **parameters)
        arguments = phase.compile
        if compiled is not None:
            if not adapter.compiles_inside:
                self._refuse_routed_to_compiled()
            arguments = compile_config.from_config(compiled)
        if not compile_config.gives_logits(arguments):
            _check_outputs(*built.output_range(), compile_config.is_crossentropy(arguments))
        arguments = compile_config.with_accuracy(arguments, n_outputs, required=self.early_stopping)
        start = _training.Start(_training.weights_digest(built.weights), built.weights)
        formats = network["image_data_format"]
        return [replace(phase, compile=arguments, image_data_format=formats)], n_outputs, start

    def _built(self, adapter, seed):
        shape = self.image_shape_
        try:
            return _training.describe_network(adapter.network, shape, seed, self.dtype_policy)
        except ValueError as error:
            if len(shape) == 2 and "ndim=3" in str(error):
                raise ValueError(
                    f"{error} X has images of shape {shape}, without channels, which layers such "
                    f"as Conv2D want: give image_shape={_with_channels(shape)}."
                ) from error
            raise

    def _refuse_routed_to_compiled(self):
        idle = [n for n in self._routed if n.startswith(("optimizer__", "loss__", "metrics__"))]
        if idle:
            raise ValueError(
                f"model returned a compiled network, which keeps the optimizer, loss and metrics "
                f"it has: {', '.join(sorted(idle))} would do nothing. Return it uncompiled."
            )

    def _batch_size(self):
        return self._number("batch_size")

    def _structure(self, network):
        return network["key"], tuple(network["rates"])

    def _new_network(self, network):
        if network["config"] is not None:
            return _training.network_of(network["config"])
        made = self._adapter(network["parameters"]).network()
        _training.build(made, self.image_shape_)
        return made


def _no_model():
    raise InvalidParameterError(
        "The 'model' parameter of KerasImageClassifier must be a callable. Got None instead: give "
        "the function that returns the network, which a file of skfashion.save doesn't keep."
    )


def _unknown(name):
    own = f" If it is one of your function's: model__{name[:100]}." if "__" not in name else ""
    plain = name.removeprefix("fit__").removeprefix("compile__")
    return _UNKNOWN.format(shown(name), _INSTEAD.get(plain, own))


def _is_routable(name):
    if name.startswith("fit__"):
        return name in _FIT
    prefix, _, rest = name.partition("__")
    # scikeras drops what is nested deeper without a word, where a function takes it.
    nested = "__" in rest and prefix in ("model", "optimizer")
    return name.startswith(_PREFIXES) and bool(rest) and not nested


def _check_input(shape, image_shape):
    wanted = (None, *image_shape)
    if not (
        isinstance(shape, tuple)
        and len(shape) == len(wanted)
        and all(side in (None, given) for side, given in zip(shape, wanted, strict=True))
    ):
        raise ValueError(
            f"model returned a network for images of shape {shape[1:]}, and X has images of "
            f"shape {image_shape}: let it begin with keras.Input(meta['X_shape_'][1:]), or say "
            f"what X is to be brought to with image_shape=, such as {_with_channels(image_shape)}."
        )


def _check_outputs(low, high, is_crossentropy):
    """Refuse a network that ends in logits under a loss that wants probabilities."""
    if not (low < -1e-5 or high > 1 + 1e-5):
        return
    told = (
        f"model returned a network whose outputs are not probabilities, untrained they lie in "
        f"[{low:.3g}, {high:.3g}]: let its last layer have activation='softmax' (of one output "
        "'sigmoid'), or give loss__from_logits=True."
    )
    if is_crossentropy:
        raise ValueError(told)
    warn(f"{told} Without that predict_proba may refuse what it learns.")


def _with_channels(image_shape):
    return (*image_shape, 1) if len(image_shape) == 2 else image_shape


def _n_outputs(shape, n_classes):
    """Return how many columns a network returns, refusing what can't be probabilities."""
    wanted = {(None, n_classes), (None, 1)} if n_classes == 2 else {(None, n_classes)}
    if not isinstance(shape, tuple) or shape not in wanted:
        raise ValueError(
            f"model returned a network with outputs of shape {shape}, but y has {n_classes} "
            "classes: let its one output have meta['n_classes_'] units."
        )
    return shape[1]
