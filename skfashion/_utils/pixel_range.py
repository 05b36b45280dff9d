"""The range of pixels, told from their values and not from their dtype.

A range is one of `NAMES`, a pair of floats (black, white), or None: all pixels are 0.
"""

import math
from numbers import Real

import numpy as np

from skfashion._utils.images import LONG_ROW, blocks, pixel_extremes
from skfashion._utils.validation import InvalidParameterError
from skfashion._utils.warnings import warn

_LIMITS = {"0-255": (0.0, 255.0), "0-1": (0.0, 1.0), "-1-1": (-1.0, 1.0)}
_NAME_OF = {limits: name for name, limits in _LIMITS.items()}
NAMES = (*_LIMITS, "as-is")

# What resampling and brightening add beyond white, as a share of it.
_OVERSHOOT = 1 / 8
# Standardised features reach about 50, and are meant to be taken as they are.
_FAR = 100
# A double ends at 2**1024, and from black to white may be two of these.
_MAX_BITS = 1022


def find_range(X, *, quiet=False):
    """Return the range of pixels; warn if it is not known and they lie far from 0.

    It goes in powers of two, so that folds and batches of one data set get the same.
    """
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
    limits = limits_of(input_range)
    if limits is None:
        return 1.0, 0.0
    black, white = limits
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
    elif low < 0 and least == 0 < most and math.prod(X.shape[1:]) >= LONG_ROW:
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
        black = -white
    else:
        black, white = 0.0, _white(high, 0.0 if whole else _OVERSHOOT)
    return _NAME_OF.get((black, white), (black, white))


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
    X = np.asarray(X)
    X = X.astype(float) if X.dtype.kind == "O" else X
    if X.dtype.kind != "f":
        return True
    return all((np.rint(block) == block).all() for block in blocks(X, 1 << 19))
