"""What may name a store, and a thing in it: nothing that could lead out of its folder."""

import numbers
import os
import re

import joblib

KEY = re.compile(r"[0-9a-f]{1,128}")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")


def checked_key(key):
    """Check a key.

    Parameters
    ----------
    key : str
        Hexadecimal digits.

    Returns
    -------
    str
    """
    if not isinstance(key, str):
        raise TypeError(f"a key must be a str, got {type(key).__name__}")
    if not KEY.fullmatch(key):
        raise ValueError(f"a key must be 1 to 128 lower-case hexadecimal digits, got {key!r}")
    return key


def checked_name(what, name):
    """Check the name of a kind or namespace.

    Parameters
    ----------
    what : str
        Which of them, for the message.
    name : str
        Lower-case letters, digits, "-" and "_".

    Returns
    -------
    str
    """
    if not isinstance(name, str):
        raise TypeError(f"{what} must be a str, got {type(name).__name__}")
    if not _NAME.fullmatch(name):
        raise ValueError(
            f'{what} must be 1 to 100 lower-case letters, digits, "-" or "_" (and begin with '
            f"one of the former two), got {name!r}"
        )
    return name


def checked_bound(max_bytes):
    """Check a bound on a size.

    Parameters
    ----------
    max_bytes : int or None
        None for no bound.

    Returns
    -------
    int or None
    """
    if max_bytes is None:
        return None
    if isinstance(max_bytes, bool) or not isinstance(max_bytes, numbers.Integral):
        raise TypeError(f"max_bytes must be an int or None, got {max_bytes!r}")
    if max_bytes < 0:
        raise ValueError(f"max_bytes must not be negative, got {max_bytes}")
    return int(max_bytes)


def location_of(memory):
    """Return the folder that a `memory` parameter names, or None.

    Parameters
    ----------
    memory : str, path-like, joblib.Memory or None

    Returns
    -------
    str or None

    Raises
    ------
    TypeError
        If `memory` is anything else.
    ValueError
        If it is an empty text.
    """
    if isinstance(memory, joblib.Memory):
        if memory.location is None:
            return None
        folder = os.path.join(memory.location, "skfashion")
    elif memory is None:
        return None
    elif isinstance(memory, str | os.PathLike):
        folder = os.fsdecode(memory)
    else:
        raise TypeError(
            "memory must be None, a folder (str or path-like) or a joblib.Memory, "
            f"got {memory!r} of type {type(memory).__name__}"
        )
    if not folder:
        raise ValueError("memory is an empty text; give a folder, or None for no store")
    return folder
