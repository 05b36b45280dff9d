"""Looking after a store: keeping it small, and finding what is damaged in it."""

import contextlib
import os
from typing import NamedTuple

from . import _entries, _files, _names, _shards
from ._files import DamageError


class PruneResult(NamedTuple):
    """What pruning did; entries and files of rows count alike."""

    entries_removed: int
    bytes_removed: int
    bytes_kept: int


def list_entries(root, kind=None):
    """List the entries, reading none of them.

    Parameters
    ----------
    root : Path
        Of the store.
    kind : str, default=None
        List only these.

    Yields
    ------
    EntryInfo
    """
    folder = root / "entries"
    found = _files.walk(folder, 2) if kind is None else _files.walk(folder / kind, 1)
    for path, seen in found:
        if _names.KEY.fullmatch(path.stem) and path.stem[:2] == path.parent.name:
            owner = path.parent.parent.name
            yield _entries.EntryInfo(owner, path.stem, seen.st_size, seen.st_mtime, path)


def shrink(root, limit, goal):
    """Remove what was used least recently if a store has grown past a limit.

    The temporary files of dead writers go in any case.

    Parameters
    ----------
    root : Path
        Of the store.
    limit : int or None
        Bytes that may stay; None for any number.
    goal : int or None
        Bytes to come down to once the limit is passed.

    Returns
    -------
    PruneResult
    """
    with contextlib.suppress(OSError):
        for path in _files.orphans(root / "tmp"):
            _files.unlink(path)
    files = [
        (seen.st_mtime_ns, seen.st_size, path)
        for folder in ("entries", "rows")
        for path, seen in _files.walk(root / folder, 2)
    ]
    total = sum(size for _, size, _ in files)
    removed = freed = 0
    if limit is not None and total > limit:
        for _, size, path in sorted(files):
            if total - freed <= goal:
                break
            if _files.unlink(path):
                removed += 1
                freed += size
            elif not os.path.lexists(path):
                freed += size  # another process did, which shrinks the store, too
    return PruneResult(removed, freed, total - freed)


def problems(root):
    """Read a whole store and find what is damaged; nothing is changed.

    Parameters
    ----------
    root : Path
        Of the store.

    Yields
    ------
    tuple
        Kind, key (of rows: folder and file), error, path and `os.stat_result`.
    """
    for info in list_entries(root):
        yield from _problem(info.path, info.kind, info.key, _entries.load, info.kind, info.key)
    for path, _ in _files.walk(root / "rows", 2):
        folder = path.parent
        yield from _problem(path, folder.parent.name, f"{folder.name}/{path.name}", _check_shard)


def repair(root):
    """Remove what is damaged, unless it has been replaced since it was read.

    Parameters
    ----------
    root : Path
        Of the store.

    Returns
    -------
    list of tuple
        Path, reason and size of each file that was removed.
    """
    found = [
        (path, str(error), seen.st_size)
        for _, _, error, path, seen in problems(root)
        # One that can't be opened just now may be sound.
        if isinstance(error, DamageError) and _files.drop(path, seen.st_ino)
    ]
    return found


def _problem(path, kind, key, check, *args):
    try:
        seen = path.stat()
        check(path, *args)
    except FileNotFoundError:
        return  # removed since it was listed
    except (DamageError, OSError) as error:
        yield kind, key, error, path, seen


def _check_shard(path):
    shard, head = _shards.load(path)
    folder = _shards.folder_name(head.get("namespace"), shard.shape, shard.dtype)
    if (head.get("kind"), folder) != (path.parent.parent.name, path.parent.name):
        raise DamageError("it belongs to other rows")
    bad = sum(content is None for _, content in shard.scan(range(len(shard))))
    if bad:
        raise DamageError(f"{bad} of {len(shard)} rows are damaged")
