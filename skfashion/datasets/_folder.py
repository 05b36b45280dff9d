"""Image folders: one folder per class, the folders' names are the labels."""

import os
from numbers import Integral
from typing import Any, Literal

import numpy as np
from joblib import Parallel, delayed
from sklearn.utils import check_random_state

from skfashion._utils.image_files import FORMATS_TEXT, reasons, shown_name, why_unreadable
from skfashion._utils.messages import some
from skfashion._utils.typing import PathLike, RandomState
from skfashion._utils.validation import Interval, StrOptions, validate_params
from skfashion._utils.warnings import warn
from skfashion.datasets._preview import ImageBunch

# What file managers and archive programs leave behind, beside hidden files.
_BY_PRODUCTS = frozenset({"Thumbs.db", "desktop.ini", "__MACOSX"})


@validate_params(
    {
        "path": [str, os.PathLike],
        "return_X_y": ["boolean"],
        "on_error": [StrOptions({"raise", "skip"})],
        "random_state": ["random_state"],
        "shrink": [Interval(Integral, 1, None, closed="left"), None],
    },
    prefer_skip_nested_validation=True,
)
def load_image_folder(
    path: PathLike,
    *,
    return_X_y: bool = False,
    on_error: Literal["raise", "skip"] = "raise",
    random_state: RandomState = None,
    shrink: int | None = None,
) -> Any:
    """List the images of a folder that holds one folder per class.

    X is an array of file names, which any splitter can index and
    `skfashion.preprocessing.ImageReader` turns into pixels. Every file is decoded once, in as many
    threads as :func:`joblib.parallel_config` says, so that a broken one is known now and not in the
    middle of a search.

    Parameters
    ----------
    path : str or path-like
        A folder such as ``scenes/`` with ``scenes/forest/1.jpg``,
        ``scenes/sea/2.png`` and so on. Hidden files and folders are passed over.
    return_X_y : bool, default=False
        Whether to return ``(filenames, target)`` instead of a `Bunch`.
    on_error : {"raise", "skip"}, default="raise"
        What to do about files that can't be read: an error that lists them, or a warning.
    random_state : int, RandomState instance or None, default=None
        Draws the files `shrink` keeps. Pass an int to get the same ones each time.
    shrink : int, default=None
        Keep one file of so many of each class, at least one: ``shrink=4`` is a stratified
        quarter. A broken file doesn't change the draw.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Shows counts and some of the images in a notebook. With the attributes

        filenames : ndarray of str, shape (n_samples,)
            Files, class by class, by name. They begin with `path` as it was given.
        target : ndarray of str, shape (n_samples,)
            The name of each file's folder.
        target_names : list of str
            The classes in sorted order.
        bad_files : list of (str, str)
            Files left out, and why. Always empty with ``on_error="raise"``.
        DESCR : str
            How many images of which class.
    (filenames, target) : tuple if ``return_X_y=True``
        The first two of these.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If `path` is not a folder.
    ValueError
        If there are fewer than two classes, a class has no image, or files can't
        be read and ``on_error="raise"``.

    Warns
    -----
    UserWarning
        If files were left out.

    Examples
    --------
    >>> import os, tempfile
    >>> from PIL import Image
    >>> from skfashion.datasets import load_image_folder
    >>> root = tempfile.TemporaryDirectory()
    >>> for label in ("sea", "forest"):
    ...     os.mkdir(os.path.join(root.name, label))
    ...     Image.new("RGB", (8, 6)).save(os.path.join(root.name, label, "1.png"))
    >>> X, y = load_image_folder(root.name, return_X_y=True)
    >>> [os.path.basename(name) for name in X], y.tolist()
    (['1.png', '1.png'], ['forest', 'sea'])
    >>> root.cleanup()
    """
    root = os.path.expanduser(os.fspath(path))
    classes = _classes(root)
    random = check_random_state(random_state)
    filenames, target = [], []
    dead = [entry.path for entry in entries(root) if not os.path.exists(entry.path)]
    lost = "it is a link to nothing, so it may be a class that is lost"
    bad_files = [(path, lost) for path in dead]
    for label in classes:
        names, strays = _files(root, label, classes)
        bad_files += strays
        if shrink is not None:
            keep = max(1, round(len(names) / shrink))
            names = sorted(random.choice(names, keep, replace=False).tolist())
        bad = unreadable(names)
        known_bad = dict(bad)
        good = [name for name in names if name not in known_bad]
        bad_files += bad
        filenames += good
        target += [label] * len(good)
        if on_error == "skip" and not good:
            raise ValueError(
                f"None of the {len(names)} files of class {label!r} in {root!r} can be read as an "
                f"image:\n{reasons(bad)}\nRepair them, or move the folder "
                "elsewhere if it is not a class."
            )
    refuse_or_warn(bad_files, f"in {root!r}", on_error)
    X, y = np.array(filenames, dtype=np.str_), np.array(target, dtype=np.str_)
    if return_X_y:
        return X, y
    return ImageBunch(
        filenames=X,
        target=y,
        target_names=classes,
        bad_files=bad_files,
        DESCR=_description(root, classes, y, bad_files),
    )


def entries(folder):
    """Return what is in a folder, sorted by name, without hidden files and by-products."""
    with os.scandir(folder) as entries:
        kept = [e for e in entries if not e.name.startswith(".") and e.name not in _BY_PRODUCTS]
    return sorted(kept, key=lambda entry: entry.name)


def unreadable(names):
    """Decode files; return those that can't be read, with the reasons."""
    # In as many threads as the user's context says.
    tried = Parallel(require="sharedmem")(delayed(why_unreadable)(name) for name in names)
    return [(name, why) for name, why in zip(names, tried, strict=True) if why]


def refuse_or_warn(bad_files, where, on_error):
    """Refuse files that can't be read, or say that they were left out."""
    if not bad_files:
        return
    found = (
        f"{len(bad_files)} of the files {where} can't be read as images:\n{reasons(bad_files)}\n"
    )
    if on_error == "raise":
        raise ValueError(f'{found}Repair or remove them, or leave them out with on_error="skip".')
    warn(f"{found}They were left out; `bad_files` of the Bunch has all of them with the reasons.")


def _classes(root):
    if not os.path.exists(root):
        raise FileNotFoundError(
            f"There is no folder {root!r} (looked for it from {os.getcwd()!r}). Give the folder "
            "that holds one folder of images per class."
        )
    if not os.path.isdir(root):
        raise NotADirectoryError(
            f"{root!r} is a file. Give the folder that holds one folder of images per class."
        )
    found = entries(root)
    classes = [entry.name for entry in found if entry.is_dir()]
    wanted = f"One folder per class was expected, such as {os.path.join(root, 'cats', '1.jpg')!r}."
    if not found:
        raise ValueError(f"The folder {root!r} is empty. {wanted}")
    if not classes:
        raise ValueError(
            f"The folder {root!r} holds {len(found)} files but no folders, so nothing says "
            f"which class they are of. {wanted} Sort the files into one folder per class."
        )
    if len(classes) == 1:
        raise ValueError(
            f"The folder {root!r} holds a single class, {classes[0]!r}, and a classifier needs "
            f"two. {wanted} Add the other classes, or give {os.path.join(root, classes[0])!r} if "
            "the classes lie in there."
        )
    return classes


def _files(root, label, classes):
    """Return the files of a class, and the folders inside it with a reason each."""
    folder = os.path.join(root, label)
    names, strays = [], []
    for entry in entries(folder):
        if entry.is_dir():
            strays.append((entry.path, "it is a folder inside a class; what it holds isn't read"))
        else:
            names.append(entry.path)
    if not names and strays:
        raise ValueError(
            f"The folder {folder!r} holds no images but {len(strays)} folders. If these are the "
            f"classes, give {folder!r} instead of {root!r} (which holds {some(classes, 10)})."
        )
    if not names:
        raise ValueError(
            f"The folder {folder!r} is empty, so class {label!r} has no image. Add images "
            f"({FORMATS_TEXT}) or remove the folder."
        )
    return names, strays


def _description(root, classes, y, bad_files):
    counts = "\n".join(f"{shown_name(label)}: {np.count_nonzero(y == label)}" for label in classes)
    left_out = f"\n\nLeft out as unreadable: {len(bad_files)}" if bad_files else ""
    head = f"Images in {shown_name(root)}\n\n{len(y)} images of {len(classes)} classes"
    return f"{head}\n{counts}{left_out}\n"
