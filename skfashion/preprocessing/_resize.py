"""Arrays of images at another size."""

from numbers import Integral

import numpy as np
from PIL import Image

from skfashion._utils.image_files import RESAMPLING
from skfashion._utils.images import as_images, size_of
from skfashion._utils.typing import Array, NDArray, Shape, Size
from skfashion._utils.validation import Interval

from ._arrays import ImageTransformer, StatelessMixin, in_rank_of, pixel_names


class ImageResizer(StatelessMixin, ImageTransformer):
    """Bring images to another size, whatever their proportions.

    Bilinear with antialiasing, as `ImageReader` does. The dtype stays: uint8 in,
    uint8 out. The rank stays too, so rows come out as rows.

    Parameters
    ----------
    size : int or (int, int), default=96
        Side of the square images, or height and width, in pixels.

    image_shape : (int, int) or (int, int, int), default=None
        Height, width and channels of flat rows, the channels of a pixel side by side; or
        channels, height and width, such as ``(3, 32, 32)``, of rows and images with all
        of red first, which come out with channels last. `None` reads rows as square grey
        images if they can be, else as square RGB, else as lines of fewer than 64 pixels.

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
    ImageReader : Reads files at the wanted size in the first place.

    Notes
    -----
    Stateless: `transform` works without `fit`, but for DataFrames (`set_output`), whose
    columns `fit` names. After `fit` it expects images of the same shape. Pixels are computed
    in float32, which holds whole numbers up to 2**24.

    Examples
    --------
    >>> from skfashion.datasets import make_images
    >>> from skfashion.preprocessing import ImageResizer
    >>> X, y = make_images(10, image_size=28, random_state=0)
    >>> ImageResizer(size=(32, 48)).fit_transform(X).shape
    (10, 32, 48)

    Flat rows stay flat:

    >>> ImageResizer(size=8).fit_transform(X.reshape(10, -1)).shape
    (10, 64)
    """

    _sees_neighbours = True
    _parameter_constraints = {
        "size": [Interval(Integral, 1, None, closed="left"), "array-like"],
        "image_shape": ["array-like", None],
    }

    def __init__(self, size: Size = 96, *, image_shape: Shape | None = None) -> None:
        self.size = size
        self.image_shape = image_shape

    def transform(self, X: Array) -> NDArray:
        """Resize images.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, n_features)
            Images or flat rows of pixels; 1, 3 or 4 channels.

        Returns
        -------
        X_new : ndarray of the same rank and dtype
            The resized images.

        Raises
        ------
        ValueError
            If X is no array of images, or not of the shape seen in `fit`.
        """
        size = size_of(self.size)
        X, shape = self._check_images(X, reset=False)
        return in_rank_of(X, _resized(as_images(X, shape), size))

    def get_feature_names_out(self, input_features: Array | None = None) -> NDArray:
        """Return the names of the pixels of a flat row.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns that came in; only checked.

        Returns
        -------
        names : ndarray of str
            ``pixel_<row>_<column>``, with ``_<channel>`` for RGB.
        """
        self._check_names_in(input_features)
        return pixel_names((*size_of(self.size), self.image_shape_[2]))


def _resized(images, size):
    n, *old_size, channels = images.shape
    if tuple(old_size) == size:
        return images.copy()
    width_height = size[::-1]
    new = np.empty((n, *size, channels), images.dtype)
    # Pillow takes a fourth channel of bytes for opacity, by which it weighs the others.
    if images.dtype == np.uint8 and channels != 4:
        for image, target in zip(images, new, strict=True):
            # Pillow has no mode for a last axis of length one.
            picture = Image.fromarray(image[..., 0] if channels == 1 else image)
            resized = np.asarray(picture.resize(width_height, RESAMPLING))
            target[...] = resized.reshape(target.shape)
        return new
    kind = new.dtype.kind
    ends = np.iinfo(new.dtype) if kind in "iu" else None
    for image, target in zip(images, new, strict=True):
        for channel in range(channels):
            picture = Image.fromarray(np.ascontiguousarray(image[..., channel], np.float32))
            resized = np.asarray(picture.resize(width_height, RESAMPLING))
            if kind != "f":
                resized = np.rint(resized)
            if ends is not None:  # in float64: the largest uint32 is no float32
                resized = np.clip(resized.astype(np.float64), ends.min, ends.max)
            target[..., channel] = resized
    return new
