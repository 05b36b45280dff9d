"""Arrays of images: their shape, their channels, the range of their pixels.

A range is one of `NAMES`, a pair of floats (black, white), or None where all pixels are 0.
"""

import itertools
import math
from functools import partial
from numbers import Integral, Real

import numpy as np

from skfashion._utils.lazy_images import LazyImages, read_ahead, rows_of
from skfashion._utils.messages import shown
from skfashion._utils.validation import InvalidParameterError
from skfashion._utils.warnings import warn

# Of rows at a time, so that no question about a large uint8 array makes a float copy of it.
_BLOCK_BYTES = 1 << 24

_CHANNELS = (1, 3, 4)
# Longer rows are images, and shorter ones any features: scikit-learn's checks have up to 30.
_LONG_ROW = 64

_LIMITS = {"0-255": (0.0, 255.0), "0-1": (0.0, 1.0), "-1-1": (-1.0, 1.0)}
_NAME_OF = {limits: name for name, limits in _LIMITS.items()}
NAMES = (*_LIMITS, "as-is")

# What resampling and brightening add beyond white, as a share of it.
_OVERSHOOT = 1 / 8
# Standardised features reach about 50, and are meant to be taken as they are.
_FAR = 100
# A double ends at 2**1024, and from black to white may be two of these.
_MAX_BITS = 1022


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
    """Return (height, width, channels) of images in an array of some shape; see `is_planar`."""
    # A `taker`, the name of a class, can't use long rows of pixels that are not square.
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
    """Whether `image_shape=` says that all of red comes first, then all of green and of blue."""
    # That is a first number of 1, 3 or 4, unless the last one is: (3, 32, 32), not (3, 32, 3).
    if not isinstance(image_shape, (tuple, list, np.ndarray)) or len(image_shape) != 3:
        return False
    return image_shape[2] not in _CHANNELS and image_shape[0] in _CHANNELS


def as_images(X, shape, planar=False):
    """Return images of any rank as (n, h, w, c), a view where NumPy can; see `is_planar`."""
    if isinstance(X, LazyImages):
        if X.shape[1:] == tuple(shape):
            return X
        return X.then(partial(as_images, shape=tuple(shape), planar=planar))
    if planar and X.ndim == 2:
        X = X.reshape(len(X), *_planes(shape))
    if planar and X.shape[1:] == _planes(shape):
        X = np.moveaxis(X, 1, -1)
    return X.reshape((X.shape[0], *shape))


def mirrored(X, axis=2):
    """Return the mirror images of images whose columns lie along an axis: left is right."""
    if isinstance(X, LazyImages):
        return X.then(partial(mirrored, axis=axis))
    return np.ascontiguousarray(np.flip(X, axis))


def pixel_names(shape):
    """Return a name for each value of a flat row, ``pixel_<row>_<column>[_<channel>]``."""
    height, width, channels = shape
    ends = [""] if channels == 1 else [f"_{channel}" for channel in range(channels)]
    places = itertools.product(range(height), range(width), ends)
    return np.array([f"pixel_{row}_{column}{end}" for row, column, end in places], object)


def pixel_extremes(X):
    """Return the smallest and the largest pixel, exact for integers; all have to be finite."""
    if isinstance(X, LazyImages) and X.limits and X.size:
        return X.limits
    X = array_of(X)
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
    """Yield successive views of a few rows, of about so many bytes each."""
    return read_ahead(X, rows_of(X, block_bytes))


def array_of(X):
    """Return an array; images that are not read yet stay what they are."""
    return X if isinstance(X, LazyImages) else np.asarray(X)


def _is_count(value):
    return isinstance(value, Integral) and not isinstance(value, bool) and value >= 1


def _planes(shape):
    return shape[2], *shape[:2]


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
    if n_features >= _LONG_ROW and taker is not None:
        raise ValueError(
            f"Found rows of {n_features} values, which are neither square grey nor square RGB "
            f"images, and {taker} has to know their height and width. Say "
            "image_shape=(height, width), (height, width, channels), or (channels, height, "
            "width) where all of red comes first."
        )
    return 1, n_features, 1


def find_range(X, *, quiet=False):
    """Return the range of pixels; warn if it is not known and they lie far from 0."""
    # It goes in powers of two, so that folds and batches of one data set get the same.
    low, high = pixel_extremes(X)
    found = _range_of(low, high, X)
    if found == "as-is" and max(-low, high) > _FAR and not quiet:
        warn(
            f"The pixels lie in [{low:g}, {high:g}], which is not a range that is known, so they "
            "are taken as they are. Scale them, for instance to [0, 1], or give a classifier the "
            "values of black and white, input_range=(low, high)."
        )
    return found


def as_range(given):
    """Return a range as users give it: a name, or a pair of numbers that may have a name."""
    if isinstance(given, str):
        return given
    ends = list(given)
    if len(ends) == 2 and all(isinstance(end, Real) and math.isfinite(end) for end in ends):
        low, high = map(float, ends)
        if low < high:
            return _NAME_OF.get((low, high), (low, high))
    raise InvalidParameterError(
        f"input_range={given!r} is not a range: give two numbers, the values of black and of "
        "white, the lower one first, such as (0, 4095)."
    )


def limits_of(input_range):
    """Return black and white of a range as floats, and None of "as-is"."""
    if input_range == "as-is":
        return None
    # Where nothing is known yet, pixels are read as bytes.
    return _LIMITS.get(input_range or "0-255", input_range)


def rescaling(input_range, low, high):
    """Return factor and offset that bring pixels of a range to [low, high]."""
    black, white = limits_of(input_range) or (low, high)
    factor = (high - low) / (white - black)
    return factor, low - black * factor


def warn_of_other_range(X, input_range, name="X"):
    """Warn of pixels that lie in another range than those the network was trained on."""
    limits = limits_of(input_range)
    if input_range is None or limits is None or X.size == 0:
        return
    (low, high), (least, most) = limits, pixel_extremes(X)
    margin = (high - low) / 2
    # Of what was divided by its white already, or of bytes among deeper pixels.
    dark = max(1.0, high / 255)
    if least < low - margin or most > high + margin:
        text = f"The pixels of {name} lie in [{least:g}, {most:g}]"
    elif low < 0 and least == 0 < most and math.prod(X.shape[1:]) >= _LONG_ROW:
        text = f"No pixel of {name} lies below 0"
    elif low == 0 and high > 8 and 0 < most <= dark and (most < high / 255 or not _are_whole(X)):
        text = f"All pixels of {name} lie in [0, {dark:g}]"
    else:
        return
    if _range_of(least, most, X) == input_range:
        return
    warn(
        f"{text}, but the estimator was fitted on pixels in [{low:g}, {high:g}] "
        f"(input_range_={input_range!r}): scale them as in fit."
    )


def _range_of(low, high, X):
    """Return the range of pixels whose extremes are known."""
    if low == high == 0:
        return None
    whole = _are_whole(X)
    if not whole:
        if high <= 2:
            return "0-1" if low >= -0.25 else "-1-1" if low >= -2 else "as-is"
        if low < -high * _OVERSHOOT:
            return "as-is"
    if whole and low < 0:
        white = _power_of_two((int(max(-low, high)) - 1).bit_length())
        limits = -white, white
    else:
        limits = 0.0, _white(high, 0.0 if whole else _OVERSHOOT)
    return _NAME_OF.get(limits, limits)


def _white(high, overshoot):
    """Return the least 2**k - 1 that holds `high`, or 2**k if that is it."""
    if 128 <= high <= 255 * (1 + overshoot):
        return 255.0
    if high == int(high) and int(high).bit_count() == 1:
        return float(high)
    least = int(high) if not overshoot else math.ceil(high / (1 + overshoot))
    return _power_of_two(least.bit_length()) - 1


def _power_of_two(bits):
    return 2.0 ** min(bits, _MAX_BITS)


def _are_whole(X):
    """Whether all pixels are whole numbers: the first block that is not ends the search."""
    X = array_of(X)
    X = X.astype(float) if X.dtype.kind == "O" else X
    if X.dtype.kind != "f":
        return True
    if isinstance(X, LazyImages) and X.limits:
        return False  # scaled
    return all((np.rint(block) == block).all() for block in blocks(X, 1 << 19))
