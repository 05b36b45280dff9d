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


@pytest.mark.parametrize("form", ["rows", "planes", "images"])
def test_planes_are_read_as_such(form):
    images = np.arange(2 * 5 * 6 * 3).reshape(2, 5, 6, 3)
    planes = np.moveaxis(images, -1, 1)
    X = {"rows": planes.reshape(2, -1), "planes": planes, "images": images}[form]
    np.testing.assert_array_equal(as_images(X, (5, 6, 3), planar=True), images)


@pytest.mark.parametrize("n_values", [65, 193, 2914])
def test_a_long_line_is_of_no_use_to_who_has_to_know_neighbours(n_values):
    with pytest.raises(ValueError, match=rf"rows of {n_values} .*Conv .*image_shape=\(height"):
        image_shape_of((5, n_values), taker="Conv")
    assert image_shape_of((5, n_values), (1, n_values), taker="Conv") == (1, n_values, 1)
    assert image_shape_of((5, 63), taker="Conv") == (1, 63, 1)


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
        ((5, 10), (10,), "not an image shape"),
        ((5, 10), (5, 2.0), "not an image shape"),
        ((5, 10), "5x2", "not an image shape"),
        ((5, 10), (5, 1, 2), "2 channels"),
        ((5, 20), (2, 5, 2), "2 channels.* planar"),
        ((5, 20, 30, 3), (3, 30, 20), "image_shape"),
        ((5, 3, 20, 31), (3, 20, 30), "moveaxis"),
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
