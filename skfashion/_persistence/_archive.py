"""A model's file: a zip archive of `model.json` and of arrays, checked before it is read.

It is read from its beginning on, so that no second directory, name or size can say otherwise.
"""

import math
import os
import re
import stat
import struct
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from skfashion._utils.files import whole

DOCUMENT = "model.json"
# Larger archives have other records, which nothing here writes or reads.
MAX_BYTES = (1 << 31) - (1 << 26)

_MAX_MEMBERS = 10_000
_MAX_DOCUMENT = 1 << 24
_NAME = re.compile(rb"[0-9]{1,9}\.npy|model\.json")
_MEMBER = struct.Struct("<4s2x2H4x3L2H")  # before each one, and before its name
_ENTRY = 46  # bytes of the directory for each member, without its name
_END = struct.Struct("<4s4x2H2L2x")
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00(..)"
    rb"\{'descr': '([<>|][biufcU][1-9][0-9]{0,5})', 'fortran_order': (True|False), "
    rb"'shape': \(((?:[0-9]{1,18}, )*(?:[0-9]{1,18},?)?)\), \} *\n",
    re.DOTALL,
)


class ModelFileError(ValueError):
    """A file isn't what `skfashion.save` writes: damaged, of another program, or made to do harm.

    Raised by `skfashion.load` before anything of the file is built.
    """


def refuse_if(wrong, reason):
    """Raise ModelFileError if something is wrong with a file."""
    if wrong:
        raise ModelFileError(reason)


@dataclass(frozen=True)
class Stored:
    """An array of the file, known by its header, which takes the first `start` bytes."""

    name: str
    shape: tuple
    dtype: np.dtype
    order: str = "C"
    start: int = 0


def write(path, text, arrays):
    """Write a file beside its final place, and put it there once it is whole."""
    size = len(text) + sum(array.nbytes for array in arrays.values())
    refuse_if(
        size > MAX_BYTES - (1 << 25) or len(text) > _MAX_DOCUMENT or len(arrays) >= _MAX_MEMBERS,
        f"it has {size:,} bytes, {len(text):,} without arrays, of which there are {len(arrays):,}; "
        f"{MAX_BYTES:,}, {_MAX_DOCUMENT:,} and {_MAX_MEMBERS:,} are allowed",
    )
    with whole(path) as file, zipfile.ZipFile(file, "w") as archive:
        # A name alone would bring the time of day along.
        archive.writestr(zipfile.ZipInfo(DOCUMENT), text)
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(name), "w") as member:
                np.lib.format.write_array(member, array, (1, 0), allow_pickle=False)


@contextmanager
def opened(path, max_bytes):
    """Yield the `Archive` of a file."""
    # Opening a pipe would wait for ever for somebody to write to it.
    refuse_if(not stat.S_ISREG(os.stat(path).st_mode), "it is not a regular file")
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        refuse_if(
            size > max_bytes,
            f"it has more than max_bytes={max_bytes:,} bytes (set max_bytes higher if you expect "
            "a model of that size)",
        )
        yield Archive(file, size)


class Archive:
    """What a file holds: `text`, which is JSON, and in `arrays` headers by name."""

    def __init__(self, file, size):
        self._file = file
        _check_kind(file, size)
        self._members = _members(file, size)
        refuse_if(DOCUMENT not in self._members, f"its archive has no {DOCUMENT}")
        size = self._members[DOCUMENT][1]
        refuse_if(size > _MAX_DOCUMENT, f"its {DOCUMENT} has more than {_MAX_DOCUMENT:,} bytes")
        self.text = bytearray(size)
        self._fill(self.text, DOCUMENT, 0)
        self.arrays = {name: self._header(name) for name in self._members if name != DOCUMENT}

    def read(self, stored):
        """Return an array; its header was checked, so its bytes are read and nothing is parsed."""
        values = np.empty(math.prod(stored.shape), stored.dtype)
        self._fill(np.ndarray(values.nbytes, np.uint8, values), stored.name, stored.start)
        return values.reshape(stored.shape, order=stored.order)

    def _fill(self, buffer, name, start):
        """Fill a buffer with a member from a byte of it on, and check the whole of it."""
        at, _, checksum = self._members[name]
        self._file.seek(at)
        before = self._file.read(start)
        self._file.readinto(buffer)
        wrong = zlib.crc32(buffer, zlib.crc32(before)) != checksum
        refuse_if(wrong, f"its archive is damaged: the checksum of {name} is wrong")

    def _header(self, name):
        """Return what a member holds, by its header and its size."""
        at, size, _ = self._members[name]
        self._file.seek(at)
        match = _HEADER.match(self._file.read(min(size, 4096)))
        try:
            length, dtype, fortran, sides = match.groups()
            dtype = np.dtype(dtype.decode())
        except (AttributeError, TypeError):
            raise ModelFileError(
                "an array in it has a header that isn't one of numbers or text (arrays of Python "
                "objects are pickles)"
            ) from None
        shape = tuple(int(side) for side in sides.replace(b",", b" ").split())
        wanted, there = math.prod(shape) * dtype.itemsize, size - match.end()
        refuse_if(
            there != wanted or match.end() != 10 + int.from_bytes(length, "little"),
            f"an array in it claims the shape {str(shape)[:100]} and {wanted:,} bytes, and "
            f"{max(0, there):,} are there",
        )
        return Stored(name, shape, dtype, "CF"[fortran == b"True"], match.end())


def _check_kind(file, size):
    """Refuse what isn't an archive, or is one of others that might be met."""
    start = file.read(4)
    refuse_if(
        start[:1] == b"\x80",
        "it is a pickle, which runs code when it is loaded (if you trust whoever made it: "
        "joblib.load or pickle.load)",
    )
    refuse_if(start != b"PK\x03\x04", "it is not an archive as skfashion.save writes it")
    file.seek(max(0, size - _END.size - len("schema.json")))
    refuse_if(
        file.read().startswith(b"schema.json"),
        "it is a file of skops.io, the format of skfashion 0.1.0. Open it with skfashion 0.1.0, "
        "keep the model with joblib.dump, and save it again with this version",
    )
    file.seek(0)


def _members(file, size):
    """Return place, size and checksum of each member by name: they are all of the file."""
    found, directory, end = {}, 0, 0
    while len(header := file.read(_MEMBER.size)) == _MEMBER.size and header[:4] == b"PK\x03\x04":
        _, flags, method, checksum, packed, length, name_length, extra = _MEMBER.unpack(header)
        name = file.read(name_length)
        refuse_if(
            not _NAME.fullmatch(name) or name.decode() in found or len(found) == _MAX_MEMBERS,
            f"its archive has a member {name[:100]!r}, and skfashion.save writes {DOCUMENT} and "
            f"numbers, each once, {_MAX_MEMBERS:,} at most",
        )
        refuse_if(
            flags or method or extra or packed != length or length > size,
            f"its member {name.decode()} is compressed, so it might hold far more than the file "
            "has bytes, or has fields that skfashion.save never sets",
        )
        found[name.decode()] = (file.tell(), length, checksum)
        directory += _ENTRY + name_length
        end = file.seek(length, os.SEEK_CUR)
    file.seek(end + directory)
    wanted = _END.pack(b"PK\x05\x06", len(found), len(found), directory, end)
    refuse_if(
        file.read(_END.size + 1) != wanted, "its archive is cut off, or something else is in it"
    )
    return found
