"""Labels of images, their numbers, and how much each image counts."""

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_consistent_length, column_or_1d

from skfashion._utils.messages import shown, some
from skfashion.classifiers._checks import refuse_no_array

_SEVERAL = (list, tuple, set, frozenset, dict, np.ndarray)
_INDICATOR = "sklearn.multiclass.OneVsRestClassifier(clf)"
_COLUMNS = "sklearn.multioutput.MultiOutputClassifier(clf)"
_LISTS = (
    "give one label for each image; for several at once, "
    "sklearn.preprocessing.MultiLabelBinarizer().fit_transform({}) to " + _INDICATOR + "."
)


def check_targets(X, y, sample_weight, classes, class_weight):
    """Return what counts for training: images, labels as numbers, weights; and the classes."""
    y = check_labels(X, y)
    weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    known = np.unique(y) if classes is None else classes
    y = encode(y, known)
    X, y, weight = _without_zeros(X, y, weight)
    check_several(known[np.unique(y)] if classes is None else known)
    if class_weight is not None:
        with np.errstate(over="ignore"):
            weight = weight * _weight_of_classes(class_weight, y, known)[y]
        X, y, weight = _without_zeros(X, y, weight)
    return X, y, weight, known


def check_labels(X, y, name="y"):
    """Return the labels of images as a 1-D array, or say what they are in place of labels."""
    labels = as_labels(y, name)
    check_classification_targets(labels)
    check_consistent_length(X, labels)
    return labels


def as_labels(y, name):
    """Return labels as a 1-D array, or say what they are in place of labels."""
    if y is None:
        raise ValueError(
            f"a classifier requires {name} to be passed, but the target {name} is None: give one "
            "label for each image."
        )
    refuse_no_array(y, name)
    _refuse_several(y, name)
    # NumPy would make text of all that is in a list with one text, of None and NaN too.
    is_list = isinstance(y, (list, tuple)) and len(y) > 0
    labels = column_or_1d(np.array(y, dtype=object) if is_list else y, warn=True)
    if np.ma.is_masked(y) or _has_missing(labels):
        raise ValueError(f"{name} has missing labels (None or NaN): leave these images out.")
    if labels.dtype.kind == "f" and np.isinf(labels).any():
        raise ValueError(f"{name} contains infinity, which is not a label: leave these images out.")
    try:
        np.unique(labels)
    except TypeError:
        kinds = sorted({type(label).__name__ for label in labels})
        as_text = f"list(map(str, {name}))" if is_list else f"{name}.astype(str)"
        raise ValueError(
            f"{name} mixes labels of kinds that have no common order ({', '.join(kinds)}): make "
            f"them all text, {as_text}."
        ) from None
    return column_or_1d(y) if is_list else labels


def encode(y, classes, name="y"):
    """Return the place of each label among the classes."""
    # By hash, as NumPy takes the text "1" for the number 1.
    unknown = set(y.tolist()).difference(classes.tolist())
    if unknown:
        remedy = "Leave these images out of X_val, or give X some of them."
        if name == "y":
            remedy = "Name all of them in the first call, classes=, or fit with warm_start=False."
        raise ValueError(
            f"{name} has labels that are not among the classes: {some(sorted(unknown, key=str))}; "
            f"the classes are {some(classes.tolist(), 10)}. {remedy}"
        )
    return np.searchsorted(classes, y)


def targets(n_classes, plan):
    """Return what the loss compares outputs with, a row for each class."""
    if plan.takes_rows:
        return np.eye(n_classes, dtype=np.float32)
    numbers = np.arange(n_classes, dtype=np.float32)
    # Metrics want one output and its target in one shape.
    return numbers[:, np.newaxis] if plan.n_outputs == 1 else numbers


def known_classes(classes, before):
    """Return the classes of a call to `partial_fit`; `before` are those of the first one."""
    if before is None:
        if classes is None:
            raise ValueError(
                "classes must be passed on the first call to partial_fit: name all labels that "
                "there will be, such as classes=numpy.unique(y_all)."
            )
        labels = np.unique(as_labels(classes, "classes"))
        # Twice, as scikit-learn warns of labels of which most are there once.
        check_classification_targets(np.tile(labels, 2))
        return labels
    if classes is not None and not np.array_equal(before, np.unique(classes)):
        raise ValueError(
            f"classes={some(np.unique(classes).tolist(), 10)} are not those of the first call, "
            f"{some(before.tolist(), 10)}. Leave them out, or start with a clone."
        )
    return before


def check_several(classes):
    """Refuse a single class."""
    if len(classes) < 2:
        raise ValueError(
            f"Classifier can't train when only one class is present: all labels are "
            f"{shown(classes.tolist()[0])}. Give images of two classes or more; folders read one "
            "after the other need shuffling or stratified folds."
        )


def split_off(labels, fraction, seed):
    """Return the positions to train on and those of a stratified part to stop by."""
    try:
        return train_test_split(
            np.arange(len(labels)), test_size=fraction, stratify=labels, random_state=seed % 2**32
        )
    except ValueError as error:
        found, counts = np.unique(labels, return_counts=True)
        if counts.min() == 1:
            raise ValueError(
                f"early_stopping=True needs two images of each class, one to train on and one to "
                f"stop by, and there is one of {some(found[counts == 1].tolist())}: give more of "
                "them, X_val= and y_val=, or early_stopping=False."
            ) from None
        raise ValueError(
            f"early_stopping=True can't set aside validation_fraction={fraction} of {len(labels)} "
            f"images with every class in it ({error}) Give more images, another fraction, "
            "X_val= and y_val=, or early_stopping=False."
        ) from None


def _refuse_several(y, name):
    """Refuse several labels an image, saying what the rows look like and what they are for."""
    try:
        rows = y.toarray() if hasattr(y, "toarray") else np.asarray(y)
    except ValueError:  # NumPy's word for it is "inhomogeneous"
        what, remedy = "lists of different lengths", _LISTS.format(name)
    else:
        if rows.dtype == object and rows.size and isinstance(rows.flat[0], _SEVERAL):
            what, remedy = "a list of lists or sets", _LISTS.format(name)
        elif rows.ndim < 2 or (rows.ndim == 2 and rows.shape[1] == 1):
            return
        else:
            what, remedy = f"an array of shape {rows.shape}", _remedy_for_rows(rows, name)
    raise ValueError(f"{name} should be a 1d array of labels, got {what} instead: {remedy}")


def _remedy_for_rows(rows, name):
    if rows.ndim > 2:
        return "give one label for each image."
    try:
        numbers = rows.astype(float) if rows.dtype.kind in "biufO" else np.nan
    except (TypeError, ValueError):
        numbers = np.nan
    numbers = np.broadcast_to(numbers, rows.shape)
    if ((numbers == 0) | (numbers == 1)).all():
        if (numbers.sum(axis=1) == 1).all():
            return f"one-hot rows. Give numpy.argmax({name}, axis=1)."
        return (
            f"several labels an image (a multi-label indicator). {_INDICATOR} takes it, "
            f"{_COLUMNS} too."
        )
    if ((numbers >= 0) & (numbers <= 1)).all():
        n, soft = rows.shape[1], "soft labels, a probability for each class."
        if name != "y":
            return f"{soft} Give one label for each image."
        return (
            f"{soft} Give each image once for each class, with the probability as its weight: "
            f"fit(numpy.repeat(X, {n}, axis=0), numpy.tile(numpy.arange({n}), len(X)), "
            "sample_weight=y.ravel())."
        )
    return (
        f"{rows.shape[1]} labels an image (several outputs). "
        f"{_COLUMNS} trains one classifier for each column."
    )


def _has_missing(labels):
    if labels.dtype.kind == "O":
        return any(map(_is_missing, labels))
    return labels.dtype.kind in "fcMm" and bool((labels != labels).any())


def _is_missing(label):
    try:
        return label is None or bool(label != label)
    except TypeError:  # pandas.NA, of which nothing can be said
        return True


def mean_of(weight):
    """Return the mean of positive weights, equal ones' to the last bit."""
    largest = weight.max()
    with np.errstate(invalid="ignore"):  # of infinity, which is refused below
        return float(largest * np.mean(weight / largest))


def relative_to(mean, weight):
    """Return weights as multiples of a mean, float32."""
    with np.errstate(over="ignore"):
        relative = (weight / mean).astype(np.float32)
    if not np.isfinite(relative).all():
        raise ValueError(
            "sample_weight (times class_weight) has values too large for float32 beside their "
            "mean, or that of the first call of partial_fit: give weights of one scale."
        )
    return relative


def _weight_of_classes(class_weight, y, classes):
    if isinstance(class_weight, str):
        counts = np.bincount(y, minlength=len(classes))
        if not counts.all():
            raise ValueError(
                "class_weight='balanced' needs images of every class each time, and here some "
                "classes have none (of a sample_weight above 0): give the weights as a dict."
            )
        return len(y) / (len(classes) * counts)
    _refuse_other_names(class_weight, classes)
    try:
        given = [class_weight.get(label, 1) for label in classes]
        weights = np.array(given, dtype=np.float64)
        right = np.isfinite(weights).all() and (weights >= 0).all()
        right = right and not any(isinstance(weight, str) for weight in given)
    except (TypeError, ValueError):
        right = False
    if not right:
        raise ValueError(
            f"class_weight={shown(class_weight)} has weights that are negative or not numbers: "
            "give each label a number from 0 on."
        )
    return weights


def _without_zeros(X, y, weight):
    """Leave out what doesn't count."""
    counts = weight > 0
    if counts.all():
        return X, y, weight
    if not counts.any():
        raise ValueError(
            "sample_weight (times class_weight) is 0 everywhere: there is nothing to train on."
        )
    return X[counts], y[counts], weight[counts]


def _refuse_other_names(class_weight, classes):
    # As in scikit-learn: a label that isn't named weighs 1, but where names fit no label.
    unnamed = classes[[label not in class_weight for label in classes]].tolist()
    strays = list(class_weight.keys() - set(classes))
    if unnamed and strays:
        hint = ""
        if isinstance(unnamed[0], str) != isinstance(strays[0], str):
            hint = ", which are text" if isinstance(unnamed[0], str) else ", which are not text"
        raise ValueError(
            f"The classes, {some(unnamed)}, are not in class_weight, which names {some(strays)}: "
            f"its keys are the labels as they stand in y{hint}."
        )
