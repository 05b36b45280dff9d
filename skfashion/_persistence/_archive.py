"""A model's file: a zip archive of `model.json` and of arrays, checked before it is read."""

import json
import math
import os
import re
import stat
import struct
import zipfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from uuid import uuid4

import numpy as np

DOCUMENT = "model.json"
# Larger archives need another form of directory, which nothing here writes or reads.
MAX_BYTES = (1 << 31) - (1 << 26)

_MAX_MEMBERS = 10_000
_MAX_DOCUMENT = 1 << 24
_MAX_RANK = 32
_CHUNK = 1 << 20
_LOCAL = 30  # bytes of the record before a member, without its name
_END = struct.Struct("<4s4H2LH")
_LOCATOR = b"PK\x06\x07" + bytes(16)  # of a second directory, before the end
_NAME = re.compile(r"[0-9]{1,9}\.npy|model\.json", re.ASCII)
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00(..)"
    rb"\{'descr': '([<>|][biufcU][0-9]{1,6})', 'fortran_order': (True|False), "
    rb"'shape': \(((?:[0-9]{1,18}, )*(?:[0-9]{1,18},?)?)\), \} *\n",
    re.DOTALL,
)
_OF_SKOPS = (
    "it is a file of skops.io, the format of skfashion 0.1.0. Open it with skfashion 0.1.0, keep "
    "the model with joblib.dump, and save it again with this version"
)


class ModelFileError(ValueError):
    """A file isn't what `skfashion.save` writes, or holds what no model needs.

    Raised by `skfashion.load` before anything of the file is built. The file may be
    damaged, of another program, or made to do harm.
    """


def refuse_if(wrong, reason):
    """Raise ModelFileError if something is wrong with a file."""
    if wrong:
        raise ModelFileError(reason)


@dataclass(frozen=True)
class Stored:
    """An array of the file, known by its header; its numbers begin at byte `start`."""

    name: str
    shape: tuple
    dtype: np.dtype
    order: str = "C"
    start: int = 0


def write(path, document, arrays):
    """Write a file beside its final place, and put it there once it is whole."""
    content = json.dumps(document, separators=(",", ":")).encode()
    too_many = len(content) > _MAX_DOCUMENT or len(arrays) >= _MAX_MEMBERS
    refuse_if(too_many, "it has more values than a file may have")
    too_large = len(content) + sum(a.nbytes for a in arrays.values()) > MAX_BYTES - (1 << 25)
    refuse_if(too_large, f"it has more than {MAX_BYTES:,} bytes")
    # No number of a process: in containers it is the same in each run, one that was killed too.
    temporary = f"{path}.{uuid4().hex[:12]}.part"
    try:
        with open(temporary, "xb") as file:
            with zipfile.ZipFile(file, "w") as archive:
                # A name alone would bring the time of day along.
                archive.writestr(zipfile.ZipInfo(DOCUMENT), content)
                for name, array in arrays.items():
                    with archive.open(zipfile.ZipInfo(name), "w") as member:
                        np.lib.format.write_array(member, array, (1, 0), allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:  # Ctrl-C, too, shall leave nothing half-written
        with suppress(OSError):
            os.unlink(temporary)
        raise


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
        directory = _check_end(file, size)
        try:
            with zipfile.ZipFile(file) as archive:
                yield Archive(archive, directory)
        except (zipfile.BadZipFile, EOFError, NotImplementedError, UnicodeError) as error:
            raise ModelFileError(f"its archive is damaged ({error})") from None


class Archive:
    """What a file holds: the JSON in `document`, and in `arrays` headers by name."""

    def __init__(self, archive, directory):
        self._archive = archive
        infos = archive.infolist()
        _check_members(infos, directory)
        try:
            text = archive.read(DOCUMENT).decode()
            self.document = json.loads(text, object_pairs_hook=_without_duplicates)
        except (ValueError, RecursionError) as error:
            raise ModelFileError(f"its {DOCUMENT} is not valid JSON ({error})"[:200]) from None
        self.arrays = {i.filename: self._header(i) for i in infos if i.filename != DOCUMENT}

    def _header(self, info):
        """Return what a member holds, by its header and its size."""
        with self._archive.open(info) as member:
            match = _HEADER.match(member.read(4096))
        try:
            length, dtype, fortran, sides = match.groups()
            dtype = np.dtype(dtype.decode())
        except (AttributeError, TypeError):
            raise ModelFileError(
                "an array in it has a header that isn't one of numbers or text (arrays of Python "
                "objects are pickles)"
            ) from None
        shape = tuple(int(side) for side in sides.replace(b",", b" ").split())
        wanted, there = math.prod(shape) * dtype.itemsize, info.file_size - match.end()
        refuse_if(
            len(shape) > _MAX_RANK
            or max(shape, default=0) >= 1 << 40
            or match.end() != 10 + int.from_bytes(length, "little")
            or there != wanted,
            f"an array in it claims the shape {str(shape)[:100]} and {wanted:,} bytes, and "
            f"{max(0, there):,} are there",
        )
        return Stored(info.filename, shape, dtype, "CF"[fortran == b"True"], match.end())

    def read(self, stored):
        """Return an array; it was checked, so its bytes are read and nothing is parsed."""
        values = np.empty(math.prod(stored.shape), stored.dtype)
        content = np.ndarray(values.nbytes, np.uint8, values)
        with self._archive.open(stored.name) as member:
            member.read(stored.start)
            for at in range(0, len(content), _CHUNK):
                part = member.read(len(content[at : at + _CHUNK]))
                content[at : at + _CHUNK] = np.frombuffer(part, np.uint8)
        return values.reshape(stored.shape, order=stored.order)


def _without_duplicates(pairs):
    refuse_if(len(dict(pairs)) < len(pairs), "a name stands in it twice")
    return dict(pairs)


def _check_end(file, size):
    """Check the last record, which says how much Python reads next; return where that begins."""
    start = file.read(4)
    refuse_if(
        start[:1] == b"\x80",
        "it is a pickle, which runs code when it is loaded (if you trust whoever made it: "
        "joblib.load or pickle.load)",
    )
    refuse_if(start != b"PK\x03\x04", "it is not an archive as skfashion.save writes it")
    file.seek(max(0, size - _END.size - len(_LOCATOR)))
    tail = file.read()
    mark, *disks, here, n, length, offset, comment = _END.unpack(
        tail[-_END.size :].rjust(_END.size)
    )
    refuse_if(
        mark != b"PK\x05\x06"
        or (any(disks) or here != n or comment)
        or offset + length + _END.size != size,
        "its archive is cut off, or something follows it",
    )
    refuse_if(
        n > _MAX_MEMBERS or length > _MAX_MEMBERS * 100,
        f"its archive has {n:,} members, and {_MAX_MEMBERS:,} are allowed",
    )
    # Python would take sizes from there.
    refuse_if(tail[:4] == _LOCATOR[:4], "its archive has a second directory")
    return offset


def _check_members(infos, directory):
    """Check names, forms and places of the members: they fill the file, one after the other."""
    names = [info.filename for info in infos]
    refuse_if("schema.json" in names, _OF_SKOPS)
    refuse_if(DOCUMENT not in names, f"its archive has no {DOCUMENT}, so it doesn't hold a model")
    end = 0
    for info in infos:
        refuse_if(
            # What follows a zero byte is cut off the one and kept in the other.
            info.filename != info.orig_filename or not _NAME.fullmatch(info.filename),
            f"its archive has a member {info.orig_filename[:100]!r}, and names of skfashion.save "
            f"are {DOCUMENT} and numbers",
        )
        member = f"its member {info.filename!r}"
        is_file = stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG)
        refuse_if(
            not is_file or info.flag_bits or info.extra or info.comment,
            f"{member} is a link or a folder, is encrypted, or has fields that are never set",
        )
        refuse_if(
            info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size,
            f"{member} is compressed, and might hold far more than the file has bytes",
        )
        too_long = info.filename == DOCUMENT and info.file_size > _MAX_DOCUMENT
        refuse_if(too_long, f"{member} has more than {_MAX_DOCUMENT:,} bytes")
        refuse_if(info.header_offset != end, f"{member} doesn't begin where another ends")
        end += _LOCAL + len(info.filename) + info.file_size
    refuse_if(len(set(names)) < len(names), "its archive has two members of one name")
    refuse_if(end != directory, "its members are not all of the file")
