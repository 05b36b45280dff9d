"""One entry of a store: a JSON value and some named arrays, in one file."""

import dataclasses
from pathlib import Path

import numpy as np

from . import _files, _npy
from ._files import DamageError


@dataclasses.dataclass(frozen=True)
class Entry:
    """What was put under a key.

    Attributes
    ----------
    meta : dict
        The JSON value.
    arrays : dict of str to numpy.ndarray
        The arrays, in memory and writable.
    """

    meta: dict
    arrays: dict


@dataclasses.dataclass(frozen=True)
class EntryInfo:
    """What a listing tells of an entry.

    Attributes
    ----------
    kind, key : str
        Its name.
    nbytes : int
        Its size on disk.
    last_used : float
        When it was last read or written, in seconds since the epoch.
    path : Path
        Its file.
    """

    kind: str
    key: str
    nbytes: int
    last_used: float
    path: Path = dataclasses.field(repr=False)

    @property
    def meta(self):
        """The JSON value, read when asked for; None if it is damaged or gone."""
        try:
            head, _ = _files.read(self.path, lambda *file: _parse_head(*file, self.kind, self.key))
        except (DamageError, OSError):
            return None
        return head[0]


def encode(kind, key, meta, arrays):
    """Turn an entry into the bytes of its file.

    Parameters
    ----------
    kind, key : str
        Its name, repeated inside so that a file under a wrong name is noticed.
    meta : dict
        The JSON value.
    arrays : dict of str to numpy.ndarray
        The arrays.

    Returns
    -------
    list of bytes-like

    Raises
    ------
    TypeError
        If `meta` isn't JSON or an array isn't plain.
    """
    _check_meta(meta)
    layout, blocks = [], []
    for name, array in arrays.items():
        if not isinstance(name, str):
            raise TypeError(f"names of arrays must be str, got {name!r}")
        if not isinstance(array, np.ndarray | np.generic) or np.ma.isMaskedArray(array):
            raise TypeError(f"array {name!r} must be a NumPy array, got {type(array).__name__}")
        array = np.asarray(array)
        dtype = _npy.plain_dtype(array.dtype)
        fortran = _npy.is_fortran(array)
        block = [_npy.header(array.shape, dtype, fortran), _npy.raw(array)]
        told = _files.checksum(*block).hex()
        layout.append([name, list(array.shape), dtype.str, fortran, told])
        blocks += block
    return [_npy.head({"kind": kind, "key": key, "arrays": layout, "meta": meta}), *blocks]


def load(path, kind, key):
    """Read an entry's file and verify every byte of it.

    Parameters
    ----------
    path : Path
        The file.
    kind, key : str
        What the entry must be.

    Returns
    -------
    entry : Entry
    seen : os.stat_result

    Raises
    ------
    DamageError
        If it is damaged.
    OSError
        If it isn't there or can't be read.
    """
    return _files.read(path, lambda file, size: _parse(file, size, kind, key))


def _parse(file, size, kind, key):
    meta, layout, end = _parse_head(file, size, kind, key)
    # Before anything is allocated: what the head states must be the size of the file.
    if end + sum(_npy.block_size(*how) for _, how, _ in layout) != size:
        raise DamageError("its size isn't what its head states")
    arrays = {}
    for name, (shape, dtype, fortran), told in layout:
        header = _npy.header(shape, dtype, fortran)
        found = bytearray(len(header))
        _files.fill(file, found)
        array = _allocate(shape[::-1] if fortran else shape, dtype)
        content = _npy.raw(array)
        _files.fill(file, content)
        if found != header or _files.checksum(header, content).hex() != told:
            raise DamageError(f"the checksum of array {name!r} is wrong")
        arrays[name] = array.T if fortran else array
    return Entry(meta, arrays)


def _parse_head(file, size, kind, key):
    head, end = _npy.read_head(file, size)
    if (head.get("kind"), head.get("key")) != (kind, key):
        raise DamageError("it belongs to another entry")
    try:
        layout = [
            (str(name), (*_npy.parse_layout(shape, dtype), bool(fortran)), told)
            for name, shape, dtype, fortran, told in head["arrays"]
        ]
        return dict(head["meta"]), layout, end
    except (KeyError, TypeError, ValueError) as error:
        raise DamageError("its head isn't that of an entry") from error


def _allocate(shape, dtype):
    try:
        return np.empty(shape, dtype)
    except ValueError as error:  # more axes or elements than NumPy can count
        raise DamageError("its head states an impossible shape") from error


def _check_meta(value, depth=0):
    """Refuse what JSON would silently change: keys that aren't text."""
    if depth == 0 and not isinstance(value, dict):
        raise TypeError(f"meta must be a dict, got {type(value).__name__}")
    if depth > 100:
        raise TypeError("meta is nested more than 100 levels deep")
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"keys in meta must be str, got {key!r}")
        value = value.values()
    elif not isinstance(value, list | tuple):
        return
    for item in value:
        _check_meta(item, depth + 1)
