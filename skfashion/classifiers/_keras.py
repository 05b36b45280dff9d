"""A network of the user's own."""

from collections.abc import Callable
from numbers import Integral
from typing import Any

from sklearn.utils import check_scalar

from skfashion import _training
from skfashion._training import compile_config
from skfashion._utils.typing import (
    Callbacks,
    ClassWeight,
    Loss,
    MemoryLike,
    RandomState,
    Self,
    Shape,
)
from skfashion._utils.validation import InvalidParameterError
from skfashion.classifiers._base import BaseImageClassifier
from skfashion.classifiers._checks import image_shape_of
from skfashion.classifiers._scikeras import Adapter

_PREFIXES = ("model__", "optimizer__", "loss__", "metrics__", "fit__", "callbacks__")
_FIT = {"fit__epochs", "fit__batch_size"}
_UNKNOWN = (
    "KerasImageClassifier got an unexpected parameter {!r}: beside its own it takes model__..., "
    "optimizer__..., loss__..., metrics__..., callbacks__..., fit__epochs and fit__batch_size.{}"
)
# What scikeras calls otherwise.
_INSTEAD = {
    "build_fn": " Give the function as model=.",
    "validation_split": " Give early_stopping=True and validation_fraction=, or X_val= to fit.",
}


class KerasImageClassifier(BaseImageClassifier):
    """Classifier around a function that returns a Keras model.

    Parameters
    ----------
    model : callable, default=None
        To be given. Returns a `keras.Model` with as many softmax outputs as there are
        classes, or one sigmoid output for two; or logits, if the loss has
        ``from_logits=True``. A network that comes compiled keeps its optimizer, loss and
        metrics. The function is given what is routed to ``model__``, and, where it has such
        parameters, ``meta``: a dict with ``n_classes_``, ``classes_``, ``X_shape_``,
        ``X_dtype_`` and ``n_features_in_``; and ``compile_kwargs``: a dict of what
        `optimizer`, `loss` and `metrics` say, for `keras.Model.compile`.
    epochs : int, default=10
        Passes over the training images.
    batch_size : int, default=32
        Images a step.
    optimizer : str or Keras optimizer class, default="adam"
        Configured by ``optimizer__...``.
    loss : str or Keras loss class, default="sparse_categorical_crossentropy"
        Configured by ``loss__...``. ``"categorical_crossentropy"`` and its kin get one-hot
        rows made from the labels.
    metrics : list, default=None
        As for `keras.Model.compile`; None: accuracy. Configured by ``metrics__...``.
    early_stopping : bool, default=False
        Whether to set a stratified part of the training images aside and stop when the
        accuracy on it stops rising, with the best weights restored.
    validation_fraction : float, default=0.1
        Size of that part.
    n_iter_no_change : int, default=10
        Epochs without an improvement to wait.
    tol : float, default=1e-4
        Least improvement of the accuracy that counts.
    class_weight : dict or "balanced", default=None
        Weight of each label; "balanced": inversely proportional to its frequency.
    callbacks : callback, class, list or dict of them, default=None
        Keras callbacks, copied for each fit; classes are configured by
        ``callbacks__...``. They see the whole network; with them nothing is shared
        between fits.
    warm_start : bool, default=False
        Whether `fit` begins with the weights of the last one.
    max_fit_seconds : float, default=None
        Time, seconds, after which training ends with the running epoch.
    image_shape : tuple of int, default=None
        Height, width and channels that rows are brought to. None: the network sees what
        `fit` is given.
    dtype_policy : str, default=None
        Keras' policy of number formats, such as "mixed_float16". None: the one that is set
        in the thread that fits, as Keras has one a thread.
    memory : str, path or joblib.Memory, default=None
        Folder in which finished fits, checkpoints and outputs of frozen layers are kept
        and found again.
    random_state : int, RandomState instance or None, default=None
        Of weights, order, dropout, augmentation and the validation part.
    verbose : int, default=0
        1 prints a line a fit, 2 a line an epoch.
    **model__parameters
        ``model__...``, ``optimizer__...``, ``loss__...``, ``metrics__...``,
        ``callbacks__...``, ``fit__epochs`` and ``fit__batch_size``: routed as scikeras
        does, listed by `get_params`, kept by `clone`, settable by any search.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    history_ : dict of list
        Phase, learning rate, losses and metrics, one entry an epoch.
    image_shape_ : tuple of int
        Shape of what the network sees.
    input_range_ : str
        "as-is": the network sees the pixels that are given.
    model_ : keras.Model
        The whole network as it predicts, built at first access.
    n_features_in_ : int
        Pixels times channels.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if X was a frame.
    n_iter_ : int
        Epochs trained.
    stopped_by_time_ : bool
        Whether `max_fit_seconds` ended the training.

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
        loss: Loss = "sparse_categorical_crossentropy",
        metrics: Any = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        class_weight: ClassWeight = None,
        callbacks: Callbacks = None,
        warm_start: bool = False,
        max_fit_seconds: float | None = None,
        image_shape: Shape | None = None,
        dtype_policy: str | None = None,
        memory: MemoryLike = None,
        random_state: RandomState = None,
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
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.class_weight = class_weight
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

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, routed ones included.

        Parameters
        ----------
        deep : bool, default=True
            As for any estimator.

        Returns
        -------
        dict
        """
        return {**super().get_params(deep), **self._routed}

    def set_params(self, **params: Any) -> Self:
        """Set parameters, routed ones included.

        Parameters
        ----------
        **params
            Values by name.

        Returns
        -------
        self : object
        """
        routed = {name: value for name, value in params.items() if name.startswith(_PREFIXES)}
        for name in routed:
            if not _is_routable(name):
                raise ValueError(_unknown(name))
        super().set_params(**{k: v for k, v in params.items() if k not in routed})
        self._routed = {**self._routed, **routed}
        return self

    @property
    def _network(self):
        # What was fitted, where it can't be built from data alone. What was saved without its
        # function goes on without: its network is in the recipe.
        return getattr(self, "_recipe", {}).get("function") or self.model or _no_model

    def _stages(self, image_shape, n_classes):
        parameters = {
            name: value
            for name, value in self._routed.items()
            if not name.startswith(("fit__", "callbacks__"))
        }
        metrics = ["accuracy"] if self.metrics is None else self.metrics
        return [
            {
                "name": "train",
                "epochs": self._number("epochs"),
                "parameters": {"optimizer": self.optimizer, "metrics": metrics, **parameters},
            }
        ]

    def _number(self, name):
        """Return `epochs` or `batch_size`, which may be routed."""
        routed = f"fit__{name}"
        if routed not in self._routed:
            return int(getattr(self, name))
        return int(check_scalar(self._routed[routed], routed, Integral, min_val=1))

    def _shape_of(self, X):
        return (
            X.shape[1:] if self.image_shape is None else image_shape_of(X.shape, self.image_shape)
        )

    def _adapter(self, parameters):
        adapter = super()._adapter(parameters)
        adapter.describe(self.classes_, (None, *self.image_shape_), self._dtype)
        return adapter

    def _callbacks(self):
        if self.callbacks is None:
            return []
        routed = {n: v for n, v in self._routed.items() if n.startswith("callbacks__")}
        return self._adapter({"callbacks": self.callbacks, **routed}).callbacks()

    def _complete(self, recipe):
        (stage,) = recipe["stages"]
        if self.model is None:
            _no_model()
        # The function is called once a fit. What is kept of it is what it returned.
        adapter = self._adapter_of_all()
        built = _training.describe_network(
            adapter.network, self.image_shape_, recipe["seed"], self.dtype_policy
        )
        _check_input(built.input_shape, self.image_shape_)
        n_outputs = _n_outputs(built.output_shape, len(self.classes_))
        record = {**built.record, "shapes": [list(w.shape) for w in built.weights]}
        if record.pop("compiled") is not None:
            if not adapter.compiles_inside:
                self._refuse_routed_to_compiled()
            stage["compile"] = compile_config.from_config(built.record["compiled"])
        stage["compile"] = compile_config.with_accuracy(
            stage["compile"], n_outputs, required=self.early_stopping
        )
        recipe.update(
            batch_size=self._number("batch_size"),
            network=record,
            function=self.model if record["config"] is None else None,
            n_outputs=n_outputs,
            start=_training.weights_digest(built.weights),
        )
        return built.weights, None

    def _adapter_of_all(self):
        """Return an adapter that knows all the function may ask for, and not its own alone."""
        (stage,) = self._stages(self.image_shape_, len(self.classes_))
        sizes = {"epochs": self.epochs, "batch_size": self.batch_size}
        adapter = Adapter(self.model, {"loss": self.loss, **sizes, **stage["parameters"]})
        adapter.describe(self.classes_, (None, *self.image_shape_), self._dtype)
        return adapter

    def _refuse_routed_to_compiled(self):
        idle = [n for n in self._routed if n.startswith(("optimizer__", "loss__", "metrics__"))]
        if idle:
            raise ValueError(
                f"model returned a compiled network, which keeps the optimizer, loss and metrics "
                f"it has: {', '.join(sorted(idle))} would do nothing. Return it uncompiled."
            )

    def _shapes(self, recipe):
        return recipe["network"]["shapes"]

    def _structure(self, stage):
        record = self._recipe["network"]
        return ("model", record["key"]), record["rates"]

    def _build(self, stage):
        config = self._recipe["network"]["config"]
        if config is None:
            network, arguments = super()._build(stage)
            _training.build(network, self.image_shape_)
            return network, arguments
        return _training.network_of(config), compile_config.revived(stage["compile"])


def _no_model():
    raise InvalidParameterError(
        "The 'model' parameter of KerasImageClassifier must be a callable. Got None instead: give "
        "the function that returns the network, which a file of skfashion.save doesn't keep."
    )


def _unknown(name):
    own = f" If it is one of your function's: model__{name}." if "__" not in name else ""
    return _UNKNOWN.format(name, _INSTEAD.get(name.removeprefix("fit__"), own))


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
