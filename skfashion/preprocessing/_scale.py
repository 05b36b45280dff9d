"""Pixels on another scale."""

from typing import Any, Literal

import numpy as np
from sklearn.base import OneToOneFeatureMixin
from sklearn.utils.validation import check_is_fitted

from skfashion._utils.images import blocks
from skfashion._utils.pixel_range import find_range, limits_of
from skfashion._utils.typing import Array, NDArray, Self
from skfashion._utils.validation import StrOptions, _fit_context

from ._arrays import ImageTransformer

# Small enough that a block of uint8 pixels as float64 stays in a processor's cache.
_BLOCK_BYTES = 1 << 18


class PixelScaler(OneToOneFeatureMixin, ImageTransformer):
    """Scale pixels to [0, 1], to [-1, 1], or to mean 0 and deviation 1 each.

    The range that comes in is told from the values of the training pixels, not from
    their dtype, as the classifiers do. Pixels of no known range are left as they are by
    the first two modes. Images come out as float32, four bytes a value. The classifiers of
    this package scale inside the network, batch by batch, and don't need this step.

    Parameters
    ----------
    mode : {"unit", "symmetric", "standard"}, default="unit"
        ``"unit"`` for [0, 1], ``"symmetric"`` for [-1, 1], ``"standard"`` for mean
        0 and standard deviation 1 of each pixel over the training images. A pixel
        that never changes becomes 0.

    Attributes
    ----------
    input_range_ : {"0-255", "0-1", "-1-1", "as-is"} or (float, float)
        The range of the training pixels, black and white if it has no name.

    mean_ : ndarray of shape (n_features_in_,), float64
        Mean of each pixel, with ``mode="standard"`` only.

    scale_ : ndarray of shape (n_features_in_,), float64
        Standard deviation of each pixel, 1 for one that never changes, with
        ``mode="standard"`` only.

    image_shape_ : (int, int, int)
        Height, width and channels of the images seen in `fit`.

    n_features_in_ : int
        Values an image had in `fit`.

    feature_names_in_ : ndarray of str
        Names of the columns seen in `fit`, if it was given a table.

    Examples
    --------
    >>> import numpy as np
    >>> from skfashion.preprocessing import PixelScaler
    >>> X = np.array([[0, 51], [102, 255]], np.uint8)
    >>> scaler = PixelScaler().fit(X)
    >>> scaler.transform(X)
    array([[0. , 0.2],
           [0.4, 1. ]], dtype=float32)
    >>> scaler.inverse_transform(scaler.transform(X))
    array([[  0,  51],
           [102, 255]], dtype=uint8)
    """

    _parameter_constraints = {"mode": [StrOptions({"unit", "symmetric", "standard"})]}

    def __init__(self, mode: Literal["unit", "symmetric", "standard"] = "unit") -> None:
        self.mode = mode

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Array, y: Any = None) -> Self:
        """Tell the range of the pixels, and learn mean and deviation if asked to.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, n_features)
            Images or flat rows of pixels.

        y : ignored
            Present by convention.

        Returns
        -------
        self : PixelScaler
            The fitted scaler.
        """
        X, _ = self._check_images(X, reset=True)
        self.input_range_ = find_range(X, quiet=self.mode == "standard") or "0-255"
        self._dtype_in = X.dtype.str
        for name in ("mean_", "scale_"):
            self.__dict__.pop(name, None)
        if self.mode == "standard":
            self.mean_, self.scale_ = _moments(X.reshape(len(X), -1))
        return self

    def transform(self, X: Array) -> NDArray:
        """Scale pixels.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, n_features)
            Images or flat rows of the shape seen in `fit`.

        Returns
        -------
        X_new : ndarray of the same shape, float32
            The scaled pixels.

        Raises
        ------
        ValueError
            If X is no array of images, or not of the shape seen in `fit`.
        """
        check_is_fitted(self)
        X, _ = self._check_images(X, reset=False)
        offset, width = self._offset_and_width()
        return _map(X, lambda rows: (rows - offset) / width, np.float32)

    def inverse_transform(self, X: Array) -> NDArray:
        """Bring scaled pixels back to the range and the dtype seen in `fit`.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, n_features)
            Scaled images or rows.

        Returns
        -------
        X_original : ndarray of the same shape
            Pixels; whole numbers are rounded and kept inside their dtype's range.
        """
        check_is_fitted(self)
        X, _ = self._check_images(X, reset=False)
        offset, width = self._offset_and_width()
        dtype = np.dtype(self._dtype_in)
        if np.issubdtype(dtype, np.integer):
            ends = np.iinfo(dtype)
            low, high = float(ends.min), float(ends.max)
            return _map(X, lambda rows: np.clip(np.rint(rows * width + offset), low, high), dtype)
        if dtype.kind == "b":
            return _map(X, lambda rows: rows * width + offset >= 0.5, dtype)
        return _map(X, lambda rows: rows * width + offset, dtype)

    def _offset_and_width(self):
        """Return what is subtracted from the pixels and what they are divided by then."""
        if self.mode == "standard":
            check_is_fitted(self, "mean_")  # another mode may have been set since
            return self.mean_, self.scale_
        limits = limits_of(self.input_range_)
        if limits is None:
            return 0.0, 1.0
        black, white = limits
        if self.mode == "unit":
            return black, white - black
        return (black + white) / 2, (white - black) / 2

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _map(X, function, dtype):
    """Apply a function of float64 rows block by block, so that only the result is large."""
    new = np.empty((len(X), int(np.prod(X.shape[1:]))), dtype)
    start = 0
    for block in blocks(X.reshape(new.shape), _BLOCK_BYTES):
        new[start : start + len(block)] = function(block.astype(np.float64))
        start += len(block)
    return new.reshape(X.shape)


def _moments(rows):
    """Return mean and standard deviation of each column in two passes over blocks."""
    # Seen from the first row a constant column is exactly zero, free of rounding.
    origin = rows[0].astype(np.float64)
    shift = np.zeros(rows.shape[1])
    for block in blocks(rows, _BLOCK_BYTES):
        shift += (block - origin).sum(axis=0)
    mean = origin + shift / len(rows)
    variance = np.zeros(rows.shape[1])
    for block in blocks(rows, _BLOCK_BYTES):
        variance += np.square(block - mean).sum(axis=0)
    scale = np.sqrt(variance / len(rows))
    scale[scale == 0] = 1.0
    return mean, scale
