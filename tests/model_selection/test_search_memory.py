"""Searches that are short of memory: candidates fail, others don't, nothing piles up."""

import gc
import os
import resource
import warnings

import numpy as np
from children import Child, needs_linux, resident, result_of
from diary import Diary, keep_diary
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV, ShuffleSplit

import skfashion
from skfashion import ConvClassifier, DenseClassifier
from skfashion._store import Store
from skfashion.datasets import make_images
from skfashion.inspection import prune_runs

pytestmark = needs_linux

ONE_SPLIT = ShuffleSplit(1, test_size=0.25, random_state=0)


def leave_room(n_bytes):
    """Limit the address space, as `ulimit -v` does, to what is taken and some more."""
    import psutil

    limit = psutil.Process().memory_info().vms + n_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


def searched(clf, grid, X, y):
    """Return the scores of a search and what it warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = GridSearchCV(clf, grid, cv=ONE_SPLIT).fit(X, y)
    said = [str(w.message) for w in caught if issubclass(w.category, FitFailedWarning)]
    return found.cv_results_["mean_test_score"].tolist(), found.best_params_, said


# --- TensorFlow raises ---------------------------------------------------------------------------

TOO_WIDE = 1_000_000  # units: 1 GB of weights for 256 pixels


def dense_search(room, sizes):
    X, y = make_images(n_samples=120, n_classes=3, image_size=16, random_state=0)
    clf = DenseClassifier(epochs=2, random_state=0)
    clf.fit(X, y).predict(X)
    if room is not None:
        leave_room(room)
    before = resident()
    found = searched(clf, {"hidden_layer_sizes": sizes}, X, y)
    return *found, resident() - before


def test_candidate_that_gets_no_memory_fails_alone():
    scores, best, said, kept = result_of(dense_search, 500_000_000, [16, TOO_WIDE, 32])
    expected, best_expected, *_ = result_of(dense_search, None, [16, 32])
    assert np.isnan(scores[1])
    assert [scores[0], scores[2]] == expected
    assert best == best_expected
    assert len(said) == 1
    assert "MemoryError: out of memory while training" in said[0]
    assert "Take a smaller" in said[0]
    assert "During handling" not in said[0]  # the frames of TensorFlow's own error are let go
    assert kept < 1e8


# --- the process dies ----------------------------------------------------------------------------


WIDE = 256


def conv_search(folder, path, filters, room):
    """Search, with little memory for the wide candidate; that one doesn't live through it."""
    from skfashion._training import phases

    keep_diary(path)
    epoch = phases._Trainer._epoch

    def short_of_memory(self, training, *args):
        weights = training._program.model.weights
        if room is None or all(WIDE not in w.shape for w in weights):
            return epoch(self, training, *args)
        leave_room(room)
        try:
            return epoch(self, training, *args)
        finally:
            os.abort()  # mostly it has died before, of a signal; sometimes it raises

    phases._Trainer._epoch = short_of_memory
    X, y = make_images(n_samples=160, n_classes=3, image_size=32, random_state=0)
    clf = ConvClassifier(dense_units=8, epochs=2, batch_size=120, memory=folder, random_state=0)
    return searched(clf, {"filters": filters}, X, y)


def test_candidate_that_kills_the_process(tmp_path, capsys):
    expected, *_ = result_of(conv_search, None, tmp_path / "plain", [4, 6], None)
    folder, diary = tmp_path / "store", Diary(tmp_path / "diary")
    filters, codes = [4, (WIDE, WIDE), 6], []
    for n_crashes in (1, 2, 3):
        child = Child(conv_search, folder, diary.path, filters, 100_000_000)
        child.process.join()
        codes.append(child.process.exitcode)
        assert codes[-1] < 0
        store = Store(folder)
        assert store.verify() == []
        assert sum(1 for _ in store.entries("results")) == 1
        assert len(list(folder.glob("v1/attempts/*"))) == n_crashes
    n_epochs = diary.count("epoch")
    # The fourth leaves it out.
    scores, _, said = result_of(conv_search, folder, diary.path, filters, 100_000_000)
    assert np.isnan(scores[1])
    assert [scores[0], scores[2]] == expected
    assert len(said) == 1
    assert "MemoryError: this training was started 3 times" in said[0]
    assert diary.count("epoch") - n_epochs == 4  # the third candidate, and the refit
    # On a larger machine it is tried again.
    assert prune_runs(folder).crashes_cleared == 3
    scores, _, said = result_of(conv_search, folder, diary.path, filters, None)
    assert said == []
    assert [scores[0], scores[2]] == expected
    assert scores[1] == result_of(conv_search, None, tmp_path / "wide", filters, None)[0][1]
    assert list(folder.glob("v1/attempts/*")) == []
    diary.assert_nothing_known_was_trained()
    with capsys.disabled():
        print(
            f"\n3 processes died of signals {[-code for code in codes]}, the fourth left the "
            "candidate out, one with more memory trained it"
        )


# --- many candidates -----------------------------------------------------------------------------

SHAPES, RATES, FURTHER = range(16, 56, 2), np.geomspace(1e-4, 1e-1, 14), range(56, 96, 2)


def long_search():
    """Search 20 shapes at 14 rates, turn by turn, and 20 further shapes once.

    The programs of the latter take the place of the former.
    """
    from skfashion._training import phases, programs_info

    skfashion.set_config(program_cache_size=len(SHAPES))
    X, y = make_images(n_samples=200, n_classes=3, image_size=16, random_state=0)
    sizes = []
    run = phases._Trainer.stage

    def watched(*args):
        sizes.append(resident())
        return run(*args)

    phases._Trainer.stage = watched
    grid = [{"learning_rate": [r], "hidden_layer_sizes": list(SHAPES)} for r in RATES]
    grid.append({"hidden_layer_sizes": list(FURTHER)})
    clf = DenseClassifier(epochs=2, random_state=0)
    found = GridSearchCV(clf, grid, cv=ONE_SPLIT, error_score="raise", refit=False).fit(X, y)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    gc.collect()
    n_graphs = sum(type(thing).__name__ == "FuncGraph" for thing in gc.get_objects())
    return len(found.cv_results_["params"]), sizes, peak, programs_info()["kept"], n_graphs


def test_300_candidates(capsys):
    n, sizes, peak, n_kept, n_graphs = result_of(long_search)
    assert n == len(sizes) == 300
    assert n_kept == len(SHAPES)
    assert n_graphs == 2 * n_kept  # to train and to predict; those let go of are gone
    grown, further = sizes[279] - sizes[60], sizes[-1] - sizes[279]
    with capsys.disabled():
        print(
            f"\n300 candidates: peak {peak / 1e6:.0f} MB; from the 60th to the 280th "
            f"{grown / 1e6:+.0f} MB, over 20 further shapes {further / 1e6:+.0f} MB"
        )
    assert peak < 4e9
    assert grown < 5e7
    assert further < 1e8  # what Python has not yet swept up
