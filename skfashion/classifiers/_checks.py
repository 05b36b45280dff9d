"""Checks of images and of what networks return, with errors that say what to do."""

import os
from collections.abc import Sequence
from contextlib import contextmanager

import numpy as np
from scipy.special import expit, softmax
from sklearn.utils.validation import check_array, validate_data

_ROUNDING = 1e-5
_IN_A_PIPELINE = (
    " A Pipeline transforms X alone: give {0}=pipe[:-1].fit(X, y).transform({0}), where pipe[:-1] "
    "are the steps before the classifier."
)
_GREY, _RGB = "make them grey, {0}[..., :3].mean(axis=-1)", "make them RGB, as GrayscaleToRGB does"
_CHANNELS = {  # found, wanted
    (1, 3): _RGB,
    (4, 3): "leave the transparency out, {0}[..., :3]",
    (3, 1): _GREY,
    (4, 1): _GREY,
    (3, 4): "add the transparency, np.insert({0}, 3, 255, axis=-1)",
}


@contextmanager
def unchanged_on_error(estimator):
    """Give an estimator its attributes back if the block fails, so that nothing is lost."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def check_images(estimator, X, *, reset, name="X"):
    """Return images, which messages call `name`, as an array of uint8 or float32.

    With `reset`, what they look like is remembered, else compared with what is.
    """
    refuse_no_array(X, name)
    X = _refuse_text_and_mixed_sizes(X, name)
    options = {"dtype": "numeric", "allow_nd": True}
    rows = getattr(X, "ndim", 2) == 2
    if reset or (rows and getattr(X, "shape", ()) != tuple(estimator.image_shape_[:2])):
        X = validate_data(estimator, X, reset=reset, **options)
    else:
        # scikit-learn would compare the images' height or width with the number of pixels.
        X = check_array(X, estimator=estimator, input_name=name, **options)
    if not reset:
        _refuse_other_shape(estimator, X, name)
    return X


def refuse_no_array(given, name):
    """Refuse data sets, loaders and generators, of which NumPy would make an object or a mess."""
    is_array = any(hasattr(given, attribute) for attribute in ("__array__", "shape", "toarray"))
    hands_out = any(hasattr(given, method) for method in ("__iter__", "__getitem__"))
    if hands_out and not is_array and not isinstance(given, Sequence):
        raise TypeError(
            f"{name} is a {type(given).__name__}, and classifiers take arrays: images of shape "
            "(n, height, width, channels) as X with one label each as y, or file names as X of a "
            "Pipeline that begins with skfashion.preprocessing.ImageReader."
        )


def refuse_divergence(weights, n_epochs):
    """Refuse weights that are not finite numbers, as scikit-learn's `MLPClassifier` does."""
    if not all(np.isfinite(array).all() for array in weights):
        raise ValueError(
            f"The training diverged: after {n_epochs} epochs weights of the network are not "
            "finite. Lower learning_rate=, scale pixels that lie far outside [0, 255], or leave "
            "dtype_policy= at float32."
        )


def as_probabilities(outputs, logits):
    """Return one column of probabilities a class, whatever a network ends in."""
    outputs = np.asarray(outputs, dtype=np.float32)  # half precision doesn't sum to one
    if outputs.ndim == 1 or outputs.shape[1] == 1:
        outputs = outputs.reshape(-1)
        outputs = expit(outputs) if logits else outputs
        outputs = np.column_stack([1 - outputs, outputs])
    elif logits:
        outputs = softmax(outputs, axis=1)
    low, high = outputs.min(), outputs.max()
    if np.isnan(low):
        raise ValueError(
            "The network's outputs are not finite: were some pixels far outside the range it was "
            "fitted on? Scale them as in fit."
        )
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        raise ValueError(
            f"The network's outputs are not probabilities: they lie in [{low:g}, "
            f"{high:g}]. Let its last layer be a softmax (a sigmoid for one output), "
            "or take a loss with from_logits=True."
        )
    total = outputs.sum(axis=1, keepdims=True)
    # Independent sigmoids; what is off by a rounding error stays as it is.
    off = (np.abs(total - 1) > _ROUNDING) & (total > 0)
    return np.where(off, outputs / np.where(off, total, 1), outputs) if off.any() else outputs


def as_pixels(X, name):
    """Return images as an array of uint8 or float32."""
    if X.dtype in (np.uint8, np.float32):
        return np.ascontiguousarray(X)
    with np.errstate(over="ignore"):
        pixels = np.ascontiguousarray(X, dtype=np.float32)
    if X.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise ValueError(
            f"{name} has values too large for float32: scale the pixels, e.g. to [0, 1]."
        )
    return pixels


def _refuse_other_shape(estimator, X, name):
    given = X.shape[1:]
    fitted = estimator.image_shape_
    if int(np.prod(given)) == int(np.prod(fitted)) and (
        len(given) == 1 or tuple(given) == tuple(fitted) or (*given, 1) == tuple(fitted)
    ):
        return
    if estimator._planar and tuple(given) == (fitted[2], *fitted[:2]):
        return
    raise ValueError(
        f"{name} has images of shape {tuple(given)}, but {type(estimator).__name__} was fitted on "
        f"images of shape {tuple(fitted)}: {_remedy_for_shape(X.shape, tuple(fitted), name)}."
        + (_IN_A_PIPELINE.format(name) if name != "X" else "")
    )


def _remedy_for_shape(given, fitted, name):
    size, channels = (fitted, 1) if len(fitted) == 2 else (fitted[:-1], fitted[-1])
    if given in (size, (*size, channels)):
        return f"if it is one image, add the missing axis, {name}[np.newaxis]"
    if len(given) not in (3, 4):
        return "give them as (n, height, width, channels)"
    *shape, found = (*given[1:], 1) if len(given) == 3 else given[1:]
    if found not in (1, 3, 4, channels) and shape[0] in (1, 3, 4, channels):
        return f"the channels seem to stand first, move them with np.moveaxis({name}, 1, -1)"
    remedies = []
    if given == (channels, *size):
        remedies.append(f"if it is one image, give np.moveaxis({name}, 0, -1)[np.newaxis]; else")
    elif tuple(shape) != size:
        remedies.append(
            "resize them, as ImageResizer and ImageReader do" + "," * (found != channels)
        )
    if found != channels:
        remedies.append(
            _CHANNELS.get((found, channels), "give {1} channels").format(name, channels)
        )
    return " ".join(remedies)


def _refuse_text_and_mixed_sizes(X, name):
    """Return X, a list of images as an array."""
    if np.ma.is_masked(X):
        raise ValueError(f"{name} has masked pixels: fill them, {name}.filled(0).")
    if isinstance(X, (list, tuple)):
        try:
            X = np.asarray(X)
        except ValueError:  # NumPy's word for it is "inhomogeneous"
            X = _as_objects(X)
    dtype = getattr(X, "dtype", None)
    kind = getattr(dtype, "kind", "O" if hasattr(X, "columns") else "?")
    if kind not in "OUS" or not X.size:
        return X
    first = np.asarray(X).flat[0]
    if isinstance(first, bytes):
        raise ValueError(
            f"could not convert bytes to float: {name} holds bytes, not pixels. Give the names of "
            "files to skfashion.preprocessing.ImageReader, or arrays of pixels, such as "
            "numpy.asarray(PIL.Image.open(io.BytesIO(data)))."
        )
    if isinstance(first, (str, os.PathLike)):
        reader = "skfashion.preprocessing.ImageReader"
        raise ValueError(
            f"could not convert string to float: {name} holds text, not pixels. File names are "
            f"read by {reader}"
            + (
                ": put it before the classifier in a Pipeline."
                if name == "X"
                else f".{_IN_A_PIPELINE.format(name)}"
            )
        )
    if X.ndim == 1 and np.ndim(first):
        shapes = sorted({str(np.shape(image)) for image in X})
        raise ValueError(
            f"{name} mixes images of {len(shapes)} shapes, such as {', '.join(shapes[:3])}: bring "
            "them to one size first, with ImageReader(size=...) on their files."
            if len(shapes) > 1
            else f"{name} is an array of {len(X)} arrays: join them first, with "
            f"numpy.stack({name})."
        )
    return X


def _as_objects(items):
    array = np.empty(len(items), object)
    for i, item in enumerate(items):
        array[i] = np.asarray(item, object)
    return array
