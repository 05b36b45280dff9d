"""A search whose store is full, forbidden or taken away: it ends as if there were none."""

import contextlib
import ctypes
import errno
import os
import resource
import shutil
import warnings
from pathlib import Path

import pytest
from children import drop_rights_of_root, needs_linux, result_of
from searches import rows_of
from sklearn.model_selection import GridSearchCV
from stores import Written

from skfashion import DenseClassifier
from skfashion._store import Store, StoreWarning, _files
from skfashion._training.runs import Runs
from skfashion.datasets import make_images

pytestmark = needs_linux

GRID = {"learning_rate": [1e-3, 1e-2], "dropout": [0.1, 0.3]}
FITS = 4 * 2 + 1


def search(folder):
    """Return what a search finds, and what it says of its store."""
    X, y = make_images(n_samples=90, n_classes=3, image_size=8, random_state=0)
    clf = DenseClassifier(16, epochs=3, memory=folder, random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = GridSearchCV(clf, GRID, cv=2, error_score="raise").fit(X, y)
        probabilities = found.predict_proba(X)
    said = [str(w.message) for w in caught if issubclass(w.category, StoreWarning)]
    return (rows_of(found), found.best_params_, probabilities.tolist()), said


def n_results(folder):
    """Count the results in a store, where all must be whole and nothing half-written."""
    store = Store(folder)
    assert store.verify() == []
    assert list(folder.glob("v1/tmp/*")) == []
    assert list(folder.glob("v1/attempts/*")) == []
    return sum(1 for _ in store.entries("results"))


@pytest.fixture(scope="module")
def expected():
    return result_of(search, None)[0]


# --- real disks ----------------------------------------------------------------------------------


def mounted(folder, options):
    """Mount a file system in memory that this process alone sees; return whether it may."""
    libc = ctypes.CDLL(None, use_errno=True)
    new_user, new_mounts, private, recursive = 0x10000000, 0x20000, 1 << 18, 1 << 14
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(new_mounts if uid == 0 else new_mounts | new_user):
        return False
    if uid:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    if libc.mount(b"none", b"/", None, recursive | private, None):
        return False
    return libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, options.encode()) == 0


def remounted_read_only(folder):
    read_only, remount = 1, 32
    return not ctypes.CDLL(None).mount(
        b"tmpfs", os.fsencode(folder), b"tmpfs", remount | read_only, None
    )


def on_small_disk(folder):
    if not mounted(folder, "size=96k"):
        return None
    return search(folder), n_results(folder)


def on_disk_gone_read_only(folder):
    if not mounted(folder, "size=10m"):
        return None
    save = Runs.save_result
    saved = []

    def save_some(*args):
        save(*args)
        saved.append(args)
        if len(saved) == 3:
            assert remounted_read_only(folder)

    Runs.save_result = save_some
    return search(folder), n_results(folder)


def under_a_limit_of_file_sizes(folder):
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, 8_000))  # results fit, states don't
    return search(folder), n_results(folder)


def without_rights_of_root(folder):
    drop_rights_of_root()
    return search(folder)


@pytest.mark.parametrize("disk", [on_small_disk, on_disk_gone_read_only])
def test_disk(disk, expected, tmp_path):
    told = result_of(disk, tmp_path)
    if told is None:
        pytest.skip("this process may not mount a file system")
    (found, said), n_found = told
    assert found == expected
    assert len(said) == 1, said
    assert "goes on without the store" in said[0]
    assert 0 < n_found < FITS  # some were written before


def test_limit_of_file_sizes(expected, tmp_path):
    (found, said), n_found = result_of(under_a_limit_of_file_sizes, tmp_path)
    assert found == expected
    assert len(said) == 1, said
    assert n_found == FITS


def test_folder_that_may_not_be_written(expected, tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store").chmod(0o500)
    found, said = result_of(without_rights_of_root, tmp_path / "store")
    assert found == expected
    assert len(said) == 1, said
    assert list((tmp_path / "store").iterdir()) == []


# --- errors put in -------------------------------------------------------------------------------


@contextlib.contextmanager
def refusing(step, code, n):
    """Make one step of writing fail from its n-th time on."""
    left = n

    def take(what):
        nonlocal left
        left -= what == step
        if left < 0:
            raise OSError(code, os.strerror(code))

    def create(path):
        take("open")
        return Written(opened(path), write)

    def write(file, data):
        try:
            take("write")
        except OSError:
            file.write(data[: len(data) // 2])
            raise
        file.write(data)

    def replaced(*args):
        take("replace")
        return replace(*args)

    opened, replace = _files.create, os.replace
    _files.create, os.replace = create, replaced
    try:
        yield
    finally:
        _files.create, os.replace = opened, replace


ERRORS = [
    (step, code, n)
    for code in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO)
    for step, later in (("open", 7), ("write", 100), ("replace", 5))
    for n in (0, later)
]


def with_errors(folder):
    """Search once for each error, in one process: each has a store of its own."""
    _files.PAUSES = (0, 0)
    told = []
    for step, code, n in ERRORS:
        mine = folder / f"{step}-{code}-{n}"
        with refusing(step, code, n):
            told.append(search(mine))
        told[-1] += (n_results(mine),)
    return told


def test_errors_put_in(expected, tmp_path):
    for error, (found, said, n_found) in zip(ERRORS, result_of(with_errors, tmp_path), strict=True):
        step, code, n = error
        assert found == expected, error
        assert len(said) == 1, (error, said)
        assert os.strerror(code) in said[0]
        assert n_found < FITS
        assert bool(n_found) == bool(n), error


# --- taken away ----------------------------------------------------------------------------------


def taken_away(folder, at, way):
    """Search on a store that vanishes after its `at`-th result."""
    save = Runs.save_result
    saved = []

    def save_and_take_away(*args):
        save(*args)
        saved.append(args)
        if len(saved) == at:
            shutil.rmtree(folder)
            if way == "a file":
                folder.write_text("in the way")

    Runs.save_result = save_and_take_away
    try:
        return search(folder)
    finally:
        Runs.save_result = save


WAYS = [(at, way) for at in (1, 4, FITS - 1) for way in ("nothing", "a file")]


def all_ways(folder):
    told = []
    for at, way in WAYS:
        mine = folder / f"{at}-{way}"
        told.append((*taken_away(mine, at, way), n_results(mine) if mine.is_dir() else 0))
    return told


def test_folder_removed_midway(expected, tmp_path):
    for (at, way), told in zip(WAYS, result_of(all_ways, tmp_path), strict=True):
        found, said, n_found = told
        assert found == expected
        if way == "nothing":  # it is made again
            assert said == []
            assert n_found == FITS - at
        else:
            assert len(said) == 1, said
            assert (tmp_path / f"{at}-{way}").read_text() == "in the way"


def on_known_results(folder):
    """Search twice, the second time where nothing can be written."""
    if not mounted(folder, "size=10m"):
        return None
    first = search(folder)
    assert remounted_read_only(folder)
    train = []
    from skfashion._training import phases

    epoch = phases._Trainer._epoch
    phases._Trainer._epoch = lambda *args: train.append(1) or epoch(*args)
    return first, search(folder), len(train)


def test_read_only_store_gives_what_it_has(expected, tmp_path):
    told = result_of(on_known_results, tmp_path)
    if told is None:
        pytest.skip("this process may not mount a file system")
    first, second, n_epochs = told
    assert first == second == (expected, [])
    assert n_epochs == 0
