"""A convolutional network."""

from collections.abc import Sequence
from numbers import Integral
from typing import Literal

from skfashion import networks
from skfashion._utils.typing import (
    Callbacks,
    ClassWeight,
    Loss,
    MemoryLike,
    Optimizer,
    PixelRange,
    RandomState,
    Shape,
    Sizes,
)
from skfashion._utils.validation import Interval
from skfashion.classifiers._common import TO_UNIT, ReadyClassifier, sizes


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
    epochs : int, default=10
        Passes over the training images.
    batch_size : int, default=32
        Images a step.
    learning_rate : float, default=1e-3
        Of the optimizer.
    schedule : {"constant", "cosine"}, default="constant"
        How the rate goes on: "cosine" lets it fall to zero over the epochs [1]_, and a fit
        of more epochs then begins anew. `partial_fit` leaves it constant.
    optimizer : {"adam", "adamw", "rmsprop", "sgd"} or Keras optimizer class, default="adam"
        Its other settings are Keras' defaults.
    loss : str or Keras loss class, default="sparse_categorical_crossentropy"
        A loss of class indices; ``"categorical_crossentropy"`` and its kin get one-hot
        rows made from the labels.
    dropout : float, default=0.0
        Share of units dropped after each block and after the dense layer, from 0 to below 1.
    augmentation : str or sequence of str, default=None
        Random changes of the training images, such as ``"flip+shift"``: of "flip"
        (left-right), "shift" (by a tenth), "rotate" (by 18 degrees), "zoom" (by a tenth)
        and "erase" (a rectangle).
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
    callbacks : list of Keras callbacks or callback classes, default=None
        Copied for each fit. They see the whole network; with them nothing is shared
        between fits.
    warm_start : bool, default=False
        Whether `fit` begins with the weights of the last one.
    max_fit_seconds : float, default=None
        Time, seconds, after which training ends with the running epoch.
    image_shape : tuple of int, default=None
        Height, width and channels of flat rows. None: square grey, else square RGB, else
        one line.
    input_range : {"auto", "0-255", "0-1", "-1-1", "as-is"}, default="auto"
        Range of the pixels; "auto" looks at those of the training images.
    dtype_policy : str, default=None
        Keras' policy of number formats, such as "mixed_float16". None: the one that is set
        in the thread that fits, as Keras has one a thread.
    memory : str, path or joblib.Memory, default=None
        Folder in which finished fits, checkpoints and outputs of frozen layers are kept
        and found again.
    random_state : int, RandomState instance or None, default=None
        Of weights, order, dropout, augmentation and the validation part. None draws a new
        one without touching NumPy's global state.
    verbose : int, default=0
        1 prints a line a fit, 2 a line an epoch.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    history_ : dict of list
        Phase, learning rate, losses and accuracies, one entry an epoch.
    image_shape_ : tuple of int
        Height, width and channels of the images.
    input_range_ : str
        Range of the training pixels.
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
    DenseClassifier : Faster, for very small images.
    MobileNetFineTuner : For few images of the world.

    References
    ----------
    .. [1] Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts",
       ICLR 2017.

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
    _network = staticmethod(networks.conv)

    def __init__(
        self,
        filters: Sizes = (32, 64, 128),
        *,
        convs_per_block: int = 1,
        kernel_size: int = 3,
        dense_units: int = 128,
        batch_norm: bool = True,
        epochs: int = 10,
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

    def _stages(self, image_shape, n_classes):
        network = {
            **self._sizes(image_shape, n_classes, TO_UNIT),
            "filters": sizes(self.filters, "filters"),
            "convs_per_block": int(self.convs_per_block),
            "kernel_size": int(self.kernel_size),
            "dense_units": int(self.dense_units),
            "batch_norm": bool(self.batch_norm),
        }
        return [self._stage("train", self.epochs, self.optimizer, self.learning_rate, **network)]
