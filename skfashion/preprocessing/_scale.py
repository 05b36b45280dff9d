"""Pixels on another scale."""

from typing import Literal

import numpy as np
from sklearn.base import OneToOneFeatureMixin
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from skfashion._utils.images import blocks, find_range, limits_of
from skfashion._utils.typing import Array, NDArray
from skfashion._utils.validation import StrOptions

from ._arrays import ImageTransformer, as_dtype, in_rank

# Small enough that a block of uint8 pixels as float64 stays in a processor's cache.
_BLOCK_BYTES = 1 << 18


class PixelScaler(OneToOneFeatureMixin, ImageTransformer):
    """Scale pixels to [0, 1], to [-1, 1], or to mean 0 and deviation 1 each.

    The range that comes in is told from the values of the training pixels, not from their dtype;
    pixels of no known range are left as they are by the first two modes. Images come out as
    float32. The classifiers of this package scale inside the network and don't need this step.

    Parameters
    ----------
    mode : {"unit", "symmetric", "standard"}, default="unit"
        ``"unit"`` for [0, 1], ``"symmetric"`` for [-1, 1], ``"standard"`` for mean 0 and standard
        deviation 1 of each pixel over the training images, 0 where it never changes.

    Attributes
    ----------
    input_range_ : {"0-255", "0-1", "-1-1", "as-is"} or (float, float)
        The range of the training pixels, black and white if it has no name.
    mean_ : ndarray of shape (n_features_in_,), float64
        Mean of each pixel, with ``mode="standard"`` only.
    scale_ : ndarray of shape (n_features_in_,), float64
        Standard deviation of each pixel, or 1, with ``mode="standard"`` only.

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
        images, rank = self._check_images(X, reset=False)
        offset, width = self._offset_and_width()
        dtype = np.dtype(self._dtype_in)
        pixels = _map(images, lambda rows: as_dtype(rows * width + offset, dtype), dtype)
        return in_rank(pixels, rank)

    def _learn(self, images, rank):
        self.input_range_ = find_range(images, quiet=self.mode == "standard") or "0-255"
        self._dtype_in = images.dtype.str
        for name in ("mean_", "scale_"):
            self.__dict__.pop(name, None)
        if self.mode == "standard":
            standard = StandardScaler()
            for block in blocks(images):
                standard.partial_fit(block.reshape(len(block), -1).astype(np.float64))
            self.mean_, self.scale_ = standard.mean_, standard.scale_

    def _transform(self, images):
        offset, width = self._offset_and_width()
        return _map(images, lambda rows: (rows - offset) / width, np.float32)

    def _limits_out(self, limits):
        if limits is None or self.mode == "standard":
            return None
        offset, width = self._offset_and_width()
        return tuple((limit - offset) / width for limit in limits)

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

    def __sklearn_is_fitted__(self):
        return hasattr(self, "input_range_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _map(images, function, dtype):
    """Apply a function of float64 rows block by block, so that only the result is large."""
    new = np.empty(images.shape, dtype)
    out, start = new.reshape(len(new), -1), 0
    for block in blocks(images.reshape(out.shape), _BLOCK_BYTES):
        out[start : start + len(block)] = function(block.astype(np.float64))
        start += len(block)
    return new
