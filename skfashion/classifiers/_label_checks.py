"""Checks of labels and of how much each counts, with errors that say what to do."""

import numpy as np
import pandas as pd
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_consistent_length,
    column_or_1d,
)

from skfashion._utils.messages import shown, some
from skfashion.classifiers._checks import refuse_no_array

_SEVERAL = (list, tuple, set, frozenset, dict, np.ndarray)
_INDICATOR = "sklearn.multiclass.OneVsRestClassifier(clf)"
_COLUMNS = "sklearn.multioutput.MultiOutputClassifier(clf)"
_LISTS = (
    "give one label for each image; for several at once, "
    "sklearn.preprocessing.MultiLabelBinarizer().fit_transform({})"
)
_MISSING = "{} has missing labels (None or NaN): leave these images out."


def check_targets(X, y, sample_weight, classes, class_weight, multilabel=False):
    """Return what counts for training: of X, labels as numbers, weights; and the classes.

    Of several labels an image the classes are numbers, as `MLPClassifier` has them.
    """
    y = check_labels(X, y, multilabel=multilabel)
    weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    several = y.ndim == 2
    if several and class_weight is not None:
        raise ValueError(
            "class_weight weighs an image by its one label, and y has several labels an image: "
            "leave it out, and weigh images by sample_weight."
        )
    found = np.arange(y.shape[1]) if several else np.unique(y)
    known = found if classes is None else classes
    y = encode(y, known)
    X, y, weight = _without_zeros(X, y, weight)
    check_several(known if several or classes is not None else known[np.unique(y)])
    if class_weight is not None:
        with np.errstate(over="ignore"):
            weight = weight * _weight_of_classes(class_weight, y, known)[y]
        X, y, weight = _without_zeros(X, y, weight)
    return X, y, weight, known


def check_labels(X, y, name="y", multilabel=False):
    """Return the labels of images as a 1-D array, or say what they are in place of labels.

    With `multilabel` several labels an image are returned as rows of 0 and 1: with "auto" where
    they can't be one-hot rows, with True whatever is in them.
    """
    labels = as_labels(y, name, multilabel)
    if labels.ndim == 1:
        check_classification_targets(labels)
    check_consistent_length(X, labels)
    return labels


def as_labels(y, name, multilabel=False):
    """Return labels as an array, see `check_labels`."""
    if y is None:
        raise ValueError(
            f"a classifier requires {name} to be passed, but the target {name} is None: give one "
            "label for each image."
        )
    refuse_no_array(y, name)
    if np.ma.is_masked(y):
        raise ValueError(_MISSING.format(name))
    rows = _rows_of_labels(y, name, multilabel)
    if rows is not None:
        return rows
    # NumPy would make text of all that is in a list with one text, of None and NaN too.
    is_list = isinstance(y, (list, tuple)) and len(y) > 0
    labels = column_or_1d(np.array(y, dtype=object) if is_list else y, warn=True)
    if labels.dtype.kind in "OfcMm" and pd.isna(labels).any():
        raise ValueError(_MISSING.format(name))
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
    """Return the place of each label among the classes; rows of several labels as they are."""
    if y.ndim == 2:
        if not np.array_equal(classes, np.arange(y.shape[1])):
            raise ValueError(
                f"{name} has {y.shape[1]} labels an image, which are numpy.arange({y.shape[1]}), "
                f"and the classes are {some(classes.tolist(), 10)}."
            )
        return y
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


def _rows_of_labels(y, name, multilabel):
    """Return several labels an image, rows of 0 and 1; None where there is one label each.

    Where they aren't taken, say what the rows look like and what they are for.
    """
    lists = _LISTS.format(name) + ("." if multilabel else f" to {_INDICATOR}.")
    try:
        rows = y.toarray() if hasattr(y, "toarray") else np.asarray(y)
    except ValueError:  # NumPy's word for it is "inhomogeneous"
        what, remedy = "lists of different lengths", lists
    else:
        what = f"an array of shape {rows.shape}"
        if rows.dtype == object and rows.size and isinstance(rows.flat[0], _SEVERAL):
            what, remedy = "a list of lists or sets", lists
        elif rows.ndim < 2 or (rows.ndim == 2 and rows.shape[1] == 1):
            if multilabel is not True:
                return None
            remedy = "several labels an image are a column of 0 and 1 for each label."
        elif multilabel and _is_indicator(rows) and (multilabel is True or not _is_one_hot(rows)):
            return rows.astype(int)
        else:
            remedy = _remedy_for_rows(rows, name, multilabel)
    wanted = "an indicator of labels" if multilabel is True else "a 1d array of labels"
    raise ValueError(f"{name} should be {wanted}, got {what} instead: {remedy}")


def _is_indicator(rows):
    numbers = _as_numbers(rows)
    is_table = rows.ndim == 2 and rows.shape[1] > 1
    return is_table and bool(((numbers == 0) | (numbers == 1)).all())


def _is_one_hot(rows):
    return bool((_as_numbers(rows).sum(axis=1) == 1).all())


def _as_numbers(rows):
    """Return rows as floats; NaN where they hold something else."""
    try:
        numbers = rows.astype(float) if rows.dtype.kind in "biufO" else np.nan
    except (TypeError, ValueError):
        numbers = np.nan
    return np.broadcast_to(numbers, rows.shape)


def _remedy_for_rows(rows, name, multilabel):
    if rows.ndim > 2:
        return "give one label for each image."
    numbers = _as_numbers(rows)
    if _is_indicator(rows):
        if _is_one_hot(rows):
            other = ", or multilabel=True if each could have had several labels"
            return f"one-hot rows. Give numpy.argmax({name}, axis=1){other if multilabel else ''}."
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
