"""Images in another shape: three channels for one, or rows for images."""

import numpy as np
from sklearn.utils.validation import check_array, check_is_fitted

from skfashion._utils.images import as_images, is_planar, pixel_names
from skfashion._utils.typing import Array, NDArray, Shape
from skfashion._utils.validation import _check_n_features

from ._arrays import ImageTransformer, in_rank


class GrayscaleToRGB(ImageTransformer):
    """Repeat the channel of grey images, for networks that want three.

    Images come out in shape (n, h, w, 3), rows in (n, h * w * 3), in the dtype they had. RGB
    images pass as they are; images with an alpha channel are refused. The classifiers of this
    package do this by themselves, inside the network and without the memory.

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

    def _transform(self, images):
        if images.shape[-1] == 4:
            raise ValueError(
                "Found images with 4 channels (RGBA), but grey or RGB were expected. Drop the "
                "alpha channel with X[..., :3], or read the files with ImageReader, which lays "
                "them on white."
            )
        return np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images.copy()

    def _names_out(self):
        return pixel_names((*self.image_shape_[:2], 3))


class ImageFlattener(ImageTransformer):
    """Lay images out as rows, for scikit-learn's own estimators.

    Rows have the shape (n, h * w * c): row by row, channels innermost, in the dtype of X; they may
    share memory with X. Flat rows pass as they are.

    Parameters
    ----------
    image_shape : (int, int) or (int, int, int), default=None
        What `inverse_transform` makes of rows; `None` gives back what `fit` was given. Channels,
        height and width, such as ``(3, 32, 32)``, say that what comes in has all of red first: its
        rows come out with a pixel's channels side by side, and `inverse_transform` puts them back.

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

    _rank_out = 2
    _parameter_constraints = {"image_shape": ["array-like", None]}

    def __init__(self, *, image_shape: Shape | None = None) -> None:
        self.image_shape = image_shape

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
        NotFittedError, ValueError
            Before `fit`, or if the rows have another length than those of `fit`.
        """
        check_is_fitted(self, "n_features_in_")
        X = check_array(X, estimator=self, input_name="X")
        _check_n_features(self, X, reset=False)
        if is_planar(self.image_shape):
            return np.moveaxis(X.reshape(len(X), *self.image_shape_), -1, 1)
        shape = self._shape_in if self.image_shape is None else tuple(self.image_shape)
        return X.reshape(len(X), *shape)

    def _learn(self, images, rank):
        one = np.empty((1, *images.shape[1:]), bool)
        self._shape_in = in_rank(one, rank).shape[1:]

    def _transform(self, images):
        return images

    def _names_out(self):
        known = getattr(self, "feature_names_in_", None)
        if known is None:
            return pixel_names(self.image_shape_)
        planar = is_planar(self.image_shape)
        return as_images(known[np.newaxis], self.image_shape_, planar).flatten()
