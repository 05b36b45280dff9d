"""The store's files damaged on purpose: nothing wrong is ever believed."""

import errno
import os
import random
import tracemalloc
import warnings

import numpy as np
import pytest
from stores import assert_same, files, make_rows, raising, rows_of

from skfashion._store import Store, StoreWarning, _files, _npy

KEY, KEYS = "0123abcd", [b"0" * 16]


class World:
    """A store with every kind of file, and what must come out of it."""

    def __init__(self, path):
        self.path = path
        self.entries = {
            ("runs", KEY): (
                {"history": [0.5, 0.25]},
                {"a": np.linspace(-1, 1, 7), "b": np.array([True, False])},
            ),
            ("runs", "ff00"): ({"note": "no arrays"}, {}),
            ("checkpoints", KEY): ({"epoch": 3}, {"a": np.arange(100, dtype="f4")}),
        }
        self.keys, self.array = make_rows(40)
        self.fill(self.open())

    def open(self):
        return Store(self.path)

    def fill(self, store):
        for name, (meta, arrays) in self.entries.items():
            assert store.put(*name, meta, arrays)
        assert rows_of(store).put(self.keys[:25], self.array[:25])
        assert rows_of(store).put(self.keys[25:], self.array[25:])
        assert rows_of(store, "other").put(self.keys, self.array)

    def read(self, store):
        """Count what is missing, and check what is there."""
        missing = 0
        for name, (meta, arrays) in self.entries.items():
            entry = store.get(*name)
            if entry is None:
                missing += 1
                continue
            assert entry.meta == meta
            assert list(entry.arrays) == list(arrays)
            for key, array in arrays.items():
                assert_same(entry.arrays[key], array)
        for namespace in ("ns", "other"):
            found = rows_of(store, namespace).get(self.keys)
            missing += len(self.keys) - len(found)
            for i, row in found.items():
                assert_same(row, self.array[i])
        return missing


def damages(rng, content, others):
    """Make damaged contents of a file; None stands for no file."""
    size = len(content)
    for _ in range(15):
        damaged = bytearray(content)
        damaged[rng.randrange(size)] ^= 1 << rng.randrange(8)
        yield "flip", bytes(damaged)
    for _ in range(6):
        yield "truncate", content[: rng.randrange(1, size)]
    for cut in (1, size - 128, size - 127):
        yield "truncate", content[:-cut]
    for _ in range(4):
        begin, end = sorted(rng.sample(range(size), 2))
        yield "zero", content[:begin] + bytes(end - begin + 1) + content[end + 1 :]
        yield "garbage", rng.randbytes(rng.randrange(1, 2 * size))
    yield "garbage", rng.randbytes(size)
    yield "garbage", bytes(size)
    yield "append", content + b"\n"
    yield "twice", content + content
    yield "empty", b""
    yield "delete", None
    for other in others:
        if other != content:
            yield "swap", other


def test_damage(store, capsys):
    rng = random.Random(0)
    world = World(store.path)
    good = {path: path.read_bytes() for path in files(world.open())}
    counts = {}
    for path, content in good.items():
        for what, damaged in damages(rng, content, good.values()):
            if damaged is None:
                path.unlink()
            else:
                path.write_bytes(damaged)
            store = world.open()
            if damaged not in (None, content):
                assert store.verify(), (what, path)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                missing = world.read(store)
            assert all(issubclass(warning.category, StoreWarning) for warning in caught)
            if damaged == content:
                assert missing == 0
            else:
                assert missing >= 1, (what, path)
                assert len(caught) == (what != "delete"), (what, path, caught)
            world.fill(store)
            assert world.read(store) == 0
            assert store.verify() == []
            assert world.read(world.open()) == 0
            counts[what] = counts.get(what, 0) + 1
            for other in {*files(store)} - {*good}:
                other.unlink()
            for other in good:
                other.write_bytes(good[other])
    total = sum(counts.values())
    with capsys.disabled():
        print(f"\n{total} damaged files: {counts}")
    assert total >= 200


def test_damage_behind_an_open_index(store):
    # The index is in memory already when the file changes; nothing is believed all the same.
    rng = random.Random(1)
    world = World(store.path)
    for turn in range(60):
        store = world.open()
        assert world.read(store) == 0
        path = rng.choice(files(store))
        content = path.read_bytes()
        good = list(damages(rng, content, []))
        what, damaged = rng.choice(good)
        if damaged is None:
            path.unlink()
        elif turn % 2:
            path.write_bytes(damaged)
        else:
            other = path.with_suffix(".new")
            other.write_bytes(damaged)
            os.replace(other, path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StoreWarning)
            world.read(store)
            world.fill(store)
            assert world.read(store) == 0
            world.read(world.open())
            world.fill(world.open())
        assert world.open().verify() == []


def test_a_shard_with_a_damaged_row_is_dropped_whole(store):
    keys, array = make_rows(120)
    rows = rows_of(store)
    rows.put(keys[:20], array[:20])
    rows.put(keys, array)
    path = max(files(store), key=lambda path: path.stat().st_size)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    content[-48 * 50] ^= 1
    path.write_bytes(content)
    assert sorted(rows.get(keys[:60])) == list(range(60))  # nothing damaged is among these
    with pytest.warns(StoreWarning, match="row 50 is wrong") as caught:
        assert sorted(rows.get(keys)) == list(range(20))
    assert len(caught) == 1
    assert not path.exists()
    assert sorted(rows.get(keys)) == list(range(20))
    assert rows.put(keys, array)
    assert sorted(rows.get(keys)) == list(range(120))
    assert store.verify() == []


@pytest.mark.parametrize("where", ["head", "row"])
def test_damaged_file_that_cannot_be_removed(store, where, monkeypatch):
    keys, array = make_rows(10)
    rows_of(store).put(keys, array)
    (path,) = files(store)
    content = bytearray(path.read_bytes())
    content[0 if where == "head" else -1] ^= 1
    path.write_bytes(content)
    monkeypatch.setattr(_files.os, "unlink", raising(OSError(errno.EROFS, "read-only")))
    rows = rows_of(Store(store.path))
    with pytest.warns(StoreWarning, match="doesn't begin|row 9"):
        assert rows.get(keys) == {}
    assert rows.get(keys) == {}  # it isn't read again and again
    assert rows.put(keys, array)  # and can be replaced
    assert len(rows.get(keys)) == 10
    assert store.verify() == []


def test_crafted_sizes_take_no_memory(store):
    huge = 2**40
    head = {"kind": "runs", "key": KEY, "meta": {}, "arrays": [["a", [huge], "|u1", False, ""]]}
    shapes = [[huge, huge], [-1], [1.5], "12", [0, 2**61, 2**61], [1] * 65]
    arrays = [["a", shape, "|u1", False, ""] for shape in shapes]
    arrays += [["a", [1], f, False, ""] for f in ("|O", "<U99999999999999999999", "f4,(2,2)i4")]
    heads = [{**head, "arrays": [array]} for array in (*arrays, ["a"])]
    heads += [head, {**head, "arrays": 3}, {**head, "meta": 3}, [], {}]
    store.put("runs", KEY, {})
    (path,) = files(store)
    tracemalloc.start()
    for content in [_npy.header((huge,), np.dtype("u1")), *map(_npy.head, heads)]:
        path.write_bytes(content)
        with pytest.warns(StoreWarning, match="damaged"):
            assert store.get("runs", KEY) is None
        assert not path.exists()
    rows = store.rows("features", "ns", shape=(3,), dtype="f4")
    rows.put(KEYS, np.zeros((1, 3), "f4"))
    (path,) = files(store)
    for rows_told, shape in [(huge, [3]), (1, [huge]), (-1, [3]), ("1", [3]), (None, None)]:
        head = {"kind": "features", "namespace": "ns", "rows": rows_told, "index": path.stem}
        path.write_bytes(_npy.head({**head, "shape": shape, "dtype": "<f4"}))
        with pytest.warns(StoreWarning, match="damaged"):
            assert Store(store.path).rows("features", "ns", shape=(3,), dtype="f4").get(KEYS) == {}
    assert tracemalloc.get_traced_memory()[1] < 10**7
    tracemalloc.stop()


def test_healed_in_the_meantime_is_not_dropped(store, monkeypatch):
    store.put("runs", KEY, {"n": 1})
    (path,) = files(store)
    path.write_bytes(b"garbage")
    drop = _files.drop

    def late(*args):
        Store(store.path).put("runs", KEY, {"n": 2})
        drop(*args)

    monkeypatch.setattr(_files, "drop", late)
    with pytest.warns(StoreWarning):
        assert store.get("runs", KEY) is None
    assert store.get("runs", KEY).meta == {"n": 2}
