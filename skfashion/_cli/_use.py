"""``skfashion predict`` and ``skfashion evaluate``."""

import numpy as np

from skfashion._cli._console import (
    UserError,
    counted,
    note,
    say,
    table,
    user_errors,
    without_native_noise,
)
from skfashion._utils.image_files import shown_name


def predict(arguments):
    """Carry out ``skfashion predict``: a line an image."""
    model, models = _load(arguments)
    names, bad = models.split_readable(arguments.images)
    for name, reason in bad.items():
        note(f"skfashion: error: {name!r} can't be read as an image: {reason}")
    if names:
        X = models.as_input(model, names)
        with user_errors(ValueError):
            probabilities = model.predict_proba(X)
        best = probabilities.argmax(axis=1)
        for name, row, index in zip(names, probabilities, best, strict=True):
            label = shown_name(model.classes_[index])
            say(f"{shown_name(name)}\t{label}\t{row[index]:.4f}")
    return 2 if bad else 0


def evaluate(arguments):
    """Carry out ``skfashion evaluate``: the accuracy, and a table of the classes."""
    from skfashion._cli._data import read_test_data

    data = read_test_data(arguments.data)
    model, models = _load(arguments)
    if models.reads_files(model) and not data.files:
        raise UserError(
            f"This model reads image files, and {arguments.data} has none: give a folder of images."
        )
    if data.whole:
        note(f"note: all of {data.name!r} counts, also what the model may have been trained on")
    y = data.y.astype(str)
    classes = model.classes_.astype(str)
    unknown = sorted(set(y) - set(classes))
    if unknown:
        raise UserError(
            f"{data.name!r} holds a class {str(unknown[0])!r} that the model doesn't know; "
            f"it knows {', '.join(classes)}."
        )
    X = (models.as_input if data.files else models.in_range)(model, data.X)
    with user_errors(ValueError):
        predicted = model.predict(X).astype(str)
    right = predicted == y
    say(f"Accuracy {right.mean():.4f} on {counted(len(y), 'image')} ({shown_name(data.name)})")
    say()
    header = ["class", "images", "recall", "precision", "mostly mistaken for"]
    rows = [_row(label, y, predicted) for label in classes]
    say(table([header, *rows], right=(1, 2, 3)))


def _row(label, y, predicted):
    of_class, as_class = y == label, predicted == label
    both = int(np.sum(of_class & as_class))
    mistakes, counts = np.unique(predicted[of_class & ~as_class], return_counts=True)
    worst = f"{shown_name(mistakes[counts.argmax()])} ({counts.max()})" if len(counts) else ""
    return [
        shown_name(label),
        f"{of_class.sum():,}",
        _share(both, of_class),
        _share(both, as_class),
        worst,
    ]


def _share(number, among):
    return f"{number / among.sum():.4f}" if among.any() else "-"


def _load(arguments):
    with without_native_noise():
        from skfashion._cli import _models

        return _models.load_model(arguments.model, trust_pickle=arguments.trust_pickle), _models
