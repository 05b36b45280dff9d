"""Image tables: a column of file names, and one or more of labels."""

import os
from collections import Counter
from typing import Any, Literal

import numpy as np
from sklearn.preprocessing import MultiLabelBinarizer

from skfashion._utils.hub_images import RowImage, frame_of
from skfashion._utils.image_files import listed, reasons, shown_name
from skfashion._utils.messages import shown, some
from skfashion._utils.typing import PathLike
from skfashion._utils.validation import StrOptions, validate_params
from skfashion.datasets._folder import refuse_or_warn, unreadable
from skfashion.datasets._preview import ImageBunch


@validate_params(
    {
        "table": [str, os.PathLike, "array-like"],
        "path": [str],
        "target": [str, list, tuple],
        "root": [str, os.PathLike, None],
        "sep": [str, None],
        "return_X_y": ["boolean"],
        "on_error": [StrOptions({"raise", "skip"})],
    },
    prefer_skip_nested_validation=True,
)
def load_image_table(
    table: Any,
    path: str = "file",
    target: str | list[str] = "label",
    root: PathLike | None = None,
    *,
    sep: str | None = None,
    return_X_y: bool = False,
    on_error: Literal["raise", "skip"] = "raise",
) -> Any:
    """List the images that a table names, with their labels.

    As `load_image_folder`, for images whose labels stand in a table and not in the names of
    folders. Every file is decoded once, so that a broken one is known now.

    Parameters
    ----------
    table : str, path-like, pandas.DataFrame or datasets.Dataset
        A CSV file with a header in UTF-8, its columns separated by commas (by tabs if its name
        ends in ``.tsv``); a frame; or a data set of Hugging Face, one split of it.
    path : str, default="file"
        Name of the column of file names; of the images in a data set of Hugging Face.
    target : str or list of str, default="label"
        Name of the column of labels; a list names one or more columns of 0 and 1, a label each.
    root : str or path-like, default=None
        Folder that relative file names start from. None: the folder of the CSV file, of a frame
        the current one.
    sep : str, default=None
        What separates several labels in one cell, such as ``"|"``; None for one label an image.
    return_X_y : bool, default=False
        Whether to return ``(filenames, target)`` instead of a `Bunch`.
    on_error : {"raise", "skip"}, default="raise"
        What to do about files that are missing or can't be read: an error that lists them, or a
        warning.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        As `load_image_folder`: ``filenames``, ``target``, ``target_names``, ``bad_files`` and
        ``DESCR``. Images that a data set of Hugging Face holds itself stand in ``filenames`` as
        objects that `ImageReader` reads from it. With several labels an image ``target`` is an
        indicator of shape (n_samples, n_labels), of 0 and 1, with its columns in the order of
        ``target_names``.
    (filenames, target) : tuple if ``return_X_y=True``
        The first two of these.

    Raises
    ------
    FileNotFoundError
        If there is no such table.
    ValueError
        If a column is missing, cells are empty, a file is named twice, files are missing or can't
        be read and ``on_error="raise"``, or columns of labels hold anything but 0 and 1.

    Warns
    -----
    UserWarning
        If files were left out.

    See Also
    --------
    load_image_folder : Where each class has a folder.

    Examples
    --------
    >>> import os, tempfile
    >>> import pandas as pd
    >>> from PIL import Image
    >>> from skfashion.datasets import load_image_table
    >>> root = tempfile.TemporaryDirectory()
    >>> for name in ("1.png", "2.png"):
    ...     Image.new("RGB", (8, 6)).save(os.path.join(root.name, name))
    >>> frame = pd.DataFrame({"file": ["1.png", "2.png"], "label": ["sea|sky", "sky"]})
    >>> data = load_image_table(frame, root=root.name, sep="|")
    >>> data.target.tolist(), data.target_names
    ([[1, 1], [0, 1]], ['sea', 'sky'])
    >>> root.cleanup()
    """
    if sep == "" or not target:
        raise ValueError(f"sep={sep!r} and target={target!r}: neither may be empty.")
    frame, told, folder = _read(table, target if sep else [])
    root = folder if root is None else os.path.expanduser(os.fspath(root))
    names = _file_names(frame, path, told, root)
    y, target_names = _labels(frame, target, sep, told)
    bad_files = unreadable(names)
    if len(bad_files) == len(names):
        raise ValueError(f"None of the files in {told} can be read:\n{reasons(bad_files)}")
    refuse_or_warn(bad_files, f"in {told}", on_error)
    bad = dict(bad_files)
    good = np.array([name not in bad for name in names])
    of_files = all(isinstance(name, str) for name in names)
    X, y = np.array(names, np.str_ if of_files else object)[good], y[good]
    if return_X_y:
        return X, y
    described = f"Images in {told}\n\n{len(X)} images, labels: {some(target_names, 20)}\n"
    return ImageBunch(
        filenames=X, target=y, target_names=target_names, bad_files=bad_files, DESCR=described
    )


def _read(table, text):
    """Return a table as a frame, what to call it, and the folder it lies in.

    A file's columns of the names in `text` are text whatever they hold, such as 1, 2 and 1|2.
    """
    import pandas as pd

    if isinstance(table, pd.DataFrame):
        return table, "the table", ""
    if hasattr(table, "cast_column") and hasattr(table, "to_pandas"):
        return frame_of(table), "the data set", ""
    if not isinstance(table, (str, os.PathLike)):
        raise TypeError(
            f"table is a {type(table).__name__}: give the name of a CSV file, a pandas frame, or "
            "one split of a data set of Hugging Face."
        )
    file = os.path.expanduser(os.fspath(table))
    if not os.path.isfile(file):
        what = "is a folder; load_image_folder reads folders" if os.path.isdir(file) else "is lost"
        what = what if os.path.exists(file) else f"doesn't exist (looked from {os.getcwd()!r})"
        raise FileNotFoundError(f"The table {file!r} {what}. Give the name of a CSV file.")
    sep = "\t" if file.lower().endswith(".tsv") else ","
    try:
        # "NA" and "None" are words; only nothing is missing.
        options = {"keep_default_na": False, "na_values": [""]}
        frame = pd.read_csv(file, sep=sep, dtype=dict.fromkeys(np.atleast_1d(text), str), **options)
    except ValueError as error:  # of pandas' own kinds, too, and of text that is not UTF-8
        raise ValueError(
            f"The table {file!r} can't be read as CSV ({error}). Give a file in UTF-8 with a "
            "header, or a pandas frame that you have read yourself."
        ) from error
    return frame, repr(file), os.path.dirname(file)


def _column(frame, name, told, *, complete=True):
    if name not in frame.columns:
        known = some([str(column) for column in frame.columns], 10)
        raise ValueError(
            f"There is no column {name!r} in {told}, which has {known}. Say which columns hold "
            "file names and labels, path= and target=."
        )
    column = frame[name]
    if column.ndim > 1:
        raise ValueError(f"There are several columns {name!r} in {told}: give each its own name.")
    lists = [cell for cell in column if isinstance(cell, (list, tuple, set, np.ndarray))]
    if lists:
        raise ValueError(
            f"Column {name!r} of {told} holds {shown(lists[0])}: write several labels as one text, "
            'such as "a|b" for sep="|", or give each label a column of 0 and 1.'
        )
    missing = np.flatnonzero(column.isna())
    if complete and len(missing):
        raise ValueError(
            f"Column {name!r} of {told} is empty in {len(missing)} of {len(frame)} rows "
            f"(from 0 on: {some(missing.tolist(), 10)}). Fill them in, or leave these rows out."
        )
    return column


def _file_names(frame, path, told, root):
    if not len(frame):
        raise ValueError(f"There is no row in {told}: give one for each image.")
    names = [os.fspath(n) if isinstance(n, os.PathLike) else n for n in _column(frame, path, told)]
    strange = [name for name in names if not isinstance(name, (str, RowImage))]
    if strange:
        raise ValueError(
            f"Column {path!r} of {told} holds {strange[0]!r}, which is not a file name."
        )
    names = [os.path.join(root, name) if isinstance(name, str) else name for name in names]
    # Of one file there are many ways to write it.
    files = [os.path.abspath(name) if isinstance(name, str) else name for name in names]
    doubled = [name for name, n in Counter(files).items() if n > 1]
    if doubled:
        raise ValueError(
            f"{len(doubled)} files are named more than once in {told}:\n"
            f"{listed(map(shown_name, doubled))}\nGive each image one row; several "
            'labels stand in one cell (sep="|") or in a column each.'
        )
    return names


def _labels(frame, target, sep, told):
    """Return labels, or an indicator of several an image, and the names of all of them."""
    if not isinstance(target, str):
        columns = [_column(frame, name, told) for name in target]
        for name, column in zip(target, columns, strict=True):
            if not column.isin([0, 1]).all():
                strange = column[~column.isin([0, 1])].tolist()[0]
                raise ValueError(
                    f"Column {name!r} of {told} holds {strange!r}. Of several columns each is a "
                    "label, 1 where an image has it and 0 where it hasn't; one column of labels "
                    f"is target={name!r}."
                )
        return np.column_stack(columns).astype(int), list(target)
    if sep is None:
        y = _column(frame, target, told).to_numpy()
        y = y if y.dtype.kind in "biuf" else y.astype(np.str_)
        return y, np.unique(y).tolist()
    # An image may have no label, which makes floats of whole numbers.
    cells = _column(frame, target, told, complete=False).convert_dtypes().astype(object)
    cells = cells.fillna("").astype(str)
    binarizer = MultiLabelBinarizer()
    y = binarizer.fit_transform([{p.strip() for p in cell.split(sep)} - {""} for cell in cells])
    if not y.size:
        raise ValueError(f"There is no label in column {target!r} of {told}.")
    return y, binarizer.classes_.tolist()
