"""Checks of images, of labels and of how much each counts, with errors that say what to do."""

import os
from collections.abc import Sequence

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_array,
    check_consistent_length,
    column_or_1d,
    validate_data,
)

from skfashion._utils.messages import shown, some

_IN_A_PIPELINE = (
    " A Pipeline transforms X alone: give {0}=pipe[:-1].fit(X, y).transform({0}), where pipe[:-1] "
    "are the steps before the classifier."
)
_GREY, _RGB = "make them grey, {0}[..., :3].mean(axis=-1)", "make them RGB, as GrayscaleToRGB does"
_CHANNELS = {  # found, wanted
    (1, 3): _RGB,
    (4, 3): "leave the transparency out, {0}[..., :3]",
    (3, 1): _GREY,
    (4, 1): _GREY,
    (3, 4): "add the transparency, np.insert({0}, 3, 255, axis=-1)",
}
_SEVERAL = (list, tuple, set, frozenset, dict, np.ndarray)
_INDICATOR = "sklearn.multiclass.OneVsRestClassifier(clf)"
_COLUMNS = "sklearn.multioutput.MultiOutputClassifier(clf)"
_LISTS = (
    "give one label for each image; for several at once, "
    "sklearn.preprocessing.MultiLabelBinarizer().fit_transform({}) to " + _INDICATOR + "."
)


def check_images(estimator, X, *, reset, name="X"):
    """Return images, which messages call `name`, as an array of uint8 or float32.

    With `reset`, what they look like is remembered, else compared with what is.
    """
    refuse_no_array(X, name)
    X = _refuse_text_and_mixed_sizes(X, name)
    options = {"dtype": "numeric", "allow_nd": True}
    rows = getattr(X, "ndim", 2) == 2
    if reset or (rows and getattr(X, "shape", ()) != tuple(estimator.image_shape_[:2])):
        X = validate_data(estimator, X, reset=reset, **options)
    else:
        # scikit-learn would compare the images' height or width with the number of pixels.
        X = check_array(X, estimator=estimator, input_name=name, **options)
    if not reset:
        _refuse_other_shape(estimator, X, name)
    return X


def refuse_no_array(given, name):
    """Refuse data sets, loaders and generators, of which NumPy would make an object or a mess."""
    is_array = any(hasattr(given, attribute) for attribute in ("__array__", "shape", "toarray"))
    hands_out = any(hasattr(given, method) for method in ("__iter__", "__getitem__"))
    if hands_out and not is_array and not isinstance(given, Sequence):
        raise TypeError(
            f"{name} is a {type(given).__name__}, and classifiers take arrays: images of shape "
            "(n, height, width, channels) as X with one label each as y, or file names as X of a "
            "Pipeline that begins with skfashion.preprocessing.ImageReader."
        )


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
        f"images of shape {tuple(fitted)}: {_remedy_for_shape(X.shape, tuple(fitted), name)}."
        + (_IN_A_PIPELINE.format(name) if name != "X" else "")
    )


def _remedy_for_shape(given, fitted, name):
    size, channels = (fitted, 1) if len(fitted) == 2 else (fitted[:-1], fitted[-1])
    if given in (size, (*size, channels)):
        return f"if it is one image, add the missing axis, {name}[np.newaxis]"
    if len(given) not in (3, 4):
        return "give them as (n, height, width, channels)"
    *shape, found = (*given[1:], 1) if len(given) == 3 else given[1:]
    if found not in (1, 3, 4, channels) and shape[0] in (1, 3, 4, channels):
        return f"the channels seem to stand first, move them with np.moveaxis({name}, 1, -1)"
    remedies = []
    if given == (channels, *size):
        remedies.append(f"if it is one image, give np.moveaxis({name}, 0, -1)[np.newaxis]; else")
    elif tuple(shape) != size:
        remedies.append(
            "resize them, as ImageResizer and ImageReader do" + "," * (found != channels)
        )
    if found != channels:
        remedies.append(
            _CHANNELS.get((found, channels), "give {1} channels").format(name, channels)
        )
    return " ".join(remedies)


def _refuse_text_and_mixed_sizes(X, name):
    """Return X, a list of images as an array."""
    if np.ma.is_masked(X):
        raise ValueError(f"{name} has masked pixels: fill them, {name}.filled(0).")
    if isinstance(X, (list, tuple)):
        try:
            X = np.asarray(X)
        except ValueError:  # NumPy's word for it is "inhomogeneous"
            X = _as_objects(X)
    dtype = getattr(X, "dtype", None)
    kind = getattr(dtype, "kind", "O" if hasattr(X, "columns") else "?")
    if kind not in "OUS" or not X.size:
        return X
    first = np.asarray(X).flat[0]
    if isinstance(first, bytes):
        raise ValueError(
            f"could not convert bytes to float: {name} holds bytes, not pixels. Give the names of "
            "files to skfashion.preprocessing.ImageReader, or arrays of pixels, such as "
            "numpy.asarray(PIL.Image.open(io.BytesIO(data)))."
        )
    if isinstance(first, (str, os.PathLike)):
        reader = "skfashion.preprocessing.ImageReader"
        raise ValueError(
            f"could not convert string to float: {name} holds text, not pixels. File names are "
            f"read by {reader}"
            + (
                ": put it before the classifier in a Pipeline."
                if name == "X"
                else f".{_IN_A_PIPELINE.format(name)}"
            )
        )
    if X.ndim == 1 and np.ndim(first):
        shapes = sorted({str(np.shape(image)) for image in X})
        raise ValueError(
            f"{name} mixes images of {len(shapes)} shapes, such as {', '.join(shapes[:3])}: bring "
            "them to one size first, with ImageReader(size=...) on their files."
            if len(shapes) > 1
            else f"{name} is an array of {len(X)} arrays: join them first, with "
            f"numpy.stack({name})."
        )
    return X


def _as_objects(items):
    array = np.empty(len(items), object)
    for i, item in enumerate(items):
        array[i] = np.asarray(item, object)
    return array


def check_targets(X, y, sample_weight, classes, class_weight):
    """Return what counts for training: of X, labels as numbers, weights; and the classes."""
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


def check_groups(X, groups):
    """Return the groups of images as a 1-D array, None where there are none."""
    if groups is None:
        return None
    groups = column_or_1d(groups)
    check_consistent_length(X, groups)
    return groups


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
