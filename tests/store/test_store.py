"""The store by itself: what goes in comes out, or nothing does."""

import os
import time
from pathlib import Path

import joblib
import numpy as np
import pytest
from stores import assert_same, files, make_rows, rows_of

from skfashion._store import Store, open_store

KEY = "0123abcd"


# --- entries -------------------------------------------------------------------------------------

ARRAYS = {
    "floats": np.linspace(-1, 1, 7),
    "nan": np.array([np.nan, np.inf, -np.inf, -0.0]),
    "half": np.arange(5, dtype="float16"),
    "long": np.arange(5, dtype=np.longdouble),
    "uint8": np.arange(24, dtype="uint8").reshape(2, 3, 4),
    "bool": np.array([[True, False]]),
    "complex": np.array([1 + 2j]),
    "big-endian": np.arange(6, dtype=">i4"),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "strided": np.arange(20)[::3],
    "reversed": np.arange(6).reshape(2, 3)[::-1].T,
    "transposed": np.arange(24).reshape(2, 3, 4).transpose(2, 0, 1),
    "zero-d": np.array(3.5),
    "scalar": np.float32(2.5),
    "empty": np.empty((0, 3)),
    "empty inside": np.empty((2, 0, 3), dtype="uint8"),
    "read-only": np.broadcast_to(np.arange(3), (4, 3)),
    "the name ../../of an array \ud800 is free": np.arange(3),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_array_round_trip(store, name):
    array = ARRAYS[name]
    assert store.put("runs", KEY, {}, {name: array})
    entry = Store(store.path).get("runs", KEY)
    assert list(entry.arrays) == [name]
    assert_same(entry.arrays[name], np.asarray(array))
    assert entry.arrays[name].flags.writeable
    assert entry.arrays[name].flags.owndata or entry.arrays[name].base.flags.owndata
    assert store.verify() == []


def test_meta_round_trip(store):
    meta = {
        "floats": [0.1, 1e-320, -0.0, 1 / 3, float("inf"), float("-inf"), float("nan")],
        "numpy float": np.float64(0.1),
        "ints": [0, -1, 2**80],
        "rest": {"": None, "t": True, "grün\ud800\n": "\x00", "nested": [[[{}]]]},
    }
    assert store.put("runs", KEY, meta)
    found = store.get("runs", KEY).meta
    assert repr(found) == repr({**meta, "numpy float": 0.1})
    assert repr(store.meta("runs", KEY)) == repr(found)


def test_files_are_npy_and_json(store):
    store.put("runs", KEY, {"a": 1}, {"x": np.arange(3), "y": ARRAYS["fortran"]})
    (path,) = files(store)
    with open(path, "rb") as file:
        head = np.load(file, allow_pickle=False)
        assert b'"meta":{"a":1}' in head.tobytes()
        np.testing.assert_array_equal(np.load(file, allow_pickle=False), np.arange(3))
        np.testing.assert_array_equal(np.load(file, allow_pickle=False), ARRAYS["fortran"])
    rows = rows_of(store)
    keys, array = make_rows(5)
    rows.put(keys, array)
    with open(next(store.path.rglob("features/**/*.npy")), "rb") as file:
        head, index, content = (np.load(file, allow_pickle=False) for _ in range(3))
    assert [line[:16].tobytes() for line in index] == keys
    np.testing.assert_array_equal(content, array)


def test_replace_and_list(store):
    assert store.get("runs", KEY) is None
    assert list(store.entries()) == []
    assert store.put("runs", KEY, {"n": 1}, {"a": np.zeros(1000)})
    assert store.put("runs", KEY, {"n": 2})
    assert store.get("runs", KEY).meta == {"n": 2}
    assert store.get("runs", KEY).arrays == {}
    assert len(files(store)) == 1
    store.put("checkpoints", "ff", {"n": 3})
    store.put("checkpoints", "a", {"n": 4})
    assert [(i.kind, i.key) for i in store.entries("checkpoints")] == [
        ("checkpoints", "a"),
        ("checkpoints", "ff"),
    ]
    info = next(store.entries("runs"))
    assert (info.kind, info.key) == ("runs", KEY)
    assert info.nbytes == info.path.stat().st_size
    assert abs(info.last_used - time.time()) < 60
    info.path.unlink()
    assert store.get("runs", KEY) is None
    assert store.meta("runs", KEY) is None


# --- opening -------------------------------------------------------------------------------------


def test_open_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert open_store(None) is None
    assert open_store(joblib.Memory(None)) is None
    store = open_store("runs/")
    assert store.path == Path(os.path.realpath(tmp_path / "runs"))
    assert open_store(tmp_path / "runs") is store
    assert open_store(str(tmp_path / "x" / ".." / "runs")) is store
    inside = open_store(joblib.Memory(tmp_path / "jl", verbose=0))
    assert inside.path == Path(os.path.realpath(tmp_path / "jl" / "skfashion"))
    assert not (tmp_path / "runs").exists()
    for wrong in (3, b"runs", ["runs"], True):
        with pytest.raises(TypeError, match=r"joblib\.Memory.*type"):
            open_store(wrong)
    with pytest.raises(ValueError, match="empty"):
        open_store("")
    for wrong in ("1", 1.5, True, -1):
        with pytest.raises(ValueError, match="max_bytes must be"):
            store.prune(wrong)
