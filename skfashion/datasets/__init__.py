"""Data sets: `fetch_` downloads, `load_` reads your folder, `make_` invents."""

from ._fashion_mnist import fetch_fashion_mnist
from ._folder import load_image_folder
from ._make import make_images

__all__ = ["fetch_fashion_mnist", "load_image_folder", "make_images"]
