"""How large a store may grow: whose word counts, and that no more goes than has to."""

import errno
import os
import threading
import time

import numpy as np
import pytest

import skfashion
from skfashion._store import Store, StoreWarning, _entries, open_store


def fill(store, n, nbytes=1000):
    for i in range(n):
        store.put("results", f"{i:04x}", {"i": i}, {"a": np.zeros(nbytes, np.uint8)})


def kept(store):
    return sum(1 for _ in store.entries())


def test_a_bound_of_the_settings_holds_as_long_as_they_do(tmp_path):
    with skfashion.config_context(store_max_bytes=5000):
        fill(open_store(tmp_path), 10)
        assert kept(open_store(tmp_path)) < 5
    fill(open_store(tmp_path), 10)
    assert kept(open_store(tmp_path)) == 10


def test_what_was_just_written_is_not_what_goes(tmp_path):
    store = Store(tmp_path)
    large = np.zeros(9200, np.uint8)
    with skfashion.config_context(store_max_bytes=10_000):
        fill(store, 3)
        assert store.put("results", "ffff", {}, {"a": large})
    np.testing.assert_array_equal(store.get("results", "ffff").arrays["a"], large)
    assert sum(info.nbytes for info in store.entries()) <= 10_000


def test_several_that_shrink_a_store_at_once_remove_what_one_would(tmp_path, monkeypatch):
    store = Store(tmp_path)
    fill(store, 100)
    total = sum(info.nbytes for info in store.entries())
    unlink = os.unlink

    def slowly(path):
        time.sleep(0.001)
        return unlink(path)

    monkeypatch.setattr(os, "unlink", slowly)
    goal = total * 9 // 10
    ready, results = threading.Barrier(8), []

    def shrink():
        ready.wait()
        results.append(store._shrink(total - 1, goal))

    threads = [threading.Thread(target=shrink) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    left = sum(info.nbytes for info in store.entries())
    # One may have counted before the others began, and goes a step further.
    assert goal - total // 25 <= left <= goal
    assert sum(result.entries_removed for result in results) == 100 - kept(store)


@pytest.mark.parametrize("code", [errno.EMFILE, errno.EIO, errno.EACCES])
def test_a_file_that_cannot_be_opened_just_now_is_not_removed(code, tmp_path, monkeypatch):
    store = Store(tmp_path)
    fill(store, 3)

    def fails(*args):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(_entries, "load", fails)
    assert len(store.verify()) == 3
    with pytest.warns(StoreWarning, match="can't be read"):
        assert store.repair() == []
    monkeypatch.undo()
    assert kept(store) == 3
    assert store.verify() == []
