"""Which predictions are furthest from the truth."""

import numpy as np
import pandas as pd
from sklearn.utils import column_or_1d


def find_mistakes(y_true, y_pred, *, classes=None, display_labels=None):
    """List wrong predictions, the worst first."""
    y_true, y_pred = column_or_1d(y_true), np.asarray(y_pred)
    if len(y_true) != len(y_pred):
        raise ValueError(f"y_true has {len(y_true)} labels and y_pred {len(y_pred)} predictions.")
    known = np.isin(y_pred, y_true if classes is None else classes)
    if y_pred.ndim == 1 and len(y_pred) and y_pred.dtype.kind == "f" and not known.any():
        raise ValueError(
            "y_pred holds numbers that are no labels: of probabilities it takes a column a class, "
            "as predict_proba returns them."
        )
    if classes is None:
        classes = np.unique(y_true if y_pred.ndim == 2 else np.concatenate([y_true, y_pred]))
    classes = np.asarray(classes)
    names = classes if display_labels is None else np.asarray(display_labels)
    if len(names) != len(classes):
        raise ValueError(f"display_labels has {len(names)} names for {len(classes)} classes.")
    truth = _codes(y_true, classes)
    if y_pred.ndim == 2:
        if y_pred.shape[1] != len(classes):
            raise ValueError(
                f"y_pred has {y_pred.shape[1]} columns for {len(classes)} classes: say which "
                "class each column is of, classes=estimator.classes_."
            )
        told = y_pred.argmax(axis=1)
        rows = np.arange(len(y_true))
        given = np.where(truth >= 0, y_pred[rows, truth], 0.0)
        best = y_pred[rows, told]
    else:
        told = _codes(y_pred, classes)
        given = best = np.full(len(y_true), np.nan)
    wrong = np.flatnonzero(truth != told)
    # The lowest probability of the truth first; of equals, the surest mistake.
    wrong = wrong[np.lexsort((-best[wrong], given[wrong]))]
    return pd.DataFrame(
        {
            "index": wrong,
            "true": _named(y_true[wrong], truth[wrong], names),
            "predicted": _named(y_pred[wrong], told[wrong], names),
            "true_probability": given[wrong],
            "predicted_probability": best[wrong],
        }
    )


def _codes(labels, classes):
    """Return the place of each label among the classes, -1 for one that is not."""
    place = {label: i for i, label in enumerate(classes.tolist())}
    return np.array([place.get(label, -1) for label in labels.tolist()], dtype=int)


def _named(labels, codes, names):
    return [names[code] if code >= 0 else label for label, code in zip(labels, codes, strict=True)]
