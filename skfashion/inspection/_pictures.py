"""Images of any form a classifier is given, as bytes that a screen can show."""

import os

import numpy as np

from skfashion._utils import images
from skfashion._utils.image_files import UnreadableImageError, decode_thumbnail, shown_name
from skfashion.preprocessing import ImageReader, ImageResizer

_SIDE = 256  # pixels, of pictures from files


def names_of(X, index=None):
    """Return the names, or some of them, of images given by file name; None of others."""
    if not len(X) or not isinstance(np.asarray(X[:1]).ravel()[0], (str, os.PathLike)):
        return None
    names = np.asarray(X).ravel()
    return [os.fspath(name) for name in (names if index is None else names[index])]


def image_shape_for(estimator):
    """Return what an estimator, or the first step that was told, takes for the shape of rows."""
    estimator = getattr(estimator, "best_estimator_", estimator)
    steps = [step for _, step in getattr(estimator, "steps", [("", estimator)])]
    n_values = getattr(steps[0], "n_features_in_", None)
    for step in steps:
        told = getattr(step, "image_shape", None)
        if told is not None and getattr(step, "n_features_in_", None) == n_values:
            break
    else:
        step, told = steps[0], None
    shape = getattr(step, "image_shape_", None)
    return (shape[2], *shape[:2]) if images.is_planar(told) and shape else shape


def pictures(X, index=None, *, image_shape=None):
    """Turn images, or those of an index, into uint8; their range is told from all of X."""
    names = names_of(X, index)
    if names is not None:
        return [_picture_of(name) for name in names]
    X = _array_of(X)
    show = _as_bytes(X, image_shape, X)
    return list(show(np.asarray(X if index is None else X[index])))


def thumbnails(X, side, *, image_shape=None, like=None):
    """Return images as uint8, (n, h, w) or (n, h, w, 3), files and larger ones at one size.

    What is black and white in them is told from others `like` them, if those are of their kind.
    """
    like, names = X if like is None else like, names_of(X)
    if names is not None:
        reader = ImageReader(side, white="auto", lazy=False).fit(names_of(like) or names)
        return reader.transform(names)
    X, like = _array_of(X), _array_of(like)
    show, parts = _as_bytes(X, image_shape, like if like.dtype == X.dtype else X), []
    for part in map(show, images.blocks(X)):
        if max(part.shape[1:3]) > side:
            part = ImageResizer(side).transform(part)
        parts.append(part)
    return np.concatenate(parts)


def _array_of(X):
    """Return images as an array; refuse what are none, as classifiers do."""
    from skfashion.classifiers._checks import refuse_text_and_mixed_sizes

    return images.array_of(refuse_text_and_mixed_sizes(X, "X"))


def _as_bytes(X, image_shape, like):
    """Return a function that turns parts of X into uint8, by the range of pixels of others."""
    limits = images.limits_of(images.find_range(like, quiet=True))
    black, white = limits or images.pixel_extremes(like)
    planar = images.is_planar(image_shape)
    if X.ndim > 2 and not (planar and X.shape[1:] == tuple(image_shape)):
        image_shape = None  # which images have themselves
    shape = images.image_shape_of(X.shape, image_shape)
    factor = 255 / ((white - black) or 1)

    def show(part):
        part = images.as_images(part, shape, planar)[..., :3]
        if part.dtype != np.uint8 or factor != 1:
            part = np.clip(np.rint((part - black) * factor), 0, 255).astype(np.uint8)
        return part[..., 0] if part.shape[-1] == 1 else part

    return show


def _picture_of(name):
    try:
        return decode_thumbnail(name, _SIDE)
    except UnreadableImageError as error:
        raise ValueError(f"{shown_name(name)} can't be shown: {error}.") from error
