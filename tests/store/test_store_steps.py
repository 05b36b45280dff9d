"""A process that dies at any step of writing: what was there is there, or what is new."""

import itertools
import os
import signal
import sys

import numpy as np
from children import needs_linux, start
from stores import Written

from skfashion._store import Store, _files

pytestmark = needs_linux

KEY = "0123abcd"
ROW_KEYS = [n.to_bytes(16, "big") for n in range(8)]
EVENTS = {"open", "os.mkdir", "os.remove", "os.rename", "os.scandir", "os.utime"}


def write_all(folder, dies_at):
    """Write an entry over another and rows beside others; die before a step of it."""
    store = Store(folder)
    steps = itertools.count()

    def step():
        if next(steps) == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def write_half_by_half(file, data):
        for half in (data[: len(data) // 2], data[len(data) // 2 :]):
            step()
            file.write(half)
            file.flush()

    create = _files.create
    _files.create = lambda path: Written(create(path), write_half_by_half)
    sys.addaudithook(
        lambda event, args: step() if event in EVENTS and str(folder) in str(args[0]) else None
    )
    write(store, 2)


def write(store, value):
    with store.crash_guard(KEY):
        assert store.put("results", KEY, {"value": value}, {"a": np.full(3000, value)})
        rows = store.rows("features", "ns", shape=(500,), dtype="int64")
        mine = ROW_KEYS[:4] if value == 1 else ROW_KEYS
        assert rows.put(mine, rows_of(mine))


def rows_of(keys):
    return np.array([np.full(500, int.from_bytes(key, "big")) for key in keys])


def read(store):
    """Return the value of the entry and the number of rows, checking all of it."""
    entry = store.get("results", KEY)
    assert (entry.arrays["a"] == entry.meta["value"]).all()
    found = store.rows("features", "ns", shape=(500,), dtype="int64").get(ROW_KEYS)
    for i, row in found.items():
        assert (row == i).all()
    return entry.meta["value"], len(found)


def test_death_at_every_step(tmp_path, capsys):
    seen = []
    for n in itertools.count():
        folder = tmp_path / str(n)
        write(Store(folder), 1)
        process = start(write_all, folder, n)
        process.join()
        store = Store(folder)
        assert store.verify() == []
        seen.append(read(store))
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        assert store.crash_guard(KEY).crashes <= 1
        write(store, 2)
        assert read(store) == (2, 8)
        store.prune()
        assert list(folder.glob("v1/tmp/*")) == []
    kills = len(seen) - 1
    with capsys.disabled():
        print(f"\n{kills} kills, one at each step of writing")
    assert kills > 20
    assert seen == sorted(seen)
    assert set(seen) == {(1, 4), (2, 4), (2, 8)}
