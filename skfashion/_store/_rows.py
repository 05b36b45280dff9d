"""The rows of a namespace, over all its shards, whoever wrote them."""

import contextlib
import itertools
import os
import threading
import warnings

import numpy as np

from . import _files, _npy, _shards
from ._files import DamageError, StoreWarning


class Rows:
    """Many arrays of one shape and dtype, by keys of 16 bytes.

    Rows are written together, as shards: files that never change. A row that
    doesn't match its checksum is missing; its shard is then replaced by one
    that holds what is left.

    Parameters
    ----------
    store : Store
        What they are in.
    folder : Path
        Where all rows of the store are.
    kind, namespace : str
        What they are.
    shape : tuple of int
        Of one row.
    dtype : numpy.dtype
        Of the rows.
    """

    def __init__(self, store, folder, kind, namespace, shape, dtype):
        self._store = store
        self._name = (kind, namespace)
        self._shape = shape
        self._dtype = dtype
        self._folder = folder / kind / _shards.folder_name(namespace, shape, dtype)
        self._shards = {}  # by file name
        self._index = {}  # key -> (shard, row)
        self._spare = {}  # key -> further places of the same row
        self._hopeless = {}  # file name -> number of a damaged file
        self.reset_lock()

    def reset_lock(self):
        """Make a new lock, as a forked child must: the old one may be held for ever."""
        self._lock = threading.RLock()

    def __reduce__(self):
        return _reopen, (self._store, *self._name, self._shape, self._dtype.str)

    def __len__(self):
        with self._lock:
            self._refresh()
            return len(self._index)

    def get(self, keys):
        """Read rows.

        Parameters
        ----------
        keys : sequence of bytes
            Of 16 bytes each.

        Returns
        -------
        dict of int to numpy.ndarray
            Position in `keys` to row, for those that are there and verified.
        """
        keys = _checked(keys)
        found = {}
        missing = range(len(keys))
        # The first turn finds nearly all. A second one looks at shards that were written
        # or replaced since, a third at a second copy of a row whose first is damaged.
        for turn in range(3):
            with self._lock:
                if turn or any(keys[i] not in self._index for i in missing):
                    self._refresh()
                places = {}
                for i in missing:
                    shard, row = self._index.get(keys[i], (None, None))
                    if shard is not None:
                        places.setdefault(shard, {}).setdefault(row, []).append(i)
            sought = len(found) + sum(len(i) for wanted in places.values() for i in wanted.values())
            for shard, wanted in places.items():
                self._fetch(shard, wanted, found)
            if len(found) == sought:
                break  # what is missing still isn't anywhere
            missing = [i for i in missing if i not in found]
        return found

    def put(self, keys, array):
        """Write rows that aren't known yet, as one new shard.

        Parameters
        ----------
        keys : sequence of bytes
            Of 16 bytes each.
        array : numpy.ndarray
            One row for each key.

        Returns
        -------
        bool
            Whether all of them are in the store now.
        """
        keys = _checked(keys)
        array = np.asarray(array)
        if array.dtype != self._dtype:
            raise TypeError(f"rows must be of dtype {self._dtype}, got {array.dtype}")
        if array.shape != (len(keys), *self._shape):
            raise ValueError(
                f"{len(keys)} rows of shape {self._shape} make an array of shape "
                f"{(len(keys), *self._shape)}, got {array.shape}"
            )
        with self._lock:
            self._refresh()
            new = {key: i for i, key in enumerate(keys) if key not in self._index}
        if not new:
            return True
        if len(new) < len(keys):
            array = array[list(new.values())]
        content = memoryview(_npy.raw(np.ascontiguousarray(array)))
        size = len(content) // len(new)
        index = _shards.make_index(
            new, (content[i * size : (i + 1) * size] for i in range(len(new)))
        )
        return self._write(index, [content])

    def _write(self, index, contents):
        name, beginning = _shards.encode(*self._name, self._shape, self._dtype, index)
        path = self._folder / name
        if not self._store.write(path, itertools.chain(beginning, contents)):
            return False
        with self._lock:
            # Not left to the next listing, which a network folder may deliver late.
            self._learn(path)
        return True

    def _fetch(self, shard, wanted, found):
        bad = []
        try:
            for row, content in shard.scan(sorted(wanted)):
                if content is None:
                    bad.append(row)
                    continue
                for i in wanted[row]:
                    found[i] = shard.array(content)
        except FileNotFoundError:  # evicted or replaced
            self._forget(shard)
        except DamageError as error:
            self._forget(shard)
            self._drop(shard.path, shard.inode, error)
        except OSError as error:
            self._store.cannot("read", error)
            self._forget(shard)
        else:
            with contextlib.suppress(OSError):
                _files.touch(shard.path, shard.path.stat())
        if bad:
            self._retire(shard, bad)

    def _refresh(self):
        """Learn of shards that came and went. The lock is held."""
        try:
            listed = {
                item.name: item
                for item in _files.listing(self._folder)
                if item.name.endswith(".npy")
            }
        except OSError as error:
            return self._store.cannot("read", error)
        for name, shard in list(self._shards.items()):
            # A late listing may lack what is there, so the file itself is asked for.
            if name not in listed and not os.path.exists(shard.path):
                self._forget(shard)
        for name, item in listed.items():
            known = self._shards.get(name)
            if known is None:
                # A damaged file is there still if this folder can't be written.
                changed = self._hopeless.get(name) != item.inode()
            else:
                changed = item.inode() not in (known.inode, known.listed)
            if changed:
                self._learn(self._folder / name)
                if name in self._shards:
                    self._shards[name].listed = item.inode()

    def _learn(self, path):
        old = self._shards.get(path.name)
        if old is not None:
            self._forget(old)
        try:
            shard, head = _shards.load(path)
            told = (head["kind"], head["namespace"], shard.shape, shard.dtype)
            if told != (*self._name, self._shape, self._dtype):
                raise DamageError("it belongs to other rows", shard.inode)
        except FileNotFoundError:
            return
        except DamageError as error:
            self._hopeless[path.name] = error.inode
            return self._drop(path, error.inode, error)
        except OSError as error:
            return self._store.cannot("read", error)
        for row, key in enumerate(shard.keys()):
            if self._index.setdefault(key, (shard, row))[0] is not shard:
                self._spare.setdefault(key, []).append((shard, row))
        self._shards[path.name] = shard

    def _forget(self, shard, rows=None):
        """Take a shard, or some rows of it, out of the index."""
        with self._lock:
            if rows is None:
                rows = range(len(shard))
                if self._shards.get(shard.path.name) is shard:
                    del self._shards[shard.path.name]
            for row in rows:
                key = shard.key(row)
                spare = [place for place in self._spare.pop(key, []) if place[0] is not shard]
                if self._index.get(key, (None,))[0] is shard:
                    del self._index[key]
                    if spare:
                        self._index[key] = spare.pop()
                if spare:
                    self._spare[key] = spare

    def _drop(self, path, inode, error):
        _files.drop(path, inode)
        self._store.damaged(f"A file of rows ({path})", error)

    def _retire(self, shard, bad):
        """Replace a shard that has damaged rows by one with the others."""
        self._forget(shard, bad)
        try:
            good = [row for row, content in shard.scan(range(len(shard))) if content is not None]
            if len(good) == len(shard):
                raise DamageError("it changes while being read")
            index = b"".join(shard.line(row) for row in good)
            if not good or self._write(index, _contents(shard, good)):
                self._forget(shard)
                _files.drop(shard.path, shard.inode)
        except (DamageError, OSError):
            pass  # the good rows stay where they are; the bad ones are out of the index
        if not shard.warned:
            shard.warned = True
            warnings.warn(
                f"{len(bad)} of {len(shard)} stored rows were damaged ({shard.path}); "
                "they are computed again.",
                StoreWarning,
                stacklevel=4,
            )


def _contents(shard, rows):
    for _, content in shard.scan(rows):
        if content is None:
            raise DamageError("it changes while being read")
        yield content


def _checked(keys):
    keys = list(keys)
    for key in keys:
        if not isinstance(key, bytes):
            raise TypeError(f"keys of rows must be bytes, got {type(key).__name__}")
        if len(key) != _shards.KEY:
            raise ValueError(f"keys of rows must have {_shards.KEY} bytes, got {len(key)}")
    return keys


def _reopen(store, kind, namespace, shape, dtype):
    return store.rows(kind, namespace, shape=shape, dtype=dtype)
