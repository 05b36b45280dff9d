"""What the three ready classifiers share: pixels, dropout, augmentation, optimizer."""

from abc import abstractmethod
from dataclasses import dataclass, field, replace
from numbers import Real

from skfashion._training import Start, compile_config
from skfashion._utils import images
from skfashion._utils.messages import shown
from skfashion._utils.search_values import Choice
from skfashion._utils.validation import AnyCase, Interval, StrOptions
from skfashion.classifiers._base import BaseImageClassifier
from skfashion.networks import AUGMENTATIONS

OPTIMIZERS = Choice(("adam", "adamw", "rmsprop", "sgd"))


@dataclass(frozen=True)
class CommandLine:
    """What ``skfashion search --model`` calls a classifier, and what it does unless told.

    Of Fashion-MNIST it compares candidates on `sample` images and trains the best on `images`.
    Files are read at `size`, height and width in pixels, which is at least `smallest`; images
    that come with a size of their own keep it, unless there is a `size_parameter`.
    `parameters` are set and not searched, those named in `half_epochs` to half of `epochs`.
    """

    name: str
    images: int
    sample: int
    candidates: int
    epochs: int
    size: int
    smallest: int = 1
    size_parameter: str | None = None
    half_epochs: tuple = ()
    parameters: dict = field(default_factory=dict)
    standardize: bool = True


class ScalesPixels:
    """Mixin of estimators with `input_range`, whose network is given pixels of one range.

    A subclass says which values its network wants for black and white.
    """

    _black_and_white = (0.0, 1.0)
    _range_constraint = {"input_range": [StrOptions({"auto", *images.NAMES}), "array-like"]}

    def _range_of(self, X):
        if isinstance(self.input_range, str) and self.input_range == "auto":
            return images.find_range(X)
        return images.as_range(self.input_range)

    def _rescaling(self):
        return images.rescaling(self.input_range_, *self._black_and_white)


class ReadyClassifier(ScalesPixels, BaseImageClassifier):
    """Base of the classifiers whose networks are ours.

    A subclass says whether its network has to know the height and width of images, and what it is
    on the command line, if it is there.
    """

    _command_line = None

    _parameter_constraints = {
        **BaseImageClassifier._parameter_constraints,
        **ScalesPixels._range_constraint,
        "optimizer": [AnyCase({*OPTIMIZERS.values}), callable],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "schedule": [StrOptions({"constant", "cosine"})],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "augmentation": [str, "array-like", None],
        "multilabel": ["boolean", StrOptions({"auto"})],
    }

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = getattr(self, "multilabel", False) is not False
        return tags

    @abstractmethod
    def _phases(self, image_shape, n_classes):
        """Return what is trained: a list of phases, each made by `_phase`."""

    def _phases_and_start(self, seed):
        """Return what is trained, and what it starts from: here, what its initializers draw."""
        return self._phases(self.image_shape_, len(self.classes_)), Start()

    def _fetch(self):
        """Get now what `fit` would download; an OSError says what to do without a network."""

    def _design(self, seed):
        phases, start = self._phases_and_start(seed)
        if compile_config.gives_logits(phases[0].compile):
            raise ValueError(
                f"loss={shown(self.loss)} takes logits, and {type(self).__name__} ends in a "
                f"{'sigmoid' if self._multilabel else 'softmax'}: give the loss with "
                "from_logits=False."
            )
        return phases, len(self.classes_), start

    def _phase(self, name, epochs, network, *, optimizer=None, learning_rate=None):
        phase = super()._phase(
            name,
            epochs,
            network,
            schedule=self.schedule,
            optimizer=self.optimizer if optimizer is None else optimizer,
            optimizer__learning_rate=float(learning_rate or self.learning_rate),
            metrics=["accuracy"],
            loss=self._loss,
        )
        if not self._multilabel:
            return phase
        return replace(phase, compile=compile_config.of_several_labels(phase.compile))

    @property
    def _loss(self):
        by_default = self.loss == "sparse_categorical_crossentropy"
        return "binary_crossentropy" if self._multilabel and by_default else self.loss

    def _settle_range(self):
        """Write a range that a later batch has decided into the plan."""
        phases = []
        for phase in self._plan.phases:
            network = {**phase.network, "rescaling": self._rescaling()}
            key, _ = self._structure(network)
            phases.append(replace(phase, network=network, network_key=key))
        self._plan = replace(self._plan, phases=tuple(phases))
        self._forget()

    def _sizes(self, image_shape, n_classes):
        """Return what every network function takes."""
        return {
            "image_shape": tuple(image_shape),
            "n_classes": int(n_classes),
            "rescaling": self._rescaling(),
            "augmentation": augmentation_names(self.augmentation),
            "dropout": float(self.dropout),
            # What is as it always was isn't named.
            **({"multilabel": True} if self._multilabel else {}),
        }


def augmentation_names(augmentation):
    """Return the names of random changes in a parameter such as ``"flip+shift"``."""
    if augmentation is None:
        return ()
    names = augmentation.split("+") if isinstance(augmentation, str) else list(augmentation)
    unknown = [name for name in names if name not in AUGMENTATIONS]
    if unknown:
        raise ValueError(
            f"augmentation={shown(augmentation)}: {shown(unknown[0])} is not one of "
            f"{', '.join(AUGMENTATIONS)}. Join several with '+', such as 'flip+shift'."
        )
    return tuple(name for name in AUGMENTATIONS if name in names)


def sizes(value, name):
    """Return a tuple of positive ints from an int, a tuple, or text such as ``"256-128"``."""
    try:
        if isinstance(value, str):
            numbers = tuple(int(part) for part in value.split("-"))
        elif hasattr(value, "__len__"):
            numbers = tuple(int(number) for number in value)
        else:
            numbers = (int(value),)
        if all(number > 0 for number in numbers):
            return numbers
    except (TypeError, ValueError):
        pass
    raise ValueError(
        f"{name}={shown(value)} is not a list of sizes: give an int, a tuple of positive ints such "
        "as (256, 128), or text such as '256-128'."
    )
