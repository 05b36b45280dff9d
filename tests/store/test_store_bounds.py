"""How large a store may grow: whose word counts, what goes first, and no more than has to."""

import errno
import os
import time

import numpy as np
import pytest
from stores import files, make_rows, raising, rows_of

import skfashion
from skfashion._store import PruneResult, StoreWarning, _entries, _files, open_store


@pytest.fixture
def bound():
    """Set the bound of all stores; the setting is put back after the test."""
    with skfashion.config_context():
        yield lambda n: skfashion.set_config(store_max_bytes=n)


def put(store, key, nbytes=1000, kind="runs"):
    return store.put(kind, key, {}, {"a": np.zeros(nbytes, "u1")})


def fill(store, n):
    for i in range(n):
        assert put(store, f"{i:02x}")


def kept(store):
    return [info.key for info in store.entries()]


def size(store):
    return sum(path.stat().st_size for path in files(store))


def test_prune_takes_the_least_recently_used_first(store):
    fill(store, 6)
    each = next(store.entries()).nbytes
    assert store.prune() == PruneResult(0, 0, 6 * each)
    for i, seconds in enumerate([500, 600, 100, 400, 300, 200]):
        os.utime(store._entry_path("runs", f"{i:02x}"), (time.time() - seconds,) * 2)
    store.get("runs", "01")  # the oldest is used again
    assert store.prune(4 * each) == PruneResult(2, 2 * each, 4 * each)
    assert kept(store) == ["01", "02", "04", "05"]
    assert store.prune(each).entries_removed == 3
    assert kept(store) == ["01"]
    assert store.prune(0) == PruneResult(1, each, 0)


def test_the_last_used_of_a_prefix_are_kept(store):
    for key in ("ab00", "ab01", "ab02", "ab03", "ab10", "ac00"):
        store.put("runs", key, {})
    store.put("states", "ab04", {})
    store.get("runs", "ab00")
    store.trim("runs", "ab0", 2)
    assert kept(store) == ["ab00", "ab03", "ab10", "ac00", "ab04"]
    store.trim("runs", "ab0", 2)
    store.trim("runs", "ab", 9)
    store.trim("runs", "ad", 2)
    assert len(files(store)) == 5


def test_rows_are_pruned_too(store):
    keys, array = make_rows(100)
    rows = rows_of(store)
    rows.put(keys[:50], array[:50])
    os.utime(files(store)[0], (1e9, 1e9))
    rows.put(keys[50:], array[50:])
    store.prune(6000)
    assert sorted(rows.get(keys)) == list(range(50, 100))


def test_max_bytes(store, bound):
    bound(100_000)
    for i in range(100):
        assert put(store, f"{i:02x}", 5000)
        assert size(store) <= 100_000
    left = kept(store)
    assert left == [f"{i:02x}" for i in range(100 - len(left), 100)]  # the newest ones
    assert len(left) >= 15
    with pytest.warns(StoreWarning, match="max_bytes"):
        assert not put(store, "ff", 100_001)
    assert kept(store) == left
    for _ in range(100):  # checkpoints replace one another and push nothing out for long
        assert put(store, "aa", 5000, kind="checkpoints")
    assert len(list(store.entries("runs"))) >= len(left) - 2


def test_bound_is_kept_without_counting_all_files_each_time(store, bound, monkeypatch):
    bound(10_000_000)
    put(store, "aa")
    counted = []
    walk = _files.walk
    monkeypatch.setattr(_files, "walk", lambda *args: counted.append(args) or walk(*args))
    fill(store, 200)
    assert len(counted) == 0


def test_a_bound_of_the_settings_holds_as_long_as_they_do(tmp_path):
    with skfashion.config_context(store_max_bytes=5000):
        fill(open_store(tmp_path), 10)
        assert len(kept(open_store(tmp_path))) < 5
    fill(open_store(tmp_path), 10)
    assert len(kept(open_store(tmp_path))) == 10


def test_what_was_just_written_is_not_what_goes(store, bound):
    bound(10_000)
    fill(store, 3)
    assert put(store, "ffff", 9200)
    assert "ffff" in kept(store)
    assert size(store) <= 10_000


@pytest.mark.parametrize("code", [errno.EMFILE, errno.EIO, errno.EACCES])
def test_a_file_that_cannot_be_opened_just_now_is_not_removed(code, store, monkeypatch):
    fill(store, 3)
    with monkeypatch.context() as patch:
        patch.setattr(_entries, "load", raising(OSError(code, os.strerror(code))))
        assert len(store.verify()) == 3
        with pytest.warns(StoreWarning, match="can't be read"):
            assert store.repair() == []
    assert len(kept(store)) == 3
    assert store.verify() == []
