"""Real images for the contestants, from ``KERAS_HOME`` and ``SKFASHION_DATA``."""

import gzip
import os
from pathlib import Path

import numpy as np


def fashion(n=60_000, *, part="train", skip=0, flat=False, scaled=False):
    """Return n images of Fashion-MNIST and their labels.

    Parameters
    ----------
    n : int
    part : {"train", "t10k"}
    skip : int
        How many to leave out at the start.
    flat : bool
        Whether as rows of 784.
    scaled : bool
        Whether as float32 from 0 to 1; otherwise as uint8.

    Returns
    -------
    X : ndarray of shape (n, 28, 28) or (n, 784)
    y : ndarray of shape (n,)
        int64.
    """
    folder = Path(os.environ["KERAS_HOME"], "datasets", "fashion-mnist")
    with gzip.open(folder / f"{part}-images-idx3-ubyte.gz") as file:
        X = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28)
    with gzip.open(folder / f"{part}-labels-idx1-ubyte.gz") as file:
        y = np.frombuffer(file.read(), np.uint8, offset=8).astype(np.int64)
    X, y = X[skip : skip + n].copy(), y[skip : skip + n]
    if flat:
        X = X.reshape(len(X), -1)
    return (X.astype("float32") / 255 if scaled else X), y


def files(name, n, *, part="train"):
    """Return the names of n image files of a folder data set and their labels.

    Parameters
    ----------
    name : {"intel-scenes", "cats-vs-dogs"}
    n : int
        In equal numbers from each class.
    part : {"train", "test"}

    Returns
    -------
    names, labels : ndarray of shape (n,)
        Classes mixed, in the same order every time.
    """
    folder = Path(os.environ["SKFASHION_DATA"], name, part)
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    each = n // len(classes)
    rows = [(str(path), label.name) for label in classes for path in sorted(label.iterdir())[:each]]
    order = np.random.default_rng(0).permutation(len(rows))
    names, labels = np.array(rows).T
    return names[order], labels[order]


def scenes(n, size, *, skip=0):
    """Return n - skip Intel scenes as uint8 arrays of one size, and their labels."""
    from PIL import Image

    names, labels = files("intel-scenes", n)
    images = []
    for name in names[skip:]:
        with Image.open(name) as image:
            images.append(np.asarray(image.convert("RGB").resize((size, size))))
    return np.stack(images), labels[skip:]
