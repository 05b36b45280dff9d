"""Files that are there whole or not at all: writing, reading, listing, dropping."""

import contextlib
import errno
import hashlib
import os
import time
from pathlib import Path

from ._process import is_orphan, new_name

# A file on a network folder may be seen late, or half, by other machines.
PAUSES = (0.01, 0.05)
_PASSING = {errno.EAGAIN, errno.EBUSY, errno.EIO, errno.ESTALE, errno.ETIMEDOUT}
if os.name == "nt":
    _PASSING.add(errno.EACCES)  # somebody else has the file open just now

USED_EVERY = 60.0  # seconds; how exactly the time of last use is kept


class StoreWarning(UserWarning):
    """Something is wrong with a store on disk; results are right all the same."""


class DamageError(Exception):
    """A file that isn't what was written. Never leaves the store.

    Parameters
    ----------
    reason : str
        What is wrong with it.
    inode : int, default=None
        The number of the file, by which a replacement under its name is told.
    """

    def __init__(self, reason, inode=None):
        super().__init__(reason)
        self.inode = inode


def checksum(*pieces):
    """Return 16 bytes that depend on every byte of the pieces.

    Parameters
    ----------
    *pieces : bytes-like
        Contiguous buffers, taken one after the other.

    Returns
    -------
    bytes
    """
    state = hashlib.blake2b(digest_size=16)
    for piece in pieces:
        state.update(piece)
    return state.digest()


def write(path, pieces, *, scratch, limit=None):
    """Write a file under a temporary name and move it into place.

    Nothing is forced onto the disk (fsync): a killed process loses nothing that
    it had handed to the system, and what a power failure leaves half-written
    fails its checksum and is computed again. That is cheaper than waiting for
    the disk at every checkpoint.

    Parameters
    ----------
    path : Path
        The file. If it exists, it is replaced as a whole.
    pieces : iterable of bytes-like
        Its content.
    scratch : Path
        The folder of temporary files, on the same file system.
    limit : int, default=None
        The most bytes it may have.

    Returns
    -------
    int
        The size of the file.

    Raises
    ------
    OSError
        If it can't be written. Nothing is left behind then.
    """
    temporary = scratch / new_name()
    try:
        size = 0
        with create(temporary) as file:
            for piece in pieces:
                size += file.write(piece)
                if limit is not None and size > limit:
                    raise OSError(errno.EFBIG, "It would pass max_bytes by itself")
        # The order of eviction needs finer times than file systems keep by themselves.
        now = time.time_ns()
        with contextlib.suppress(OSError):
            os.utime(temporary, ns=(now, now))
        _move(temporary, path)
    except BaseException:  # Ctrl-C, too, shall leave nothing half-written
        unlink(temporary)
        raise
    return size


def create(path):
    """Make a new file, and its folder if need be.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    binary file

    Raises
    ------
    OSError
        If it can't be made.
    """
    try:
        return open(path, "xb")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return open(path, "xb")


def _move(source, path):
    for pause in (*PAUSES, None):
        try:
            return os.replace(source, path)
        except FileNotFoundError:
            if pause is None:
                raise
            # The folder isn't there yet, or has just been removed.
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if pause is None or error.errno not in _PASSING:
                raise
            time.sleep(pause)


def read(path, parse):
    """Read a file, a second and a third time if it seems damaged.

    Parameters
    ----------
    path : Path
        The file.
    parse : callable
        Called with the open file and its size; raises `DamageError`.

    Returns
    -------
    tuple
        What `parse` returned, and the `os.stat_result` of the file.

    Raises
    ------
    DamageError
        If it is damaged.
    OSError
        If it isn't there or can't be read.
    """
    for pause in (*PAUSES, None):
        try:
            with open(path, "rb") as file:
                seen = os.fstat(file.fileno())
                return parse(file, seen.st_size), seen
        except DamageError as error:
            error.inode = seen.st_ino
            if pause is None:
                raise
        except OSError as error:
            if pause is None or error.errno not in _PASSING:
                raise
        time.sleep(pause)


def fill(file, buffer):
    """Fill a buffer from a file.

    Parameters
    ----------
    file : binary file
        Read from where it stands.
    buffer : writable bytes-like
        Filled to its end.

    Raises
    ------
    DamageError
        If the file ends too soon (it was cut while being read, say).
    """
    if file.readinto(buffer) != len(buffer):
        raise DamageError("it ends too soon")


def touch(path, seen):
    """Note that a file has been used, at most once a minute.

    Parameters
    ----------
    path : Path
        The file.
    seen : os.stat_result
        What was known of it when it was opened.
    """
    now = time.time_ns()
    if abs(now - seen.st_mtime_ns) > USED_EVERY * 1e9:
        with contextlib.suppress(OSError):  # then it is evicted sooner
            os.utime(path, ns=(now, now))


def drop(path, inode):
    """Remove a damaged file, unless it has been replaced in the meantime.

    Parameters
    ----------
    path : Path
        The file.
    inode : int
        The number of the damaged one.

    Returns
    -------
    bool
        Whether this call removed it.
    """
    try:
        if os.stat(path).st_ino != inode:
            return False
    except OSError:
        return False
    return unlink(path)


def unlink(path):
    """Remove a file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    bool
        Whether this call removed it.
    """
    try:
        os.unlink(path)
    except OSError:
        return False
    return True


def listing(folder):
    """List a folder.

    Parameters
    ----------
    folder : Path
        The folder. If it doesn't exist it is empty.

    Returns
    -------
    list of os.DirEntry

    Raises
    ------
    OSError
        If it can't be listed.
    """
    try:
        with os.scandir(folder) as found:
            return list(found)
    except FileNotFoundError:
        return []


def orphans(folder, prefix=""):
    """Find the files of dead processes.

    Parameters
    ----------
    folder : Path
        A folder of files with names from `new_name`.
    prefix : str, default=""
        What stands before these names; others are passed over.

    Returns
    -------
    list of str
        Their paths.

    Raises
    ------
    OSError
        If the folder can't be listed.
    """
    found = []
    for item in listing(folder):
        if not item.name.startswith(prefix):
            continue
        with contextlib.suppress(OSError):  # removed by its owner since it was listed
            if is_orphan(item.name[len(prefix) :], item.stat().st_mtime):
                found.append(item.path)
    return found


def walk(folder, depth):
    """List the ``.npy`` files some levels below a folder, passing over trouble.

    Parameters
    ----------
    folder : Path
        The folder.
    depth : int
        How many folders lie between it and the files.

    Yields
    ------
    path : Path
    seen : os.stat_result
    """
    try:
        found = listing(folder)
    except OSError:
        return
    for item in sorted(found, key=lambda item: item.name):
        if depth:
            yield from walk(Path(item.path), depth - 1)
        elif item.name.endswith(".npy"):
            try:
                yield Path(item.path), os.stat(item.path)
            except OSError:
                continue  # just removed by somebody
