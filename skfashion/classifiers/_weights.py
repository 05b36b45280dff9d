"""How much each image counts: sample weights, class weights, and their common scale."""

import numpy as np
from sklearn.utils.validation import _check_sample_weight

from skfashion._utils.messages import shown, some
from skfashion.classifiers._labels import check_labels, check_several, encode


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
            f"class_weight={shown(class_weight)} has weights that are negative or no numbers: "
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
