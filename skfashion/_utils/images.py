"""Arrays of images: their shape, their channels, the extremes of their pixels.

Transformers and classifiers read images the same way because both ask here.
"""

import itertools
import math
from numbers import Integral

import numpy as np

from skfashion._utils.messages import shown

# Of rows at a time, so that no question about a large uint8 array makes a float copy of it.
_BLOCK_BYTES = 1 << 24

_CHANNELS = (1, 3, 4)
# Longer rows are images, and shorter ones any features: scikit-learn's checks have up to 30.
LONG_ROW = 64


def size_of(size, name="size"):
    """Return (height, width) of a size given as one number for a square, or as a pair."""
    pair = (size, size) if _is_count(size) else size
    if isinstance(pair, (tuple, list, np.ndarray)) and len(pair) == 2:
        height, width = pair
        if _is_count(height) and _is_count(width):
            return int(height), int(width)
    raise ValueError(
        f"{name}={shown(size)} is not an image size: give a positive int for a square, such as "
        f"{name}=96, or (height, width), such as {name}=(96, 128)."
    )


def image_shape_of(X_shape, image_shape=None, *, taker=None):
    """Return (height, width, channels) of images in an array of some shape; see `is_planar`.

    A `taker`, the name of a class, can't use long rows of pixels that are not square.
    """
    X_shape = tuple(int(side) for side in X_shape)
    wanted = None if image_shape is None else _full_shape(image_shape)
    if len(X_shape) == 2:
        return _shape_of_flat(X_shape[1], wanted, taker)
    if len(X_shape) not in (3, 4):
        raise ValueError(
            f"Found an array of shape {X_shape}, but images are (n, height, width), "
            "(n, height, width, channels) or flat rows (n, height * width * channels). "
            "Add the missing axis, for one image with X[np.newaxis]."
        )
    shape = (*X_shape[1:], 1) if len(X_shape) == 3 else X_shape[1:]
    if is_planar(image_shape) and shape == _planes(wanted):
        return wanted
    if shape[2] not in _CHANNELS:
        first = (
            " The channels seem to stand first: move them with np.moveaxis(X, 1, -1), or say "
            f"image_shape={shape} where there is such a parameter."
        )
        raise ValueError(
            f"Found {shape[2]} channels in an array of shape {X_shape}, but 1 (grey), 3 (RGB) or "
            f"4 (RGBA) were expected on the last axis.{first if shape[0] in _CHANNELS else ''}"
        )
    if 0 in shape:
        raise ValueError(f"Found images without a pixel: an array of shape {X_shape}.")
    if wanted is not None and wanted != shape:
        raise ValueError(
            f"Found images of height, width and channels {shape}, but "
            f"image_shape={image_shape!r} was asked for. Drop image_shape (only flat rows "
            "need it) or resize the images first."
        )
    return shape


def is_planar(image_shape):
    """Whether `image_shape=` says that all of red comes first, then all of green and of blue.

    That is a first number of 1, 3 or 4, unless the last one is: (3, 32, 32), but not (3, 32, 3).
    """
    if not isinstance(image_shape, (tuple, list, np.ndarray)) or len(image_shape) != 3:
        return False
    return image_shape[2] not in _CHANNELS and image_shape[0] in _CHANNELS


def as_images(X, shape, planar=False):
    """Return images of any rank as (n, h, w, c), a view where NumPy can; see `is_planar`."""
    if planar and X.ndim == 2:
        X = X.reshape(len(X), *_planes(shape))
    if planar and X.shape[1:] == _planes(shape):
        X = np.moveaxis(X, 1, -1)
    return X.reshape((X.shape[0], *shape))


def pixel_names(shape):
    """Return a name for each value of a flat row, ``pixel_<row>_<column>[_<channel>]``."""
    height, width, channels = shape
    ends = [""] if channels == 1 else [f"_{channel}" for channel in range(channels)]
    places = itertools.product(range(height), range(width), ends)
    return np.array([f"pixel_{row}_{column}{end}" for row, column, end in places], object)


def pixel_extremes(X):
    """Return the smallest and the largest pixel as Python numbers, exact for integers.

    Raises a ValueError if there is no pixel, or one is NaN or infinite.
    """
    X = np.asarray(X)
    if X.size == 0:
        raise ValueError(f"Found an array without a pixel: its shape is {X.shape}.")
    lows, highs = zip(*((block.min(), block.max()) for block in blocks(X)), strict=True)
    # np.min, unlike min, hands a NaN on. What is not NumPy's own has to be a number.
    ends = np.min(lows), np.max(highs)
    low, high = (end.item() if isinstance(end, np.generic) else float(end) for end in ends)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(
            "The pixels contain NaN or infinity. Leave such images out or repair them first, "
            "for instance with numpy.nan_to_num."
        )
    return low, high


def blocks(X, block_bytes=_BLOCK_BYTES):
    """Yield successive views of a few rows of an array, of about so many bytes each."""
    rows = max(1, block_bytes * len(X) // max(1, X.nbytes))
    for start in range(0, len(X), rows):
        yield X[start : start + rows]


def _is_count(value):
    return isinstance(value, Integral) and not isinstance(value, bool) and value >= 1


def _planes(shape):
    height, width, channels = shape
    return channels, height, width


def _full_shape(image_shape):
    shape = tuple(image_shape) if isinstance(image_shape, (tuple, list, np.ndarray)) else ()
    if len(shape) == 2:
        shape = (*shape, 1)
    if len(shape) != 3 or not all(_is_count(side) for side in shape):
        raise ValueError(
            f"image_shape={image_shape!r} is not an image shape: give (height, width) or "
            "(height, width, channels), such as (28, 28) or (96, 96, 3)."
        )
    if is_planar(shape):
        shape = (*shape[1:], shape[0])
    if shape[2] not in _CHANNELS:
        raise ValueError(
            f"image_shape={image_shape!r} has {shape[2]} channels, but 1 (grey), 3 (RGB) or "
            "4 (RGBA) were expected, as the last number, or as the first one of planar images."
        )
    return tuple(int(side) for side in shape)


def _shape_of_flat(n_features, wanted, taker):
    if wanted is not None:
        if math.prod(wanted) != n_features:
            raise ValueError(
                f"Found rows of {n_features} features, but image_shape={wanted} (height, width, "
                f"channels) needs {math.prod(wanted)}. Correct image_shape, or give the images "
                "as (n, height, width, channels)."
            )
        return wanted
    for channels in (1, 3):
        side = math.isqrt(n_features // channels)
        if side and side * side * channels == n_features:
            return side, side, channels
    if n_features >= LONG_ROW and taker is not None:
        raise ValueError(
            f"Found rows of {n_features} values, which are neither square grey nor square RGB "
            f"images, and {taker} has to know their height and width. Say "
            "image_shape=(height, width), (height, width, channels), or (channels, height, "
            "width) where all of red comes first."
        )
    return 1, n_features, 1
