"""How pixels are read: by values and not by dtype, in steps that all folds share."""

import warnings
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from skfashion._utils.images import (
    NAMES,
    as_range,
    find_range,
    warn_of_other_range,
)

WHOLE = [
    (0, 0, None),
    (0, 1, "0-1"),
    (0, 2, (0.0, 2.0)),
    (0, 5, (0.0, 7.0)),
    (0, 16, (0.0, 16.0)),
    (9, 100, (0.0, 127.0)),
    (0, 127, (0.0, 127.0)),
    (0, 128, "0-255"),
    (7, 255, "0-255"),
    (0, 256, (0.0, 256.0)),
    (0, 300, (0.0, 511.0)),
    (0, 4080, (0.0, 4095.0)),
    (0, 2**31 - 1, (0.0, 2.0**31 - 1)),
    (0, 2**63 - 1, (0.0, 2.0**63)),
    (0, 2**64 - 1, (0.0, 2.0**64)),
    (-1, 1, "-1-1"),
    (-2, 1, (-2.0, 2.0)),
    (-1, 200, (-256.0, 256.0)),
    (-128, 127, (-128.0, 128.0)),
    (-(2**15), 2**15 - 1, (-(2.0**15), 2.0**15)),
    (-(2**31), 2**31 - 1, (-(2.0**31), 2.0**31)),
    (-(2**63), 0, (-(2.0**63), 2.0**63)),
]
FRACTIONS = [
    (0, 0.5, "0-1"),
    (0, 1 + 1e-7, "0-1"),
    (-0.25, 2, "0-1"),
    (-0.26, 1, "-1-1"),
    (-2, 1.9, "-1-1"),
    (-2.1, 1.9, "as-is"),
    (-1e-7, 255, "0-255"),
    (0, 128.5, "0-255"),
    (0, 270.3, "0-255"),
    (0, 2.1, (0.0, 3.0)),
    (-1.5, 16.4, (0.0, 15.0)),
    (0, 300.5, (0.0, 511.0)),
    (-100.5, 65535, (0.0, 65535.0)),
    (-40.5, 255, "as-is"),
    (-1e300, 1.5, "as-is"),
    (0.5, 1e308, (0.0, 2.0**1022 - 1)),
]
INTEGERS = ["uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
DTYPES = ["bool", *INTEGERS, "float16", "float32", "float64"]


def holds(dtype, number):
    """Whether a dtype has exactly this whole number."""
    with np.errstate(over="ignore"):
        return np.array(number).astype(dtype).item() == number


def pixels(low, high, dtype, between=None):
    X = np.full((4, 3, 3), low, dtype)
    X[-1, -1, -1] = high
    if between is not None:
        X[0, 0, 0] = between
    return X


@pytest.mark.parametrize(("low", "high", "expected"), WHOLE)
def test_whole_numbers_of_any_dtype(low, high, expected):
    fitting = [dtype for dtype in DTYPES if holds(dtype, low) and holds(dtype, high)]
    assert len(fitting) > 1 or high > 2**63
    for dtype in fitting:
        found = find_range(pixels(low, high, dtype))
        assert found == expected, dtype
        if isinstance(found, tuple):
            assert [type(end) for end in found] == [float, float]


@pytest.mark.parametrize(("low", "high", "expected"), FRACTIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fractions(low, high, expected, dtype):
    if max(-low, high) > float(np.finfo(dtype).max):
        pytest.skip("no such number in this dtype")
    assert find_range(pixels(low, high, dtype, between=0.25), quiet=True) == expected


def test_numbers_that_are_not_numpys():
    X = np.array([[Fraction(1, 2), Decimal(9)]], object)
    assert find_range(X) == (0.0, 15.0)
    with pytest.raises(TypeError):
        find_range(np.array([[datetime(2000, 1, 1)]], object))


def test_one_block_that_is_not_whole_is_enough():
    X = np.zeros((1 << 11, 1 << 10), np.float32)
    X[-1, -1] = 9
    assert find_range(X) == (0.0, 15.0)
    X[-1, -2] = 0.5
    X[-1, -1] = 2
    assert find_range(X) == "0-1"


@pytest.mark.parametrize(("low", "high", "warned"), [(-50.5, 60, 0), (-50.5, 101, 1), (-101, 9, 1)])
def test_far_off_pixels_of_no_known_range_are_told_once(low, high, warned):
    X = pixels(low, high, float, between=0.5)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert find_range(X) == "as-is"
    assert len(caught) == warned
    assert all(r"input_range=(low, high)" in str(w.message) for w in caught)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        *((name, name) for name in NAMES),
        ((0, 255), "0-255"),
        ([0, 1.0], "0-1"),
        (np.array([-1, 1]), "-1-1"),
        ((0, 4095), (0.0, 4095.0)),
        (np.float32([-1000, 3000]), (-1000.0, 3000.0)),
    ],
)
def test_ranges_as_users_give_them(given, expected):
    found = as_range(given)
    assert found == expected
    assert type(found) in (str, tuple)
    if isinstance(found, tuple):
        assert [type(end) for end in found] == [float, float]


BYTES = np.random.default_rng(0).integers(0, 256, (5, 8, 8))
BYTES[0, 0, :2] = 0, 255
OTHER = {
    "bytes for 0-1": ("0-1", BYTES),
    "0-1 for bytes": ("0-255", BYTES / 255),
    "16 bits for bytes": ("0-255", BYTES * 257),
    "bytes for 16 bits": ((0.0, 65535.0), BYTES),
    "0-1 for 16 bits": ((0.0, 65535.0), BYTES / 255),
    "0-1 for digits": ((0.0, 16.0), BYTES / 255),
    "bytes for digits": ((0.0, 16.0), BYTES),
    "bytes for -1-1": ("-1-1", BYTES),
    "0-1 for -1-1": ("-1-1", BYTES / 255),
    "-1-1 for 0-1": ("0-1", BYTES / 127.5 - 1),
    "-1-1 for bytes": ("0-255", (BYTES / 255).astype("float16")),
    "bytes for centred": ((-128.0, 128.0), BYTES),
    "centred for bytes": ("0-255", BYTES - 128),
}


@pytest.mark.parametrize("name", OTHER)
def test_another_range_is_told(name):
    input_range, X = OTHER[name]
    with pytest.warns(UserWarning, match=r"of X_val lie.*fitted on pixels in .*scale them"):
        warn_of_other_range(X, input_range, "X_val")


@pytest.mark.parametrize(
    ("input_range", "X"),
    [
        ("0-255", BYTES),
        ("0-255", BYTES // 255),
        ("0-255", (BYTES // 255).astype(float)),
        ("0-255", BYTES * 0),
        ("0-255", BYTES / 255 * 286),
        ("0-1", BYTES / 255 * 1.9),
        ("0-1", BYTES // 255),
        ("0-1", BYTES * 1e-38),
        ((-8.0, 8.0), np.array([[0, 5, 3]])),
        ("-1-1", BYTES / 127.5 - 1),
        ("-1-1", BYTES * 0.0),
        ((0.0, 16.0), BYTES // 16),
        ((0.0, 4095.0), BYTES * 16),
        ((0.0, 4095.0), BYTES),  # a dark one
        ("as-is", BYTES * 1e3),
        (None, BYTES),
        ("0-1", np.empty((0, 4))),
    ],
)
def test_nothing_is_told_without_reason(input_range, X, recwarn):
    warn_of_other_range(X, input_range)
    assert not recwarn
