"""Work that was begun: markers on disk that outlive a process killed by its work."""

import contextlib
import os
import time

from . import _files
from ._names import KEY
from ._process import new_name


class Attempt:
    """A context in which work on a key is under way.

    A marker lies in the store from entering to leaving, whether by the end of
    the block or by an exception. Only the death of the process leaves it there.

    Parameters
    ----------
    store : Store
        Where.
    folder : Path
        The folder of all markers. Not one a key: to remove an empty one would be
        a race with whoever begins just then.
    key : str
        What is begun.
    """

    def __init__(self, store, folder, key):
        self._store = store
        self._folder = folder
        self._key = key
        self._marker = None
        self._touched = 0.0

    def __enter__(self):
        marker = self._folder / f"{self._key}.{new_name()}"
        try:
            _files.create(marker).close()
        except OSError as error:
            self._store.cannot("write", error)
        else:
            self._marker = marker
            self._touched = time.monotonic()
        return self

    def __exit__(self, *exception):
        if self._marker is not None:
            _files.unlink(self._marker)
            self._marker = None

    def touch(self):
        """Say that the process still lives, at most once a minute.

        Other hosts can't look for the process and take a marker of more than
        a day for that of a dead one: call this once an epoch.
        """
        now = time.monotonic()
        if self._marker is not None and now - self._touched > _files.USED_EVERY:
            self._touched = now
            with contextlib.suppress(OSError):
                os.utime(self._marker)


def dead(folder, key=None):
    """Find the markers of processes that died at work.

    Parameters
    ----------
    folder : Path
        The folder of all markers.
    key : str, default=None
        What they were at; None for everything.

    Returns
    -------
    list of str
        Their paths.

    Raises
    ------
    OSError
        If the folder can't be listed.
    """
    if key is not None:
        return _files.orphans(folder, f"{key}.")
    keys = {item.name.partition(".")[0] for item in _files.listing(folder)}
    return [path for key in keys if KEY.fullmatch(key) for path in dead(folder, key)]
