"""MobileNet, fine-tuned in two phases."""

import os
from collections.abc import Sequence
from hashlib import blake2b
from numbers import Integral, Real
from typing import Literal

from skfashion import networks
from skfashion._training import Start
from skfashion._utils.images import size_of
from skfashion._utils.messages import shown
from skfashion._utils.search_values import Choice, Number
from skfashion._utils.typing import (
    Callbacks,
    ClassWeight,
    Loss,
    MemoryLike,
    Optimizer,
    PathLike,
    PixelRange,
    RandomState,
    Shape,
    Size,
)
from skfashion._utils.validation import AnyCase, HasMethods, Interval, StrOptions
from skfashion.classifiers._common import OPTIMIZERS, CommandLine, ReadyClassifier
from skfashion.networks import _mobilenet


class MobileNetFineTuner(ReadyClassifier):
    """MobileNet with a new head: first the head is trained, then the top of the backbone.

    The backbone's batch normalisation runs on its moving statistics in both phases, and
    the second has an optimizer of its own at a lower rate. What is frozen is computed once
    for each image, whatever is fitted.

    Parameters
    ----------
    version : {"v1", "v2"}, default="v2"
        MobileNet [1]_ or MobileNetV2 [2]_.
    alpha : float, default=1.0
        Width of the backbone; ImageNet weights exist for 0.25, 0.5, 0.75 and 1.0 of V1, and
        for 0.35, 0.5, 0.75, 1.0, 1.3 and 1.4 of V2.
    weights : {"imagenet"}, path or None, default="imagenet"
        What the backbone starts from. "imagenet": the file for 224 x 224, at every size,
        from Keras' cache or, if it isn't there, downloaded by Keras. None: random.
    image_size : int or (int, int), default=None
        Height and width, pixels, that the images are resized to inside the network. None:
        as they are, or to 32 where they are smaller.
    unfreeze_from : int, str or None, default=None
        First layer of the backbone to train in the second phase: an index as Keras counts
        (negative from the end), the name of a layer, or that of a block (``"block_13"``,
        ``"conv_dw_12"``). None: the head alone is trained, in one phase.
    epochs : int, default=10
        Passes over the training images in the first phase, which trains the head.
    fine_tune_epochs : int, default=10
        Passes over the training images in the second phase.
    fine_tune_learning_rate : float, default=1e-4
        Learning rate of the second phase's optimizer.
    fine_tune_optimizer : str or Keras optimizer class, default=None
        Optimizer of the second phase. None: a new one of `optimizer`.
    learning_rate : float, default=1e-3
        Learning rate of the optimizer in the first phase.
    dropout : float, default=0.0
        Share of units dropped before the last layer, from 0 to below 1.

    Attributes
    ----------
    n_trainable_layers_ : int
        Layers of the backbone that the last phase trained.
    unfreeze_from_ : str or None
        Name of the first of them.

    References
    ----------
    .. [1] Howard et al., "MobileNets: efficient convolutional neural networks for mobile
       vision applications", arXiv:1704.04861, 2017.
    .. [2] Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks",
       CVPR 2018.

    Examples
    --------
    >>> from skfashion import MobileNetFineTuner
    >>> from skfashion.datasets import make_images
    >>> X, y = make_images(n_samples=40, n_classes=2, random_state=0)
    >>> clf = MobileNetFineTuner(
    ...     weights=None, alpha=0.35, unfreeze_from="block_16", epochs=2, fine_tune_epochs=1,
    ...     random_state=0,
    ... ).fit(X, y)
    >>> clf.history_["phase"]
    ['head', 'head', 'fine_tune']
    """

    _parameter_constraints = {
        **ReadyClassifier._parameter_constraints,
        "version": [StrOptions({"v1", "v2"})],
        "alpha": [Interval(Real, 0, None, closed="neither")],
        "weights": [str, HasMethods("__fspath__"), None],
        "image_size": [Interval(Integral, 32, None, closed="left"), "array-like", None],
        "unfreeze_from": [Integral, str, None],
        "fine_tune_epochs": [Interval(Integral, 0, None, closed="left")],
        "fine_tune_learning_rate": [Interval(Real, 0, None, closed="neither")],
        "fine_tune_optimizer": [AnyCase({*OPTIMIZERS.values}), callable, None],
    }
    _black_and_white = (-1.0, 1.0)
    _sees_neighbours = True
    _network = staticmethod(networks.mobilenet)
    _command_line = CommandLine(
        "mobilenet",
        images=3_000,
        sample=1_000,
        candidates=6,
        epochs=8,
        size=96,
        smallest=32,
        size_parameter="image_size",
        half_epochs=("fine_tune_epochs",),
        # The narrowest with ImageNet weights: the others take minutes a candidate.
        parameters={"alpha": 0.35},
        standardize=False,  # its weights were trained with pixels from -1 to 1
    )

    def __init__(
        self,
        version: Literal["v1", "v2"] = "v2",
        *,
        alpha: float = 1.0,
        weights: PathLike | None = "imagenet",
        image_size: Size | None = None,
        unfreeze_from: int | str | None = None,
        epochs: int = 10,
        fine_tune_epochs: int = 10,
        fine_tune_learning_rate: float = 1e-4,
        fine_tune_optimizer: Optimizer | None = None,
        batch_size: int = 32,
        learning_rate: float = 1e-3,
        schedule: Literal["constant", "cosine"] = "constant",
        optimizer: Optimizer = "adam",
        loss: Loss = "sparse_categorical_crossentropy",
        dropout: float = 0.0,
        augmentation: str | Sequence[str] | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        class_weight: ClassWeight = None,
        callbacks: Callbacks = None,
        warm_start: bool = False,
        max_fit_seconds: float | None = None,
        image_shape: Shape | None = None,
        input_range: PixelRange = "auto",
        dtype_policy: str | None = None,
        memory: MemoryLike = None,
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        self.version = version
        self.alpha = alpha
        self.weights = weights
        self.image_size = image_size
        self.unfreeze_from = unfreeze_from
        self.epochs = epochs
        self.fine_tune_epochs = fine_tune_epochs
        self.fine_tune_learning_rate = fine_tune_learning_rate
        self.fine_tune_optimizer = fine_tune_optimizer
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.optimizer = optimizer
        self.loss = loss
        self.dropout = dropout
        self.augmentation = augmentation
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.class_weight = class_weight
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
        # The last block, the last two, the last four: what is below sees general features.
        blocks = ("block_16", "block_15", "block_13")
        if self.version == "v1":
            blocks = ("conv_dw_13", "conv_dw_12", "conv_dw_10")
        return {
            "unfreeze_from": Choice((None, *blocks), grid=(None, blocks[0], blocks[-1])),
            "learning_rate": Number(1e-4, 1e-2, log=True, grid=(1e-3, 3e-3)),
            # Gentler than the head's, or the pretrained weights are lost in a few steps.
            "fine_tune_learning_rate": Number(
                1e-6, 1e-3, log=True, grid=(1e-5, 1e-4), unless=("unfreeze_from", None)
            ),
            "dropout": Number(0.0, 0.6, grid=(0.0, 0.3)),
            "optimizer": OPTIMIZERS,
            "batch_size": Choice((16, 32, 64)),
            "epochs": Number(3, 20),
            "fine_tune_epochs": Number(2, 20, unless=("unfreeze_from", None)),
        }

    def _phases(self, image_shape, n_classes):
        names = _mobilenet.backbone_layers(self.version)
        first = _mobilenet.unfreeze_index(names, self.unfreeze_from)
        if not self.fine_tune_epochs:
            first = None
        self.unfreeze_from_ = None if first is None else names[first]
        self.n_trainable_layers_ = 0 if first is None else len(names) - first
        network = {
            **self._sizes(image_shape, n_classes),
            "version": self.version,
            "alpha": float(self.alpha),
            "image_size": self._size_of(image_shape),
        }
        phases = [self._phase("head", self.epochs, network)]
        if first is not None:
            second = {
                "optimizer": self.fine_tune_optimizer or self.optimizer,
                "learning_rate": self.fine_tune_learning_rate,
            }
            network = {**network, "unfreeze_from": self.unfreeze_from_}
            phases.append(self._phase("fine_tune", self.fine_tune_epochs, network, **second))
        return phases

    def _size_of(self, image_shape):
        if image_shape[2] == 4:
            raise ValueError(
                f"MobileNetFineTuner sees 1 or 3 channels, and images of shape {image_shape} have "
                "4: drop the last one, X[..., :3]."
            )
        if self.image_size is None:
            return _mobilenet.backbone_size(image_shape, None)
        size = size_of(self.image_size, "image_size")
        if min(size) < 32:
            raise ValueError(
                f"image_size={shown(self.image_size)} is too small for a MobileNet: give 32 or "
                "more for height and width."
            )
        return size

    def _fetch(self):
        if self.weights == "imagenet":
            _mobilenet.imagenet_weights(self.version, self.alpha)

    def _start(self):
        key, weights = str(self.weights), self.weights
        if weights not in ("imagenet", None):
            # By content: the same file elsewhere is the same start, another file is not.
            key, weights = _digest_of_file(weights), os.fspath(weights)
        settings = {"version": self.version, "alpha": float(self.alpha), "weights": weights}
        return Start(key, initialize=lambda network: _mobilenet.pretrain(network, **settings))


def _digest_of_file(path):
    try:
        with open(path, "rb") as file:
            return blake2b(file.read(), digest_size=16).hexdigest()
    except OSError as error:
        raise type(error)(
            f"weights={shown(str(path))} can't be read ({error.strerror}): give 'imagenet', None, "
            "or the path of a .weights.h5 file."
        ) from None
