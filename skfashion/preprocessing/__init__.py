"""Transformers for images: NumPy and Pillow, no Keras.

================  ==============================================================
Class             What it does
================  ==============================================================
`ImageReader`     file names to uint8 RGB images of one size
`ImageResizer`    images to another size
`GrayscaleToRGB`  one channel to three
`ImageFlattener`  images to rows, and back
`PixelScaler`     pixels to [0, 1], to [-1, 1] or standardised, and back
================  ==============================================================
"""

from ._reader import ImageReader
from ._resize import ImageResizer
from ._scale import PixelScaler
from ._shape import GrayscaleToRGB, ImageFlattener

__all__ = ["GrayscaleToRGB", "ImageFlattener", "ImageReader", "ImageResizer", "PixelScaler"]
