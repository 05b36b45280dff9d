"""Rows by key: many at once, from shards that anyone may have written."""

import random
import tracemalloc

import numpy as np
import pytest
from stores import assert_same, files, make_rows, rows_of

from skfashion._store import Store


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((3, 4), "float32"), ((), ">f8"), ((5,), "uint8"), ((2, 0), "f4"), ((1,), "?")],
)
def test_rows_round_trip(store, shape, dtype):
    keys, array = make_rows(300, shape, dtype)
    rows = rows_of(store, shape=shape, dtype=dtype)
    assert rows is rows_of(store, shape=list(shape), dtype=np.dtype(dtype))
    assert rows.get(keys) == {}
    assert rows.get([]) == {}
    assert rows.put([], array[:0])
    assert rows.put(keys[:200], array[:200])
    assert rows.put(keys[100:], array[100:])
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
    rows_of(store, shape=(2, 3), dtype="float32").put(keys, array)
    for shape, dtype in [((3, 2), "float32"), ((2, 3), "int32"), ((2, 3), ">f4"), ((6,), "f4")]:
        assert rows_of(store, shape=shape, dtype=dtype).get(keys) == {}
    assert store.rows("features", "ns2", shape=(2, 3), dtype="f4").get(keys) == {}
    assert store.rows("images", "ns", shape=(2, 3), dtype="f4").get(keys) == {}


def test_rows_see_what_others_write(store):
    keys, array = make_rows(30)
    mine = rows_of(store)
    theirs = rows_of(Store(store.path))
    mine.put(keys[:10], array[:10])
    theirs.put(keys[:20], array[:20])
    assert sorted(mine.get(keys)) == list(range(20))
    assert len(files(store)) == 2
    for path in files(store):
        path.unlink()
    assert theirs.get(keys) == {}
    assert mine.put(keys, array)
    assert sorted(theirs.get(keys)) == list(range(30))


def test_no_more_is_read_than_is_wanted(store):
    keys, array = make_rows(2000, (256,), "float32")
    rows = rows_of(store, shape=(256,), dtype="float32")
    rows.put(keys, array)
    wanted = random.Random(0).sample(range(2000), 700)
    found = rows.get([keys[i] for i in wanted])
    assert all(found[j].tobytes() == array[i].tobytes() for j, i in enumerate(wanted))
    tracemalloc.start()
    rows.get(keys[:3])
    assert tracemalloc.get_traced_memory()[1] < 300_000  # of two million bytes
    tracemalloc.stop()
