"""Caches in memory: what was used least recently leaves first, bounded by number or by bytes."""

import math
import os
import sys
import threading
from collections import OrderedDict
from weakref import WeakSet

import numpy as np

_CACHES = {}  # name -> Cache, or something else with its `info` and `clear`
_ALIVE = WeakSet()


def cache_info() -> dict[str, dict[str, int | None]]:
    """Return what the caches of this process hold.

    Returns
    -------
    dict of str to dict
        One entry a cache, by its name. Each has ``entries`` (how many there are), ``bytes``
        (what they hold), and ``max_entries`` and ``max_bytes`` (the bounds on these; None
        where there is no such bound). Of compiled networks ``bytes`` is an estimate: their
        variables, and 10 kB for each operation of their graphs.

    See Also
    --------
    clear_caches : Forget what they hold.
    set_config : Bound what they hold.

    Examples
    --------
    >>> import skfashion
    >>> skfashion.clear_caches()
    >>> sum(cache["bytes"] for cache in skfashion.cache_info().values())
    0
    """
    return {name: cache.info() for name, cache in sorted(_CACHES.items())}


def clear_caches() -> None:
    """Forget what the caches of this process hold; what is on disk stays.

    No result changes. What is in use by another thread at the moment is kept by that
    thread until it is done.

    See Also
    --------
    cache_info : What they hold.
    """
    for cache in _CACHES.values():
        cache.clear()


def register(name, cache):
    """Make a cache known to `cache_info` and `clear_caches`; return it."""
    _CACHES[name] = cache
    return cache


def size_of(value):
    """Return the bytes of a value: of arrays their content, of containers what is in them."""
    nbytes = getattr(value, "nbytes", None)
    if nbytes is not None:
        return nbytes
    if isinstance(value, (list, tuple)):
        return sum(map(size_of, value))
    return sys.getsizeof(value)


class Cache:
    """A dict that forgets what was used least recently; safe in threads and after a fork.

    `max_entries` and `max_bytes` bound it; a function is asked each time something is put.
    A value above `max_bytes` is not kept. `size_of` tells the bytes of a value.

    Examples
    --------
    >>> from skfashion._utils.cache import Cache
    >>> squares = Cache(max_entries=2)
    >>> [squares.put(n, n * n) for n in (1, 2)]
    [1, 4]
    >>> squares.get(1), squares.put(3, 9)
    (1, 9)
    >>> squares.get(1), squares.get(2), squares.get(3)
    (1, None, 9)
    """

    def __init__(self, name=None, *, max_entries=None, max_bytes=None, size_of=size_of):
        self._bounds = max_entries, max_bytes
        self._size_of = size_of
        self._entries = OrderedDict()  # key -> (value, bytes)
        self.nbytes = 0
        self._lock = threading.RLock()
        _ALIVE.add(self)
        if name is not None:
            register(name, self)

    def get(self, key):
        """Return what is kept under a key, which mustn't be changed, or None."""
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key][0]

    def put(self, key, value):
        """Keep a value, weighed anew, and return it: it may be forgotten at once."""
        nbytes = self._size_of(value)
        with self._lock:
            self.pop(key)
            if nbytes <= self._most(1):
                self._entries[key] = value, nbytes
                self.nbytes += nbytes
            self.shrink()
        return value

    def setdefault(self, key, value):
        """Return what is kept under a key; where there is nothing, keep this value."""
        with self._lock:
            known = self.get(key)
            return self.put(key, value) if known is None else known

    def fill(self, out, keys, wanted):
        """Fill wanted rows of `out` with the arrays kept under `keys`; return those left."""
        left = []
        with self._lock:
            for position in wanted:
                entry = self._entries.get(keys[position])
                if entry is None:
                    left.append(position)
                else:
                    self._entries.move_to_end(keys[position])
                    out[position] = entry[0]
        return left

    def put_rows(self, keys, rows):
        """Keep a copy of each row: a view would keep all of them alive."""
        for key, row in zip(keys, rows, strict=True):
            row = np.array(row)
            row.flags.writeable = False
            self.put(key, row)

    def pop(self, key):
        """Forget what is kept under a key."""
        with self._lock:
            self.nbytes -= self._entries.pop(key, (None, 0))[1]

    def shrink(self):
        """Forget what was used least recently, until the bounds are kept."""
        with self._lock:
            while self._entries and (
                self.nbytes > self._most(1) or len(self._entries) > self._most(0)
            ):
                self.nbytes -= self._entries.popitem(last=False)[1][1]

    def clear(self):
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self.nbytes = 0

    def values(self):
        """Return all that is kept."""
        with self._lock:
            return [value for value, _ in self._entries.values()]

    def info(self):
        """Return what `cache_info` tells of it."""
        with self._lock:
            return {
                "entries": len(self._entries),
                "bytes": self.nbytes,
                "max_entries": self._bound(0),
                "max_bytes": self._bound(1),
            }

    def __len__(self):
        return len(self._entries)

    def _bound(self, which):
        bound = self._bounds[which]
        return bound() if callable(bound) else bound

    def _most(self, which):
        bound = self._bound(which)
        return math.inf if bound is None else bound


def _after_fork():
    """Make new locks: a thread that is not in the child may hold one, half-way through."""
    for cache in _ALIVE:
        cache._lock = threading.RLock()
        cache.nbytes = sum(nbytes for _, nbytes in cache._entries.values())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
