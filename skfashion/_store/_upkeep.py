"""Looking after a store: keeping it small, and finding what is damaged in it."""

import contextlib
import itertools
import os
from functools import partial
from typing import NamedTuple

from . import _entries, _files, _rows
from ._files import DamageError


class PruneResult(NamedTuple):
    """What pruning did; entries and files of rows count alike."""

    entries_removed: int
    bytes_removed: int
    bytes_kept: int


def list_entries(root, kind, on_error):
    """Yield an `EntryInfo` of each entry, or of those of a kind, reading none of them."""
    folder = root / "entries"
    found = _files.walk(folder, 2, on_error)
    if kind is not None:
        found = _files.walk(folder / kind, 1, on_error)
    for path, seen in found:
        if _files.KEY.fullmatch(path.stem) and path.stem[:2] == path.parent.name:
            owner = path.parent.parent.name
            yield _entries.EntryInfo(owner, path.stem, seen.st_size, seen.st_mtime, path)


def trim(folder, prefix, n, on_error):
    """Keep the `n` entries last used of those in a folder whose key begins with a prefix."""
    found = _files.walk(folder, 0, on_error)
    found = sorted((seen.st_mtime_ns, path) for path, seen in found if path.name.startswith(prefix))
    for _, path in found[: max(0, len(found) - n)]:
        _files.unlink(path)


def shrink(root, limit, goal, cannot):
    """Remove what was used least recently if a store has grown past a limit, down to a goal.

    A limit of None is none. The temporary files of dead writers go in any case.
    """
    with contextlib.suppress(OSError):
        for path in _files.orphans(root / "tmp"):
            _files.unlink(path)
    files = [
        (seen.st_mtime_ns, seen.st_size, path)
        for folder in ("entries", "rows")
        for path, seen in _files.walk(root / folder, 2, partial(cannot, "read"))
    ]
    total = sum(size for _, size, _ in files)
    removed = freed = 0
    if limit is not None and total > limit:
        for _, size, path in sorted(files):
            if total - freed <= goal:
                break
            try:
                os.unlink(path)
                removed += 1
            except FileNotFoundError:
                pass  # another process did, which shrinks the store, too
            except OSError as error:
                cannot("write", error)
                continue
            freed += size
    return PruneResult(removed, freed, total - freed)


def problems(root):
    """Read a whole store; yield path, error and `os.stat_result` of all that is wrong.

    The last one is None for what can't be looked at.
    """
    hidden = []
    entries = ((i.path, i.kind, i.key) for i in list_entries(root, None, hidden.append))
    shards = ((path,) for path, _ in _files.walk(root / "rows", 2, hidden.append))
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


def repair(root, on_error):
    """Remove what is damaged; return path, reason and size of each file that was removed."""
    found = []
    for path, error, seen in problems(root):
        if not isinstance(error, DamageError):
            on_error(error)  # one that can't be opened just now may be sound
        elif _files.drop(path, seen.st_ino):  # it hasn't been replaced since
            found.append((path, str(error), seen.st_size))
    return found
