"""Caches: bounded, least recently used out first, safe in threads and forks, known by name."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from estimators import mobile

import skfashion
from skfashion import DenseClassifier
from skfashion._store import open_store
from skfashion._utils.cache import Cache
from skfashion.datasets import make_images
from skfashion.preprocessing import ImageReader


@pytest.mark.parametrize("bounds", [{"max_entries": 3}, {"max_bytes": 300}])
def test_what_was_used_least_recently_leaves_first(bounds):
    cache = Cache(**bounds)
    for key in range(3):
        cache.put(key, np.full(100, key, np.uint8))
    cache.get(0)
    cache.put(3, np.zeros(100, np.uint8))
    assert cache.get(1) is None
    assert [cache.get(key) is not None for key in (0, 2, 3)] == [True] * 3
    assert cache.nbytes == 300


def test_rows_are_copies_that_nobody_changes():
    cache, rows = Cache(), np.arange(6.0).reshape(3, 2)
    cache.put_rows("abc", rows)
    out = np.zeros((4, 2))
    assert cache.fill(out, "bxca", range(4)) == [1]
    np.testing.assert_array_equal(out, rows[[1, 0, 2, 0]] * [[1], [0], [1], [1]])
    assert cache.get("a").base is None
    with pytest.raises(ValueError, match="read-only"):
        cache.get("a")[:] = 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning", "ignore:.*fork.*:RuntimeWarning")
def test_a_child_does_not_wait_for_a_thread_it_has_not():
    cache = Cache(max_bytes=1000, counts={"read": 0})
    cache.put(0, np.zeros(10, np.uint8))
    with cache._lock, ThreadPoolExecutor(1) as pool:
        assert pool.submit(fork_and_use, cache).result() == 0


def fork_and_use(cache):
    child = os.fork()
    if child == 0:
        cache.put(1, np.zeros(10, np.uint8))
        cache.count(read=1)
        os._exit(cache.nbytes != 20)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_all_caches_are_known_and_cleared(tmp_path):
    X, y = make_images(20, n_classes=2, image_size=32, channels=3, random_state=0)
    from PIL import Image

    skfashion.clear_caches()
    Image.fromarray(X[0]).save(tmp_path / "0.png")
    ImageReader(8).transform([str(tmp_path / "0.png")])
    clf = mobile(fine_tune_epochs=0, memory=tmp_path / "runs").fit(X, y)
    info = skfashion.cache_info()
    full = {"programs", "initial weights", "features", "digests", "images"}
    assert all(info[name]["bytes"] > 0 for name in (*full, "rows on disk")), info
    assert info["features"]["bytes"] == 20 * 1280 * 4
    images = {"entries": 1, "bytes": 8 * 8 * 3, "max_entries": None, "max_bytes": 1 << 30}
    assert images.items() <= info["images"].items()
    assert info["images"]["decoded"] > 0
    weights = sum(w.nbytes for w in clf._weights)
    assert weights <= info["initial weights"]["bytes"]
    assert weights < info["programs"]["bytes"] < 40 * weights
    expected = clf.predict_proba(X)
    skfashion.clear_caches()
    assert {(c["entries"], c["bytes"]) for c in skfashion.cache_info().values()} == {(0, 0)}
    np.testing.assert_array_equal(clf.predict_proba(X), expected)
    assert open_store(tmp_path / "runs") is open_store(tmp_path / "runs")


def test_programs_are_bounded_by_bytes(images):
    X, y = images
    weights = 64 * 500 * 4
    with skfashion.config_context(program_cache_bytes=100 * weights):
        for units in range(500, 510):
            DenseClassifier(units, epochs=1, random_state=0).fit(X, y)
        info = skfashion.cache_info()["programs"]
    assert 1 < info["entries"] < 10
    assert info["bytes"] <= info["max_bytes"] == 100 * weights
