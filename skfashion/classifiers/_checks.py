"""Checks of images, labels and weights, with errors that say what to do."""

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

_ROUNDING = 1e-5


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
    """Return images as an array, and the labels if there are any.

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
    y : ndarray of shape (n,)
        If given.

    Raises
    ------
    ValueError
        If X is no array of images, or of others than in `fit`; if y holds no class labels.
    """
    X = _refuse_text_and_mixed_sizes(X)
    if y is not None and not (isinstance(y, str) and y == "no_validation"):
        # Before scikit-learn looks at them: it doesn't say what to do.
        y = check_labels(y)
    options = {"dtype": "numeric", "allow_nd": True}
    if reset or getattr(X, "ndim", 2) == 2:
        checked = validate_data(estimator, X, y, reset=reset, **options)
    else:
        # scikit-learn would compare the images' height with the number of pixels.
        checked = check_array(X, estimator=estimator, input_name=name, **options)
        if not isinstance(y, str):
            checked = checked, y
            check_consistent_length(*checked)
    X, *y = checked if isinstance(checked, tuple) else (checked,)
    if not reset:
        _refuse_other_shape(estimator, X, name)
    return (X, y[0]) if y else X


def as_pixels(X):
    """Return images as an array of uint8 or float32."""
    if X.dtype in (np.uint8, np.float32):
        return np.ascontiguousarray(X)
    with np.errstate(over="ignore"):
        pixels = np.ascontiguousarray(X, dtype=np.float32)
    if X.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise ValueError("X has values too large for float32: scale the pixels, e.g. to [0, 1].")
    return pixels


def check_labels(y):
    """Return labels as a 1-D array.

    Raises
    ------
    ValueError
        If they are no class labels.
    """
    _refuse_one_hot(y)
    # NumPy would make text of all that is in a list with one text, of None and NaN too.
    is_list = isinstance(y, (list, tuple)) and len(y) > 0
    labels = column_or_1d(np.array(y, dtype=object) if is_list else y, warn=True)
    if np.ma.is_masked(y) or _has_missing(labels):
        raise ValueError("y has missing labels (None or NaN): leave these images out.")
    if labels.dtype.kind == "f" and np.isinf(labels).any():
        raise ValueError("y contains infinity, which is no label: leave these images out.")
    try:
        np.unique(labels)
    except TypeError:
        kinds = sorted({type(label).__name__ for label in labels})
        as_text = "list(map(str, y))" if is_list else "y.astype(str)"
        raise ValueError(
            f"y mixes labels of kinds that have no common order ({', '.join(kinds)}): make them "
            f"all text, {as_text}."
        ) from None
    labels = column_or_1d(y) if is_list else labels
    check_classification_targets(labels)
    return labels


def check_weight(sample_weight, X):
    """Return weights as a float32 array of one's own."""
    weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    with np.errstate(over="ignore"):
        single = weight.astype(np.float32)
    if not np.isfinite(single).all():
        raise ValueError(
            f"sample_weight has values too large for float32, up to {weight.max():g}: divide all "
            "of them by one number."
        )
    return single


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
            f"y has labels that are not among the classes: {unknown[:5].tolist()!r}; the classes "
            f"are {classes[:10].tolist()!r}. Name all of them in the first call, classes=."
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
            f"classes={np.unique(classes).tolist()!r} are not those of the first call, "
            f"{before.tolist()!r}. "
            "Leave them out, or start with a clone."
        )
    return before


def check_several(labels):
    """Refuse a single class."""
    classes = np.unique(labels)
    if len(classes) < 2:
        raise ValueError(
            f"Classifier can't train when only one class is present: all labels are "
            f"{classes.tolist()[0]!r}. Give images of two classes or more; folders read one after "
            "the other need shuffling or stratified folds."
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


def refuse_divergence(weights, n_epochs):
    """Refuse weights that are no finite numbers, as scikit-learn's `MLPClassifier` does."""
    if not all(np.isfinite(array).all() for array in weights):
        raise ValueError(
            f"The training diverged: after {n_epochs} epochs weights of the network are not "
            "finite. Lower learning_rate=, scale pixels that lie far outside [0, 255], or leave "
            "dtype_policy= at float32."
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
    low, high = outputs.min(), outputs.max()
    if np.isnan(low):
        raise ValueError(
            "The network's outputs are not finite: were some pixels far outside the range it was "
            "fitted on? Scale them as in fit."
        )
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        raise ValueError(
            f"The network's outputs are no probabilities, they lie in [{low:g}, "
            f"{high:g}]: let its last layer be a softmax (a sigmoid for one output), "
            "or take a loss with from_logits=True."
        )
    total = outputs.sum(axis=1, keepdims=True)
    # Independent sigmoids; what is off by a rounding error stays as it is.
    off = (np.abs(total - 1) > _ROUNDING) & (total > 0)
    return np.where(off, outputs / np.where(off, total, 1), outputs) if off.any() else outputs


def _has_missing(labels):
    if labels.dtype.kind == "O":
        return any(map(_is_missing, labels))
    return labels.dtype.kind in "fcMm" and bool((labels != labels).any())


def _is_missing(label):
    try:
        return label is None or bool(label != label)
    except TypeError:  # pandas.NA, of which nothing can be said
        return True


def _refuse_other_shape(estimator, X, name):
    given = X.shape[1:]
    fitted = estimator.image_shape_
    if int(np.prod(given)) == int(np.prod(fitted)) and (
        len(given) == 1 or tuple(given) == tuple(fitted) or (*given, 1) == tuple(fitted)
    ):
        return
    if estimator._planar and tuple(given) == (fitted[2], *fitted[:2]):
        return
    raise ValueError(
        f"{name} has images of shape {tuple(given)}, but {type(estimator).__name__} was fitted on "
        f"images of shape {tuple(fitted)}: resize them, as ImageResizer and ImageReader do."
    )


def _refuse_one_hot(y):
    try:
        shape = np.shape(y) if isinstance(y, (list, tuple)) else getattr(y, "shape", ())
    except ValueError:  # NumPy's word for it is "inhomogeneous"
        raise ValueError(
            "y should be a 1d array of labels, and it holds lists of different lengths: give one "
            "label for each image."
        ) from None
    if len(shape) > 2 or (len(shape) == 2 and shape[1] > 1):
        raise ValueError(
            f"y should be a 1d array of labels, got an array of shape {tuple(shape)} instead. "
            "One-hot rows are no labels: give numpy.argmax(y, axis=1)."
        )


def _refuse_text_and_mixed_sizes(X):
    """Return X, a list of images as an array."""
    if np.ma.is_masked(X):
        raise ValueError("X has masked pixels, which are none: fill them, X.filled(0).")
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
