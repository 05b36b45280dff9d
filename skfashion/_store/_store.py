"""The store: entries, rows and crash guards in one folder, bounded in size."""

import contextlib
import itertools
import os
import threading
from numbers import Integral
from pathlib import Path
from typing import NamedTuple

import joblib

from skfashion._utils.cache import register
from skfashion._utils.config import get_config
from skfashion._utils.warnings import warn

from . import _entries, _files, _npy, _rows
from ._entries import EntryInfo
from ._files import DamageError, StoreWarning, checked_key
from ._guards import CrashGuard
from ._rows import Rows

# In the path, so that a later layout lives beside this one and neither drops the other's files.
_LAYOUT = "v1"
_INDEX_BYTES = 256  # of a row: its key, its place, its line of the shard's index
_stores = {}
_stores_lock = threading.Lock()


def open_store(memory):
    """Open the store in a folder or that of a `joblib.Memory`: the same for the same; or None."""
    if isinstance(memory, joblib.Memory):
        memory = memory.location
        memory = None if memory is None else os.path.join(memory, "skfashion")
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


class PruneResult(NamedTuple):
    """What pruning did; entries and files of rows count alike."""

    entries_removed: int
    bytes_removed: int
    bytes_kept: int
    damaged: list | tuple = ()
    crashes_cleared: int = 0


class Store:
    """Results on disk, for many processes and machines at once.

    Trouble with the disk never raises: what can't be read isn't there, and what can't be written is
    left out, with one `StoreWarning` a process.
    """

    def __init__(self, path):
        self.path = Path(path)
        self._root = self.path / _LAYOUT
        self._rows = {}
        self._said = False
        self._total = None  # bytes, when last counted
        self._written = 0  # bytes since then, by this process
        self._lock = threading.Lock()

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
            pass
        except DamageError as error:
            _files.drop(path, error.inode)
            self.damaged(f"An entry ({path})", error)
        except OSError as error:
            self._unread(error)

    def put(self, kind, key, meta, arrays=None):
        """Write an entry, of what JSON can express and arrays of numbers; return if it worked."""
        path = self._entry_path(kind, key)
        return self.write(path, _entries.encode(kind, key, meta, arrays or {}))

    def entries(self, kind=None, on_error=None):
        """Yield an `EntryInfo` of each entry, or of those of a kind, reading none of them."""
        folder, depth = self._root / "entries", 2
        if kind is not None:
            folder, depth = folder / kind, 1
        for path, seen in _files.walk(folder, depth, on_error or self._unread):
            if _files.KEY.fullmatch(path.stem) and path.stem[:2] == path.parent.name:
                owner = path.parent.parent.name
                yield EntryInfo(owner, path.stem, seen.st_size, seen.st_mtime, path)

    def trim(self, kind, prefix, n):
        """Keep the `n` entries last used of those whose key begins with two digits or more."""
        folder = self._entry_path(kind, prefix).parent
        found = _files.walk(folder, 0, self._unread)
        found = sorted((s.st_mtime_ns, path) for path, s in found if path.name.startswith(prefix))
        for _, path in found[: max(0, len(found) - n)]:
            _files.unlink(path)

    def rows(self, kind, namespace, *, shape, dtype):
        """Open the rows of a namespace: the same object for the same arguments."""
        name = (kind, namespace, tuple(shape), _npy.plain_dtype(dtype))
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
            self._unread(error)
            return []

    def clear_crashes(self, prefix=""):
        """Forget the processes that died within a `CrashGuard`; return how many they were."""
        return sum(self._remove(path) is True for path in self.dead_guards(prefix))

    def _remove(self, path):
        """Remove a file; return whether this call did, or None if it can't be removed."""
        try:
            os.unlink(path)
            return True
        except FileNotFoundError:
            return False
        except OSError as error:
            self.cannot("write", error)

    def verify(self):
        """Read everything; return path and reason of what is damaged or can't be read."""
        return [(path, str(error)) for path, error, _ in self._problems()]

    def repair(self):
        """Read everything and remove what is damaged: its path, reason and size are returned."""
        found = []
        for path, error, seen in self._problems():
            if not isinstance(error, DamageError):
                self._unread(error)  # one that can't be opened just now may be sound
            elif _files.drop(path, seen.st_ino):  # it hasn't been replaced since
                found.append((path, str(error), seen.st_size))
        return found

    def _problems(self):
        """Read the whole store; yield path, error and status (None: not known) of what is wrong."""
        hidden = []
        entries = ((i.path, i.kind, i.key) for i in self.entries(on_error=hidden.append))
        shards = ((path,) for path, _ in _files.walk(self._root / "rows", 2, hidden.append))
        for path, *key in itertools.chain(entries, shards):
            seen = None
            try:
                seen = path.stat()
                if key:
                    _entries.load(path, *key)
                else:
                    _rows.load(path).verify()
            except FileNotFoundError:
                continue  # removed since it was listed
            except (DamageError, OSError) as error:
                yield path, error, seen
        for error in hidden:
            yield error.filename, error, None

    def prune(self, max_bytes=None):
        """Remove what was used least recently down to `max_bytes`, and what dead writers left."""
        if max_bytes is None:
            max_bytes = get_config()["store_max_bytes"]
        elif type(max_bytes) is bool or not isinstance(max_bytes, Integral) or max_bytes < 0:
            raise ValueError(f"max_bytes must be an int >= 0 or None, got {max_bytes!r}")
        return self._shrink(max_bytes, max_bytes)

    def _shrink(self, limit, goal):
        """Remove dead writers' files and, above a limit, what is used least, down to a goal."""
        with contextlib.suppress(OSError):
            for path in _files.orphans(self._root / "tmp"):
                _files.unlink(path)
        files = [
            (seen.st_mtime_ns, seen.st_size, path)
            for folder in ("entries", "rows")
            for path, seen in _files.walk(self._root / folder, 2, self._unread)
        ]
        total = sum(size for _, size, _ in files)
        removed = freed = 0
        for _, size, path in sorted(files) if limit is not None and total > limit else ():
            if total - freed <= goal:
                break
            done = self._remove(path)
            removed += done is True
            if done is not None:  # another process may have, which shrinks the store, too
                freed += size
        self._total, self._written = total - freed, 0
        return PruneResult(removed, freed, total - freed)

    def write(self, path, pieces):
        """Write a file of the store within the bound of the settings; return whether it was."""
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

    def _unread(self, error):
        self.cannot("read", error)

    def cannot(self, action, error):
        """Warn, once a process, of an OSError of an action, which is "read" or "write"."""
        with self._lock:
            said, self._said = self._said, True
        if not said:
            warn(
                f"The store in {self.path} can't be {'read' if action == 'read' else 'written'} "
                f"({error}); training goes on without the store.",
                StoreWarning,
            )

    def damaged(self, what, error):
        """Warn that a file was damaged and has been dropped."""
        warn(f"{what} was damaged: {error}. It was dropped and is computed again.", StoreWarning)

    def _entry_path(self, kind, key):
        return self._root / "entries" / kind / checked_key(key)[:2] / f"{key}.npy"


class _RowIndexes:
    """What `skfashion.cache_info` tells of the indexes of rows that open stores hold."""

    def info(self):
        rows = (rows for store in list(_stores.values()) for rows in list(store._rows.values()))
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
