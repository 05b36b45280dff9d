"""How arrays are read as images: their shape, and the order of their channels."""

import numpy as np
import pytest

from skfashion._utils.images import as_images, image_shape_of, is_planar, size_of


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
        ((5, 1800), (3, 20, 30), (20, 30, 3)),
        ((5, 1800), (3, 150, 4), (3, 150, 4)),  # the last number decides
        ((5, 3, 20, 30), (3, 20, 30), (20, 30, 3)),
        ((5, 4, 20, 30), [4, 20, 30], (20, 30, 4)),
        ((5, 1, 20, 30), np.array([1, 20, 30]), (20, 30, 1)),
        ((5, 20, 30, 3), (3, 20, 30), (20, 30, 3)),
        ((5, 20, 30), (1, 20, 30), (20, 30, 1)),
        ((5, 2914), None, (1, 2914, 1)),
    ],
)
def test_shape_of_images(X_shape, image_shape, expected):
    assert image_shape_of(X_shape, image_shape) == expected
    X = np.zeros(X_shape, np.uint8)
    assert as_images(X, expected, is_planar(image_shape)).shape == (5, *expected)


@pytest.mark.parametrize("size", [0, -1, 1.5, True, None, "96", (4,), (4, 0), (4, 4, 3)])
def test_no_size(size):
    with pytest.raises(ValueError, match=r"height, width"):
        size_of(size)
