"""Images of any form a classifier is given, as bytes that a screen can show."""

import os

import numpy as np

from skfashion._utils.image_files import UnreadableImageError, decode_thumbnail, shown_name
from skfashion._utils.images import as_images, detect_input_range, image_shape_of

_SIDE = 256  # pixels, of pictures from files
# Where no pixel is brighter, 255 is not what stands for white.
_DARK = 64

# (factor, offset) that turn a range of pixels into 0-255.
_TO_BYTES = {"0-255": (1.0, 0.0), "0-1": (255.0, 0.0), "-1-1": (127.5, 127.5)}


def take(X, index):
    """Return some images of X: of an array, a list of file names, or a frame."""
    if hasattr(X, "iloc"):
        return X.iloc[index]
    return np.asarray(X)[index]


def names_of(X):
    """Return the file names of images given by file name, or None."""
    if len(X) and isinstance(np.asarray(X[:1]).ravel()[0], (str, os.PathLike)):
        return [os.fspath(name) for name in np.asarray(X).ravel()]
    return None


def image_shape_for(estimator):
    """Return the shape of images that an estimator was given as flat rows, if it says it."""
    estimator = getattr(estimator, "best_estimator_", estimator)
    first = estimator.steps[0][1] if hasattr(estimator, "steps") else estimator
    return getattr(first, "image_shape_", None)


def pictures(X, *, image_shape=None, like=None):
    """Turn images into what a screen can show.

    Parameters
    ----------
    X : array-like
        Arrays of images as classifiers take them, or file names.
    image_shape : tuple of int, default=None
        Of flat rows; images of other forms have their own.
    like : array-like, default=None
        Images by which the range of pixels is told; None for X itself.

    Returns
    -------
    list of ndarray
        uint8, of shape (h, w) or (h, w, 3).

    Raises
    ------
    ValueError
        If X has no images, or files that are none.
    """
    names = names_of(X)
    if names is not None:
        return [_picture_of(name) for name in names]
    X = np.asarray(X)
    X = as_images(X, image_shape_of(X.shape, image_shape if X.ndim == 2 else None))
    of = X if like is None else np.asarray(like)
    found = detect_input_range(of)
    low, high = float(of.min()), float(of.max())
    if found == "0-255" and high < _DARK:
        low, found = 0.0, "as-is"  # such as scikit-learn's digits, from 0 to 16
    if found == "as-is":
        factor = 255 / ((high - low) or 1)
        offset = -low * factor
    else:
        factor, offset = _TO_BYTES[found]
    X = np.clip(np.rint(X[..., :3] * factor + offset), 0, 255).astype(np.uint8)
    return list(X[..., 0] if X.shape[-1] == 1 else X)


def _picture_of(name):
    try:
        return decode_thumbnail(name, _SIDE)
    except UnreadableImageError as error:
        raise ValueError(f"{shown_name(name)} can't be shown: {error}.") from error
