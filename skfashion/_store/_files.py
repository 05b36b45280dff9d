"""Files that are there whole or not at all, and keys that lead out of no folder."""

import contextlib
import errno
import hashlib
import os
import re
import time
from pathlib import Path

from ._process import is_orphan, new_name

# A file on a network folder may be seen late, or half, by other machines.
PAUSES = (0.01, 0.05)
_PASSING = {errno.EAGAIN, errno.EBUSY, errno.EIO, errno.ESTALE, errno.ETIMEDOUT}

KEY = re.compile(r"[0-9a-f]{1,128}")


class StoreWarning(UserWarning):
    """Something is wrong with a store on disk; results are right all the same."""


class DamageError(Exception):
    """A file, of number `inode`, that isn't what was written; never leaves the store."""

    inode = None


def checked_key(key):
    """Return a key, if it is hexadecimal digits."""
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise ValueError(f"a key must be 1 to 128 lower-case hexadecimal digits, got {key!r}")
    return key


def checksum(*pieces):
    """Return 16 bytes that depend on every byte of some buffers."""
    state = hashlib.blake2b(digest_size=16)
    for piece in pieces:
        state.update(piece)
    return state.digest()


def write(path, pieces, *, scratch, limit=None):
    """Write a file in `scratch`, move it into place, return its size; or leave nothing behind."""
    # No fsync at every checkpoint: what a power failure leaves half-written fails its checksum.
    temporary = scratch / new_name()
    try:
        size = 0
        with create(temporary) as file:
            for piece in pieces:
                size += file.write(piece)
                if limit is not None and size > limit:
                    raise OSError(errno.EFBIG, "It would pass max_bytes by itself")
        touch(temporary)
        path.parent.mkdir(parents=True, exist_ok=True)
        _persistently(lambda: os.replace(temporary, path))
    except BaseException:  # Ctrl-C, too, shall leave nothing half-written
        unlink(temporary)
        raise
    return size


def create(path):
    """Open a new file, and make its folder if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return open(path, "xb")


def read(path, parse):
    """Return what `parse` makes of an open file and its size."""

    def read():
        with open(path, "rb") as file:
            seen = os.fstat(file.fileno())
            try:
                return parse(file, seen.st_size)
            except DamageError as error:
                error.inode = seen.st_ino
                raise

    return _persistently(read)


def _persistently(act):
    """Return what a function returns; call it a second and a third time if it may then work."""
    for pause in PAUSES:
        try:
            return act()
        except (DamageError, OSError) as error:
            if isinstance(error, OSError) and error.errno not in _PASSING:
                raise
        time.sleep(pause)
    return act()


def fill(file, buffer):
    """Fill a buffer from where a file stands."""
    if file.readinto(buffer) != len(buffer):  # it was cut while being read, say
        raise DamageError("it ends too soon")


def touch(path):
    """Note that a file is used now, finer than file systems do: eviction goes by it."""
    now = time.time_ns()
    with contextlib.suppress(OSError):  # then it is evicted sooner
        os.utime(path, ns=(now, now))


def drop(path, inode):
    """Remove a damaged file unless it has been replaced; return whether this call did."""
    try:
        return os.stat(path).st_ino == inode and unlink(path)
    except OSError:
        return False


def unlink(path):
    """Remove a file; return whether this call did."""
    try:
        os.unlink(path)
    except OSError:
        return False
    return True


def listing(folder):
    """List a folder; one that doesn't exist is empty."""
    try:
        with os.scandir(folder) as found:
            return list(found)
    except FileNotFoundError:
        return []


def orphans(folder, prefix=""):
    """List the files of dead processes whose names begin with `prefix`, empty or with a dot."""
    found = []
    for item in listing(folder):
        with contextlib.suppress(OSError):  # removed by its owner since it was listed
            if item.name.startswith(prefix) and is_orphan(item.name, item.stat().st_mtime):
                found.append(item.path)
    return found


def walk(folder, depth, on_error):
    """Yield path and status of the ``.npy`` files some levels below a folder; tell of errors."""
    try:
        found = sorted(listing(folder), key=lambda item: item.name)
    except OSError as error:
        on_error(error)
        return
    for item in found:
        try:
            if not depth and item.name.endswith(".npy"):
                yield Path(item.path), os.stat(item.path)
            elif depth and item.is_dir():
                yield from walk(item.path, depth - 1, on_error)
        except FileNotFoundError:
            continue
        except OSError as error:
            on_error(error)
