"""The outside of a saved model: a zip archive of plain members, looked at before it is read.

`skops.io` writes one member with the structure, ``schema.json``, and one for each array. Its
own reader trusts sizes and headers; whoever reads a stranger's file can't.
"""

import io
import math
import os
import re
import stat
import struct
import zipfile
from dataclasses import dataclass

import numpy as np

SCHEMA = "schema.json"

_MAX_MEMBERS = 10_000
_MAX_SCHEMA = 1 << 24
# A member's entry in the directory: 46 bytes and its name.
_MAX_DIRECTORY = _MAX_MEMBERS * 100
# Archives above need another form of directory, which nothing here writes or reads.
MAX_BYTES = (1 << 31) - (1 << 26)

_END = struct.Struct("<4s4H2LH")
_NAME = re.compile(r"[0-9]{1,20}\.npy|schema\.json", re.ASCII)
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00(..)"
    rb"\{'descr': '([<>|][biufcU][0-9]{1,6})', 'fortran_order': (?:True|False), "
    rb"'shape': \(((?:[0-9]{1,18}, )*(?:[0-9]{1,18},?)?)\), \} *\n",
    re.DOTALL,
)
_MAX_RANK = 32


class ModelFileError(ValueError):
    """A file isn't what `skfashion.save` writes, or holds what no model needs.

    Raised by `skfashion.load` before anything of the file is built. The file may be
    damaged, of another program, or made to do harm.
    """


@dataclass(frozen=True)
class Stored:
    """An array in the archive, known by its header.

    Attributes
    ----------
    shape : tuple of int
    dtype : str
        As NumPy writes it, such as ``"<f4"``; ``"O"`` for Python objects.
    """

    shape: tuple
    dtype: str


def read_file(path, max_bytes):
    """Return the bytes of a file.

    Parameters
    ----------
    path : str
    max_bytes : int

    Returns
    -------
    bytes

    Raises
    ------
    OSError
        If it can't be read.
    ModelFileError
        If it is larger, or no file.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        # Opening a pipe would wait for ever for somebody to write to it.
        raise ModelFileError("it is no regular file")
    with open(path, "rb") as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise ModelFileError(
            f"it has more than max_bytes={max_bytes:,} bytes (set max_bytes higher if you expect "
            "a model of that size)"
        )
    return data


def read_members(data):
    """Return the members of an archive, after a look at its directory.

    Parameters
    ----------
    data : bytes
        Of the whole file.

    Returns
    -------
    dict of str to bytes

    Raises
    ------
    ModelFileError
        If it is no archive, a damaged one, or one with members of other names, forms or
        sizes than `skfashion.save` writes.
    """
    _check_end(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            _check_directory(infos, len(data))
            return {info.filename: archive.read(info) for info in infos}
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError) as error:
        raise ModelFileError(f"its archive is damaged ({error})") from None


def write_members(members):
    """Return an archive, the same bytes for the same members.

    Parameters
    ----------
    members : dict of str to bytes

    Returns
    -------
    bytes
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            # A name alone would bring the time of day along.
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def stored_array(content):
    """Return what a ``.npy`` member holds, by its header and its size.

    Parameters
    ----------
    content : bytes

    Returns
    -------
    Stored

    Raises
    ------
    ModelFileError
        If the header is another than NumPy writes for numbers and text, or doesn't
        agree with the size.
    """
    match = _HEADER.match(content[:4096])
    if match is None:
        raise ModelFileError(
            "an array in it has a header that isn't one of numbers or text (arrays of Python "
            "objects are pickles)"
        )
    length, dtype, sides = match.groups()
    shape = tuple(int(side) for side in sides.replace(b",", b" ").split())
    kind = np.dtype(dtype.decode())
    size = math.prod(shape) * kind.itemsize
    if len(shape) > _MAX_RANK or max(shape, default=0) >= 1 << 40:
        raise ModelFileError(f"an array in it claims the shape {shape}")
    if match.end() != 10 + int.from_bytes(length, "little") or len(content) - match.end() != size:
        raise ModelFileError(
            f"an array in it claims the shape {shape} and {size:,} bytes, and "
            f"{max(0, len(content) - match.end()):,} are there"
        )
    return Stored(shape, kind.str)


def _check_end(data):
    """Check the last record of an archive: it says how much Python would read for the rest."""
    if data[:4] != b"PK\x03\x04":
        raise ModelFileError(
            "it is a pickle, which runs code when it is loaded (if you trust whoever made it: "
            "joblib.load or pickle.load)"
            if data[:1] == b"\x80"
            else "it is no archive as skfashion.save writes it"
        )
    if len(data) < _END.size or data[-_END.size :][:4] != b"PK\x05\x06":
        raise ModelFileError("its archive is cut off, or something follows it")
    _, *disks, here, n, size, offset, comment = _END.unpack(data[-_END.size :])
    if any(disks) or comment or here != n or offset + size + _END.size != len(data):
        raise ModelFileError("its archive has another form than skfashion.save writes")
    if n > _MAX_MEMBERS or size > _MAX_DIRECTORY:
        raise ModelFileError(f"its archive has {n:,} members, and {_MAX_MEMBERS:,} are allowed")
    # Python takes sizes from there, if there is one: hidden in the last entry's comment, say.
    if b"PK\x06\x07" in data[-_END.size - 20 : -_END.size]:
        raise ModelFileError("its archive has a second directory")


def _check_directory(infos, size):
    names = [info.filename for info in infos]
    if SCHEMA not in names:
        raise ModelFileError(f"its archive has no {SCHEMA}, so no model is in it")
    for info in infos:
        # What follows a zero byte is cut off the one and kept in the other.
        if info.filename != info.orig_filename or not _NAME.fullmatch(info.filename):
            raise ModelFileError(
                f"its archive has a member {info.orig_filename[:100]!r}, and names of "
                f"skfashion.save are {SCHEMA} and numbers"
            )
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
            raise ModelFileError(f"its member {info.filename!r} is a link or a folder, no file")
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
            raise ModelFileError(
                f"its member {info.filename!r} is compressed, and might hold far more than "
                "the file has bytes"
            )
        if info.flag_bits or info.extra or info.comment:
            raise ModelFileError(f"its member {info.filename!r} has fields that are never set")
    if len(set(names)) < len(names):
        raise ModelFileError("its archive has two members of one name")
    if sum(info.file_size for info in infos) > size:
        raise ModelFileError("its members have more bytes together than the file")
    if max(info.file_size for info in infos if info.filename == SCHEMA) > _MAX_SCHEMA:
        raise ModelFileError(f"its {SCHEMA} has more than {_MAX_SCHEMA:,} bytes")
