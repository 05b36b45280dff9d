"""What an array of images is: its shape, its channels, the range of its pixels.

Transformers and classifiers read images the same way because both ask here.
Nothing in this module knows Keras or scikit-learn's estimators.
"""

import math
from numbers import Integral

import numpy as np

from skfashion._utils.messages import shown

# Rows are looked at in blocks of about this size, so that a question about a
# large uint8 array never makes a float copy of it.
_BLOCK_BYTES = 1 << 24

# Resampling in floating point overshoots the ends of a range by rounding errors.
_TOLERANCE = 1e-5


def size_of(size, name="size"):
    """Return ``(height, width)`` of a size given as an int or as a pair.

    Parameters
    ----------
    size : int or (int, int)
        One number for a square, or height and width in pixels.

    name : str, default="size"
        The parameter's name, for the message.

    Returns
    -------
    size : (int, int)
        Height and width.

    Raises
    ------
    ValueError
        If it is neither a positive int nor a pair of them.

    Examples
    --------
    >>> from skfashion._utils.images import size_of
    >>> size_of(96), size_of((64, 48))
    ((96, 96), (64, 48))
    """
    pair = (size, size) if _is_count(size) else size
    if isinstance(pair, (tuple, list, np.ndarray)) and len(pair) == 2:
        height, width = pair
        if _is_count(height) and _is_count(width):
            return int(height), int(width)
    raise ValueError(
        f"{name}={shown(size)} is no image size: give a positive int for a square, such as "
        f"{name}=96, or (height, width), such as {name}=(96, 128)."
    )


def image_shape_of(X_shape, image_shape=None):
    """Return ``(height, width, channels)`` of the images in an array.

    Parameters
    ----------
    X_shape : tuple of int
        Shape of the array: ``(n, h, w)``, ``(n, h, w, c)`` or flat rows
        ``(n, h * w * c)``.

    image_shape : tuple of int, default=None
        ``(h, w)`` or ``(h, w, c)``. Says how flat rows are to be read. With `None`
        a row is a square grey image if it can be, else a square RGB image, else
        one line of pixels, ``(1, n_features, 1)``.

    Returns
    -------
    shape : (int, int, int)
        Height, width, channels.

    Raises
    ------
    ValueError
        If the array has another rank, channels other than 1, 3 or 4, or doesn't
        fit `image_shape`.

    Examples
    --------
    >>> from skfashion._utils.images import image_shape_of
    >>> image_shape_of((10, 28, 28)), image_shape_of((10, 784))
    ((28, 28, 1), (28, 28, 1))
    >>> image_shape_of((10, 3072)), image_shape_of((10, 5))
    ((32, 32, 3), (1, 5, 1))
    >>> image_shape_of((10, 1200), image_shape=(30, 40))
    (30, 40, 1)
    """
    X_shape = tuple(int(side) for side in X_shape)
    wanted = None if image_shape is None else _full_shape(image_shape)
    if len(X_shape) == 2:
        return _shape_of_flat(X_shape[1], wanted)
    if len(X_shape) not in (3, 4):
        raise ValueError(
            f"Found an array of shape {X_shape}, but images are (n, height, width), "
            "(n, height, width, channels) or flat rows (n, height * width * channels). "
            "Add the missing axis, for one image with X[np.newaxis]."
        )
    shape = (*X_shape[1:], 1) if len(X_shape) == 3 else X_shape[1:]
    if shape[2] not in (1, 3, 4):
        raise ValueError(_channel_message(X_shape, shape))
    if 0 in shape:
        raise ValueError(f"Found images without a pixel: an array of shape {X_shape}.")
    if wanted is not None and wanted != shape:
        raise ValueError(
            f"Found images of height, width and channels {shape}, but "
            f"image_shape={image_shape!r} was asked for. Drop image_shape (only flat rows "
            "need it) or resize the images first."
        )
    return shape


def as_images(X, shape):
    """Return an array of images with all four axes, a view wherever NumPy can.

    Parameters
    ----------
    X : ndarray of shape (n, h, w), (n, h, w, c) or (n, h * w * c)
        Images of any dtype.

    shape : (int, int, int)
        Height, width and channels, as from `image_shape_of`.

    Returns
    -------
    images : ndarray of shape (n, h, w, c)
        The same pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from skfashion._utils.images import as_images
    >>> as_images(np.zeros((10, 784), np.uint8), (28, 28, 1)).shape
    (10, 28, 28, 1)
    """
    return X.reshape((X.shape[0], *shape))


def detect_input_range(X):
    """Tell the range of pixels by their values; the dtype doesn't count.

    Parameters
    ----------
    X : ndarray of shape (n, ...)
        Pixels of any numeric dtype. Read in blocks, never copied to float.

    Returns
    -------
    input_range : {"0-255", "0-1", "-1-1", "as-is"}
        ``"0-1"`` if all values lie in [0, 1], ``"0-255"`` if they lie in [0, 255],
        ``"-1-1"`` if they lie in [-1, 1], else ``"as-is"``.

    Raises
    ------
    ValueError
        If there is no pixel, or one is NaN or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> from skfashion._utils.images import detect_input_range
    >>> X = np.array([[0, 128, 255]], np.uint8)
    >>> detect_input_range(X), detect_input_range(X / 255), detect_input_range(X / 127.5 - 1)
    ('0-255', '0-1', '-1-1')
    >>> detect_input_range(X * 4.0)
    'as-is'
    """
    low, high = pixel_extremes(X)
    if low >= -_TOLERANCE:
        if high <= 1 + _TOLERANCE:
            return "0-1"
        if high <= 255 * (1 + _TOLERANCE):
            return "0-255"
    elif low >= -1 - _TOLERANCE and high <= 1 + _TOLERANCE:
        return "-1-1"
    return "as-is"


def pixel_extremes(X):
    """Return the smallest and the largest pixel as floats.

    Parameters
    ----------
    X : ndarray of shape (n, ...)
        Pixels of any numeric dtype.

    Returns
    -------
    low, high : float
        The extremes.

    Raises
    ------
    ValueError
        If there is no pixel, or one is NaN or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> from skfashion._utils.images import pixel_extremes
    >>> pixel_extremes(np.array([[3, 1], [2, 9]]))
    (1.0, 9.0)
    """
    X = np.asarray(X)
    if X.size == 0:
        raise ValueError(f"Found an array without a pixel: its shape is {X.shape}.")
    lows, highs = zip(*((block.min(), block.max()) for block in blocks(X)), strict=True)
    # np.min, unlike min, hands a NaN on.
    low, high = float(np.min(lows)), float(np.max(highs))
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(
            "The pixels contain NaN or infinity. Leave such images out or repair them first, "
            "for instance with numpy.nan_to_num."
        )
    return low, high


def blocks(X, block_bytes=_BLOCK_BYTES):
    """Yield successive views of a few rows of an array.

    Parameters
    ----------
    X : ndarray of shape (n, ...)
        The array.

    block_bytes : int, default=2**24
        About how many bytes of X a block may hold; at least one row.

    Yields
    ------
    block : ndarray of shape (m, ...)
        The next rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skfashion._utils.images import blocks
    >>> [len(block) for block in blocks(np.zeros((5, 4), np.uint8), block_bytes=8)]
    [2, 2, 1]
    """
    rows = max(1, block_bytes * len(X) // max(1, X.nbytes))
    for start in range(0, len(X), rows):
        yield X[start : start + rows]


def _is_count(value):
    return isinstance(value, Integral) and not isinstance(value, bool) and value >= 1


def _full_shape(image_shape):
    shape = tuple(image_shape) if isinstance(image_shape, (tuple, list, np.ndarray)) else ()
    if len(shape) == 2:
        shape = (*shape, 1)
    if len(shape) != 3 or not all(_is_count(side) for side in shape):
        raise ValueError(
            f"image_shape={image_shape!r} is no image shape: give (height, width) or "
            "(height, width, channels), such as (28, 28) or (96, 96, 3)."
        )
    if shape[2] not in (1, 3, 4):
        raise ValueError(
            f"image_shape={image_shape!r} has {shape[2]} channels, but 1 (grey), 3 (RGB) or "
            "4 (RGBA) were expected, as the last number."
        )
    return tuple(int(side) for side in shape)


def _shape_of_flat(n_features, wanted):
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
    return 1, n_features, 1


def _channel_message(X_shape, shape):
    message = (
        f"Found {shape[2]} channels in an array of shape {X_shape}, but 1 (grey), 3 (RGB) or "
        "4 (RGBA) were expected on the last axis."
    )
    if shape[0] in (1, 3, 4):
        message += " The channels seem to stand first: move them with np.moveaxis(X, 1, -1)."
    return message
