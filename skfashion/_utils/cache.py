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
        Of each cache, by its name, ``entries``, ``bytes``, and the bounds on these,
        ``max_entries`` and ``max_bytes``, or None. Of compiled networks ``bytes`` is an estimate:
        their variables, and 10 kB for each operation of their graphs. Of images also how many
        were ``decoded``, and how many came ``from_memory`` and ``from_disk``.

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
    """Forget what the caches of this process hold; what is on disk stays, and results do.

    On Keras' JAX backend JAX forgets what it has compiled, too.

    See Also
    --------
    cache_info : What they hold.
    """
    for cache in _CACHES.values():
        cache.clear()
    keras = sys.modules.get("keras")
    if keras is not None and keras.backend.backend() == "jax":
        import jax

        jax.clear_caches()  # some 10 MB for each new shape


def register(name, cache):
    """Make a cache known to `cache_info` and `clear_caches`; return it."""
    _CACHES[name] = cache
    return cache


def size_of(value):
    """Return the bytes of a value: of arrays their content, of containers what is in them."""
    if isinstance(value, (list, tuple)):
        return sum(map(size_of, value))
    return getattr(value, "nbytes", None) or sys.getsizeof(value)


class Cache:
    """A dict that forgets what was used least recently; safe in threads and after a fork."""

    def __init__(self, name=None, *, max_entries=None, max_bytes=None, counts=None):
        self._counts = counts or {}  # of what is told beside
        # Numbers, or functions that are asked each time something is put.
        self._given_bounds = max_entries, max_bytes
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
        nbytes = size_of(value)
        most, most_bytes = (math.inf if bound is None else bound for bound in self._bounds())
        with self._lock:
            self.pop(key)
            if nbytes <= most_bytes:
                self._entries[key] = value, nbytes
                self.nbytes += nbytes
            while self._entries and (len(self._entries) > most or self.nbytes > most_bytes):
                self.nbytes -= self._entries.popitem(last=False)[1][1]
        return value

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
        """Keep a copy of each row: a view keeps all of them alive."""
        for key, row in zip(keys, rows, strict=True):
            row = np.array(row)
            row.flags.writeable = False
            self.put(key, row)

    def count(self, **counts):
        """Add to what is told beside."""
        with self._lock:
            for name, n in counts.items():
                self._counts[name] += n

    def pop(self, key):
        """Forget what is kept under a key."""
        with self._lock:
            self.nbytes -= self._entries.pop(key, (None, 0))[1]

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
        most, most_bytes = self._bounds()
        held = {"entries": len(self), "bytes": self.nbytes}
        return {**held, "max_entries": most, "max_bytes": most_bytes, **self._counts}

    def __len__(self):
        return len(self._entries)

    def _bounds(self):
        return [bound() if callable(bound) else bound for bound in self._given_bounds]


def _after_fork():
    """Make new locks: a thread that is not in the child may hold one, half-way through."""
    for cache in _ALIVE:
        cache._lock = threading.RLock()
        cache.nbytes = sum(nbytes for _, nbytes in cache._entries.values())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
