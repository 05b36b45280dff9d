"""Rows by key: many at once, from shards that anyone may have written."""

import random
import time
import tracemalloc

import numpy as np
import pytest

from skfashion._store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def files(store):
    return sorted(path for path in store.path.rglob("*") if path.is_file())


def make_rows(n, shape=(3, 4), dtype="float32", seed=0):
    rng = np.random.default_rng(seed)
    keys = [rng.bytes(16) for _ in range(n)]
    return keys, rng.integers(0, 100, (n, *shape)).astype(dtype)


def assert_same(found, expected):
    assert found.dtype == expected.dtype
    assert found.dtype.str == expected.dtype.str
    assert found.shape == expected.shape
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((3, 4), "float32"), ((), ">f8"), ((5,), "uint8"), ((2, 0), "f4"), ((2,), "U3"), ((1,), "?")],
)
def test_rows_round_trip(store, shape, dtype):
    keys, array = make_rows(300, shape, dtype)
    rows = store.rows("features", "ns", shape=shape, dtype=dtype)
    assert rows is store.rows("features", "ns", shape=list(shape), dtype=np.dtype(dtype))
    assert rows.get(keys) == {}
    assert rows.get([]) == {}
    assert len(rows) == 0
    assert rows.put([], array[:0])
    assert rows.put(keys[:200], array[:200])
    assert rows.put(keys[100:], array[100:])
    assert len(rows) == 300
    assert len(files(store)) == 2
    assert rows.put(keys, array)  # all known by now
    assert len(files(store)) == 2
    order = np.random.default_rng(1).permutation(300)
    for reader in (rows, Store(store.path).rows("features", "ns", shape=shape, dtype=dtype)):
        found = reader.get([keys[i] for i in order] + [b"x" * 16] + [keys[0]])
        assert sorted(found) == [*range(300), 301]
        for position, i in enumerate([*order, None, 0]):
            if i is not None:
                assert_same(found[position], array[i, ...])
                assert found[position].flags.owndata
    assert store.verify() == []


def test_rows_of_other_forms_never_meet(store):
    keys, array = make_rows(5, (2, 3), "float32")
    store.rows("features", "ns", shape=(2, 3), dtype="float32").put(keys, array)
    for shape, dtype in [((3, 2), "float32"), ((2, 3), "int32"), ((2, 3), ">f4"), ((6,), "f4")]:
        assert store.rows("features", "ns", shape=shape, dtype=dtype).get(keys) == {}
    assert store.rows("features", "ns2", shape=(2, 3), dtype="f4").get(keys) == {}
    assert store.rows("images", "ns", shape=(2, 3), dtype="f4").get(keys) == {}


def test_rows_refuse(store):
    rows = store.rows("features", "ns", shape=(3, 4), dtype="float32")
    keys, array = make_rows(5)
    with pytest.raises(TypeError, match="dtype"):
        rows.put(keys, array.astype("f8"))
    with pytest.raises(ValueError, match="shape"):
        rows.put(keys, array[:4])
    with pytest.raises(TypeError, match="bytes"):
        rows.get(["a" * 16])
    with pytest.raises(ValueError, match="16 bytes"):
        rows.get([b"a"])
    with pytest.raises(TypeError, match="dtype"):
        store.rows("features", "ns", shape=(3,), dtype=object)
    with pytest.raises(ValueError, match="negative"):
        store.rows("features", "ns", shape=(-1,), dtype="f4")


def test_rows_strided_and_doubled(store):
    rows = store.rows("features", "ns", shape=(3, 4), dtype="float32")
    keys, array = make_rows(10)
    assert rows.put(keys + keys[:3], np.concatenate([array, array[:3]])[:, :, ::-1])
    found = rows.get(keys)
    for i in range(10):
        assert_same(found[i], array[i, :, ::-1])
    assert len(rows) == 10


def test_rows_see_what_others_write(store):
    keys, array = make_rows(30)
    mine = store.rows("features", "ns", shape=(3, 4), dtype="float32")
    theirs = Store(store.path).rows("features", "ns", shape=(3, 4), dtype="float32")
    mine.put(keys[:10], array[:10])
    theirs.put(keys[:20], array[:20])
    assert sorted(mine.get(keys)) == list(range(20))
    assert len(files(store)) == 2
    for path in files(store):
        path.unlink()
    assert theirs.get(keys) == {}
    assert mine.put(keys, array)
    assert sorted(theirs.get(keys)) == list(range(30))


def test_rows_are_read_in_pieces(store, monkeypatch):
    keys, array = make_rows(2000, (256,), "float32")
    rows = store.rows("features", "ns", shape=(256,), dtype="float32")
    rows.put(keys, array)
    for piece, gap in [(4096, 0), (10_000, 3000), (1, 0)]:
        monkeypatch.setattr("skfashion._store._shards._PIECE", piece)
        monkeypatch.setattr("skfashion._store._shards._GAP", gap)
        wanted = sorted(random.Random(0).sample(range(2000), 700))
        found = rows.get([keys[i] for i in wanted])
        assert all(found[j].tobytes() == array[i].tobytes() for j, i in enumerate(wanted))
    tracemalloc.start()
    rows.get(keys[:3])
    assert tracemalloc.get_traced_memory()[1] < 300_000  # of two million bytes
    tracemalloc.stop()


def test_rows_are_fast(store):
    keys, array = make_rows(2400, (5000,), "uint8")
    rows = store.rows("features", "ns", shape=(5000,), dtype="uint8")
    rows.put(keys, array)
    times = []
    for _ in range(5):
        begin = time.process_time()
        rows.get(keys)
        times.append(time.process_time() - begin)
    print(f"2,400 rows of 5 KB: {1000 * min(times):.0f} ms")
    assert min(times) < 0.1
