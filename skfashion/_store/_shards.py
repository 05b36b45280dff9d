"""One shard: many rows of one shape in one file that never changes."""

import math
import os

import numpy as np

from . import _files, _npy
from ._files import DamageError

KEY = 16  # bytes of a row's key
_LINE = KEY + 16  # bytes of a line of the index: key and checksum
_PIECE = 8 * 2**20  # bytes read at once
_GAP = 64 * 2**10  # unwanted bytes that are quicker read than passed over


class Shard:
    """What is known of a shard's file: which rows it holds and where.

    Parameters
    ----------
    path : Path
        The file.
    inode : int
        Its number, by which a replacement under the same name is told.
    shape : tuple of int
        Of one row.
    dtype : numpy.dtype
        Of the rows.
    index : bytes
        A key and a checksum for each row.
    start : int
        Where the first row begins.

    Attributes
    ----------
    listed : int
        The file's number as listings of its folder give it: some layered file
        systems give another one than for the open file.
    warned : bool
        Whether damaged rows in it have been spoken of.
    """

    def __init__(self, path, inode, shape, dtype, index, start):
        self.path = path
        self.inode = inode
        self.listed = inode
        self.shape = shape
        self.dtype = dtype
        self.index = index
        self.start = start
        self.row_size = math.prod(shape) * dtype.itemsize
        self.warned = False

    def __len__(self):
        return len(self.index) // _LINE

    @property
    def nbytes(self):
        """The size that the file must have."""
        return self.start + len(self) * self.row_size

    def key(self, row):
        """Return the key of a row.

        Parameters
        ----------
        row : int
            Its place in the shard.

        Returns
        -------
        bytes
        """
        return self.index[row * _LINE : row * _LINE + KEY]

    def line(self, row):
        """Return a row's line of the index.

        Parameters
        ----------
        row : int
            Its place in the shard.

        Returns
        -------
        bytes
        """
        return self.index[row * _LINE : (row + 1) * _LINE]

    def keys(self):
        """Return the keys of all rows.

        Returns
        -------
        list of bytes
        """
        return [self.index[at : at + KEY] for at in range(0, len(self.index), _LINE)]

    def scan(self, rows):
        """Read rows, in large pieces where they lie together.

        Parameters
        ----------
        rows : sequence of int
            Places in the shard, ascending.

        Yields
        ------
        row : int
        content : memoryview or None
            The row's bytes, to be used before the next one is asked for; None
            if they aren't what was written.

        Raises
        ------
        DamageError
            If the file hasn't the size it must have.
        OSError
            If it can't be read.
        """
        size, index = self.row_size, self.index
        with open(self.path, "rb", buffering=0) as file:
            if os.fstat(file.fileno()).st_size != self.nbytes:
                raise DamageError("its size isn't what its head states")
            for piece in _pieces(rows, size):
                first = piece[0]
                buffer = memoryview(bytearray((piece[-1] - first + 1) * size))
                file.seek(self.start + first * size)
                _fill(file, buffer)
                for row in piece:
                    content = buffer[(row - first) * size : (row - first + 1) * size]
                    told = index[row * _LINE + KEY : (row + 1) * _LINE]
                    yield row, content if _files.checksum(content) == told else None

    def array(self, content):
        """Make an array of a row's bytes.

        Parameters
        ----------
        content : memoryview
            From `scan`.

        Returns
        -------
        numpy.ndarray
            A copy, so that keeping one row doesn't keep its neighbours in memory.
        """
        return np.ndarray(self.shape, self.dtype, buffer=content).copy()


def _fill(file, buffer):
    """Read from an unbuffered file, which may give less than it was asked for."""
    at = 0
    while at < len(buffer):
        got = file.readinto(buffer[at:])
        if not got:
            raise DamageError("it ends too soon")
        at += got


def _pieces(rows, size):
    """Cut ascending rows into runs that are read at once."""
    piece = []
    for row in rows:
        if piece and ((row - piece[-1] - 1) * size > _GAP or (row - piece[0] + 1) * size > _PIECE):
            yield piece
            piece = []
        piece.append(row)
    if piece:
        yield piece


def folder_name(namespace, shape, dtype):
    """Return the name of the folder of a namespace's shards.

    Parameters
    ----------
    namespace : str
        What the rows are.
    shape : tuple of int
        Of one row.
    dtype : numpy.dtype
        Of the rows.

    Returns
    -------
    str
        Another one for each shape and dtype: rows never meet rows of another form.
    """
    return f"{namespace}-{_files.checksum(repr((shape, dtype.str)).encode()).hex()[:8]}"


def make_index(keys, contents):
    """Return the index of a shard.

    Parameters
    ----------
    keys : iterable of bytes
        Of the rows.
    contents : iterable of bytes-like
        Of the rows.

    Returns
    -------
    bytes
    """
    return b"".join(
        key + _files.checksum(content) for key, content in zip(keys, contents, strict=True)
    )


def encode(kind, namespace, shape, dtype, index):
    """Return a shard's name and the beginning of its file, up to the rows.

    Parameters
    ----------
    kind, namespace : str
        What the rows are, repeated inside the file.
    shape : tuple of int
        Of one row.
    dtype : numpy.dtype
        Of the rows.
    index : bytes
        From `make_index`.

    Returns
    -------
    name : str
        The same for the same rows, so that writing them twice leaves one file.
    beginning : list of bytes
    """
    count = len(index) // _LINE
    told = _files.checksum(index).hex()
    head = {"kind": kind, "namespace": namespace, "rows": count, "index": told}
    head.update(shape=list(shape), dtype=dtype.str)
    return f"{told}.npy", [
        _npy.head(head),
        _npy.header((count, _LINE), np.dtype(np.uint8)),
        index,
        _npy.header((count, *shape), dtype),
    ]


def load(path):
    """Read and verify what a shard's file says of itself, but not its rows.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    shard : Shard
    head : dict
        With ``kind`` and ``namespace``.

    Raises
    ------
    DamageError
        If it is damaged or has another shard's name.
    OSError
        If it isn't there or can't be read.
    """

    def parse(file, size):
        head, end = _npy.read_head(file, size)
        (count,), _ = _npy.parse_layout([head.get("rows")], "|u1")
        shape, dtype = _npy.parse_layout(head.get("shape"), head.get("dtype"))
        before = _npy.header((count, _LINE), np.dtype(np.uint8))
        after = _npy.header((count, *shape), dtype)
        start = end + len(before) + count * _LINE + len(after)
        if start + count * math.prod(shape) * dtype.itemsize != size:
            raise DamageError("its size isn't what its head states")
        block = bytearray(start - end)
        _files.fill(file, block)
        index = bytes(block[len(before) : len(block) - len(after)])
        told = _files.checksum(index).hex()
        if told != head.get("index") or block != before + index + after:
            raise DamageError("the checksum of its index is wrong")
        if f"{told}.npy" != path.name:
            raise DamageError("it belongs to another shard")
        return head, shape, dtype, index, start

    (head, *facts), seen = _files.read(path, parse)
    return Shard(path, seen.st_ino, *facts), head
