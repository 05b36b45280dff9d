"""MobileNet, fine-tuned in two phases."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from skfashion import networks
from skfashion._utils import typing as hints
from skfashion._utils.validation import StrOptions
from skfashion.classifiers._backbone import BackboneFineTuner


class MobileNetFineTuner(BackboneFineTuner):
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
    unfreeze_from : int, str or None, default=None
        First layer of the backbone to train in the second phase: an index as Keras counts
        (negative from the end), the name of a layer, or that of a block (``"block_13"``,
        ``"conv_dw_12"``). None: the head alone is trained, in one phase.

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
        **BackboneFineTuner._parameter_constraints,
        "version": [StrOptions({"v1", "v2"})],
    }
    _network = staticmethod(networks.mobilenet)
    # The narrowest with ImageNet weights: the others take minutes a candidate.
    _command_line = replace(
        BackboneFineTuner._command_line, name="mobilenet", parameters={"alpha": 0.35}
    )

    def __init__(
        self,
        version: Literal["v1", "v2"] = "v2",
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

    @property
    def _backbone(self):
        return f"mobilenet_{self.version}"

    def _named(self, backbone):
        return {"version": self.version}
