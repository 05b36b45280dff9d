"""Arrays of file names, in the forms people have them."""

import os

import numpy as np

from skfashion._utils.messages import shown


def file_names(X):
    """Return file names as a list of str."""
    if isinstance(X, (str, bytes, os.PathLike)):
        raise ValueError(
            f"Expected an array of file names, got a single one: {shown(X)}. Use [{shown(X)}]."
        )
    # Lists become arrays of objects: a Path, or a None, would be lost in an array of str.
    names = np.asarray(X) if hasattr(X, "dtype") else np.asarray(X, dtype=object)
    if names.ndim == 2 and names.shape[1] == 1:
        names = names[:, 0]
    if names.ndim != 1:
        raise ValueError(
            f"Expected file names of shape (n_samples,) or (n_samples, 1), got an array of shape "
            f"{names.shape}. "
            + (
                "Images that are arrays already need no reader: drop this step or use ImageResizer."
                if names.dtype.kind in "uif"
                else "Select the column that holds the names."
            )
        )
    if len(names) == 0:
        raise ValueError("Found array with 0 sample(s): at least one file name is required.")
    for position, name in enumerate(names):
        text = os.fspath(name) if isinstance(name, (str, os.PathLike)) else None
        if not isinstance(text, str) or not text:
            raise TypeError(
                f"Expected file names as str or path-like, got {shown(name)} "
                f"({type(name).__name__}) at position {position}. Leave such rows out, or convert "
                "them to str."
            )
    # Text of NumPy is a subclass of str whose repr differs.
    return [str(os.fspath(name)) for name in names]
