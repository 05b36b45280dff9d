"""Many arrays of one shape and dtype by key, in shards: files of many rows that never change."""

import dataclasses
import math
import os
import threading

import numpy as np

from . import _files, _npy
from ._files import DamageError

_KEY = 16  # bytes of a row's key
_LINE = _KEY + 16  # bytes of a line of the index: key and checksum


class Rows:
    """The rows of a namespace, whoever wrote them; a shard with any damage is dropped whole."""

    def __init__(self, store, root, kind, namespace, shape, dtype):
        self._store = store
        self._form = (kind, namespace, shape, dtype)
        self._folder = root / kind / folder_name(namespace, shape, dtype)
        self._shards = {}  # by file name
        self._places = {}  # key -> (file name of its shard, row)
        self._bad = {}  # file name -> number of a damaged file that can't be removed
        self._lock = threading.RLock()

    def get(self, keys):
        """Return position in `keys`, of 16 bytes each, to row, for those that are there."""
        keys, wanted, found = _checked(keys), {}, {}
        with self._lock:
            if not all(key in self._places for key in keys):
                self._refresh()
            for i, key in enumerate(keys):
                if key in self._places:
                    name, row = self._places[key]
                    wanted.setdefault(self._shards[name], {}).setdefault(row, []).append(i)
        for shard, places in wanted.items():
            for row, array in self._read(shard, sorted(places)).items():
                found.update(dict.fromkeys(places[row], array))
        return found

    def put(self, keys, array):
        """Write the rows that aren't known yet as one shard; return whether all are there."""
        keys, array = _checked(keys), np.asarray(array, order="C")
        _, _, shape, dtype = self._form
        if array.dtype != dtype or array.shape != (len(keys), *shape):
            given = f"got an array of shape {array.shape} and dtype {array.dtype}"
            raise ValueError(f"{len(keys)} rows of {shape} and dtype {dtype} were wanted, {given}")
        new = self.unknown(keys)
        if not new:
            return True
        if len(new) < len(keys):
            place = {key: i for i, key in enumerate(keys)}
            array = array[[place[key] for key in new]]
        content = _npy.raw(array)
        rows = content.reshape(len(new), -1)
        index = b"".join(key + _files.checksum(row) for key, row in zip(new, rows, strict=True))
        beginning, told = _beginning(*self._form, index)
        path = self._folder / f"{told}.npy"
        if not self._store.write(path, [beginning, content]):
            return False
        with self._lock:
            # Not left to the next listing, which a network folder may deliver late.
            self._add(Shard(path, self._form, len(beginning), index))
        return True

    def unknown(self, keys):
        """Return the keys that nobody has written yet, each once."""
        keys = dict.fromkeys(_checked(keys))
        with self._lock:
            self._refresh()
            return [key for key in keys if key not in self._places]

    def _add(self, shard):
        self._shards[shard.path.name] = shard
        for row, key in enumerate(shard.keys()):
            self._places.setdefault(key, (shard.path.name, row))

    def _forget(self, names):
        with self._lock:
            left = [shard for name, shard in self._shards.items() if name not in names]
            self._shards, self._places = {}, {}
            for shard in left:
                self._add(shard)

    def _refresh(self):
        """Learn of shards that came and went. The lock is held."""
        try:
            listed = {i.name: i for i in _files.listing(self._folder) if i.name.endswith(".npy")}
        except OSError as error:
            return self._store.cannot("read", error)
        # A late listing may lack what is there, so the file itself is asked for.
        gone = {n for n in self._shards if n not in listed and not os.path.exists(self._folder / n)}
        if gone:
            self._forget(gone)
        for name, item in listed.items():
            if name not in self._shards and self._bad.get(name) != item.inode():
                shard = self._tried(self._folder / name, lambda path: load(path, self._form))
                if shard is not None:
                    self._add(shard)

    def _read(self, shard, rows):
        found = self._tried(shard.path, lambda path: shard.read(rows))
        if found is None:
            self._forget({shard.path.name})
            return {}
        _files.touch(shard.path)
        return found

    def _tried(self, path, read):
        """Return what reading a file gives, or None; drop the file if it is damaged."""
        try:
            return read(path)
        except FileNotFoundError:
            return None  # evicted
        except DamageError as error:
            if not _files.drop(path, error.inode):
                self._bad[path.name] = error.inode
            self._store.damaged(f"A file of rows ({path})", error)
        except OSError as error:
            self._store.cannot("read", error)


@dataclasses.dataclass(frozen=True, eq=False)
class Shard:
    """A shard: kind, namespace, shape and dtype of its rows, where they begin, and their index."""

    path: os.PathLike
    form: tuple
    start: int
    index: bytes

    def __len__(self):
        return len(self.index) // _LINE

    def keys(self):
        """Return the keys of all rows."""
        return [self.index[at : at + _KEY] for at in range(0, len(self.index), _LINE)]

    def read(self, rows):
        """Return some rows by place, each an array of its own."""
        return _files.read(self.path, lambda *opened: dict(self._parse(*opened, rows)))

    def verify(self):
        """Read all rows, keeping none."""
        every = range(len(self))
        _files.read(self.path, lambda *opened: sum(1 for _ in self._parse(*opened, every)))

    def _parse(self, file, size, rows):
        _, _, shape, dtype = self.form
        row_size = math.prod(shape) * dtype.itemsize
        if size != self.start + len(self) * row_size:
            raise DamageError("its size isn't what its head states")
        for row in rows:
            array = np.empty(shape, dtype)
            content = _npy.raw(array)
            file.seek(self.start + row * row_size)
            _files.fill(file, content)
            if _files.checksum(content) != self.index[row * _LINE + _KEY : (row + 1) * _LINE]:
                raise DamageError(f"the checksum of row {row} is wrong")
            yield row, array


def folder_name(namespace, shape, dtype):
    """Return the name of the folder of a namespace: rows never meet rows of another form."""
    return f"{namespace}-{_files.checksum(repr((shape, dtype.str)).encode()).hex()[:8]}"


def _beginning(kind, namespace, shape, dtype, index):
    """Return a shard's file up to its rows, and what it is called: the same for the same rows."""
    told = _files.checksum(index).hex()
    head = {"kind": kind, "namespace": namespace, "rows": len(index) // _LINE, "index": told}
    head.update(shape=shape, dtype=dtype.str)
    before, after = _around(len(index) // _LINE, shape, dtype)
    return _npy.head(head) + before + index + after, told


def _around(count, shape, dtype):
    return _npy.header((count, _LINE), np.dtype(np.uint8)), _npy.header((count, *shape), dtype)


def load(path, form=None):
    """Read and verify what a shard's file and its folder say of its rows, but not the rows."""

    def parse(file, size):
        head, end = _npy.read_head(file, size)
        (count,), _ = _npy.parse_layout([head.get("rows")], "|u1")
        shape, dtype = _npy.parse_layout(head.get("shape"), head.get("dtype"))
        before, after = _around(count, shape, dtype)
        start = end + len(before) + count * _LINE + len(after)
        if start + count * math.prod(shape) * dtype.itemsize != size:
            raise DamageError("its size isn't what its head states")
        file.seek(end + len(before))
        index = file.read(count * _LINE)
        found = (head.get("kind"), head.get("namespace"), shape, dtype)
        beginning, told = _beginning(*found, index)
        file.seek(0)
        if file.read(start) != beginning:
            raise DamageError("the checksum of its index is wrong")
        wanted = (str(found[0]), folder_name(*found[1:]), f"{told}.npy")
        if path.parts[-3:] != wanted or form not in (None, found):
            raise DamageError("it belongs to other rows")
        return Shard(path, found, start, index)

    return _files.read(path, parse)


def _checked(keys):
    keys = list(keys)
    if not all(isinstance(key, bytes) and len(key) == _KEY for key in keys):
        raise ValueError(f"keys of rows must be bytes, {_KEY} each")
    return keys
