"""Crash guards: files that tell which work its process died of."""

import contextlib
import os
import time
from pathlib import Path

from . import _files
from ._process import new_name

_ALIVE_EVERY = 60.0  # seconds; a guard of more than a day is that of a dead process


class CrashGuard:
    """A context for work on a key that may kill its process: only that leaves the guard's file.

    `crashes` is how often a process began and died, one after the other: those that were killed
    together count once, those of another host a day after their last sign of life.
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
        """Say, once an epoch, that the work got on: none of those that died was killed by it."""
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
