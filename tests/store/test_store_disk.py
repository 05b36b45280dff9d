"""The store on a disk that is full, forbidden, flaky or taken away."""

import contextlib
import errno
import os
import warnings

import numpy as np
import pytest
from children import drop_rights_of_root, needs_linux, result_of
from stores import files, make_rows, raising, rows_of

from skfashion._store import Store, StoreWarning, _files
from skfashion._store._process import new_name

KEY = "0123abcd"


def test_interrupted_write_leaves_nothing(store, monkeypatch):
    monkeypatch.setattr(_files.os, "replace", raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        store.put("runs", KEY, {})
    assert files(store) == []


def test_unreadable_folder_is_told_from_an_empty_one(store, monkeypatch):
    store.put("runs", KEY, {})
    monkeypatch.setattr(_files.os, "scandir", raising(PermissionError(errno.EACCES, "no")))
    with pytest.warns(StoreWarning, match="can't be read"):
        assert rows_of(store).get([b"0" * 16]) == {}
    assert list(store.entries()) == []


def test_passing_trouble_is_waited_for(store, monkeypatch):
    store.put("runs", KEY, {"n": 1})
    (path,) = files(store)
    fails = iter([OSError(errno.ESTALE, "stale"), OSError(errno.ESTALE, "stale")])

    def flaky(*args):
        for error in fails:
            raise error
        return open(*args)

    monkeypatch.setattr(_files, "open", flaky, raising=False)
    assert store.get("runs", KEY).meta == {"n": 1}
    # A machine that sees half a file at first sees all of it later.
    content = path.read_bytes()
    halves = iter([content[:100], content[:-1]])

    def late(*args):
        path.write_bytes(next(halves, content))
        return open(*args)

    monkeypatch.setattr(_files, "open", late)
    assert store.get("runs", KEY).meta == {"n": 1}


# --- permissions ---------------------------------------------------------------------------------

PLACES = {
    "root": ("v1", 0),
    "entries": ("v1/entries", 0),
    "kind": ("v1/entries/runs", 0),
    "listed only": ("v1/entries/runs/01", 0o400),
    "entry": (f"v1/entries/runs/01/{KEY}.npy", 0),
    "rows": ("v1/rows/features", 0),
    "shard": ("v1/rows/features/ns*/*.npy", 0),
    "attempts": ("v1/attempts", 0),
    "not to be changed": ("v1/entries/runs/01", 0o500),
    "not to be emptied": ("v1/attempts", 0o500),
}


def forbidden(folder, place):
    """Look after a store of which one place is forbidden; return what that says."""
    drop_rights_of_root()
    store = Store(folder)
    keys, array = make_rows(5)
    assert store.put("runs", KEY, {}, {"a": np.arange(1000)})
    assert rows_of(store).put(keys, array)
    dead = folder / "v1" / "attempts" / f"{KEY}.{new_name()}".replace(str(os.getpid()), "99999999")
    dead.parent.mkdir()
    dead.touch()
    whole = sum(path.stat().st_size for path in folder.rglob("*.npy"))
    pattern, mode = PLACES[place]
    (path,) = folder.glob(pattern)
    before = path.stat().st_mode
    path.chmod(mode)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        problems = store.verify()
        listed = len(list(store.entries()))
        repaired = store.repair()
        pruned = store.prune(0)
        cleared = store.clear_crashes()
    with contextlib.suppress(FileNotFoundError):
        path.chmod(before)
    left = sum(path.stat().st_size for path in folder.rglob("*.npy"))
    assert whole - pruned.bytes_removed == left
    return problems, listed, repaired, cleared, [str(w.message) for w in caught]


@needs_linux
@pytest.mark.parametrize("place", PLACES)
def test_a_forbidden_place_is_told_and_stops_nothing(tmp_path, place):
    problems, listed, repaired, cleared, said = result_of(forbidden, tmp_path, place)
    assert len(said) == 1
    assert "Permission denied" in said[0]
    assert repaired == []
    hidden = place in ("root", "entries", "kind", "listed only")
    assert listed == (0 if hidden else 1)
    assert cleared == (0 if place in ("root", "attempts", "not to be emptied") else 1)
    assert bool(problems) == (place not in ("attempts", "not to be emptied", "not to be changed"))
    assert all("Permission denied" in reason for _, reason in problems)
