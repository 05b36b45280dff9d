"""Any backbone, fine-tuned in two phases."""

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any, Literal

from skfashion import networks
from skfashion._utils import typing as hints
from skfashion._utils.search_values import Choice, Number
from skfashion._utils.validation import AnyCase, Interval
from skfashion.classifiers._common import (
    OPTIMIZERS,
    CommandLine,
    ReadyClassifier,
    augmentation_names,
)
from skfashion.classifiers._on_backbone import OnBackbone
from skfashion.networks import _backbones


class BackboneFineTuner(OnBackbone, ReadyClassifier):
    """Image model with ImageNet weights and a new head: first the head is trained, then the top.

    The model's batch normalisation runs on its moving statistics in both phases, and
    the second has an optimizer of its own at a lower rate. What is frozen is computed once
    for each image, whatever is fitted.

    Parameters
    ----------
    backbone : str or callable, default="efficientnet_v2_b0"
        Image model below the head: "mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small",
        "mobilenet_v3_large", "efficientnet_v2_b0" to "efficientnet_v2_b3", "resnet50_v2",
        "convnext_tiny", "densenet121" or "xception", of `keras.applications`. Or a function
        that is called with ``input_shape=(height, width, 3)`` and returns a `keras.Model` of
        Keras' own layers, from pixels between 0 and 255 to features.
    alpha : float, default=1.0
        Width of a MobileNet; ImageNet weights exist for 0.25, 0.5, 0.75 and 1.0 of V1, for
        0.35, 0.5, 0.75, 1.0, 1.3 and 1.4 of V2, and for 0.75 and 1.0 of V3. 1.0 for others.
    weights : {"imagenet"}, path or None, default="imagenet"
        What the backbone starts from. "imagenet": the weights that Keras publishes, at every
        size, from Keras' cache or, if they aren't there, downloaded by Keras. None: random. What a
        function returns keeps the weights it has, unless there is a path.
    image_size : int or (int, int), default=None
        Height and width, pixels, that the images are resized to inside the network. None:
        as they are, or to 32 (Xception: 71) where they are smaller.
    unfreeze_from : int, str or None, default=None
        First layer of the backbone to train in the second phase: an index as Keras counts
        (negative from the end), the name of a layer, or that of a block (``"block6h"``,
        ``"conv5_block3"``). None: the head alone is trained, in one phase.
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
        Share of units dropped before the last layer, from 0 to below 1. The backbone's own
        dropout keeps its rates where it is trained, and doesn't run where it is frozen.

    Attributes
    ----------
    n_trainable_layers_ : int
        Layers of the backbone that the last phase trained.
    unfreeze_from_ : str or None
        Name of the first of them.

    See Also
    --------
    MobileNetFineTuner : The same for MobileNets V1 and V2.

    Examples
    --------
    >>> from skfashion import BackboneFineTuner
    >>> from skfashion.datasets import make_images
    >>> X, y = make_images(n_samples=40, n_classes=2, random_state=0)
    >>> clf = BackboneFineTuner(
    ...     "mobilenet_v3_small", weights=None, unfreeze_from="expanded_conv_10", epochs=1,
    ...     fine_tune_epochs=1, random_state=0,
    ... ).fit(X, y)
    >>> clf.history_["phase"]
    ['head', 'fine_tune']
    """

    _parameter_constraints = {
        **ReadyClassifier._parameter_constraints,
        **OnBackbone._constraints,
        "unfreeze_from": [Integral, str, None],
        "fine_tune_epochs": [Interval(Integral, 0, None, closed="left")],
        "fine_tune_learning_rate": [Interval(Real, 0, None, closed="neither")],
        "fine_tune_optimizer": [AnyCase({*OPTIMIZERS.values}), callable, None],
    }
    _network = staticmethod(networks.fine_tuned)
    _command_line = CommandLine(
        "backbone",
        images=3_000,
        sample=1_000,
        candidates=6,
        epochs=8,
        size=96,
        smallest=32,
        size_parameter="image_size",
        half_epochs=("fine_tune_epochs",),
        standardize=False,  # weights were trained with pixels of a range of their own
    )

    def __init__(
        self,
        backbone: str | Callable[..., Any] = "efficientnet_v2_b0",
        *,
        alpha: float = 1.0,
        weights: hints.PathLike | None = "imagenet",
        image_size: hints.Size | None = None,
        unfreeze_from: int | str | None = None,
        epochs: int = 10,
        fine_tune_epochs: int = 10,
        fine_tune_learning_rate: float = 1e-4,
        fine_tune_optimizer: hints.Optimizer | None = None,
        batch_size: int = 32,
        learning_rate: float = 1e-3,
        schedule: Literal["constant", "cosine"] = "cosine",
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
        self.backbone = backbone
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
        # The last block, the last two, the last four: what is below sees general features.
        blocks = _backbones.last_blocks(self._backbone)
        return {
            "unfreeze_from": Choice((None, *blocks), grid=(None, *blocks[::2])),
            "learning_rate": Number(1e-4, 1e-2, log=True, grid=(5e-4, 3e-3)),
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

    def _phases_and_start(self, seed):
        backbone, start = self._backbone_and_start(self.image_shape_, seed)
        return self._phases(self.image_shape_, len(self.classes_), backbone), start

    def _phases(self, image_shape, n_classes, backbone=None):
        backbone = backbone or self._backbone
        names = _backbones.backbone_layers(backbone)
        first = _backbones.unfreeze_index(names, self.unfreeze_from)
        if not self.fine_tune_epochs:
            first = None
        self.unfreeze_from_ = None if first is None else names[first]
        self.n_trainable_layers_ = 0 if first is None else len(names) - first
        network = {
            **self._sizes(image_shape, n_classes),
            **({"augmentation": ()} if self._is_mirrored else {}),
            **self._named(backbone),
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

    @property
    def _is_mirrored(self):
        # A layer would draw anew in each epoch, below what is frozen.
        return augmentation_names(self.augmentation) == ("flip",)

    def _named(self, backbone):
        """Return the argument of the network function that says which backbone."""
        return {"backbone": backbone}
