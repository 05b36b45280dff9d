"""Data sets: `fetch_` downloads, `load_` reads your folder, `make_` invents."""

from ._fashion_mnist import fetch_fashion_mnist
from ._folder import load_image_folder
from ._make import make_images
from ._table import load_image_table

__all__ = ["fetch_fashion_mnist", "load_image_folder", "load_image_table", "make_images"]
