"""A pipeline and a search space for each kind of model, sized for a few minutes."""

import logging
from dataclasses import dataclass
from importlib import import_module

from sklearn.pipeline import Pipeline

import skfashion
from skfashion._cli._console import UserError, one_line
from skfashion.model_selection import search_space
from skfashion.preprocessing import ImageReader, PixelScaler


@dataclass(frozen=True)
class Sizes:
    """How much is done where the user doesn't say."""

    images: int
    sample: int
    candidates: int
    epochs: int
    size: int


SIZES = {
    "dense": Sizes(images=60_000, sample=10_000, candidates=16, epochs=15, size=32),
    "conv": Sizes(images=12_000, sample=3_000, candidates=10, epochs=8, size=64),
    "mobilenet": Sizes(images=3_000, sample=1_000, candidates=10, epochs=8, size=96),
}

# The narrowest for which there are ImageNet weights: the others take minutes a candidate.
_ALPHA = 0.35


def load_keras():
    """Import Keras, which takes seconds."""
    import_module("keras")
    # TensorFlow warns of traces as if each cost what it does in a loop of one's own.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


def make_pipeline(model, *, files, size, epochs, memory, seed):
    """Make the pipeline that is tuned."""
    common = {"epochs": epochs, "memory": memory, "random_state": seed}
    if model == "mobilenet":
        classifier = skfashion.MobileNetFineTuner(
            alpha=_ALPHA,
            image_size=None if files else size,
            fine_tune_epochs=max(1, epochs // 2),
            **common,
        )
    elif model == "conv":
        classifier = skfashion.ConvClassifier(**common)
    else:
        classifier = skfashion.DenseClassifier(**common)
    if files:
        # The classifiers scale inside the network: read images stay one byte a value.
        first = [("reader", ImageReader(size=size, memory=memory))]
    else:
        # MobileNet wants the pixels it was trained with, not standardised ones.
        first = [] if model == "mobilenet" else [("scaler", PixelScaler("standard"))]
    return Pipeline([*first, ("classifier", classifier)])


def make_space(pipeline, kind):
    """Return what a search of this kind tries."""
    space = search_space(pipeline, "random" if kind == "hyperband" else kind)
    # How long to train is said once, on the command line, and Adam does for a first search.
    for name in ("epochs", "fine_tune_epochs", "optimizer"):
        space.pop(f"classifier__{name}", None)
    return space


def check_weights(pipeline):
    """Get the pretrained weights now, rather than find each candidate failing."""
    classifier = pipeline[-1]
    if getattr(classifier, "weights", None) != "imagenet":
        return
    from skfashion.networks import _mobilenet

    try:
        _mobilenet.imagenet_weights(classifier.version, classifier.alpha)
    # Keras wraps what goes wrong in a bare Exception.
    except Exception as error:
        raise UserError(
            f"The ImageNet weights of MobileNet are neither in Keras' cache nor within reach "
            f"({one_line(error)}): connect to the network, set KERAS_HOME to a Keras folder "
            "that has them, or choose --model dense or conv."
        ) from error
