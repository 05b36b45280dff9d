"""How arrays are read as images: their shape, and the range of their pixels."""

import numpy as np
import pytest

from skfashion._utils.images import (
    as_images,
    blocks,
    detect_input_range,
    image_shape_of,
    pixel_extremes,
    size_of,
)


@pytest.mark.parametrize(
    ("X_shape", "image_shape", "expected"),
    [
        ((5, 28, 28), None, (28, 28, 1)),
        ((5, 20, 30, 3), None, (20, 30, 3)),
        ((5, 20, 30, 4), None, (20, 30, 4)),
        ((5, 784), None, (28, 28, 1)),
        ((5, 32 * 32 * 3), None, (32, 32, 3)),
        ((5, 3), None, (1, 1, 3)),
        ((5, 7), None, (1, 7, 1)),
        ((5, 600), (20, 30), (20, 30, 1)),
        ((5, 1800), (20, 30, 3), (20, 30, 3)),
        ((5, 20, 30), (20, 30), (20, 30, 1)),
    ],
)
def test_shape_of_images(X_shape, image_shape, expected):
    assert image_shape_of(X_shape, image_shape) == expected
    assert as_images(np.zeros(X_shape, np.uint8), expected).shape == (5, *expected)


@pytest.mark.parametrize(
    ("X_shape", "image_shape", "fragment"),
    [
        ((5,), None, "flat rows"),
        ((5, 4, 4, 3, 1), None, "flat rows"),
        ((5, 8, 8, 2), None, "2 channels"),
        ((5, 3, 8, 8), None, "np.moveaxis"),
        ((5, 0, 8), None, "without a pixel"),
        ((5, 10), (3, 4), "needs 12"),
        ((5, 8, 8), (4, 4), "image_shape"),
        ((5, 10), (10,), "no image shape"),
        ((5, 10), (5, 2.0), "no image shape"),
        ((5, 10), "5x2", "no image shape"),
        ((5, 10), (1, 5, 2), "2 channels"),
    ],
)
def test_no_shape_of_images(X_shape, image_shape, fragment):
    with pytest.raises(ValueError, match=fragment):
        image_shape_of(X_shape, image_shape)


@pytest.mark.parametrize("size", [0, -1, 1.5, True, None, "96", (4,), (4, 0), (4, 4, 3)])
def test_no_size(size):
    with pytest.raises(ValueError, match=r"height, width"):
        size_of(size)


def test_as_images_shares_memory():
    X = np.zeros((3, 16), np.uint8)
    assert np.shares_memory(as_images(X, (4, 4, 1)), X)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 255, "0-255"),
        (0, 1.5, "0-255"),
        (0, 1, "0-1"),
        (0, 0, "0-1"),
        (0, 1 + 1e-7, "0-1"),
        (-1e-7, 255, "0-255"),
        (-1, 1, "-1-1"),
        (-0.01, 0.5, "-1-1"),
        (-1.2, 1, "as-is"),
        (-1, 200, "as-is"),
        (0, 300, "as-is"),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_range_by_value(low, high, expected, dtype):
    X = np.full((4, 3, 3), low, dtype)
    X[-1, -1, -1] = high
    assert detect_input_range(X) == expected


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32])
def test_range_does_not_depend_on_dtype(dtype, rng):
    X = rng.integers(0, 256, (50, 4, 4))
    assert detect_input_range(X.astype(dtype)) == "0-255"
    assert detect_input_range((X > 100).astype(dtype)) == "0-1"


def test_range_reads_all_blocks():
    X = np.zeros((1 << 13, 1 << 12), np.uint8)
    X[-1, -1] = 9
    assert sum(len(block) for block in blocks(X)) == len(X)
    assert pixel_extremes(X) == (0.0, 9.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_range_of_broken_pixels(bad):
    X = np.zeros((4, 4))
    X[2, 2] = bad
    with pytest.raises(ValueError, match="NaN or infinity"):
        detect_input_range(X)
    with pytest.raises(ValueError, match="without a pixel"):
        detect_input_range(np.empty((0, 4)))
