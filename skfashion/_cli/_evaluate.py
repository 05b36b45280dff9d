"""``skfashion evaluate``: how well a model does on images with labels."""

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from skfashion._cli._console import UserError, counted, loading, note, user_errors
from skfashion._cli._data import read_test_data
from skfashion._cli._predict import as_input, in_range, load_model, reader_of, tells_several
from skfashion._utils.image_files import shown_name
from skfashion._utils.tables import table


def evaluate(arguments):
    """Carry out ``skfashion evaluate``: the accuracy, and a table of the classes."""
    data = read_test_data(arguments.data)
    with loading():
        model = load_model(arguments.model, trust_pickle=arguments.trust_pickle)
    if tells_several(model):
        raise UserError("This model tells several labels of an image: score it from Python.")
    if reader_of(model) and not data.files:
        raise UserError(
            f"This model reads image files, and {arguments.data} has none: give a folder of images."
        )
    if data.whole:
        note(f"note: all of {data.name!r} counts, also what the model may have been trained on")
    y = data.y.astype(str)
    classes = model.classes_.astype(str)
    for unknown in sorted(set(y) - set(classes)):
        raise UserError(
            f"{data.name!r} holds a class {str(unknown)!r} that the model doesn't know; it knows "
            f"{', '.join(classes)}."
        )
    with user_errors(ValueError):
        X = (as_input if data.files else in_range)(model, data.X)
        predicted = model.predict(X).astype(str)
    labels, counts = np.unique(y, return_counts=True)
    most, share = shown_name(labels[counts.argmax()]), counts.max() / len(y)
    header = ["class", "images", "recall", "precision", "mostly mistaken for"]
    print(
        f"Accuracy {np.mean(predicted == y):.4f} on {counted(len(y), 'image')} "
        f"({shown_name(data.name)})\nTo beat: {share:.4f}, by always answering {most!r}\n\n"
        f"{table(_rows(y, predicted, classes), header, right=(1, 2, 3))}"
    )


def _rows(y, predicted, classes):
    mistakes = confusion_matrix(y, predicted, labels=classes)
    np.fill_diagonal(mistakes, 0)
    precision, recall, _, images = precision_recall_fscore_support(
        y, predicted, labels=classes, zero_division=np.nan
    )
    for i, label in enumerate(classes):
        worst = mistakes[i].argmax()
        number = mistakes[i, worst]
        yield [
            shown_name(label),
            f"{images[i]:,}",
            *("-" if np.isnan(share) else f"{share:.4f}" for share in (recall[i], precision[i])),
            f"{shown_name(classes[worst])} ({number})" if number else "",
        ]
