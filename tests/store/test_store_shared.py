"""The store among processes: many at once, killed, slow, full."""

import multiprocessing
import os
import random
import subprocess
import time
import warnings

import numpy as np
from children import Child, needs_linux
from stores import rows_of

import skfashion
from skfashion._store import Store, StoreWarning, _process, open_store

pytestmark = needs_linux


CONTEXT = multiprocessing.get_context("forkserver")


class Gate:
    """Where one process says that it is there, and waits.

    One for each: a process that is killed at a shared one keeps its lock.
    """

    def __init__(self):
        self.reached, self.open = CONTEXT.Event(), CONTEXT.Event()

    def wait(self):
        self.reached.set()
        self.open.wait()


def begun(function, *arguments):
    """Start a process for each of some arguments; they go on once all are ready."""
    gates = [Gate() for _ in arguments]
    children = [Child(function, *each, gate) for each, gate in zip(arguments, gates, strict=True)]
    assert all(gate.reached.wait(300) for gate in gates)
    for gate in gates:
        gate.open.set()
    return children


def kill(*children):
    for child in children:
        child.process.kill()
    for child in children:
        child.process.join()


# A value is known by its number, so anyone can check it.


def put(store, n, size=20_000):
    return store.put("runs", f"{n:04x}", {"n": n}, {"a": np.full(size, n), "b": np.arange(n)})


def check(entry, n):
    assert entry.meta["n"] == n
    assert (entry.arrays["a"] == n).all()
    assert len(entry.arrays["b"]) == n


def row(n):
    return np.arange(n, n + 50, dtype="float32")


def put_rows(store, numbers):
    rows = rows_of(store, shape=(50,))
    array = np.array([row(n) for n in numbers], "f4").reshape(-1, 50)
    return rows.put([n.to_bytes(16, "big") for n in numbers], array)


def get_rows(store, numbers):
    """Return the positions in `numbers` of those that are there, after a look at each."""
    rows = rows_of(store, shape=(50,))
    found = rows.get([n.to_bytes(16, "big") for n in numbers])
    assert all((found[i] == row(numbers[i])).all() for i in found)
    return found.keys()


def evict(folder, seed):
    warnings.simplefilter("error", StoreWarning)
    skfashion.set_config(store_max_bytes=300_000)
    rng, store = random.Random(seed), open_store(folder)
    for _ in range(100):
        n = rng.randrange(60)
        entry = store.get("runs", f"{n:04x}")
        if entry is None:
            assert put(store, n, 2000)
        else:
            check(entry, n)
        wanted = rng.sample(range(600), 30)
        get_rows(store, wanted)
        put_rows(store, wanted)


def test_eviction_under_readers(tmp_path):
    for child in [Child(evict, tmp_path, seed) for seed in range(4)]:
        child.result()
    assert Store(tmp_path).verify() == []
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.npy")) < 350_000


def fork(folder):
    store = open_store(folder)
    put_rows(store, [1])
    rows_of(store, shape=(50,))._lock.acquire()
    store._lock.acquire()
    child = os.fork()
    if not child:
        store = open_store(folder)
        with store.crash_guard("aa"):
            fine = len(get_rows(store, [1])) == 1 and put(store, 3) and put_rows(store, [2])
        os._exit(0 if fine else 1)
    assert os.waitpid(child, 0)[1] == 0
    check(store.get("runs", "0003"), 3)


def test_forked_child(tmp_path):
    # In a process of its own: forking one that runs threads for other tests isn't safe.
    Child(fork, tmp_path).result()


# --- crash guards --------------------------------------------------------------------------------

KEY = "ab12"


def markers(store, key=KEY):
    return list((store.path / "v1" / "attempts").glob(f"{key}.*"))


def crashes(store, key=KEY):
    return store.crash_guard(key).crashes


def begin(folder, go, ready):
    with open_store(folder).crash_guard(KEY):
        ready.wait()
        go.wait()


def test_crashes_are_counted_one_after_the_other(tmp_path):
    store, go = Store(tmp_path), CONTEXT.Event()
    # Never set where a killed process waits: that would wait for it.
    living, *killed = begun(begin, (tmp_path, go), *((tmp_path, CONTEXT.Event()) for _ in range(3)))
    kill(*killed)  # together, by a scheduler say: none died of the work
    assert len(store.dead_guards()) == 3
    assert crashes(store) == 1
    for n in (2, 3):
        kill(*begun(begin, (tmp_path, CONTEXT.Event())))
        assert crashes(store) == n
    assert crashes(store, "ab") == 0
    assert store.clear_crashes() == 5
    assert crashes(store) == 0
    assert len(markers(store)) == 1  # of the one that lives
    go.set()
    living.result()
    assert markers(store) == []


def test_whose_marker(tmp_path, monkeypatch):
    host, pid, start, n = _process.new_name().rsplit("-", 3)
    now, long_ago = time.time(), time.time() - 25 * 3600
    assert (int(pid), int(n) >= 0) == (os.getpid(), True)
    name = f"{host}-{pid}-{start}-0"
    assert not _process.is_orphan(name, long_ago)
    assert _process.is_orphan(f"{host}-{pid}-1.1-0", now)  # the pid was given again
    assert _process.is_orphan(f"{host}-{2**22 + 1}-{start}-0", now)
    assert not _process.is_orphan(f"other-{name}", now)
    assert _process.is_orphan(f"other-{name}", long_ago)
    # After a key and a dot, as guards are called.
    assert not _process.is_orphan(f"ab12.{name}", long_ago)
    assert _process.is_orphan(f"ab12.{host}-{pid}-1.1-0", now)
    for foreign in ("", "x", ".nfs000001", "a-b-c-d", f"{host}-{pid}-{start}", name + "~"):
        assert not _process.is_orphan(foreign, long_ago)
    # Nobody has asked yet how it ended: it stands in the table of processes, dead.
    with subprocess.Popen(["true"], stdout=subprocess.PIPE) as process:
        process.stdout.read()
        until = time.monotonic() + 60
        while _process._start(process.pid) is not None:
            assert time.monotonic() < until
    # Where starts of processes can't be known, the pid is all there is.
    monkeypatch.setattr(_process, "_start", _process._probe)
    assert not _process.is_orphan(name, now)
    assert _process.is_orphan(f"{host}-{2**22 + 1}-x-0", now)
    assert _process.is_orphan(f"{host}-{10**17}-x-0", now)


def test_guard_on_another_host(tmp_path):
    store = Store(tmp_path)
    with store.crash_guard(KEY) as guard:
        (marker,) = markers(store)
        other = marker.with_name(marker.name.replace(f"{KEY}.", f"{KEY}.other-"))
        other.touch()
        assert crashes(store) == 0
        os.utime(other, (time.time() - 90_000,) * 2)
        assert crashes(store) == 1
        guard.survived()
        assert markers(store) == [marker]


def test_guard_shows_signs_of_life(tmp_path, monkeypatch):
    with Store(tmp_path).crash_guard(KEY) as guard:
        guard.survived()
        (marker,) = markers(Store(tmp_path))
        os.utime(marker, (1e9, 1e9))
        guard.survived()
        assert marker.stat().st_mtime == 1e9  # it was seen within the minute
        monkeypatch.setattr("skfashion._store._guards._ALIVE_EVERY", 0)
        guard.survived()
        assert marker.stat().st_mtime > 1e9
        marker.unlink()
        guard.survived()
