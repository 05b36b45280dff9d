"""Where in images a classifier saw what it decided by."""

from typing import Any

import numpy as np
from PIL import Image
from sklearn.utils import _safe_indexing

from skfashion._utils.messages import shown, some
from skfashion._utils.typing import Array, NDArray
from skfashion.inspection._pictures import image_shape_for, pictures

_OPACITY = 0.6  # of what is hottest: the image is seen through it


class NotExplainedError(ValueError):
    """There is no heat of this estimator."""


def heatmap(clf: Any, X: Array, *, y: Array | None = None) -> NDArray:
    """Tell where in each image a classifier saw its class: Grad-CAM [1]_.

    Of the last feature map of the network's convolutions, channels count by how much they
    raise the score of the class; what speaks against it is 0. A map is coarser than the image
    (4 by 4 places of a MobileNet at 128 pixels), and is enlarged to it.

    Parameters
    ----------
    clf : fitted classifier
        A classifier of this package with convolutions: `ConvClassifier`, a fine-tuner, or
        `KerasImageClassifier` with a network that has some. A Pipeline or search over one, too, and
        of an `EnsembleFromSearch` or a soft vote the mean of all heat.
    X : array-like or sequence of str
        Images as `clf` takes them, arrays or file names.
    y : array-like of shape (n,), default=None
        Labels to look for, one an image. None: the most probable ones.

    Returns
    -------
    ndarray of shape (n, h, w)
        float32 from 0 to 1, the hottest place of each image being 1; all 0 where nothing speaks
        for the class. Height and width are those of the images that the classifier is given: in
        a Pipeline what the steps before make of them.

    Raises
    ------
    ValueError
        If the network has no convolution, `clf` is no such classifier, or `y` doesn't fit.
    NotFittedError, NotImplementedError
        Before `fit`, or on another backend than TensorFlow and JAX.

    See Also
    --------
    MistakesDisplay.from_estimator : Draws it over mistakes, with ``explain=True``.

    References
    ----------
    .. [1] Selvaraju, R. R., Cogswell, M., Das, A., Vedantam, R., Parikh, D., Batra, D. (2017).
       Grad-CAM: Visual explanations from deep networks via gradient-based localization.
       International Conference on Computer Vision.

    Examples
    --------
    >>> from skfashion import ConvClassifier
    >>> from skfashion.datasets import make_images
    >>> from skfashion.inspection import heatmap
    >>> X, y = make_images(n_samples=40, n_classes=2, random_state=0)
    >>> heatmap(ConvClassifier(filters=8, epochs=2, random_state=0).fit(X, y), X[:3]).shape
    (3, 16, 16)
    """
    members = seen_by(clf, X)
    return heat_of(members, None if y is None else _columns(clf.classes_, y, X))


def seen_by(estimator, X):
    """Return each classifier whose mean is predicted, what it counts, and X as it is given it."""
    from skfashion.classifiers._base import BaseImageClassifier
    from skfashion.model_selection._ensemble import members_of

    found = []
    for weight, steps in members_of(estimator):
        *before, clf = [step for _, step in steps]
        if not isinstance(clf, BaseImageClassifier):
            raise NotExplainedError(
                "Heat is known of classifiers of skfashion, Pipelines that end in one, searches "
                f"over either and means of several, and not of {shown(clf)}."
            )
        seen = X
        for step in before:
            seen = step.transform(seen)
        found.append((weight, clf, seen))
    return found


def heat_of(members, columns=None):
    """Return the mean heat of images as classifiers are given them, for what they predict."""
    _, first, X = members[0]
    if not len(X):
        return np.empty((0, *first.image_shape_[:2]), np.float32)
    if columns is None:
        said = [weight * clf.predict_proba(X) for weight, clf, X in members]
        columns = np.sum(said, axis=0).argmax(axis=1)
    size = first.image_shape_[1::-1]  # width before height
    heat = [weight * _heat_by(clf, X, columns, size) for weight, clf, X in members]
    return _to_peak(np.sum(heat, axis=0))


def _heat_by(clf, X, columns, size):
    from skfashion import _training

    pixels = clf._see_again(X)
    maps = _training.heat(clf._plan, clf._weights, pixels, columns, clf._new_network)
    if maps is None:
        raise NotExplainedError(
            f"This {type(clf).__name__} has no convolution, so no map of the image to look at: "
            "in a dense layer every place is mixed with all others. ConvClassifier, the "
            "fine-tuners, and networks of your own with a Conv2D have one."
        )
    how = Image.Resampling.BILINEAR
    return _to_peak(np.stack([Image.fromarray(each).resize(size, how) for each in maps]))


def _to_peak(heat):
    peaks = heat.max(axis=(1, 2), keepdims=True)
    return np.divide(heat, peaks, out=np.zeros_like(heat), where=peaks > 0)


def explained(estimator, X, index):
    """Return some of the images as a network is given them, and the heat of what it predicts."""
    if not len(index):
        return [], []
    members = seen_by(estimator, _safe_indexing(X, index))
    _, clf, seen = members[0]
    return pictures(seen, image_shape=image_shape_for(clf)), heat_of(members)


def _columns(classes, y, X):
    y = np.asarray(y)
    if y.shape != (len(X),):
        raise ValueError(f"y has the shape {y.shape} for {len(X)} images: give a label for each.")
    if not np.isin(y, classes).all():
        unknown = np.setdiff1d(y, classes).tolist()
        raise ValueError(f"y has labels that the classifier doesn't know: {some(unknown)}.")
    return np.searchsorted(classes, y)


def tinted(heat):
    """Return heat as a picture to lay over an image, an RGBA array of uint8."""
    from matplotlib import colormaps

    colors = colormaps["inferno"](heat, bytes=True)
    colors[..., 3] = np.rint(255 * _OPACITY * np.clip(heat, 0, 1))
    return colors
