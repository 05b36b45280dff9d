"""Arrays of images at another size."""

from numbers import Integral

import numpy as np
from PIL import Image

from skfashion._utils.image_files import RESAMPLING
from skfashion._utils.images import pixel_names, size_of
from skfashion._utils.typing import Shape, Size
from skfashion._utils.validation import Interval

from ._arrays import ImageTransformer, as_dtype


class ImageResizer(ImageTransformer):
    """Bring images to another size, whatever their proportions.

    Bilinear with antialiasing, as `ImageReader` does. Dtype and rank stay: rows come out as rows.

    Parameters
    ----------
    size : int or (int, int), default=96
        Side of the square images, or height and width, in pixels.

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

    def _learn(self, images, rank):
        self._dtype_in = images.dtype.str

    def _transform(self, images):
        size, dtype = size_of(self.size), images.dtype
        if images.shape[1:3] == size:
            return images.copy()
        new = np.empty((len(images), *size, images.shape[3]), dtype)
        computed = dtype if dtype == np.uint8 else np.float32
        # Pillow takes three channels of bytes at once, and a fourth one for opacity.
        at_once = computed == np.uint8 and images.shape[3] == 3
        parts = [slice(None)] if at_once else range(images.shape[3])
        for image, target in zip(images, new, strict=True):
            for part in parts:
                plane = Image.fromarray(np.ascontiguousarray(image[..., part], computed))
                resized = np.asarray(plane.resize(size[::-1], RESAMPLING))
                target[..., part] = resized if computed == dtype else as_dtype(resized, dtype)
        return new

    def _names_out(self):
        return pixel_names((*size_of(self.size), self.image_shape_[2]))
