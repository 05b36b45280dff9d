"""What a model's training images looked like, and which pictures look otherwise."""

import warnings
from copy import copy

import numpy as np

from skfashion._utils.image_files import shown_name
from skfashion.preprocessing import ImageReader

# Enough to tell, and read quickly.
_SIDE = 32
_MOST = 1_000
# What is far from the training images, in grey levels from 0 to 255.
_FAR = 64
# Mean difference between a pixel's channels: at most in grey pictures, at least in coloured ones.
_GREY, _COLOURED = 2, 10


def looks_of(X, reader=None):
    """Return the first and last percentile of what training images look like, JSON-able."""
    X = X[:: -(-len(X) // _MOST)]
    looks = _looks(X if reader is None else _read(X, reader))
    return {name: np.percentile(each, (1, 99)).round(1).tolist() for name, each in looks.items()}


def unlike(names, known, reader=None):
    """Yield a sentence for each way in which image files are unlike training images."""
    looks, found = _looks(_read(names, reader or ImageReader())), {}
    for name, place in (("brightness", ""), ("border", " at the border")):
        low, high = known[name]
        told = f"training images: {low:.0f} to {high:.0f} of 255{place}"
        found[f"brighter{place}", told] = looks[name] > high + _FAR
        found[f"darker{place}", told] = looks[name] < low - _FAR
    low, high = known["colour"]
    if high <= _GREY:
        found["coloured", "training images are grey"] = looks["colour"] > _COLOURED
    elif low >= _COLOURED:
        found["grey", "training images are coloured"] = looks["colour"] <= _GREY
    for (what, told), which in found.items():
        if which.any():
            number, first = which.sum(), shown_name(names[which.argmax()])
            verb = "is" if number == 1 else "are"
            many = f"{number} of {len(names)} images {verb} {what}, such as {first}"
            only = f"{first} is {what}"
            yield f"{only if len(names) == 1 else many} ({told}), so the answer means little."


def _read(names, reader):
    small = copy(reader).set_params(
        size=_SIDE, memory=None, lazy=False
    )  # which keeps what is white
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # given where the model reads the same files
        return small.transform(names)


def _looks(images):
    """Return mean brightness of images and of their borders, and how coloured they are."""
    pixels = images.reshape(*images.shape[:3], -1).astype(np.float32)
    edge = max(1, pixels.shape[1] // 16)
    inside = np.s_[:, edge:-edge, edge:-edge]
    total, inner = pixels.sum((1, 2, 3)), pixels[inside].sum((1, 2, 3))
    n, n_inner = pixels[0].size, pixels[inside][0].size
    return {
        "brightness": total / n,
        "border": (total - inner) / (n - n_inner),
        "colour": np.ptp(pixels, axis=3).mean((1, 2)),
    }
