"""Checks of images, labels and weights, with errors that say what to do."""

import warnings
from contextlib import contextmanager

import numpy as np
from scipy.special import expit, softmax
from sklearn.model_selection import train_test_split
from sklearn.utils import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_array,
    check_consistent_length,
    column_or_1d,
    validate_data,
)

from skfashion._images import as_images, detect_input_range, image_shape_of, pixel_extremes

__all__ = ["as_images", "detect_input_range", "image_shape_of"]

_ROUNDING = 1e-5
_LIMITS = {"0-255": (0.0, 255.0), "0-1": (0.0, 1.0), "-1-1": (-1.0, 1.0)}


@contextmanager
def unchanged_on_error(estimator):
    """Give an estimator its attributes back if the block fails, so that nothing is lost."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def check_images(estimator, X, y="no_validation", *, reset, name="X"):
    """Return images as an array of uint8 or float32, and the labels if there are any.

    Parameters
    ----------
    estimator : BaseImageClassifier
    X : array-like
    y : array-like or "no_validation"
    reset : bool
        Whether what X looks like is remembered, or compared with what is.
    name : str
        What to call X in messages.

    Returns
    -------
    X : ndarray
    y : ndarray
        If given.

    Raises
    ------
    ValueError
        If X is no array of images, or of others than in `fit`.
    """
    X = _refuse_text_and_mixed_sizes(X)
    if not isinstance(y, str):
        _refuse_one_hot(y)
    options = {"dtype": "numeric", "allow_nd": True}
    if reset or getattr(X, "ndim", 2) == 2:
        checked = validate_data(estimator, X, y, reset=reset, **options)
    else:
        # scikit-learn would compare the images' height with the number of pixels.
        checked = check_array(X, estimator=estimator, input_name=name, **options)
        if not isinstance(y, str):
            checked = checked, np.asarray(y)
            check_consistent_length(*checked)
    X, *y = checked if isinstance(checked, tuple) else (checked,)
    X = _as_pixels(X)
    if not reset:
        _refuse_other_shape(estimator, X, name)
    return (X, y[0]) if y else X


def check_labels(y):
    """Return labels as a 1-D array.

    Raises
    ------
    ValueError
        If they are no class labels.
    """
    _refuse_one_hot(y)
    y = column_or_1d(y, warn=True)
    if y.dtype.kind == "O" and any(label is None or label != label for label in y):
        raise ValueError("y has missing labels (None or NaN): leave these images out.")
    try:
        np.unique(y)
    except TypeError:
        kinds = sorted({type(label).__name__ for label in y})
        raise ValueError(
            f"y mixes labels of kinds that have no common order ({', '.join(kinds)}): make "
            "them all text, y.astype(str)."
        ) from None
    check_classification_targets(y)
    return y


def check_weight(sample_weight, X):
    """Return weights as a float32 array of one's own."""
    weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    return weight.astype(np.float32)


def weight_of_labels(class_weight, y, classes):
    """Return the weight that `class_weight` gives each label in y.

    Parameters
    ----------
    class_weight : dict or "balanced"
    y : ndarray of shape (n,)
    classes : ndarray of shape (n_classes,)

    Returns
    -------
    ndarray of shape (n,)
        float32.
    """
    if isinstance(class_weight, str) and len(np.unique(y)) < len(classes):
        raise ValueError(
            "class_weight='balanced' needs images of every class each time, and here some "
            "classes have none (of a sample_weight above 0): give the weights as a dict."
        )
    weights = compute_class_weight(class_weight, classes=classes, y=y)
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError(
            f"class_weight={class_weight!r} has weights that are negative or no numbers: give "
            "each label a number from 0 on."
        )
    return weights[np.searchsorted(classes, y)].astype(np.float32)


def without_zero_weight(X, y, weight):
    """Leave out what doesn't count."""
    counts = weight > 0
    if counts.all():
        return X, y, weight
    if not counts.any():
        raise ValueError(
            "sample_weight (times class_weight) is 0 everywhere: there is nothing to train on."
        )
    return X[counts], y[counts], weight[counts]


def check_known(y, classes):
    """Refuse labels that are not among the classes."""
    unknown = np.setdiff1d(y, classes)
    if len(unknown):
        raise ValueError(
            f"y has labels that are not among the classes: {list(unknown[:5])!r}; the classes "
            f"are {list(classes[:10])!r}. Name all of them in the first call, classes=."
        )


def known_classes(classes, before):
    """Return the classes of a call to `partial_fit`.

    Parameters
    ----------
    classes : array-like or None
        As given.
    before : ndarray or None
        Those of the first call; None if this is it.

    Returns
    -------
    ndarray
    """
    if before is None:
        if classes is None:
            raise ValueError(
                "classes must be passed on the first call to partial_fit: name all labels that "
                "there will be, such as classes=numpy.unique(y_all)."
            )
        return np.unique(check_labels(classes))
    if classes is not None and not np.array_equal(before, np.unique(classes)):
        raise ValueError(
            f"classes={list(classes)!r} are not those of the first call, {list(before)!r}. "
            "Leave them out, or start with a clone."
        )
    return before


def check_several(labels):
    """Refuse a single class."""
    classes = np.unique(labels)
    if len(classes) < 2:
        raise ValueError(
            f"Classifier can't train when only one class is present: all labels are "
            f"{classes[0]!r}. Give images of two classes or more; folders read one after the "
            "other need shuffling or stratified folds."
        )


def split_off(X, y, weight, fraction, seed):
    """Split off a stratified part to stop by.

    Returns
    -------
    X, y, weight, X_val, y_val : ndarray
    """
    try:
        train, valid = train_test_split(
            np.arange(len(y)), test_size=fraction, stratify=y, random_state=seed % 2**32
        )
    except ValueError as error:
        raise ValueError(
            f"early_stopping=True can't set aside validation_fraction={fraction} of {len(y)} "
            f"images with every class in it ({error}) Give more images, another fraction, "
            "X_val= and y_val=, or early_stopping=False."
        ) from None
    return X[train], y[train], weight[train], X[valid], y[valid]


def warn_of_range(X, input_range):
    """Warn of pixels that lie far outside the range the network was trained on."""
    if input_range not in _LIMITS or X.size == 0:
        return
    if X.dtype == np.uint8 and input_range == "0-255":
        return
    low, high = _LIMITS[input_range]
    margin = (high - low) / 2
    least, most = pixel_extremes(X)
    if least < low - margin or most > high + margin:
        warnings.warn(
            f"The pixels lie in [{least:g}, {most:g}], but the estimator was fitted on pixels "
            f"in [{low:g}, {high:g}] (input_range_={input_range!r}): scale them as in fit.",
            UserWarning,
            stacklevel=4,
        )
    elif input_range == "0-255" and 0 < most <= 1:
        warnings.warn(
            "All pixels lie in [0, 1], but the estimator was fitted on pixels in [0, 255] "
            "(input_range_='0-255'): scale them as in fit.",
            UserWarning,
            stacklevel=4,
        )


def as_probabilities(outputs, logits):
    """Return one column of probabilities a class, whatever a network ends in.

    Parameters
    ----------
    outputs : ndarray of shape (n,), (n, 1) or (n, n_classes)
    logits : bool
        Whether they are logits.

    Returns
    -------
    ndarray of shape (n, n_classes)
        float32; each row sums to one.

    Raises
    ------
    ValueError
        If they are no probabilities.
    """
    outputs = np.asarray(outputs, dtype=np.float32)  # half precision doesn't sum to one
    if outputs.ndim == 1 or outputs.shape[1] == 1:
        outputs = outputs.reshape(-1)
        outputs = expit(outputs) if logits else outputs
        outputs = np.column_stack([1 - outputs, outputs])
    elif logits:
        outputs = softmax(outputs, axis=1)
    if outputs.min() < -_ROUNDING or outputs.max() > 1 + _ROUNDING:
        raise ValueError(
            f"The network's outputs are no probabilities, they lie in [{outputs.min():g}, "
            f"{outputs.max():g}]: let its last layer be a softmax (a sigmoid for one output), "
            "or take a loss with from_logits=True."
        )
    total = outputs.sum(axis=1, keepdims=True)
    # Independent sigmoids; what is off by a rounding error stays as it is.
    off = (np.abs(total - 1) > _ROUNDING) & (total > 0)
    return np.where(off, outputs / np.where(off, total, 1), outputs) if off.any() else outputs


def _as_pixels(X):
    if X.dtype in (np.uint8, np.float32):
        return np.ascontiguousarray(X)
    with np.errstate(over="ignore"):
        pixels = np.ascontiguousarray(X, dtype=np.float32)
    if X.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise ValueError("X has values too large for float32: scale the pixels, e.g. to [0, 1].")
    return pixels


def _refuse_other_shape(estimator, X, name):
    given = X.shape[1:]
    fitted = estimator.image_shape_
    if int(np.prod(given)) == int(np.prod(fitted)) and (
        len(given) == 1 or tuple(given) == tuple(fitted) or (*given, 1) == tuple(fitted)
    ):
        return
    raise ValueError(
        f"{name} has images of shape {tuple(given)}, but {type(estimator).__name__} was fitted on "
        f"images of shape {tuple(fitted)}: resize them, as ImageResizer and ImageReader do."
    )


def _refuse_one_hot(y):
    shape = np.shape(y) if isinstance(y, (list, tuple)) else getattr(y, "shape", ())
    if len(shape) > 2 or (len(shape) == 2 and shape[1] > 1):
        raise ValueError(
            f"y should be a 1d array of labels, got an array of shape {tuple(shape)} instead. "
            "One-hot rows are no labels: give numpy.argmax(y, axis=1)."
        )


def _refuse_text_and_mixed_sizes(X):
    """Return X, a list of images as an array."""
    if isinstance(X, (list, tuple)):
        try:
            X = np.asarray(X)
        except ValueError:  # NumPy's word for it is "inhomogeneous"
            X = _as_objects(X)
    dtype = getattr(X, "dtype", None)
    kind = getattr(dtype, "kind", "")
    if kind not in "OUS" or getattr(X, "ndim", 0) != 1 or not len(X):
        return X
    first = np.asarray(X)[0]
    if isinstance(first, (str, bytes)):
        raise ValueError(
            "could not convert string to float: X holds text, not pixels. File names are read "
            "by skfashion.preprocessing.ImageReader: put it before the classifier in a Pipeline."
        )
    if np.ndim(first):
        shapes = sorted({str(np.shape(image)) for image in X})
        raise ValueError(
            f"X mixes images of {len(shapes)} shapes, such as {', '.join(shapes[:3])}: bring "
            "them to one size first, with ImageReader(size=...) on their files."
            if len(shapes) > 1
            else f"X is an array of {len(X)} arrays: join them first, with numpy.stack(X)."
        )
    return X


def _as_objects(items):
    array = np.empty(len(items), object)
    for i, item in enumerate(items):
        array[i] = np.asarray(item, object)
    return array
