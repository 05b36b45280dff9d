"""Base of the transformers of image arrays."""

import copy
import math
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from skfashion._utils import validation
from skfashion._utils.docs import complete
from skfashion._utils.images import as_images, image_shape_of, is_planar
from skfashion._utils.lazy_images import LazyImages
from skfashion._utils.typing import Array, NDArray, Self
from skfashion._utils.version_mixin import VersionMixin

PARAMETERS = {
    "image_shape": (
        "(int, int) or (int, int, int)",
        """Height, width and channels of flat rows, the channels of a pixel side by side; or
        channels, height and width, such as ``(3, 32, 32)``, of rows and images with all of red
        first, which come out with channels last. `None` reads rows as square grey images if
        they can be, else as square RGB, else as lines of pixels, of which `ImageResizer` takes
        fewer than 64.""",
    ),
}
ATTRIBUTES = {
    "image_shape_": (
        "(int, int, int)",
        "Height, width and channels of the images seen in `fit`.",
    ),
    "n_features_in_": ("int", "Values an image had in `fit`."),
    "feature_names_in_": (
        "ndarray of str",
        "Names of the columns seen in `fit`, if it was given a table.",
    ),
}

_MIXED = (
    "The images have different sizes, so they can't form one array. Bring them to one size "
    "first: ImageReader(size=...) does so when reading files."
)


class ImageTransformer(TransformerMixin, VersionMixin, BaseEstimator, auto_wrap_output_keys=None):
    """Transformer of images as arrays, with scikit-learn's `set_output` for rows.

    `_transform` makes images (n, h, w, c) of others; `_names_out` names a flat row's values.
    """

    _sees_neighbours = False  # whether height and width of images matter
    _rank_out = None  # of what comes out; None: as it came in

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        complete(cls, PARAMETERS, ATTRIBUTES)

    @validation._fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Array, y: Any = None) -> Self:
        """Check the parameters, and learn what is needed from images, at least their shape.

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
        images, rank = self._check_images(X, reset=True)
        self._learn(images, rank)
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
        # Defined here because the inherited one would make tables of images of any rank.
        return self.fit(X, y).transform(X)

    def transform(self, X: Array) -> NDArray:
        """Transform images.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, n_features)
            Images or flat rows, of the shape seen in `fit` if there was one.

        Returns
        -------
        X_new : ndarray of shape (n, h_new, w_new), (n, h_new, w_new, c_new) or (n, n_new)
            The new images: rows for rows and images for images, unless the class says
            otherwise. Rows come in a DataFrame where `set_output` asks for one. Of what
            `ImageReader` has listed and not read: such an object again.

        Raises
        ------
        ValueError
            If X is not an array of images, or not of the shape seen in `fit`.
        """
        check_is_fitted(self)
        if isinstance(X, LazyImages):
            # A copy: it may be fitted again before the images are read.
            new = X.then(copy.copy(self)._changed, self._limits_out(X.limits))
        else:
            new = self._changed(X)
        if new.ndim > 2:
            return new
        return validation._wrap_data_with_container("transform", new, X, self)

    def get_feature_names_out(self, input_features: Array | None = None) -> NDArray:
        """Return the names of the columns of rows that come out.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns that came in; only checked.

        Returns
        -------
        names : ndarray of str
            ``pixel_<row>_<column>``, with ``_<channel>`` for RGB. `ImageFlattener` keeps the
            names of the table seen in `fit`, if it was one.
        """
        check_is_fitted(self, "n_features_in_")
        validation._check_feature_names_in(self, input_features, generate_names=False)
        return self._names_out()

    def _changed(self, X):
        images, rank = self._check_images(X, reset=False)
        return in_rank(self._transform(images), self._rank_out or rank)

    def _limits_out(self, limits):
        """Return black and white of what comes out, or None, of those of what comes in."""
        return limits

    def _learn(self, images, rank):
        """Learn from images (n, h, w, c), which came in another rank."""

    def _check_images(self, X, *, reset):
        """Return X as images (n, h, w, c), and the rank it came in."""
        asked, lazy = getattr(self, "image_shape", None), isinstance(X, LazyImages)
        if _rank_of(X) < 3:
            X = validate_data(self, X, reset=reset, skip_check_array=lazy)
            known = None if reset else getattr(self, "image_shape_", None)
            taker = type(self).__name__ if self._sees_neighbours else None
            shape = image_shape_of(X.shape, known if asked is None else asked, taker=taker)
        else:
            if not lazy:
                X = check_array(X, allow_nd=True, estimator=self, input_name="X")
            shape = image_shape_of(X.shape, asked)
            if reset:
                # What the same images would have as rows; columns have no names.
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
        return as_images(X, shape, is_planar(asked)), X.ndim

    def __sklearn_is_fitted__(self):
        return True

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.requires_fit = False
        return tags


def in_rank(images, rank):
    """Return (n, h, w, c) images as rows, as (n, h, w) if they are grey, or as they are."""
    if rank == 2:
        return images.reshape(len(images), -1)
    return images[..., 0] if rank == 3 and images.shape[-1] == 1 else images


def as_dtype(values, dtype):
    """Return floats in a dtype: bools from a half on, integers rounded and inside its range."""
    if dtype.kind == "b":
        return values >= 0.5
    if dtype.kind in "iu":
        ends = np.iinfo(dtype)
        # In float64: the largest uint32 is not a float32.
        values = np.rint(values.astype(np.float64)).clip(float(ends.min), float(ends.max))
    return values.astype(dtype)


def _rank_of(X):
    """Return how many axes X has, and refuse images of different sizes by that name."""
    if not hasattr(X, "ndim"):
        try:
            X = np.asarray(X)
        except ValueError as error:
            raise ValueError(_MIXED) from error
    if X.ndim == 1 and X.dtype == object and len(X) and all(np.ndim(image) > 1 for image in X):
        alike = len({np.shape(image) for image in X}) == 1
        apart = f"X is an array of {len(X)} arrays: join them first, with numpy.stack(X)."
        raise ValueError(apart if alike else _MIXED)
    return X.ndim
