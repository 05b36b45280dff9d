"""Checks of images, with errors that say what to do."""

import os
from collections.abc import Sequence

import numpy as np
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    column_or_1d,
    validate_data,
)

from skfashion._utils.lazy_images import LazyImages

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


def check_images(estimator, X, *, reset, name="X"):
    """Return images, which messages call `name`, as an array of uint8 or float32.

    With `reset`, what they look like is remembered, else compared with what is.
    """
    refuse_no_array(X, name)
    X = refuse_text_and_mixed_sizes(X, name)
    lazy = isinstance(X, LazyImages)
    options = {"dtype": "numeric", "allow_nd": True}
    rows = getattr(X, "ndim", 2) == 2
    if reset or (rows and getattr(X, "shape", ()) != tuple(estimator.image_shape_[:2])):
        X = validate_data(estimator, X, reset=reset, skip_check_array=lazy, **options)
    elif not lazy:
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


def refuse_text_and_mixed_sizes(X, name):
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


def check_groups(X, groups):
    """Return the groups of images as a 1-D array, None where there are none."""
    if groups is None:
        return None
    groups = column_or_1d(groups)
    check_consistent_length(X, groups)
    try:
        np.unique(groups)
    except TypeError:
        raise ValueError(
            "groups has missing values, or kinds that have no common order: give each image a "
            "number or a text, such as groups.astype(str)."
        ) from None
    return groups
