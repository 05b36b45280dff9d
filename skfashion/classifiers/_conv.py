"""A convolutional network."""

from collections.abc import Sequence
from numbers import Integral
from typing import Literal

from skfashion import networks
from skfashion._utils import typing as hints
from skfashion._utils.search_values import Choice, Number
from skfashion._utils.validation import Interval
from skfashion.classifiers._common import OPTIMIZERS, CommandLine, ReadyClassifier, sizes


class ConvClassifier(ReadyClassifier):
    """Convolutional network: blocks that halve the image, then dense layers.

    Parameters
    ----------
    filters : tuple of int, int or str, default=(32, 64, 128)
        Filters of each block; as text ``"32-64"``, which any search can sample.
    convs_per_block : int, default=1
        Convolutions before each pooling.
    kernel_size : int, default=3
        Height and width of a convolution, pixels.
    dense_units : int, default=128
        Units of the layer before the last; 0 for none.
    batch_norm : bool, default=True
        Whether to normalise after each convolution.
    dropout : float, default=0.0
        Share of units dropped after each block and after the dense layer, from 0 to below 1.

    See Also
    --------
    DenseClassifier : Faster, for very small images.
    BackboneFineTuner : Fine-tunes a network with ImageNet weights, for photos.

    Examples
    --------
    >>> from skfashion import ConvClassifier
    >>> from skfashion.datasets import make_images
    >>> X, y = make_images(n_samples=60, n_classes=2, random_state=0)
    >>> clf = ConvClassifier(filters=(8,), dense_units=16, epochs=2, random_state=0).fit(X, y)
    >>> clf.predict_proba(X[:3]).shape
    (3, 2)
    """

    _parameter_constraints = {
        **ReadyClassifier._parameter_constraints,
        "filters": ["array-like", Interval(Integral, 1, None, closed="left"), str],
        "convs_per_block": [Interval(Integral, 1, None, closed="left")],
        "kernel_size": [Interval(Integral, 1, None, closed="left")],
        "dense_units": [Interval(Integral, 0, None, closed="left")],
        "batch_norm": ["boolean"],
    }
    _sees_neighbours = True
    _network = staticmethod(networks.conv)
    _command_line = CommandLine(
        "conv",
        images=12_000,
        sample=3_000,
        candidates=6,
        epochs=8,
        size=64,
        # Twice as many convolutions and larger ones take eight times as long, for little.
        parameters={"convs_per_block": 1, "kernel_size": 3},
    )

    def __init__(
        self,
        filters: hints.Sizes = (32, 64, 128),
        *,
        convs_per_block: int = 1,
        kernel_size: int = 3,
        dense_units: int = 128,
        batch_norm: bool = True,
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
        self.filters = filters
        self.convs_per_block = convs_per_block
        self.kernel_size = kernel_size
        self.dense_units = dense_units
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

    def _default_space(self):
        return {
            "filters": Choice(
                ("16-32", "32-64", "64-128", "16-32-64", "32-64-128", "64-128-256"),
                grid=("32-64", "32-64-128"),
            ),
            "convs_per_block": Choice((1, 2), grid=(1, 2)),
            "kernel_size": Choice((3, 5)),
            "dense_units": Choice((64, 128, 256), grid=(64, 256)),
            "batch_norm": Choice((False, True)),
            "dropout": Number(0.0, 0.6),
            "learning_rate": Number(1e-4, 1e-2, log=True, grid=(3e-4, 1e-3, 3e-3)),
            "optimizer": OPTIMIZERS,
            "batch_size": Choice((32, 64, 128, 256)),
            "epochs": Number(5, 40),
        }

    def _phases(self, image_shape, n_classes):
        network = {
            **self._sizes(image_shape, n_classes),
            "filters": sizes(self.filters, "filters"),
            "convs_per_block": int(self.convs_per_block),
            "kernel_size": int(self.kernel_size),
            "dense_units": int(self.dense_units),
            "batch_norm": bool(self.batch_norm),
        }
        return [self._phase("train", self.epochs, network)]
