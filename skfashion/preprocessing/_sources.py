"""What `ImageReader` reads: names of files, and images that have none."""

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property

import joblib
import numpy as np
import PIL
from PIL import Image

from skfashion._utils.hub_images import RowImage
from skfashion._utils.image_files import Nameless, UnreadableImageError, listed, shown_name, upright
from skfashion._utils.messages import shown

# To be raised when other pixels come out of the same file and settings.
_VERSION = 2

_NAME = (str, os.PathLike)
_CONTENT = (bytes, bytearray, memoryview, Image.Image)


class Unnamed(Nameless):
    """An image that is not a file by name: its bytes, a file object, a Pillow image or pixels."""

    def __init__(self, given, position):
        self._given = given
        self._name = f"{type(given).__name__} at position {position}"

    @cached_property
    def content(self):
        """Bytes of a file, or a Pillow image."""
        given = self._given
        if hasattr(given, "read"):
            try:
                with suppress(AttributeError, OSError):  # of a stream, read from where it is
                    given.seek(0)
                given = given.read()
            except ValueError as error:  # it is closed, or opened as text
                given = error
            if not isinstance(given, bytes):
                got = given if isinstance(given, ValueError) else type(given).__name__
                raise TypeError(
                    f"Expected bytes from read() of the {self}, got {got}: open files with "
                    '"rb", and give .file of an upload whose read() is asynchronous.'
                )
        if isinstance(given, np.ndarray):
            return Image.fromarray(given[..., 0] if given.shape[2:] == (1,) else given)
        return given if isinstance(given, Image.Image) else bytes(given)

    @cached_property
    def digest(self):
        """Of the content; of the object where that can't be read."""
        content = self.content
        try:
            return joblib.hash(upright(content) if isinstance(content, Image.Image) else content)
        except UnreadableImageError:
            return f"{self} {id(content)}"

    def __str__(self):
        return self._name


def sources_of(X):
    """Return the elements of X: names of files as str, everything else as `Unnamed`."""
    if isinstance(X, (*_NAME, *_CONTENT)) or hasattr(X, "read"):
        what = shown(X) if isinstance(X, _NAME) else f"an object of type {type(X).__name__}"
        use = f"[{what}]" if isinstance(X, _NAME) else "a list of it"
        raise ValueError(
            f"Expected an array of file names or images, got a single one: {what}. Use {use}."
        )
    # Lists become arrays of objects: a Path, or a None, would be lost in an array of str.
    if isinstance(X, Sequence):  # so is a column of a data set of Hugging Face
        elements = _as_objects(list(X))
    else:
        elements = np.asarray(X) if hasattr(X, "dtype") else np.asarray(X, dtype=object)
    if elements.dtype.kind == "S":
        raise TypeError(
            "Expected bytes in a list or an array of dtype object, got an array of dtype "
            f"{elements.dtype}: NumPy cuts zeros at their end off."
        )
    if elements.ndim == 2 and elements.shape[1] == 1 and elements.dtype.kind in "OUT":
        elements = elements[:, 0]
    if elements.ndim != 1:
        remedy = "Select the column that holds the names."
        if elements.ndim == 0:
            remedy = f"Make a list of the {type(X).__name__}."
        if elements.dtype.kind in "uif":
            remedy = (
                "Images that are one array already need no reader: drop this step or use "
                "ImageResizer. Of several sizes they are elements of a list."
            )
        raise ValueError(
            f"Expected file names of shape (n_samples,) or (n_samples, 1), got an array of shape "
            f"{elements.shape}. {remedy}"
        )
    if len(elements) == 0:
        raise ValueError("Found array with 0 sample(s): at least one image is required.")
    return [_source(element, position) for position, element in enumerate(elements)]


def keys_of(sources, settings):
    """Return a key of 16 bytes of each source that is there: of the settings and what it is.

    That is its content, or a file's name, size and time of change.
    """
    settings = f"{settings} {_VERSION} {PIL.__version__}"
    keys = {}
    for source in sources:
        if isinstance(source, (Unnamed, RowImage)):
            known_by = f"{settings} content {source.digest}".encode()
        else:
            try:
                status = os.stat(source)
            except (OSError, ValueError):
                continue
            known_by = f"{settings} {status.st_size} {status.st_mtime_ns} ".encode()
            known_by += os.fsencode(os.path.abspath(source))
        keys[source] = hashlib.blake2b(known_by, digest_size=16).digest()
    return keys


def refuse_missing(missing, n_sources):
    """Raise an error that names files which are not there."""
    raise FileNotFoundError(
        f"{len(missing)} of {n_sources} files don't exist or can't be reached (looked for "
        f"them from {os.getcwd()!r}):\n{listed(map(shown_name, missing))}\nCorrect the names, "
        "or list the folder again with skfashion.datasets.load_image_folder."
    )


def _as_objects(elements):
    if elements and all(isinstance(row, (list, tuple)) and len(row) == 1 for row in elements):
        elements = [row[0] for row in elements]
    if any(isinstance(row, (list, tuple)) for row in elements):
        return np.asarray(elements, dtype=object)
    # One by one: NumPy would join arrays of one size, and take Pillow's images apart.
    objects = np.empty(len(elements), object)
    for position, element in enumerate(elements):
        objects[position] = element
    return objects


def _source(element, position):
    if isinstance(element, _NAME):
        name = os.fspath(element)
        if isinstance(name, str) and name:
            return str(name)  # text of NumPy is a subclass of str whose repr differs
    elif isinstance(element, RowImage):
        return element
    elif isinstance(element, np.ndarray):
        channels = element.shape[2:] or (1,)
        if element.dtype == np.uint8 and channels in ((1,), (3,), (4,)) and element.size:
            return Unnamed(element, position)
    elif isinstance(element, _CONTENT) or hasattr(element, "read"):
        return Unnamed(element, position)
    what = f"{shown(element)} ({type(element).__name__})"
    if isinstance(element, np.ndarray):
        what = f"an array of shape {element.shape} and dtype {element.dtype}"
    raise TypeError(
        "Expected file names as str or path-like, files as bytes or file objects, Pillow images, "
        "or uint8 pixels of shape (height, width) or (height, width, 1, 3 or 4), got "
        f"{what} at position {position}. Leave such rows out, or convert them."
    )
