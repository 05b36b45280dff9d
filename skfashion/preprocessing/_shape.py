"""Images in another shape: three channels for one, or rows for images."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_array, check_is_fitted

from skfashion._utils.images import as_images, is_planar
from skfashion._utils.typing import Array, NDArray, Self, Shape
from skfashion._utils.validation import _fit_context

from ._arrays import ImageTransformer, StatelessMixin, pixel_names
from ._rows_output import rows_come_out


class GrayscaleToRGB(StatelessMixin, ImageTransformer):
    """Repeat the channel of grey images, for networks that want three.

    RGB images pass as they are, so a step that gets either is safe. The dtype
    stays. The classifiers of this package do this by themselves, inside the network
    and without the memory.

    Parameters
    ----------
    image_shape : (int, int) or (int, int, int), default=None
        Height, width and channels of flat rows, the channels of a pixel side by side; or
        channels, height and width, such as ``(3, 32, 32)``, of rows and images with all
        of red first, which come out with channels last. `None` reads rows as square grey
        images if they can be, else as square RGB, else as lines of pixels.

    Attributes
    ----------
    image_shape_ : (int, int, int)
        Height, width and channels of the images seen in `fit`.

    n_features_in_ : int
        Values an image had in `fit`.

    feature_names_in_ : ndarray of str
        Names of the columns seen in `fit`, if it was given a table.

    See Also
    --------
    ImageResizer : Brings images to the size a network wants.

    Notes
    -----
    Stateless: `transform` works without `fit`.

    Examples
    --------
    >>> from skfashion.datasets import make_images
    >>> from skfashion.preprocessing import GrayscaleToRGB
    >>> X, y = make_images(10, image_size=28, random_state=0)
    >>> GrayscaleToRGB().fit_transform(X).shape
    (10, 28, 28, 3)
    """

    _parameter_constraints = {"image_shape": ["array-like", None]}

    def __init__(self, *, image_shape: Shape | None = None) -> None:
        self.image_shape = image_shape

    def transform(self, X: Array) -> NDArray:
        """Give images three channels.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, n_features)
            Images or flat rows of pixels; 1 or 3 channels.

        Returns
        -------
        X_new : ndarray of shape (n, h, w, 3), or (n, h * w * 3) for rows
            The same pixels, in the dtype of X.

        Raises
        ------
        ValueError
            If the images have an alpha channel, or X is no array of images.
        """
        X, shape = self._check_images(X, reset=False)
        images = as_images(X, shape)
        if shape[2] == 4:
            raise ValueError(
                "Found images with 4 channels (RGBA), but grey or RGB were expected. Drop the "
                "alpha channel with X[..., :3], or read the files with ImageReader, which lays "
                "them on white."
            )
        images = np.repeat(images, 3, axis=-1) if shape[2] == 1 else images.copy()
        return images.reshape(len(images), -1) if X.ndim == 2 else images

    def get_feature_names_out(self, input_features: Array | None = None) -> NDArray:
        """Return the names of the pixels of a flat row.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns that came in; only checked.

        Returns
        -------
        names : ndarray of str
            ``pixel_<row>_<column>_<channel>``.
        """
        self._check_names_in(input_features)
        return pixel_names((*self.image_shape_[:2], 3))


class ImageFlattener(StatelessMixin, ImageTransformer):
    """Lay images out as rows, for scikit-learn's own estimators.

    Flat rows pass as they are. No pixel is copied where NumPy can avoid it, so
    the rows may share memory with X.

    Parameters
    ----------
    image_shape : (int, int) or (int, int, int), default=None
        What `inverse_transform` makes of rows. `None` gives back what `fit` was
        given. Channels, height and width, such as ``(3, 32, 32)``, say that what comes
        in has all of red first: its rows come out with the channels of a pixel side by
        side, and `inverse_transform` puts them back.

    Attributes
    ----------
    image_shape_ : (int, int, int)
        Height, width and channels of the images seen in `fit`.

    n_features_in_ : int
        Values an image had in `fit`.

    feature_names_in_ : ndarray of str
        Names of the columns seen in `fit`, if it was given a table.

    Notes
    -----
    `transform` works without `fit`, but for DataFrames (`set_output`), whose columns `fit`
    names; `inverse_transform` doesn't.

    Examples
    --------
    >>> from skfashion.datasets import make_images
    >>> from skfashion.preprocessing import ImageFlattener
    >>> X, y = make_images(10, image_size=28, random_state=0)
    >>> flattener = ImageFlattener().fit(X)
    >>> rows = flattener.transform(X)
    >>> rows.shape, flattener.inverse_transform(rows).shape
    ((10, 784), (10, 28, 28))
    >>> flattener.get_feature_names_out()[:2].tolist()
    ['pixel_0_0', 'pixel_0_1']
    """

    _parameter_constraints = {"image_shape": ["array-like", None]}

    def __init__(self, *, image_shape: Shape | None = None) -> None:
        self.image_shape = image_shape

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
        self : ImageFlattener
            The fitted transformer.
        """
        X, _ = self._check_images(X, reset=True)
        self._shape_in = X.shape[1:]
        return self

    @rows_come_out
    def transform(self, X: Array) -> NDArray:
        """Lay images out as rows.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, n_features)
            Images or flat rows of pixels.

        Returns
        -------
        rows : ndarray of shape (n, h * w * c)
            The same pixels in the same dtype, row by row, channels innermost.

        Raises
        ------
        ValueError
            If X is no array of images, or not of the shape seen in `fit`.
        """
        X, _ = self._check_images(X, reset=False)
        return X.reshape(len(X), -1)

    def inverse_transform(self, X: Array) -> NDArray:
        """Make images of rows.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
            Rows as from `transform`.

        Returns
        -------
        images : ndarray of shape (n, h, w) or (n, h, w, c)
            In `image_shape`, or in the shape seen in `fit`.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        ValueError
            If the rows have another length than those of `fit`.
        """
        check_is_fitted(self, "n_features_in_")
        X = check_array(X, estimator=self, input_name="X")
        if X.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X has {X.shape[1]} features, but ImageFlattener is expecting "
                f"{self.n_features_in_} features as input."
            )
        if is_planar(self.image_shape):
            return np.moveaxis(X.reshape(len(X), *self.image_shape_), -1, 1)
        shape = self._shape_in if self.image_shape is None else tuple(self.image_shape)
        return X.reshape(len(X), *shape)

    def get_feature_names_out(self, input_features: Array | None = None) -> NDArray:
        """Return the names of the columns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns that came in; only checked.

        Returns
        -------
        names : ndarray of str
            Those of the table seen in `fit`, else ``pixel_<row>_<column>``, with
            ``_<channel>`` for RGB.
        """
        self._check_names_in(input_features)
        known = getattr(self, "feature_names_in_", None)
        if known is None:
            return pixel_names(self.image_shape_)
        planar = is_planar(self.image_shape)
        return as_images(known[np.newaxis], self.image_shape_, planar).flatten()
