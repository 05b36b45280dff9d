"""Pillow's bilinear resizing as operations of a graph: the same bytes from the same bytes."""

import numpy as np
from keras import ops

from skfashion.preprocessing import ImageResizer

# Pillow multiplies bytes by weights in units of 2**-22, and rounds after each direction.
_BITS = 22
# Such a product is too long for a float32, its two halves are not.
_HALF = 1 << (_BITS // 2)


def resized(x, size, *, as_bytes):
    """Return images (n, h, w, c) at another size; of bytes, whole numbers, if `as_bytes`."""
    if not as_bytes:
        return _along(_along(x, 2, size[1], _floats_by), 1, size[0], _floats_by)
    # Which direction comes first is Pillow's choice, and not the same in all versions.
    probe = np.random.RandomState(0).randint(256, size=(1, *x.shape[1:])).astype(np.uint8)
    wanted = ImageResizer(size).transform(probe)
    for first, second in ((2, 1), (1, 2)):

        def both(images, first=first, second=second):
            images = _along(images, first, size[first - 1], _bytes_by)
            return _along(images, second, size[second - 1], _bytes_by)

        if np.array_equal(both(probe.astype(np.float32)), wanted):
            break
    return both(x)


def _along(x, axis, n_out, by):
    """Resize images along their axis 1 or 2."""
    if x.shape[axis] == n_out:
        return x
    to_rows = (0, 2, 3, 1) if axis == 1 else (0, 1, 3, 2)
    x = by(ops.transpose(x, to_rows), _weights(x.shape[axis], n_out))
    return ops.transpose(x, np.argsort(to_rows).tolist())


def _weights(n_in, n_out):
    """Return how much each of the pixels of a line counts in each of the new ones."""
    scale = n_in / n_out
    distances = (np.arange(n_in) + 0.5)[:, np.newaxis] - (np.arange(n_out) + 0.5) * scale
    weights = np.maximum(0, 1 - np.abs(distances) / max(scale, 1))
    return weights / weights.sum(axis=0)


def _floats_by(x, weights):
    return ops.matmul(x, weights.astype(np.float32))


def _bytes_by(x, weights):
    high, low = np.divmod(np.rint(weights * (1 << _BITS)), _HALF)
    low_sum = ops.floor(ops.matmul(x, low.astype(np.float32)) / _HALF)
    total = ops.matmul(x, high.astype(np.float32)) + low_sum
    return ops.clip(ops.floor((total + _HALF / 2) / _HALF), 0, 255)
