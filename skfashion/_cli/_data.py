"""Data sets by name, folder or table: what is trained on, and what the result is tested on."""

import glob
import os
import warnings
from contextlib import suppress

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.utils import Bunch

from skfashion._cli._console import UserError, counted, nearest, note, user_errors
from skfashion.datasets import fetch_fashion_mnist, load_image_folder, load_image_table
from skfashion.datasets._folder import entries

NAMES = ("fashion-mnist", "digits")

# What the part to test on may be called; the first that holds classes is taken.
_TEST_PARTS = ("test", "val", "valid", "validation")
_UNLABELLED = "`skfashion predict` says what images without labels show."


def read_data(named, *, split=True):
    """Read data to train and to test on; with `split` a part for the test is drawn if need be."""
    if named is None:
        try:
            return _fashion_mnist()
        except UserError:
            note(
                "note: Fashion-MNIST is neither in Keras' cache nor within reach, so this is "
                "scikit-learn's digits instead; `skfashion search fashion-mnist` says more."
            )
    if named == "fashion-mnist":
        return _fashion_mnist()
    return _digits(split) if named in (None, "digits") else _folder(named, split)


def read_test_data(named):
    """Read data to evaluate a model on."""
    if named in NAMES:
        data = read_data(named)
        name = f"{named}, test part"
        return Bunch(name=name, X=data.X_test, y=data.y_test, files=False, whole=False)
    parts = _folders_in(named)
    folder = _part_to_test_on(parts)
    if folder is None and _folders_in(parts.get("train")):
        raise UserError(
            f"No part of {named!r} to test on has folders of classes. {_UNLABELLED} To evaluate on "
            f"what the model was trained on, give {parts['train']!r}."
        )
    if folder is None and not parts and os.path.isdir(named) and os.listdir(named):
        raise UserError(f"{named!r} holds files but no folders of classes. {_UNLABELLED}")
    folder = folder or named
    X, y, _ = _files(folder)
    whole = os.path.basename(os.path.abspath(folder)).lower() not in _TEST_PARTS
    return Bunch(name=folder, X=X, y=y, files=True, whole=whole)


def _fashion_mnist():
    parts = []
    with user_errors():
        for subset in ("train", "test"):
            data = fetch_fashion_mnist(subset)
            parts += [data.data, np.array(data.target_names)[data.target]]
    return _bunch("fashion-mnist", *parts)


def _digits(split):
    data = load_digits()
    # 0 to 16 become 0 to 255, as pixels of files are.
    X = np.rint(data.images * (255 / 16)).astype(np.uint8)
    return _bunch("digits", *_parts(X, data.target.astype(str), split))


def _folder(named, split):
    parts = _folders_in(named)
    train, test = parts.get("train"), None
    if _folders_in(train):
        test = _part_to_test_on(parts)
        _tell_of_parts(parts, train, test)
    else:
        train = named
    X, y, bad_files = _files(train)
    if test is None:
        return _bunch(named, *_parts(X, y, split), bad_files)
    X_test, y_test, more = _files(test)
    for unknown in sorted(set(y_test) - set(y)):
        raise UserError(
            f"{test!r} holds a class {str(unknown)!r} that {train!r} doesn't: give both the same "
            "folders."
        )
    return _bunch(named, X, y, X_test, y_test, [*bad_files, *more])


def _folders_in(folder):
    """Return the paths of the folders in a folder by their names in lower case."""
    if folder is None or not os.path.isdir(folder):
        return {}
    with user_errors():
        return {entry.name.lower(): entry.path for entry in entries(folder) if entry.is_dir()}


def _part_to_test_on(parts):
    """Return the first folder whose name says that it is for testing and that holds classes."""
    known = _folders_in(parts.get("train")).keys()
    for name in _TEST_PARTS:
        classes = _folders_in(parts.get(name)).keys()
        if len(classes) > 1 or classes & known:
            return parts[name]
    return None


def _tell_of_parts(parts, train, test):
    """Say what the result is tested on if not a folder called test, and what is left unread."""
    tested_on = f"one in five images of {train!r}" if test is None else repr(test)
    unlabelled = parts.get("test", test)
    if unlabelled != test:
        note(f"note: {unlabelled!r} holds no folders of classes. {_UNLABELLED}")
    if test is None or test != parts.get("test"):
        note(f"note: the result is tested on {tested_on}")
    unread = sorted(set(parts.values()) - {train, test, unlabelled})
    if unread:
        note(
            f"note: left unread: {', '.join(map(repr, unread))}. Candidates are compared by "
            f"cross-validation on {train!r}, and the best is tested on {tested_on}."
        )


def _files(folder):
    """Return the names of images, their labels, and other files with the reasons."""
    advice = ""
    if not os.path.exists(folder):
        beside = glob.glob(os.path.join(glob.escape(os.path.dirname(folder)), "*"))
        advice = nearest(folder, [*NAMES, *beside])
    with user_errors(advice=advice), warnings.catch_warnings():
        # Said below, in one line.
        warnings.simplefilter("ignore", UserWarning)
        is_table = os.path.isfile(folder) and folder.lower().endswith((".csv", ".tsv"))
        load = _load_table if is_table else load_image_folder
        data = load(folder, on_error="skip")
    if data.bad_files:
        name, reason = data.bad_files[0]
        note(
            f"note: left out {counted(len(data.bad_files), 'file')} of {folder!r} that can't be "
            f"read as images, such as {name!r}: {reason}"
        )
    return data.filenames, data.target, data.bad_files


def _load_table(path, on_error):
    """Read a table by its columns file and label, or by the only two that it has."""
    sep = "\t" if path.lower().endswith(".tsv") else ","
    names, columns = [], {}
    with suppress(ValueError):  # which is said below, with the name of the table
        names = list(pd.read_csv(path, sep=sep, nrows=0))
    if len(names) == 2 and sorted(names) != ["file", "label"]:
        columns = {"path": names[0], "target": names[1]}
    data = load_image_table(path, **columns, on_error=on_error)
    data.target = data.target.astype(np.str_)
    return data


def _parts(X, y, split):
    """Return training and test part, one image in five of every class, always the same ones."""
    if not split:
        return [X, y, X[:0], y[:0]]
    with user_errors(ValueError):
        parts = train_test_split(X, y, test_size=0.2, stratify=y, random_state=0)
    return [parts[i] for i in (0, 2, 1, 3)]


def _bunch(name, X, y, X_test, y_test, bad_files=()):
    data = {"X": X, "y": y, "X_test": X_test, "y_test": y_test}
    return Bunch(name=name, files=X.dtype.kind == "U", bad_files=bad_files, **data)
