"""Transformers for images: NumPy and Pillow, no Keras."""

from ._reader import ImageReader
from ._resize import ImageResizer
from ._scale import PixelScaler
from ._shape import GrayscaleToRGB, ImageFlattener

__all__ = ["GrayscaleToRGB", "ImageFlattener", "ImageReader", "ImageResizer", "PixelScaler"]
