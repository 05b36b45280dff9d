"""The store: entries, rows and attempts in one folder, bounded in size."""

import operator
import os
import threading
import warnings
from pathlib import Path

from skfashion._utils.cache import register
from skfashion._utils.config import get_config

from . import _entries, _files, _npy, _upkeep
from ._attempts import Attempt, dead
from ._files import DamageError, StoreWarning
from ._names import checked_bound, checked_key, checked_name, location_of
from ._rows import Rows

# In the path, so that a later layout lives beside this one and neither drops the other's files.
_LAYOUT = "v1"

_INDEX_BYTES = 256  # of a row: its key, its place, its line of the shard's index
_stores = {}
_stores_lock = threading.Lock()


def open_store(memory, max_bytes=None):
    """Open the store in a folder; the same object for the same folder.

    Parameters
    ----------
    memory : None, str, path-like or joblib.Memory
        The folder, which need not exist yet. Of a `joblib.Memory` just the location is
        used: the store is in its sub-folder ``skfashion``.
    max_bytes : int, default=None
        The size that the store is kept under, by removing what was used least
        recently. None takes `store_max_bytes` of `skfashion.set_config`, and where that
        is None leaves the bound as it is: unbounded, if none was ever given.

    Returns
    -------
    Store or None
        None if `memory` is None or has no location.

    Raises
    ------
    TypeError
        If `memory` is anything else.
    """
    folder = location_of(memory)
    if folder is None:
        return None
    checked_bound(max_bytes)
    # A relative folder must stay the same one in workers and after os.chdir.
    folder = os.path.realpath(folder)
    with _stores_lock:
        if folder not in _stores:
            _stores[folder] = Store(folder)
        store = _stores[folder]
    if max_bytes is not None:
        store.max_bytes = max_bytes
    return store


class Store:
    """Results on disk, for many processes and machines at once.

    Trouble with the disk never raises: what can't be read isn't there, and what
    can't be written is left out, with one `StoreWarning` a process.

    Parameters
    ----------
    path : path-like
        The folder. Nothing is made in it before something is put.
    max_bytes : int, default=None
        The bound on its size.
    """

    def __init__(self, path, max_bytes=None):
        self.path = Path(path)
        self._max_bytes = checked_bound(max_bytes)
        self._root = self.path / _LAYOUT
        self._rows = {}
        self._said = False
        self._total = None  # bytes, when last counted
        self._written = 0  # bytes since then, by this process
        self.reset_locks()

    def reset_locks(self):
        """Make new locks, as a forked child must: the old ones may be held for ever."""
        self._lock = threading.Lock()
        for rows in self._rows.values():
            rows.reset_lock()

    def __repr__(self):
        return f"Store({str(self.path)!r})"

    def __reduce__(self):
        return open_store, (str(self.path), self._max_bytes)

    @property
    def max_bytes(self):
        """The bound on its size; where it has none of its own, that of the settings now."""
        return get_config()["store_max_bytes"] if self._max_bytes is None else self._max_bytes

    @max_bytes.setter
    def max_bytes(self, value):
        self._max_bytes = checked_bound(value)

    def get(self, kind, key):
        """Read an entry and verify it.

        Parameters
        ----------
        kind : str
            Lower-case letters, digits, "-" and "_".
        key : str
            Hexadecimal digits.

        Returns
        -------
        Entry or None
            None if there is none, or if it was damaged: then it has been dropped,
            with a `StoreWarning`.
        """
        path = self._entry_path(kind, key)
        try:
            entry, seen = _entries.load(path, kind, key)
        except FileNotFoundError:
            return None
        except DamageError as error:
            _files.drop(path, error.inode)
            self.damaged(f"An entry ({path})", error)
            return None
        except OSError as error:
            self.cannot("read", error)
            return None
        _files.touch(path, seen)
        return entry

    def put(self, kind, key, meta, arrays=None):
        """Write an entry, in place of the one there may be.

        Parameters
        ----------
        kind, key : str
            As for `get`.
        meta : dict
            Whatever JSON can express; tuples come back as lists.
        arrays : dict of str to numpy.ndarray, default=None
            Of numbers, bools, dates or text.

        Returns
        -------
        bool
            Whether it was written. If not, a `StoreWarning` says why, once a process.
        """
        path = self._entry_path(kind, key)
        return self.write(path, _entries.encode(kind, key, meta, arrays or {}))

    def delete(self, kind, key):
        """Remove an entry.

        Parameters
        ----------
        kind, key : str
            As for `get`.

        Returns
        -------
        bool
            Whether there was one.
        """
        return _files.unlink(self._entry_path(kind, key))

    def entries(self, kind=None):
        """List the entries, reading none of them.

        Parameters
        ----------
        kind : str, default=None
            List only these.

        Returns
        -------
        iterator of EntryInfo
        """
        if kind is not None:
            checked_name("kind", kind)
        return _upkeep.list_entries(self._root, kind)

    def rows(self, kind, namespace, *, shape, dtype):
        """Open the rows of a namespace.

        Parameters
        ----------
        kind, namespace : str
            Lower-case letters, digits, "-" and "_".
        shape : tuple of int
            Of one row.
        dtype : dtype-like
            Of the rows.

        Returns
        -------
        Rows
            The same object for the same arguments.
        """
        shape, dtype = tuple(operator.index(n) for n in shape), _npy.plain_dtype(dtype)
        if min(shape, default=0) < 0:
            raise ValueError(f"a shape can't be negative, got {shape}")
        name = (checked_name("kind", kind), checked_name("namespace", namespace), shape, dtype)
        with self._lock:
            if name not in self._rows:
                self._rows[name] = Rows(self, self._root / "rows", *name)
            return self._rows[name]

    def begin(self, key):
        """Mark work as begun, for as long as a ``with`` block lasts.

        Parameters
        ----------
        key : str
            Hexadecimal digits.

        Returns
        -------
        Attempt
        """
        return Attempt(self, self._root / "attempts", checked_key(key))

    def deaths(self, key):
        """Count the processes that died within `begin`.

        Those of another host can't be looked for; they count a day after their last
        sign of life (`Attempt.touch`).

        Parameters
        ----------
        key : str
            Hexadecimal digits.

        Returns
        -------
        int
        """
        return len(self._deaths(key))

    def forgive(self, key=None):
        """Forget the deaths of a key.

        Parameters
        ----------
        key : str, default=None
            Hexadecimal digits; None for all keys.

        Returns
        -------
        int
            How many deaths were forgotten.
        """
        return sum(_files.unlink(marker) for marker in self._deaths(key))

    def verify(self):
        """Read everything and find what is damaged; nothing is changed.

        Returns
        -------
        list of tuple
            Kind, key (of rows: folder and file) and reason.
        """
        found = _upkeep.problems(self._root)
        return [(kind, key, str(error)) for kind, key, error, *_ in found]

    def repair(self):
        """Read everything and remove what is damaged.

        Returns
        -------
        list of tuple
            Path, reason and size of each file that was removed.
        """
        return _upkeep.repair(self._root)

    def prune(self, max_bytes=None):
        """Remove what was used least recently, and what dead writers left.

        Safe while others read and write: at worst they compute something again.

        Parameters
        ----------
        max_bytes : int, default=None
            The size to come down to; None for the store's own bound, if it has one.

        Returns
        -------
        PruneResult
        """
        bound = self.max_bytes if max_bytes is None else checked_bound(max_bytes)
        return self._shrink(bound, bound)

    def _shrink(self, limit, goal):
        result = _upkeep.shrink(self._root, limit, goal)
        self._total, self._written = result.bytes_kept, 0
        return result

    def write(self, path, pieces):
        """Write a file of the store, and keep the store within its bound.

        For the rooms of the store itself.

        Parameters
        ----------
        path : Path
            The file.
        pieces : iterable of bytes-like
            Its content.

        Returns
        -------
        bool
            Whether it was written.
        """
        bound = self.max_bytes
        try:
            # A file larger than the bound would push out everything and then itself.
            size = _files.write(path, pieces, scratch=self._root / "tmp", limit=bound)
        except OSError as error:
            self.cannot("write", error)
            return False
        self._written += size
        if bound is not None and (
            self._total is None
            or self._total + self._written > bound
            # What other processes write is seen only by counting again.
            or self._written > bound // 32
        ):
            # A tenth is left free, or each further write would have to look for room.
            # Never less than what was just written, which would go as well.
            self._shrink(bound, max(bound * 9 // 10, size))
        return True

    def cannot(self, action, error):
        """Warn, once a process, that the disk doesn't do what it should.

        Parameters
        ----------
        action : {"read", "write"}
            What was tried.
        error : OSError
            What came of it.
        """
        with self._lock:
            said, self._said = self._said, True
        if not said:
            warnings.warn(
                f"The store in {self.path} can't be {'read' if action == 'read' else 'written'} "
                f"({error}); training goes on without the store.",
                StoreWarning,
                stacklevel=4,
            )

    def damaged(self, what, error):
        """Warn that a file was damaged and has been dropped.

        Parameters
        ----------
        what : str
            The file, in words.
        error : DamageError
            What is wrong with it.
        """
        warnings.warn(
            f"{what} was damaged: {error}. It was dropped and is computed again.",
            StoreWarning,
            stacklevel=4,
        )

    def _entry_path(self, kind, key):
        folder = self._root / "entries" / checked_name("kind", kind)
        return folder / checked_key(key)[:2] / f"{key}.npy"

    def _deaths(self, key):
        try:
            return dead(self._root / "attempts", None if key is None else checked_key(key))
        except OSError as error:
            self.cannot("read", error)
            return []


class _RowIndexes:
    """What `skfashion.cache_info` tells of the indexes of rows that open stores hold."""

    def info(self):
        rows = [rows for store in list(_stores.values()) for rows in list(store._rows.values())]
        n = sum(len(each._index) for each in rows)
        return {"entries": n, "bytes": _INDEX_BYTES * n, "max_entries": None, "max_bytes": None}

    def clear(self):
        for store in list(_stores.values()):
            with store._lock:
                store._rows.clear()  # who reads or writes rows now keeps its own


register("rows on disk", _RowIndexes())


def _after_fork():
    global _stores_lock
    _stores_lock = threading.Lock()
    for store in _stores.values():
        store.reset_locks()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
