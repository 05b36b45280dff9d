"""A fully connected network."""

from collections.abc import Sequence
from numbers import Integral
from typing import Literal

from skfashion import _training, networks
from skfashion._utils import typing as hints
from skfashion._utils.search_values import Choice, Number
from skfashion._utils.validation import Interval, StrOptions
from skfashion.classifiers._common import OPTIMIZERS, CommandLine, ReadyClassifier, sizes

_ACTIVATIONS = {"relu", "tanh", "sigmoid", "elu", "selu", "gelu", "silu", "softplus", "linear"}


class DenseClassifier(ReadyClassifier):
    """Fully connected network for small images.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int, int or str, default=(128,)
        Units of the hidden layers; as text ``"256-128"``, which any search can sample.
    activation : str, default="relu"
        Keras name of the hidden layers' activation.
    batch_norm : bool, default=False
        Whether to normalise before each activation.
    dropout : float, default=0.0
        Share of units dropped after each hidden layer, from 0 to below 1.

    See Also
    --------
    ConvClassifier : A convolutional network.
    sklearn.neural_network.MLPClassifier : The same for any features, without Keras.

    Examples
    --------
    >>> from skfashion import DenseClassifier
    >>> from skfashion.datasets import make_images
    >>> X, y = make_images(n_samples=200, n_classes=2, random_state=0)
    >>> clf = DenseClassifier(hidden_layer_sizes=32, epochs=20, random_state=0).fit(X, y)
    >>> clf.predict_proba(X[:3]).shape
    (3, 2)
    """

    _parameter_constraints = {
        **ReadyClassifier._parameter_constraints,
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left"), str],
        "activation": [StrOptions(_ACTIVATIONS)],
        "batch_norm": ["boolean"],
    }
    _network = staticmethod(networks.dense)
    _command_line = CommandLine(
        "dense", images=60_000, sample=10_000, candidates=16, epochs=15, size=32
    )

    def __init__(
        self,
        hidden_layer_sizes: hints.Sizes = (128,),
        *,
        activation: str = "relu",
        batch_norm: bool = False,
        epochs: int = 10,
        batch_size: int = 32,
        learning_rate: float = 1e-3,
        schedule: Literal["constant", "cosine"] = "constant",
        optimizer: hints.Optimizer = "adam",
        loss: hints.Loss = "sparse_categorical_crossentropy",
        dropout: float = 0.0,
        augmentation: str | Sequence[str] | None = None,
        early_stopping: bool = False,
        scoring: str = "accuracy",
        validation_fraction: float | hints.Splitter = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        class_weight: hints.ClassWeight = None,
        multilabel: bool | Literal["auto"] = "auto",
        test_time_flip: bool = False,
        callbacks: hints.Callbacks = None,
        warm_start: bool = False,
        max_fit_seconds: float | None = None,
        image_shape: hints.Shape | None = None,
        input_range: hints.PixelRange = "auto",
        dtype_policy: str | None = None,
        memory: hints.MemoryLike = None,
        random_state: hints.RandomState = None,
        verbose: int = 0,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.batch_norm = batch_norm
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.optimizer = optimizer
        self.loss = loss
        self.dropout = dropout
        self.augmentation = augmentation
        self.early_stopping = early_stopping
        self.scoring = scoring
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.class_weight = class_weight
        self.multilabel = multilabel
        self.test_time_flip = test_time_flip
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.max_fit_seconds = max_fit_seconds
        self.image_shape = image_shape
        self.input_range = input_range
        self.dtype_policy = dtype_policy
        self.memory = memory
        self.random_state = random_state
        self.verbose = verbose

    def _fits_at_once(self, nbytes):
        together = self.callbacks is None and _training.stacks_fits()
        return _training.fits_at_once(nbytes) if together else super()._fits_at_once(nbytes)

    def _default_space(self):
        return {
            # Text, which searchers that know no tuples can sample too.
            "hidden_layer_sizes": Choice(
                (
                    *("32", "64", "128", "256", "512"),
                    *("128-64", "256-128", "512-256"),
                    *("256-128-64", "512-256-128"),
                ),
                grid=("128", "256-128", "512-256-128"),
            ),
            "activation": Choice(("relu", "gelu", "tanh")),
            "batch_norm": Choice((False, True)),
            "dropout": Number(0.0, 0.6, grid=(0.0, 0.3)),
            "learning_rate": Number(1e-4, 1e-2, log=True, grid=(3e-4, 1e-3)),
            "optimizer": OPTIMIZERS,
            "batch_size": Choice((32, 64, 128, 256), grid=(32, 128)),
            "epochs": Number(5, 40),
        }

    def _phases(self, image_shape, n_classes):
        network = {
            **self._sizes(image_shape, n_classes),
            "hidden_layer_sizes": sizes(self.hidden_layer_sizes, "hidden_layer_sizes"),
            "activation": self.activation,
            "batch_norm": bool(self.batch_norm),
        }
        return [self._phase("train", self.epochs, network)]
