"""``skfashion predict``, and what it takes: a model's file, and images as the model wants them."""

import csv
import os
import sys
from collections import Counter

import joblib
import numpy as np

from skfashion._cli._console import UserError, counted, loading, note, one_line, user_errors
from skfashion._cli._likeness import unlike
from skfashion._cli._place import read_summary
from skfashion._persistence import load
from skfashion._utils.image_files import shown_name, why_unreadable
from skfashion._utils.images import limits_of
from skfashion._utils.tables import table
from skfashion.datasets._folder import entries
from skfashion.preprocessing import GrayscaleToRGB, ImageFlattener, ImageReader, ImageResizer

FILE = "model.skfashion"
_ADVICE = f"give the {FILE} that `skfashion search` left"

# Steps that change nothing about the range of pixels.
_SHAPERS = (GrayscaleToRGB, ImageFlattener, ImageResizer)
# What the eye makes of red, green and blue (ITU-R BT.601), in thousandths.
_GREY = np.array([299, 587, 114])


def predict(arguments):
    """Carry out ``skfashion predict``: a line an image."""
    with user_errors():
        given = _files_in(arguments.images)
    if not given:
        raise UserError(f"There are no files in {', '.join(map(repr, arguments.images))}.")
    with loading():
        from skfashion._training import untraced

        model = load_model(arguments.model, trust_pickle=arguments.trust_pickle)
        reasons = {name: why_unreadable(name) for name in given}
        names = [name for name in given if reasons[name] is None]
        with untraced(), user_errors(ValueError):
            probabilities = model.predict_proba(as_input(model, names)) if names else []
    for name in given:
        if reasons[name] is not None:
            note(f"skfashion: error: {name!r} can't be read as an image: {reasons[name]}")
    looks = read_summary(os.path.dirname(model_file(arguments.model))).get("looks")
    for sentence in unlike(names, looks, reader_of(model)) if names and looks else []:
        note(f"note: {sentence}")
    if names:
        if tells_several(model):
            header, rows = _all_labels(model.classes_, probabilities)
        else:
            header, rows = _likeliest(model.classes_, probabilities, arguments.top)
        rows = [[name, *row] for name, row in zip(names, rows, strict=True)]
        _write(["file", *header], rows, arguments.csv)
    return 2 if len(names) < len(given) else 0


def _likeliest(classes, probabilities, top):
    """Return a header, and of each image its likeliest labels with their probabilities."""
    header, rows = ["label", "probability"], []
    for place in range(2, min(top, len(classes)) + 1):
        header += [f"label {place}", f"probability {place}"]
    for shares in probabilities:
        best = np.argsort(-shares, kind="stable")[:top]
        pairs = ((classes[i], f"{shares[i]:.4f}") for i in best)
        rows.append([text for pair in pairs for text in pair])
    return header, rows


def _all_labels(classes, probabilities):
    """Return a header, and of each image the labels it has and the probability of every one."""
    header = ["labels", *(f"probability of {label}" for label in classes)]
    had = [" ".join(map(str, classes[shares > 0.5])) for shares in probabilities]
    rows = [
        [labels, *(f"{share:.4f}" for share in shares)]
        for labels, shares in zip(had, probabilities, strict=True)
    ]
    return header, rows


def _files_in(paths):
    """Return files as they are named, and of a folder all that are in it, at any depth."""
    files = []
    for path in paths:
        inside = os.path.isdir(path)
        files += _files_in(entry.path for entry in entries(path)) if inside else [path]
    return files


def _write(header, rows, csv_file):
    """Write a table: to a file, for a terminal, or separated by tabs for another program."""
    if csv_file:
        # Names of files may not be text: their bytes are kept.
        form = {"newline": "", "encoding": "utf-8", "errors": "surrogateescape"}
        with user_errors(), open(csv_file, "w", **form) as file:
            csv.writer(file).writerows([header, *rows])
        labels = Counter(shown_name(row[1]) for row in rows).most_common(10)
        told = ", ".join(f"{number:,} {label}" for label, number in labels)
        print(f"{counted(len(rows), 'image')} in {csv_file}: {told}")
        return
    rows = [list(map(shown_name, row)) for row in rows]
    if sys.stdout.isatty():
        numbers = [i for i, name in enumerate(header) if name.startswith("probability")]
        print(table(rows, header, right=numbers))
    else:
        print("\n".join("\t".join(row) for row in [header, *rows]))


def model_file(path):
    """Return the file of a model, which may be given by the folder of its search."""
    return os.path.join(path, FILE) if os.path.isdir(path) else path


def load_model(path, *, trust_pickle=False):
    """Load a fitted classifier, of a search its best one."""
    file = model_file(path)
    if not os.path.exists(file):
        raise UserError(f"There is no model {file!r}: {_ADVICE}, or its folder.")
    try:
        with open(file, "rb") as opened:
            pickled = opened.read(4) != b"PK\x03\x04"  # as files of `skfashion.save` begin
        model = (joblib.load if pickled and trust_pickle else load)(file)
    # A file that is something else fails in as many ways as there are codes of a pickle.
    except Exception as error:
        why = f" ({one_line(error) or type(error).__name__}): {_ADVICE}."
        if not isinstance(error, OSError) and pickled and not trust_pickle:
            why = (
                f": it is not a file of skfashion.save; {_ADVICE}. If it is a pickle or a joblib "
                "file, it can run any code of whoever made it: add --trust-pickle if you trust "
                "them."
            )
        raise UserError(f"{file!r} can't be loaded as a model{why}") from error
    model = getattr(model, "best_estimator_", model)
    if not hasattr(model, "predict_proba") or not hasattr(model, "classes_"):
        what = f"a {type(model).__name__}, which is not a fitted classifier"
        raise UserError(f"{file!r} holds {what}: {_ADVICE}.")
    return model


def tells_several(model):
    """Tell whether a model says of each of several labels whether an image has it."""
    return getattr(steps_of(model)[-1], "multilabel_", False)


def reader_of(model):
    """Return what reads the files whose names a model takes, None if it takes pixels."""
    first = steps_of(model)[0]
    return first if isinstance(first, ImageReader) else None


def as_input(model, names):
    """Turn names of image files into what a model was trained on.

    That is names for an `ImageReader`, else images of the size, channels and range it saw.
    """
    names = np.asarray(names)
    if reader_of(model):
        return names
    first = steps_of(model)[0]
    shape = getattr(first, "image_shape_", None)
    if shape is None or _limits_of(model) is None:
        raise UserError(
            f"This model begins with {type(first).__name__}, which saw no images with pixels "
            "of a known range, so files can't be turned into what it knows: use it from Python."
        )
    with user_errors():
        images = ImageReader(size=shape[:2], lazy=False).transform(names)
    if shape[2] == 1:
        images = np.rint(images @ _GREY / 1000).astype(np.uint8)
    return in_range(model, images)


def in_range(model, images):
    """Bring uint8 pixels to the range that a model was trained on, where that is known."""
    limits = _limits_of(model)
    if limits in (None, limits_of("0-255")):
        return images
    black, white = limits
    return images / np.float32(255 / (white - black)) + np.float32(black)


def _limits_of(model):
    """Return black and white of the first step that looks at pixels, or None."""
    for step in steps_of(model):
        if hasattr(step, "input_range_"):
            return limits_of(step.input_range_)
        if not isinstance(step, _SHAPERS):
            return None
    return None


def steps_of(model):
    """Return the estimators that a model consists of, the classifier last; of several, one's."""
    model = getattr(model, "estimators_", [model])[0]
    return [step for _, step in getattr(model, "steps", [("", model)])]
