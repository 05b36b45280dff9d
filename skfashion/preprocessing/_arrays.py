"""What the transformers of image arrays have in common."""

import math
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from skfashion._utils.images import as_images, image_shape_of, is_planar
from skfashion._utils.typing import Array, NDArray, Self
from skfashion._utils.validation import _fit_context
from skfashion._utils.version_mixin import VersionMixin

from ._rows_output import RowsOutputMixin, rank_of


class ImageTransformer(RowsOutputMixin, VersionMixin, BaseEstimator):
    """Base of the transformers that take images as arrays and keep their rank.

    It checks images and remembers their shape in `fit`. A child says how one
    array becomes another, and whether it has to know the height and width of images.
    """

    _sees_neighbours = False

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Array, y: Any = None) -> Self:
        """Check the parameters and remember the shape of the images.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, n_features)
            Images or flat rows of pixels.

        y : ignored
            Present by convention.

        Returns
        -------
        self : estimator
            The fitted transformer.
        """
        self._check_images(X, reset=True)
        return self

    def fit_transform(self, X: Array, y: Any = None) -> NDArray:
        """Fit, then transform the same images.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, n_features)
            Images or flat rows of pixels.

        y : ignored
            Present by convention.

        Returns
        -------
        X_new : ndarray
            As from `transform`.
        """
        # Defined here because the inherited one would wrap images of any rank.
        return self.fit(X, y).transform(X)

    def _check_images(self, X, *, reset):
        """Return X as an array, its channels last, and the shape of its images, (h, w, c)."""
        ndim = rank_of(X)
        asked = getattr(self, "image_shape", None)
        if ndim < 3:
            X = validate_data(self, X, reset=reset)
            known = None if reset else getattr(self, "image_shape_", None)
            taker = type(self).__name__ if self._sees_neighbours else None
            shape = image_shape_of(X.shape, known if asked is None else asked, taker=taker)
        else:
            X = check_array(X, allow_nd=True, estimator=self, input_name="X")
            shape = image_shape_of(X.shape, asked)
            if reset:
                # What the same images would have as rows; names of columns there are none.
                self.n_features_in_ = math.prod(shape)
                self.__dict__.pop("feature_names_in_", None)
            elif shape != getattr(self, "image_shape_", shape):
                raise ValueError(
                    f"X has images of height, width and channels {shape}, but "
                    f"{type(self).__name__} is expecting {self.image_shape_} as in fit. "
                    "Resize them first, or fit again."
                )
        if reset:
            self.image_shape_ = shape
        if is_planar(asked):
            images = np.ascontiguousarray(as_images(X, shape, planar=True))
            X = in_rank_of(X, images)
        return X, shape

    def _check_names_in(self, input_features):
        check_is_fitted(self, "n_features_in_")
        if input_features is None:
            return
        known = getattr(self, "feature_names_in_", None)
        if known is not None and not np.array_equal(known, np.asarray(input_features, object)):
            raise ValueError("input_features is not equal to feature_names_in_")
        if len(input_features) != self.n_features_in_:
            raise ValueError(
                "input_features should have length equal to number of features "
                f"({self.n_features_in_}), got {len(input_features)}"
            )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


class StatelessMixin:
    """For transformers that need nothing from `fit`."""

    def __sklearn_is_fitted__(self):
        return True

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags


def in_rank_of(X, images):
    """Return (n, h, w, c) images in the rank of X: rows, (n, h, w) if grey, or as they are."""
    if X.ndim == 2:
        return images.reshape(len(images), -1)
    return images[..., 0] if X.ndim == 3 and images.shape[-1] == 1 else images


def pixel_names(shape):
    """Return a name for each value of a flat row, ``pixel_<row>_<column>[_<channel>]``."""
    height, width, channels = shape
    ends = [""] if channels == 1 else [f"_{channel}" for channel in range(channels)]
    return np.array(
        [
            f"pixel_{row}_{column}{end}"
            for row in range(height)
            for column in range(width)
            for end in ends
        ],
        dtype=object,
    )
