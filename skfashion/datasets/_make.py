"""Images made up on the spot, for examples and tests."""

from numbers import Integral, Real
from typing import Literal

import numpy as np
from sklearn.utils import check_random_state

from skfashion._utils.images import size_of
from skfashion._utils.typing import NDArray, RandomState, Size
from skfashion._utils.validation import Interval, Options, validate_params

# Waves a side of the patterns: low enough that a small shift keeps them recognisable.
_WAVES = 3


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "n_classes": [Interval(Integral, 2, None, closed="left")],
        "image_size": [Interval(Integral, 1, None, closed="left"), "array-like"],
        "channels": [Options(Integral, {1, 3})],
        "noise": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_images(
    n_samples: int = 200,
    *,
    n_classes: int = 3,
    image_size: Size = 16,
    channels: Literal[1, 3] = 1,
    noise: float = 0.2,
    random_state: RandomState = None,
) -> tuple[NDArray, NDArray]:
    """Make small images that a classifier can learn, but not without training.

    Each shows the smooth random pattern of its class, shifted a little, with a contrast of its own,
    under noise.

    Parameters
    ----------
    n_samples : int, default=200
        Number of images, spread evenly over the classes.
    n_classes : int, default=3
        Number of classes.
    image_size : int or (int, int), default=16
        Side of the square images, or height and width, in pixels.
    channels : {1, 3}, default=1
        Grey or RGB.
    noise : float, default=0.2
        Standard deviation of the noise, where 1 is the way from black to white.
    random_state : int, RandomState instance or None, default=None
        Seed of patterns and images. Split one data set rather than making two, whose
        patterns differ.

    Returns
    -------
    X : ndarray of shape (n_samples, height, width) or (n_samples, height, width, 3)
        The images, uint8, without a last axis if ``channels=1``.
    y : ndarray of int, shape (n_samples,)
        The class of each image, from 0 to ``n_classes - 1``.

    Raises
    ------
    ValueError
        If a parameter can't have the value it was given.

    Examples
    --------
    >>> from skfashion.datasets import make_images
    >>> X, y = make_images(60, n_classes=2, image_size=8, channels=3, random_state=0)
    >>> X.shape, X.dtype, y.shape
    ((60, 8, 8, 3), dtype('uint8'), (60,))
    """
    height, width = size_of(image_size, "image_size")
    random = check_random_state(random_state)
    patterns = np.stack([_pattern(random, height, width, channels) for _ in range(n_classes)])
    y = random.permutation(np.arange(n_samples) % n_classes)
    X = np.empty((n_samples, height, width, channels), np.uint8)
    # One pixel in eight: enough to spoil a comparison pixel by pixel.
    reach = [max(1, side // 8) if side > 1 else 0 for side in (height, width)]
    for image, label in zip(X, y, strict=True):
        shift = [random.randint(-most, most + 1) for most in reach]
        pixels = np.roll(patterns[label], shift, axis=(0, 1)) * random.uniform(0.5, 1.0)
        pixels = 0.5 + 0.5 * pixels + noise * random.standard_normal(pixels.shape)
        image[...] = np.rint(255 * np.clip(pixels, 0, 1))
    return (X[..., 0] if channels == 1 else X), y


def _pattern(random, height, width, channels):
    """Return a sum of few waves, periodic so that it can be shifted, in [-1, 1]."""
    rows = np.arange(height)[:, None] / height
    columns = np.arange(width)[None, :] / width
    pattern = np.zeros((height, width, channels))
    for channel in range(channels):
        for _ in range(4):
            down, across = random.randint(0, _WAVES, size=2)
            phase = random.uniform(0, 2 * np.pi)
            angle = 2 * np.pi * (down * rows + across * columns) + phase
            pattern[..., channel] += random.standard_normal() * np.cos(angle)
    return pattern / max(np.abs(pattern).max(), 1e-12)
