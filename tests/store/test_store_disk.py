"""The store on a disk that is full, forbidden, flaky or taken away."""

import contextlib
import errno
import os
import shutil
import threading
import warnings

import numpy as np
import pytest
from children import drop_rights_of_root, needs_linux, result_of
from stores import Written, files, make_rows, raising, rows_of

from skfashion._store import PruneResult, Store, StoreWarning, _files
from skfashion._store._process import new_name

KEY = "0123abcd"


def use(store):
    """Do everything once; return whether anything was stored."""
    keys, array = make_rows(5)
    rows = rows_of(store)
    done = [store.put("runs", KEY, {"n": 1}, {"a": np.arange(1000)}), rows.put(keys, array)]
    with store.crash_guard(KEY) as guard:
        guard.survived()
    read = [store.get("runs", KEY), store.meta("runs", KEY), *rows.get(keys)]
    store.clear_crashes()
    store.trim("runs", KEY[:2], 0)
    assert isinstance(store.prune(0), PruneResult)
    list(store.entries())
    store.verify()
    assert not (any(done) and not read)
    return any(done)


def assert_goes_on(store):
    with pytest.warns(StoreWarning, match="goes on without the store") as caught:
        assert not use(store)
    assert len(caught) == 1  # whatever it is that fails, and however often
    assert not use(store)


def test_folder_under_a_file(tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert_goes_on(Store(tmp_path / "file" / "store"))
    assert_goes_on(Store(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "in the way"


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.EDQUOT, errno.EIO])
def test_forbidden(store, monkeypatch, code):
    monkeypatch.setattr(_files, "open", raising(OSError(code, os.strerror(code))), raising=False)
    assert_goes_on(store)
    monkeypatch.undo()
    assert files(store) == []
    assert use(store)


@pytest.mark.parametrize("room", [0, 1, 128, 5000, 8000])
def test_full_disk(store, monkeypatch, room):
    create = _files.create

    def write(file, data):
        left = room - file.tell()
        file.write(data[:left])
        if len(data) > left:
            raise OSError(errno.ENOSPC, "No space left on device")

    store.put("runs", "aa", {"old": True})
    monkeypatch.setattr(_files, "create", lambda path: Written(create(path), write))
    with pytest.warns(StoreWarning, match="No space left") as caught:
        done = [store.put("runs", "aa", {"new": 1}, {"a": np.arange(2000)}) for _ in range(3)]
    assert not any(done)
    assert len(caught) == 1
    assert store.get("runs", "aa").meta == {"old": True}
    assert len(files(store)) == 1


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


def test_folder_removed_midway(tmp_path):
    store = Store(tmp_path / "store")
    assert use(store)
    shutil.rmtree(store.path)
    assert use(store)
    with store.crash_guard(KEY):
        shutil.rmtree(store.path)
    assert store.get("runs", KEY) is None
    stop = threading.Event()

    def remove():
        while not stop.is_set():
            shutil.rmtree(store.path, ignore_errors=True)

    thread = threading.Thread(target=remove)
    thread.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StoreWarning)
            for _ in range(200):
                use(store)
    finally:
        stop.set()
        thread.join()


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
