"""A finished fit is read back, a shorter one is continued, a killed one goes on."""

import copy
import functools
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor

import estimators
import joblib
import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skfashion import ConvClassifier
from skfashion._store import Store, StoreWarning, _files, open_store
from skfashion._training import phases
from skfashion._training.runs import Runs, State
from skfashion._utils import deadline as _deadline
from skfashion.classifiers import _base
from skfashion.classifiers import _replay as _records


@pytest.fixture
def trained(monkeypatch):
    """List of (phase, epochs trained) of every run."""
    outcomes = []
    run = phases.run

    def counted(*args, **kwargs):
        outcome = run(*args, **kwargs)
        outcomes.append(outcome.epochs_trained)
        return outcome

    monkeypatch.setattr(_base._training, "run", counted)
    return outcomes


def dense(memory, **parameters):
    return estimators.dense(**{"epochs": 4, "dropout": 0.2, "memory": memory, **parameters})


def equal(one, other, X):
    assert one.history_ == other.history_
    assert one.n_iter_ == other.n_iter_
    # Copies compute: what one of them predicted is not read back for the other.
    one, other = copy.deepcopy(one), copy.deepcopy(other)
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))


def test_finished_fit_is_read_back(images, tmp_path, trained):
    X, y = images
    first = dense(tmp_path).fit(X, y)
    second = dense(tmp_path).fit(X, y)
    assert trained == [4, 0]
    equal(first, second, X)
    equal(first, dense(None).fit(X, y), X)


def test_joblib_memory_names_the_folder(images, tmp_path, trained):
    X, y = images
    dense(joblib.Memory(tmp_path, verbose=0)).fit(X, y)
    dense(joblib.Memory(tmp_path, verbose=0)).fit(X, y)
    assert trained == [4, 0]


@pytest.mark.parametrize("name", ["verbose", "max_fit_seconds"])
def test_what_does_not_matter_is_not_in_the_key(name, images, tmp_path, trained):
    X, y = images
    dense(tmp_path).fit(X, y)
    dense(tmp_path, **{name: 1000 if name == "max_fit_seconds" else 0}).fit(X, y)
    assert trained == [4, 0]


@pytest.mark.parametrize(
    "change",
    [
        {"learning_rate": 2e-3},
        {"dropout": 0.3},
        {"batch_size": 16},
        {"hidden_layer_sizes": 17},
        {"random_state": 1},
        {"optimizer": "sgd"},
        {"class_weight": {0: 2.0, 1: 1.0, 2: 1.0}},
        {"early_stopping": True},
        {"activation": "tanh"},
    ],
)
def test_what_matters_is_in_the_key(change, images, tmp_path, trained):
    X, y = images
    dense(tmp_path).fit(X, y)
    changed = dense(tmp_path, **change).fit(X, y)
    assert trained == [4, 4]
    equal(changed, dense(None, **change).fit(X, y), X)


def test_other_data_are_other_fits(images, tmp_path, trained):
    X, y = images
    dense(tmp_path).fit(X, y)
    brighter = X.copy()
    brighter[0, 0, 0] ^= 1
    dense(tmp_path).fit(brighter, y)
    dense(tmp_path).fit(X[::-1], y[::-1])
    dense(tmp_path).fit(X, (y + 1) % 3)
    dense(tmp_path).fit(X, y, np.linspace(0.1, 1, len(y)))
    assert trained == [4] * 5


def test_shorter_fit_is_continued_and_longer_one_is_not_believed(images, tmp_path, trained):
    X, y = images
    dense(tmp_path, epochs=2).fit(X, y)
    longer = dense(tmp_path, epochs=5).fit(X, y)
    assert trained == [2, 3]
    equal(longer, dense(None, epochs=5).fit(X, y), X)
    again = dense(tmp_path, epochs=2).fit(X, y)
    assert trained[2:] == [5, 0]
    equal(again, dense(None, epochs=2).fit(X, y), X)


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop", "adamw"])
def test_continued_training_has_its_slots_and_random_layers_back(optimizer, images, tmp_path):
    X, y = images
    settings = {"dropout": 0.3, "augmentation": "flip+shift", "random_state": 0}
    make = functools.partial(ConvClassifier, 4, dense_units=8, optimizer=optimizer, **settings)
    make(epochs=1, memory=tmp_path).fit(X, y)
    equal(make(epochs=3, memory=tmp_path).fit(X, y), make(epochs=3).fit(X, y), X)


def test_early_stopping_continues_where_it_was(images, tmp_path, trained):
    X, y = images
    settings = {"early_stopping": True, "validation_fraction": 0.3, "n_iter_no_change": 3}
    dense(tmp_path, epochs=3, **settings).fit(X, y)
    stopped = dense(tmp_path, epochs=200, **settings).fit(X, y)
    assert trained[1] == stopped.n_iter_ - 3 < 197
    equal(stopped, dense(None, epochs=200, **settings).fit(X, y), X)
    # It would stop there however many epochs it were given.
    dense(tmp_path, epochs=300, **settings).fit(X, y)
    assert trained[-1] == 0


def test_head_is_shared_by_candidates_that_differ_in_the_second_phase(images, tmp_path, trained):
    X, y = images
    make = functools.partial(estimators.mobile, epochs=3, memory=tmp_path)
    make(unfreeze_from="block_16").fit(X, y)
    other = {"unfreeze_from": "Conv_1", "fine_tune_learning_rate": 1e-3}
    found = make(**other).fit(X, y)
    make().fit(X, y)
    assert trained == [4, 1, 0]
    equal(found, make(**other, memory=None).fit(X, y), X)


def test_search_on_its_store_trains_nothing_and_finds_the_same(images, tmp_path, trained):
    X, y = images
    grid = {"learning_rate": [1e-3, 1e-2], "hidden_layer_sizes": [8, "16-8"]}
    first = GridSearchCV(dense(tmp_path), grid, cv=3, return_train_score=True).fit(X, y)
    del trained[:]
    second = GridSearchCV(dense(tmp_path), grid, cv=3, return_train_score=True).fit(X, y)
    assert trained == [0] * 13
    plain = GridSearchCV(dense(None), grid, cv=3, return_train_score=True).fit(X, y)
    for other in (second, plain):
        assert first.best_params_ == other.best_params_
        for name, column in first.cv_results_.items():
            if "time" not in name:
                np.testing.assert_array_equal(column, other.cv_results_[name], err_msg=name)


def test_memory_without_a_seed_warns_once_a_process(images, tmp_path, monkeypatch):
    X, y = images
    monkeypatch.setattr(_records, "_WARNED", set())
    with pytest.warns(UserWarning, match="random_state="):
        dense(tmp_path, random_state=None).fit(X, y)
    dense(tmp_path, random_state=None).fit(X, y)  # of which conftest.py makes an error


def test_callbacks_are_called_again_and_that_is_said(images, tmp_path, monkeypatch, trained):
    X, y = images
    monkeypatch.setattr(_records, "_WARNED", set())
    with pytest.warns(UserWarning, match="callbacks="):
        dense(tmp_path, callbacks=[keras.callbacks.TerminateOnNaN()]).fit(X, y)
    dense(tmp_path, callbacks=[keras.callbacks.TerminateOnNaN()]).fit(X, y)
    assert trained == [4, 4]


def test_fit_cut_by_a_deadline_is_checkpointed(images, tmp_path, trained):
    X, y = images
    with pytest.raises(_deadline.DeadlineReached), _deadline.deadline(0):
        clone(dense(tmp_path)).fit(X, y)
    resumed = dense(tmp_path).fit(X, y)
    assert trained == [3]
    equal(resumed, dense(None).fit(X, y), X)


def test_fit_ended_by_its_own_time_is_not_taken_for_finished(images, tmp_path, trained):
    X, y = images
    short = dense(tmp_path, max_fit_seconds=1e-9).fit(X, y)
    assert short.stopped_by_time_
    assert short.n_iter_ == 1
    whole = dense(tmp_path).fit(X, y)
    assert trained == [1, 3]
    assert not whole.stopped_by_time_
    equal(whole, dense(None).fit(X, y), X)


def test_damaged_entries_are_computed_again(images, tmp_path, trained):
    X, y = images
    first = dense(tmp_path).fit(X, y)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    for path in files:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0xFF
        path.write_bytes(data)
    with pytest.warns(StoreWarning, match="damaged"):
        second = dense(tmp_path).fit(X, y)
    assert trained == [4, 4]
    equal(first, second, X)


KILLED = """
import sys
from skfashion import DenseClassifier
from skfashion.datasets import make_images
from skfashion._store import StoreWarning
from skfashion._training import phases
phases._CHECKPOINT_SECONDS = 0.0
X, y = make_images(n_samples=60, n_classes=3, image_size=8, random_state=0)
clf = DenseClassifier(hidden_layer_sizes=16, epochs=2000, memory=sys.argv[1], random_state=0,
                      verbose=2)
clf.fit(X, y)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killed_fit_loses_an_epoch_at_most(images, tmp_path, trained):
    X, y = images
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    seen = 0
    for line in child.stdout:
        seen = int(line.split("train ")[1].split("/")[0])
        if seen >= 20:
            child.kill()
            break
    child.wait()
    seen += sum(1 for _ in child.stdout)  # what it had said before it died
    resumed = dense(tmp_path, epochs=seen + 30, dropout=0.0).fit(X, y)
    assert trained[0] <= 30 + 1
    equal(resumed, dense(None, epochs=seen + 30, dropout=0.0).fit(X, y), X)


def test_checkpoints_cost_little(images, tmp_path, monkeypatch):
    X, y = images
    saved = []
    save = phases.Runs.save_state
    monkeypatch.setattr(
        phases.Runs, "save_state", lambda *args: saved.append(time.time()) or save(*args)
    )
    dense(tmp_path, epochs=50).fit(X, y)
    assert len(saved) == 1  # only the last: the whole fit took less than five seconds


def test_a_checkpoint_reads_no_state_back(images, tmp_path, monkeypatch):
    X, y = images
    monkeypatch.setattr(phases, "_CHECKPOINT_SECONDS", 0.0)
    read = []
    fill = _files.fill
    monkeypatch.setattr(
        _files, "fill", lambda file, buffer: read.append(len(buffer)) or fill(file, buffer)
    )
    fitted = dense(tmp_path, hidden_layer_sizes=2000).fit(X, y)
    assert sum(read) < sum(w.nbytes for w in fitted.model_.get_weights()) / 10
    del read[:]
    dense(tmp_path, hidden_layer_sizes=2000, epochs=2).fit(X, y)  # none to go on from
    assert sum(read) < sum(w.nbytes for w in fitted.model_.get_weights()) / 10


def test_the_furthest_state_stays_whoever_saves_last(tmp_path):
    initial = [np.zeros(3)]
    mine, theirs = (Runs(Store(tmp_path), initial, {}) for _ in range(2))

    def save(runs, epoch):
        runs.save_state("ab", State([np.full(3, epoch)], epoch=epoch))

    save(mine, 1)
    save(theirs, 7)
    save(mine, 2)  # what it remembers is an older one
    assert theirs.furthest("ab", 9).epoch == 7
    assert theirs.furthest("ab", 6) is None
    epochs = random.Random(0).sample(range(8, 208), 200)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(save, [mine, theirs] * 100, epochs))
    assert mine.furthest("ab", 999).epoch == 207
    assert mine.furthest("ab", 999).weights[0][0] == 207


def test_fits_of_0_1_0_are_named_once(images, tmp_path):
    open_store(tmp_path).put("results", "0" * 32, {"history": [{"loss": 1.0}], "parameters": {}})
    with pytest.warns(UserWarning, match=r"has fits of skfashion 0\.1\.0"):
        dense(tmp_path).fit(*images)
    dense(tmp_path, random_state=1).fit(*images)
