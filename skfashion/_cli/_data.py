"""Data sets by name or folder: what is trained on, and what the result is tested on."""

import os
import warnings
from contextlib import suppress

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.utils import Bunch

from skfashion._cli._console import (
    UserError,
    counted,
    nearest,
    note,
    user_errors,
)
from skfashion.datasets import fetch_fashion_mnist, load_image_folder
from skfashion.datasets._folder import entries

NAMES = ("fashion-mnist", "digits")

# Where nothing says which images are for testing, one in five is, always the same ones.
_TEST_SHARE = 0.2

# What the part to test on may be called; the first that holds classes is taken.
_TEST_PARTS = ("test", "val", "valid", "validation")
_UNLABELLED = "`skfashion predict` says what images without labels show."


def read_data(named):
    """Read data to train and to test on."""
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
    return _digits() if named in (None, "digits") else _folder(named)


def read_test_data(named):
    """Read data to evaluate a model on."""
    if named in NAMES:
        data = read_data(named)
        name = f"{named}, test part"
        return Bunch(name=name, X=data.X_test, y=data.y_test, files=False, whole=False)
    parts = _folders_in(named)
    folder = _part_to_test_on(parts)
    if folder is None:
        train = parts.get("train")
        if _folders_in(train):
            raise UserError(
                f"No part of {named!r} to test on has folders of classes. {_UNLABELLED} To "
                f"evaluate on what the model was trained on, give {train!r}."
            )
        folder = named
        if os.path.isdir(folder) and os.listdir(folder) and not parts:
            raise UserError(f"{folder!r} holds files but no folders of classes. {_UNLABELLED}")
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


def _digits():
    data = load_digits()
    # 0 to 16 become 0 to 255, as pixels of files are.
    X = np.rint(data.images * (255 / 16)).astype(np.uint8)
    return _bunch("digits", *_split(X, data.target.astype(str)))


def _folder(named):
    parts = _folders_in(named)
    train, test = parts.get("train"), None
    if _folders_in(train):
        test = _part_to_test_on(parts)
        _tell_of_parts(parts, train, test)
    else:
        train = named
    X, y, bad_files = _files(train)
    if test is None:
        return _bunch(named, *_split(X, y), bad_files)
    X_test, y_test, more = _files(test)
    unknown = sorted(set(y_test) - set(y))
    if unknown:
        raise UserError(
            f"{test!r} holds a class {str(unknown[0])!r} that {train!r} doesn't: give both the "
            "same folders."
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
    advice = "" if os.path.exists(folder) else nearest(folder, [*NAMES, *_beside(folder)])
    with user_errors(advice=advice), warnings.catch_warnings():
        # Said below, in one line.
        warnings.simplefilter("ignore", UserWarning)
        data = load_image_folder(folder, on_error="skip")
    if data.bad_files:
        name, reason = data.bad_files[0]
        note(
            f"note: left out {counted(len(data.bad_files), 'file')} of {folder!r} that can't be "
            f"read as images, such as {name!r}: {reason}"
        )
    return data.filenames, data.target, data.bad_files


def _beside(path):
    """Return the paths of what lies where a path leads to nothing."""
    place = os.path.dirname(path)
    with suppress(OSError):
        return [os.path.join(place, name) for name in os.listdir(place or ".")]
    return []


def _split(X, y):
    """Return training and test part, each with its share of every class."""
    with user_errors(ValueError):
        X, X_test, y, y_test = train_test_split(
            X, y, test_size=_TEST_SHARE, stratify=y, random_state=0
        )
    return X, y, X_test, y_test


def _bunch(name, X, y, X_test, y_test, bad_files=()):
    files = X.dtype.kind == "U"
    return Bunch(
        name=name, X=X, y=y, X_test=X_test, y_test=y_test, files=files, bad_files=bad_files
    )
