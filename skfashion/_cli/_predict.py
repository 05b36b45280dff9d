"""``skfashion predict``, and what it takes: a model's file, and images as the model wants them."""

import os

import joblib
import numpy as np

from skfashion._cli._console import UserError, loading, note, one_line, say, user_errors
from skfashion._persistence import load
from skfashion._utils.image_files import shown_name, why_unreadable
from skfashion._utils.pixel_range import limits_of
from skfashion.preprocessing import GrayscaleToRGB, ImageFlattener, ImageReader, ImageResizer

FILE = "model.skfashion"
_ADVICE = f"give the {FILE} that `skfashion search` left"

# Steps that change nothing about the range of pixels.
_SHAPERS = (GrayscaleToRGB, ImageFlattener, ImageResizer)
# What the eye makes of red, green and blue (ITU-R BT.601), in thousandths.
_GREY = np.array([299, 587, 114])


def predict(arguments):
    """Carry out ``skfashion predict``: a line an image."""
    with loading():
        from skfashion._training import untraced

        model = load_model(arguments.model, trust_pickle=arguments.trust_pickle)
        reasons = {name: _why_unreadable(name) for name in arguments.images}
        names = [name for name in arguments.images if reasons[name] is None]
        if names:
            with untraced(), user_errors(ValueError):
                probabilities = model.predict_proba(as_input(model, names))
    for name in arguments.images:
        if reasons[name] is not None:
            note(f"skfashion: error: {name!r} can't be read as an image: {reasons[name]}")
    for i, name in enumerate(names):
        best = probabilities[i].argmax()
        label = shown_name(model.classes_[best])
        say(f"{shown_name(name)}\t{label}\t{probabilities[i, best]:.4f}")
    return 2 if len(names) < len(arguments.images) else 0


def load_model(path, *, trust_pickle=False):
    """Load a fitted classifier, of a search its best one."""
    file = os.path.join(path, FILE) if os.path.isdir(path) else path
    if not os.path.exists(file):
        raise UserError(f"There is no model {file!r}: {_ADVICE}, or its folder.")
    try:
        with open(file, "rb") as opened:
            pickled = opened.read(4) != b"PK\x03\x04"  # as files of `skfashion.save` begin
        model = (joblib.load if pickled and trust_pickle else load)(file)
    # A file that is something else fails in as many ways as there are codes of a pickle.
    except Exception as error:
        why = f" ({one_line(error) or type(error).__name__}): {_ADVICE}."
        if not isinstance(error, OSError) and pickled and not trust_pickle:
            why = (
                f": it is not a file of skfashion.save; {_ADVICE}. If it is a pickle or a joblib "
                "file, it can run any code of whoever made it: add --trust-pickle if you trust "
                "them."
            )
        raise UserError(f"{file!r} can't be loaded as a model{why}") from error
    model = getattr(model, "best_estimator_", model)
    if not hasattr(model, "predict_proba") or not hasattr(model, "classes_"):
        kind = type(model).__name__
        raise UserError(f"{file!r} holds a {kind}, which is not a fitted classifier: {_ADVICE}.")
    return model


def _why_unreadable(name):
    """Say why a file is not an image, or return None."""
    try:
        return why_unreadable(name)
    except OSError as error:
        return error.strerror


def reads_files(model):
    """Whether a model takes names of files."""
    return isinstance(_steps(model)[0], ImageReader)


def as_input(model, names):
    """Turn names of image files into what a model was trained on.

    A pipeline that reads files gets the names. Any other one gets what its first step saw
    in training: images of its height and width, grey where those had one channel, in the
    range of pixels that the first step which looks at it saw.
    """
    names = np.asarray(names)
    if reads_files(model):
        return names
    first = _steps(model)[0]
    shape = getattr(first, "image_shape_", None)
    if shape is None or _limits_of(model) is None:
        raise UserError(
            f"This model begins with {type(first).__name__}, which saw no images with pixels "
            "of a known range, so files can't be turned into what it knows: use it from Python."
        )
    with user_errors():
        images = ImageReader(size=shape[:2]).transform(names)
    if shape[2] == 1:
        images = np.rint(images @ _GREY / 1000).astype(np.uint8)
    return in_range(model, images)


def in_range(model, images):
    """Bring uint8 pixels to the range that a model was trained on, where that is known."""
    limits = _limits_of(model)
    if limits in (None, limits_of("0-255")):
        return images
    black, white = limits
    return images / np.float32(255 / (white - black)) + np.float32(black)


def _limits_of(model):
    """Return black and white of the first step that looks at pixels, or None."""
    for step in _steps(model):
        if hasattr(step, "input_range_"):
            return limits_of(step.input_range_)
        if not isinstance(step, _SHAPERS):
            return None
    return None


def _steps(model):
    return [step for _, step in getattr(model, "steps", [("", model)])]
