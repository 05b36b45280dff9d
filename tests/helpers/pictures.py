"""Pictures for tests of the readers, and how they are read."""

import numpy as np
from PIL import Image

import skfashion
from skfashion._utils.image_files import decode_image, span_of
from skfashion.preprocessing import ImageReader, _reader


def picture(height=24, width=32, seed=0):
    """Return a smooth RGB picture without symmetry, which JPEG barely changes."""
    rng = np.random.default_rng(seed)
    corners = Image.fromarray(rng.integers(0, 256, (3, 4, 3), np.uint8))
    return corners.resize((width, height), Image.Resampling.BICUBIC)


def read(name, size=None, **params):
    with Image.open(name) as image:
        size = size or (image.height, image.width)
    return ImageReader(size, **params).transform([name])[0].astype(int)


def _noting(read):
    """Return a function that notes what it has decoded; of spans, what had to be."""

    def noting(path, *args, **kwargs):
        found = read(path, *args, **kwargs)
        if not isinstance(found, tuple) or found[1] > 0:
            _DECODED.append(path)
        return found

    return noting


_DECODED = []
_reader.decode_image, _reader.span_of = map(_noting, (decode_image, span_of))


def forget():
    """Forget decoded files, and count from zero."""
    skfashion.clear_caches()
    _DECODED.clear()


def decoded():
    """Return how many files were decoded since."""
    return len(_DECODED)
