"""Data sets: `fetch_` downloads, `load_` reads your folder, `make_` invents.

=====================  ===========================================================
Function               What it gives
=====================  ===========================================================
`fetch_fashion_mnist`  70,000 grey 28 x 28 pictures of clothes in 10 classes
`load_image_folder`    the files of a folder that holds one folder per class
`make_images`          small synthetic images for examples and tests
=====================  ===========================================================
"""

from ._fashion_mnist import fetch_fashion_mnist
from ._folder import load_image_folder
from ._make import make_images

__all__ = ["fetch_fashion_mnist", "load_image_folder", "make_images"]
