"""Decoded images in memory: shared by the whole process, bounded, least recently used first out."""

import os
import threading
from collections import OrderedDict

# Over 7,000 images of 224 x 224 in colour.
_MAX_BYTES = 1 << 30


class ImageCache:
    """Arrays by key, up to a number of bytes. Safe to use from several threads."""

    def __init__(self, max_bytes=_MAX_BYTES):
        self.max_bytes = max_bytes
        self._reset()

    def _reset(self):
        self._lock = threading.Lock()
        self._arrays = OrderedDict()
        self._bytes = 0
        self._decoded = 0

    @property
    def n_bytes(self):
        """Bytes held at the moment."""
        return self._bytes

    @property
    def n_decoded(self):
        """Files decoded by this process since `clear`."""
        return self._decoded

    def get(self, key):
        """Return the array of a key, which mustn't be changed, or `None`."""
        with self._lock:
            array = self._arrays.get(key)
            if array is not None:
                self._arrays.move_to_end(key)
            return array

    def put(self, key, array):
        """Keep a copy of an array, and drop the ones unused for longest."""
        if array.nbytes > self.max_bytes:
            return
        # A copy: a view would keep the whole batch it was cut from alive.
        array = array.copy()
        array.flags.writeable = False
        with self._lock:
            old = self._arrays.pop(key, None)
            self._bytes += array.nbytes - (0 if old is None else old.nbytes)
            self._arrays[key] = array
            while self._bytes > self.max_bytes:
                self._bytes -= self._arrays.popitem(last=False)[1].nbytes

    def count_decoded(self, n_files):
        """Add to the number of files decoded."""
        with self._lock:
            self._decoded += n_files

    def clear(self):
        """Forget all arrays and start counting from zero."""
        with self._lock:
            self._arrays.clear()
            self._bytes = self._decoded = 0

    def _after_fork(self):
        # The lock may have been held by a thread that doesn't exist in the child.
        self._lock = threading.Lock()


cache = ImageCache()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=cache._after_fork)
