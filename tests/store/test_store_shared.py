"""The store among processes: many at once, killed, slow, full."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

import skfashion
from skfashion._store import Store, _process

ROOT = Path(skfashion.__file__).parents[1]

# What all child processes begin with: a value is known by its number, so anyone can check it.
COMMON = """
import os, random, sys, time, warnings
import numpy as np
import skfashion
from skfashion._store import StoreWarning, open_store, _files

path, seed = sys.argv[1], int(sys.argv[2])
rng = random.Random(seed)
store = open_store(path)
rows = store.rows("features", "ns", shape=(50,), dtype="float32")

def row_key(n):
    return n.to_bytes(16, "big")

def row(n):
    return np.arange(n, n + 50, dtype="float32")

def put(n, size=20_000):
    return store.put("runs", f"{n:04x}", {"n": n}, {"a": np.full(size, n), "b": np.arange(n)})

def check(entry, n):
    assert entry.meta["n"] == n
    assert (entry.arrays["a"] == n).all() and len(entry.arrays["b"]) == n
"""


def start(script, *args, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", COMMON + script, *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
        **options,
    )


def finish(process):
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out


WRITER = """
print("ready", flush=True)
while True:
    n = rng.randrange(8)
    with store.crash_guard(f"{n:04x}"):
        for size in (100, 300_000):
            put(n, size)
        first = rng.randrange(10**6)
        some = range(first, first + rng.randrange(1, 400))
        rows.put([row_key(m) for m in some], np.stack([row(m) for m in some]))
"""


def test_killed_writers(tmp_path, capsys):
    store = Store(tmp_path)
    rng = random.Random(0)
    kills = 15
    for kill in range(kills):
        process = start(WRITER, tmp_path, kill)
        assert process.stdout.readline() == "ready\n"
        time.sleep(rng.uniform(0, 0.15))
        assert process.poll() is None
        process.kill()
        process.communicate()
        assert store.verify() == []
        for info in store.entries():
            entry = store.get(info.kind, info.key)
            assert (entry.arrays["a"] == entry.meta["n"]).all()
    crashes = len(store.dead_guards())
    left = len(list(tmp_path.glob("v1/tmp/*")))
    with capsys.disabled():
        print(f"\n{kills} writers killed: {crashes} at work, {left} temporary files left")
    assert kills / 2 < crashes <= kills
    assert left <= kills
    store.prune()
    assert list(tmp_path.glob("v1/tmp/*")) == []
    assert store.verify() == []


WORKER = """
warnings.simplefilter("error", StoreWarning)
count, delay = int(sys.argv[3]), float(sys.argv[4])
if delay:
    # A network folder: renaming and listing take their time, and a listing is an old one.
    def slow(function):
        def call(*args):
            time.sleep(rng.uniform(0, delay))
            found = function(*args)
            time.sleep(rng.uniform(0, delay))
            return found
        return call
    os.replace, os.scandir = slow(os.replace), slow(os.scandir)
print("ready", flush=True)
computed = 0
for n in rng.sample(range(count), count):
    with store.crash_guard(f"{n:04x}"):
        entry = store.get("runs", f"{n:04x}")
        if entry is None:
            computed += 1
            time.sleep(0.002)
            put(n)
            entry = store.get("runs", f"{n:04x}")
        check(entry, n)
        put(5000 + n % 3)  # everyone's checkpoints, replaced all the time
        check(store.get("runs", f"{5000 + n % 3:04x}"), 5000 + n % 3)
    wanted = rng.sample(range(600), 60)
    found = rows.get([row_key(m) for m in wanted])
    for i in found:
        assert (found[i] == row(wanted[i])).all()
    lacking = [m for i, m in enumerate(wanted) if i not in found]
    array = np.array([row(m) for m in lacking], "f4").reshape(-1, 50)
    rows.put([row_key(m) for m in lacking], array)
    assert len(rows.get([row_key(m) for m in wanted])) == 60
print(computed)
"""


@pytest.mark.parametrize(("count", "delay"), [(40, 0), (10, 0.03)], ids=["local", "slow"])
def test_eight_processes_two_killed(tmp_path, capsys, count, delay):
    processes = [start(WORKER, tmp_path, seed, count, delay) for seed in range(8)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    time.sleep(0.1)
    for process in processes[:2]:
        process.kill()
    computed = [int(finish(process)) for process in processes[2:]]
    for process in processes[:2]:
        process.communicate()
    store = Store(tmp_path)
    assert store.verify() == []
    for n in range(count):
        assert store.get("runs", f"{n:04x}").meta == {"n": n}
        assert store.crash_guard(f"{n:04x}").crashes <= 2
    with capsys.disabled():
        print(f"\n{count} results computed {sum(computed)} times by six of eight processes")
    # Known results are read; only what two do at the same moment is done twice.
    assert max(computed) <= count
    assert sum(computed) < 6 * count / 2
    store.prune()
    assert list(tmp_path.glob("v1/tmp/*")) == []


EVICTED = """
warnings.simplefilter("error", StoreWarning)
skfashion.set_config(store_max_bytes=300_000)
for turn in range(100):
    n = rng.randrange(60)
    entry = store.get("runs", f"{n:04x}")
    if entry is None:
        assert put(n, 2000)
    else:
        check(entry, n)
    wanted = rng.sample(range(600), 30)
    found = rows.get([row_key(m) for m in wanted])
    for i in found:
        assert (found[i] == row(wanted[i])).all()
    rows.put([row_key(m) for m in wanted], np.stack([row(m) for m in wanted]))
"""


def test_eviction_under_readers(tmp_path):
    for process in [start(EVICTED, tmp_path, seed) for seed in range(4)]:
        finish(process)
    store = Store(tmp_path)
    assert store.verify() == []
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.npy")) < 350_000


FULL = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    assert put(1, 1000)
    done = [put(n) for n in (1, 2, 3)]
    some = range(5000)
    done.append(rows.put([row_key(m) for m in some], np.stack([row(m) for m in some])))
assert not any(done), done
assert len(caught) == 1 and "goes on without the store" in str(caught[0].message), caught
check(store.get("runs", "0001"), 1)
assert os.listdir(store.path / "v1" / "tmp") == []
"""


@pytest.mark.skipif(os.name != "posix", reason="limits on file sizes are a POSIX thing")
def test_quota(tmp_path):
    finish(start(FULL, tmp_path, 0))
    assert Store(tmp_path).verify() == []


def test_forked_child(tmp_path):
    # In a process of its own: forking one that runs threads for other tests isn't safe.
    script = """
rows.put([row_key(1)], row(1)[None])
rows._lock.acquire(), store._lock.acquire()
child = os.fork()
if not child:
    store = open_store(path)
    rows = store.rows("features", "ns", shape=(50,), dtype="float32")
    with store.crash_guard("aa"):
        fine = len(rows.get([row_key(1)])) == 1 and put(3)
        fine = fine and store.rows("features", "other", shape=(), dtype="f4") is not None
    os._exit(0 if fine else 1)
assert os.waitpid(child, 0)[1] == 0
check(store.get("runs", "0003"), 3)
"""
    if hasattr(os, "fork"):
        finish(start(script, tmp_path, 0))


# --- crash guards --------------------------------------------------------------------------------

KEY = "ab12"


def markers(store, key=KEY):
    return list((store.path / "v1" / "attempts").glob(f"{key}.*"))


def crashes(store, key=KEY):
    return store.crash_guard(key).crashes


def test_work_that_ends_is_no_crash(tmp_path):
    store = Store(tmp_path)
    assert crashes(store) == 0
    with store.crash_guard(KEY):
        with store.crash_guard(KEY):
            assert len(markers(store)) == 2
        assert len(markers(store)) == 1
        assert crashes(store) == 0  # this process lives
    for error in (RuntimeError("of the candidate"), KeyboardInterrupt()):
        with pytest.raises(type(error)), store.crash_guard(KEY):
            raise error
    with store.crash_guard("f" * 128):
        assert len(markers(store, "f" * 128)) == 1
    assert not list((tmp_path / "v1" / "attempts").iterdir())


DYING = """
with store.crash_guard("ab12"):
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_crashes_are_counted_one_after_the_other(tmp_path):
    store = Store(tmp_path)
    living = [start(DYING, tmp_path, 0, stdin=subprocess.PIPE) for _ in range(4)]
    for process in living:
        assert process.stdout.readline() == "ready\n"
    for process in living[:3]:  # killed together, by a scheduler say: none died of the work
        process.kill()
        # Nobody has asked how it ended yet: it stands in the table of processes, dead.
        until = time.monotonic() + 10
        while crashes(store) < 1 and time.monotonic() < until:
            time.sleep(0.01)
    for process in living[:3]:
        process.communicate()
    assert len(store.dead_guards()) == 3
    assert crashes(store) == 1
    for n in (2, 3):
        process = start(DYING, tmp_path, 0, stdin=subprocess.PIPE)
        assert process.stdout.readline() == "ready\n"
        process.kill()
        process.communicate()
        assert crashes(store) == n
    assert crashes(store, "ab") == 0
    assert store.clear_crashes() == 5
    assert crashes(store) == 0
    assert len(markers(store)) == 1  # of the one that lives
    living[3].communicate("go on")
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
    for foreign in ("", "x", ".nfs000001", "a-b-c-d", f"{host}-{pid}-{start}", name + "~"):
        assert not _process.is_orphan(foreign, long_ago)
    # Where starts of processes can't be known, the pid is all there is.
    monkeypatch.setattr(_process, "_start", _process._probe)
    if os.name == "posix":
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
