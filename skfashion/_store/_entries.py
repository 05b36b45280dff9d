"""One entry of a store: a JSON value and some named arrays, in one file."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from . import _files, _npy
from ._files import DamageError


class Entry(NamedTuple):
    """What was put under a key: a dict, and arrays in memory by name."""

    meta: dict
    arrays: dict


class EntryInfo(NamedTuple):
    """What a listing tells of an entry: `last_used` is in seconds since 1970."""

    kind: str
    key: str
    nbytes: int
    last_used: float
    path: Path


def encode(kind, key, meta, arrays):
    """Return the pieces of an entry's file; its name is repeated inside, against swaps."""
    layout, blocks = [], []
    for name, array in arrays.items():
        dtype = _npy.plain_dtype(array.dtype)
        array = np.asarray(array, order="C")
        block = [_npy.header(array.shape, dtype), _npy.raw(array)]
        # False: the first axis varies slowest.
        layout.append([name, array.shape, dtype.str, False, _files.checksum(*block).hex()])
        blocks += block
    return [_npy.head({"kind": kind, "key": key, "arrays": layout, "meta": meta}), *blocks]


def load(path, kind, key):
    """Read an entry's file and verify every byte of it."""
    return _files.read(path, lambda file, size: _parse(file, size, kind, key))


def load_meta(path, kind, key):
    """Read the JSON value of an entry, and none of its arrays."""
    return _files.read(path, lambda file, size: _parse_head(file, size, kind, key)[0])


def _parse(file, size, kind, key):
    meta, layout, end = _parse_head(file, size, kind, key)
    # Before anything is allocated: what the head states must be the size of the file.
    if end + sum(_npy.block_size(*form) for _, form, _ in layout) != size:
        raise DamageError("its size isn't what its head states")
    arrays = {}
    for name, (shape, dtype), told in layout:
        header = bytearray(len(_npy.header(shape, dtype)))
        _files.fill(file, header)
        try:
            array = arrays[name] = np.empty(shape, dtype)
        except ValueError as error:  # more axes or elements than NumPy can count
            raise DamageError("its head states an impossible shape") from error
        content = _npy.raw(array)
        _files.fill(file, content)
        if _files.checksum(header, content).hex() != told:
            raise DamageError(f"the checksum of array {name!r} is wrong")
    return Entry(meta, arrays)


def _parse_head(file, size, kind, key):
    head, end = _npy.read_head(file, size)
    if (head.get("kind"), head.get("key")) != (kind, key):
        raise DamageError("it belongs to another entry")
    try:
        layout = [
            (str(name), _npy.parse_layout(shape, dtype), told)
            for name, shape, dtype, _, told in head["arrays"]
        ]
        return dict(head["meta"]), layout, end
    except (KeyError, TypeError, ValueError) as error:
        raise DamageError("its head isn't that of an entry") from error
