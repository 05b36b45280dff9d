"""The store: entries, rows and crash guards in one folder, bounded in size."""

import contextlib
import os
import threading
import time
import warnings
from functools import partial
from numbers import Integral
from pathlib import Path

import joblib

from skfashion._utils.cache import register
from skfashion._utils.config import get_config

from . import _entries, _files, _npy, _upkeep
from ._files import DamageError, StoreWarning, checked_key, checked_name
from ._process import new_name
from ._rows import Rows

# In the path, so that a later layout lives beside this one and neither drops the other's files.
_LAYOUT = "v1"
_ALIVE_EVERY = 60.0  # seconds; a guard of more than a day is that of a dead process

_INDEX_BYTES = 256  # of a row: its key, its place, its line of the shard's index
_stores = {}
_stores_lock = threading.Lock()


def open_store(memory):
    """Open the store in a folder; the same object for the same folder.

    `memory` is a folder, which need not exist yet, or a `joblib.Memory`, in whose location
    the store is the sub-folder ``skfashion``. For None, or a location of None, there is none.
    """
    if isinstance(memory, joblib.Memory):
        memory = memory.location and os.path.join(memory.location, "skfashion")
    if memory is None:
        return None
    if not isinstance(memory, str | os.PathLike):
        raise TypeError(
            "memory must be None, a folder (str or path-like) or a joblib.Memory, "
            f"got {memory!r} of type {type(memory).__name__}"
        )
    if not os.fspath(memory):
        raise ValueError("memory is an empty text; give a folder, or None for no store")
    # A relative folder must stay the same one in workers and after os.chdir.
    folder = os.path.realpath(os.fsdecode(memory))
    with _stores_lock:
        if folder not in _stores:
            _stores[folder] = Store(folder)
        return _stores[folder]


class Store:
    """Results on disk, for many processes and machines at once.

    Trouble with the disk never raises: what can't be read isn't there, and what
    can't be written is left out, with one `StoreWarning` a process. Kinds and namespaces
    are lower-case letters, digits, "-" and "_"; keys are hexadecimal digits.
    """

    def __init__(self, path):
        self.path = Path(path)
        self._root = self.path / _LAYOUT
        self._rows = {}
        self._said = False
        self._total = None  # bytes, when last counted
        self._written = 0  # bytes since then, by this process
        self._lock = threading.Lock()

    def __repr__(self):
        return f"Store({str(self.path)!r})"

    def get(self, kind, key):
        """Return an `Entry`, verified; None if there is none, or if it was damaged."""
        entry = self._read(_entries.load, kind, key)
        if entry is not None:
            _files.touch(self._entry_path(kind, key))
        return entry

    def meta(self, kind, key):
        """Return the JSON value of an entry as `get` does, reading none of its arrays."""
        return self._read(_entries.load_meta, kind, key)

    def _read(self, load, kind, key):
        path = self._entry_path(kind, key)
        try:
            return load(path, kind, key)
        except FileNotFoundError:
            return None
        except DamageError as error:
            _files.drop(path, error.inode)
            self.damaged(f"An entry ({path})", error)
        except OSError as error:
            self.cannot("read", error)
        return None

    def put(self, kind, key, meta, arrays=None):
        """Write an entry, in place of the one there may be; return whether it was written.

        `meta` is a dict of what JSON can express (tuples come back as lists), `arrays` one of
        NumPy arrays of numbers and bools.
        """
        path = self._entry_path(kind, key)
        return self.write(path, _entries.encode(kind, key, meta, arrays or {}))

    def entries(self, kind=None):
        """List the entries, or those of a kind, as `EntryInfo`, reading none of them."""
        if kind is not None:
            checked_name(kind)
        return _upkeep.list_entries(self._root, kind, partial(self.cannot, "read"))

    def trim(self, kind, prefix, n):
        """Keep the `n` entries last used of those whose key begins with two digits or more."""
        folder = self._entry_path(kind, prefix).parent
        _upkeep.trim(folder, prefix, n, partial(self.cannot, "read"))

    def rows(self, kind, namespace, *, shape, dtype):
        """Open the rows of a namespace: the same object for the same arguments."""
        name = (checked_name(kind), checked_name(namespace), tuple(shape), _npy.plain_dtype(dtype))
        with self._lock:
            if name not in self._rows:
                self._rows[name] = Rows(self, self._root / "rows", *name)
            return self._rows[name]

    def crash_guard(self, key):
        """Return what remembers of work on a key that its process died: see `CrashGuard`."""
        return CrashGuard(self, self._root / "attempts", checked_key(key))

    def dead_guards(self, prefix=""):
        """List the files of guards whose process died, of all keys or of one, with its dot."""
        try:
            return _files.orphans(self._root / "attempts", prefix)
        except OSError as error:
            self.cannot("read", error)
            return []

    def clear_crashes(self, prefix=""):
        """Forget the processes that died within a `CrashGuard`; return how many they were."""
        removed = 0
        for path in self.dead_guards(prefix):
            try:
                os.unlink(path)
                removed += 1
            except FileNotFoundError:
                pass
            except OSError as error:
                self.cannot("write", error)
        return removed

    def verify(self):
        """Read everything; return path and reason of what is damaged or can't be read."""
        return [(path, str(error)) for path, error, _ in _upkeep.problems(self._root)]

    def repair(self):
        """Read everything and remove what is damaged: its path, reason and size are returned."""
        return _upkeep.repair(self._root, partial(self.cannot, "read"))

    def prune(self, max_bytes=None):
        """Remove what was used least recently, and what dead writers left.

        `max_bytes` is the size to come down to; None for `store_max_bytes` of the settings.
        Safe while others read and write: at worst they compute something again.
        """
        if max_bytes is None:
            max_bytes = get_config()["store_max_bytes"]
        elif type(max_bytes) is bool or not isinstance(max_bytes, Integral) or max_bytes < 0:
            raise ValueError(f"max_bytes must be an int >= 0 or None, got {max_bytes!r}")
        return self._shrink(max_bytes, max_bytes)

    def _shrink(self, limit, goal):
        result = _upkeep.shrink(self._root, limit, goal, self.cannot)
        self._total, self._written = result.bytes_kept, 0
        return result

    def write(self, path, pieces):
        """Write a file of the store within the bound of the settings; return whether it was.

        For the rooms of the store itself.
        """
        bound = get_config()["store_max_bytes"]
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
        """Warn, once a process, of an OSError of an action, which is "read" or "write"."""
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
        """Warn that a file was damaged and has been dropped."""
        warnings.warn(
            f"{what} was damaged: {error}. It was dropped and is computed again.",
            StoreWarning,
            stacklevel=4,
        )

    def _entry_path(self, kind, key):
        folder = self._root / "entries" / checked_name(kind)
        return folder / checked_key(key)[:2] / f"{key}.npy"


class CrashGuard:
    """A context in which work on a key is under way, and may kill its process.

    A file lies in the store from entering to leaving, whether by the end of the block or
    by an exception. Only the death of the process leaves it there. All of them lie in one
    folder: to remove an empty one of a key would be a race with whoever begins just then.

    `crashes` is how often a process began and died, one after the other: those that were
    killed together count once. Those of another host can't be looked for; they count a day
    after their last sign of life.
    """

    def __init__(self, store, folder, key):
        self._store = store
        self._prefix = f"{key}."
        self._file = folder / f"{self._prefix}{new_name()}"
        dead = store.dead_guards(self._prefix)
        self.crashes = max(map(_begun_after, dead), default=-1) + 1
        self._touched = None

    def __enter__(self):
        try:
            with _files.create(self._file) as file:
                file.write(b"%d" % self.crashes)
        except OSError as error:
            self._store.cannot("write", error)
        return self

    def __exit__(self, *exception):
        _files.unlink(self._file)

    def survived(self):
        """Say that the work got on, so that none of those that died was killed by it.

        Called once an epoch: it is the sign of life, too, given once a minute.
        """
        now = time.monotonic()
        if self._touched is None:
            self._store.clear_crashes(self._prefix)
            self._touched = now
        elif now - self._touched > _ALIVE_EVERY:
            self._touched = now
            with contextlib.suppress(OSError):
                os.utime(self._file)


def _begun_after(path):
    """Return how many crashes were known to the process that left a file of a guard."""
    try:
        return int(Path(path).read_bytes())
    except (OSError, ValueError):  # it died while writing, or is of version 0.1.0
        return 0


class _RowIndexes:
    """What `skfashion.cache_info` tells of the indexes of rows that open stores hold."""

    def info(self):
        rows = [rows for store in list(_stores.values()) for rows in list(store._rows.values())]
        n = sum(len(each._places) for each in rows)
        return {"entries": n, "bytes": _INDEX_BYTES * n, "max_entries": None, "max_bytes": None}

    def clear(self):
        for store in list(_stores.values()):
            with store._lock:
                store._rows.clear()  # who reads or writes rows now keeps its own


register("rows on disk", _RowIndexes())


def _after_fork():
    """Open stores anew in a forked child: locks of those that were open may be held for ever."""
    global _stores_lock
    _stores_lock = threading.Lock()
    _stores.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
