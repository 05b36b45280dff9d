"""A finished fit is read back, a shorter one is continued, a killed one goes on."""

import copy
import os
import signal
from functools import partial

import estimators
import joblib
import keras
import numpy as np
import pytest
from children import needs_linux, start
from searches import assert_same_search
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skfashion import ConvClassifier
from skfashion._store import StoreWarning, _files, open_store
from skfashion._training import phases
from skfashion._training.runs import Runs
from skfashion._utils import deadline as _deadline
from skfashion.classifiers import _replay as _records

dense = partial(estimators.dense, epochs=4, dropout=0.2)


@pytest.fixture
def fit(images, tmp_path):
    """Fit a classifier, on a store if nothing else is said."""

    def fit(make=dense, memory=tmp_path, **parameters):
        return make(memory=memory, **parameters).fit(*images)

    return fit


@pytest.fixture
def assert_as_alone(fit, images):
    """Check that a classifier is as one that was fitted without a store."""

    def check(clf, make=dense, **parameters):
        alone = fit(make, None, **parameters)
        assert clf.history_ == alone.history_
        assert clf.n_iter_ == alone.n_iter_
        # A copy computes: what was predicted before is not read back for it.
        found = copy.deepcopy(clf).predict_proba(images[0])
        np.testing.assert_array_equal(found, alone.predict_proba(images[0]))

    return check


@pytest.mark.parametrize("memory", [str, partial(joblib.Memory, verbose=0)])
def test_finished_fit_is_read_back(memory, fit, assert_as_alone, tmp_path, trained):
    fit(memory=memory(tmp_path))
    second = fit(memory=memory(tmp_path))
    assert trained == [4, 0]
    assert_as_alone(second)


@pytest.mark.parametrize("parameter", [{"verbose": 1}, {"max_fit_seconds": 1000}])
def test_what_does_not_matter_is_not_in_the_key(parameter, fit, trained):
    fit()
    fit(**parameter)
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
def test_what_matters_is_in_the_key(change, fit, assert_as_alone, trained):
    fit()
    changed = fit(**change)
    assert trained == [4, 4]
    assert_as_alone(changed, **change)


def test_other_data_are_other_fits(images, tmp_path, trained):
    X, y = images
    brighter = X.copy()
    brighter[0, 0, 0] ^= 1
    weight = np.linspace(0.1, 1, len(y))
    for data in ((X, y), (brighter, y), (X[::-1], y[::-1]), (X, (y + 1) % 3), (X, y, weight)):
        dense(memory=tmp_path).fit(*data)
    assert trained == [4] * 5


def test_shorter_fit_is_continued_and_longer_one_is_not_believed(fit, assert_as_alone, trained):
    fit(epochs=2)
    longer = fit(epochs=5)
    again = fit(epochs=2)
    assert trained == [2, 3, 0]
    assert_as_alone(longer, epochs=5)
    assert_as_alone(again, epochs=2)


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop", "adamw"])
def test_continued_training_has_its_slots_and_random_layers_back(optimizer, fit, assert_as_alone):
    settings = {"dropout": 0.3, "augmentation": "flip+shift", "random_state": 0}
    make = partial(ConvClassifier, 4, dense_units=8, optimizer=optimizer, **settings)
    fit(make, epochs=1)
    assert_as_alone(fit(make, epochs=3), make, epochs=3)


def test_early_stopping_continues_where_it_was(fit, assert_as_alone, trained):
    settings = {"early_stopping": True, "validation_fraction": 0.3, "n_iter_no_change": 3}
    fit(epochs=3, **settings)
    stopped = fit(epochs=200, **settings)
    # It would stop there however many epochs it were given.
    fit(epochs=300, **settings)
    assert trained == [3, stopped.n_iter_ - 3, 0]
    assert stopped.n_iter_ < 200
    assert_as_alone(stopped, epochs=200, **settings)


def test_head_is_shared_by_candidates_that_differ_in_the_second_phase(
    fit, assert_as_alone, trained
):
    make = partial(estimators.on_small_backbone, epochs=3)
    fit(make, unfreeze_from="block2")
    other = {"unfreeze_from": "block2_bn", "fine_tune_learning_rate": 1e-3}
    found = fit(make, **other)
    fit(make)
    assert trained == [4, 1, 0]
    assert_as_alone(found, make, **other)


def test_search_on_its_store_trains_nothing_and_finds_the_same(images, tmp_path, trained):
    grid = {"learning_rate": [1e-3, 1e-2], "hidden_layer_sizes": [8, "16-8"]}

    def search(memory):
        clf = dense(memory=memory)
        return GridSearchCV(clf, grid, cv=3, return_train_score=True).fit(*images)

    first = search(tmp_path)
    del trained[:]
    second = search(tmp_path)
    assert trained == [0] * 13
    for other in (second, search(None)):
        assert_same_search(first, other)


def test_memory_without_a_seed_warns_once_a_process(fit, monkeypatch):
    monkeypatch.setattr(_records, "_WARNED", set())
    with pytest.warns(UserWarning, match="random_state="):
        fit(random_state=None)
    fit(random_state=None)  # of which conftest.py makes an error


def test_callbacks_are_called_again_and_that_is_said(fit, monkeypatch, trained):
    monkeypatch.setattr(_records, "_WARNED", set())
    with pytest.warns(UserWarning, match="callbacks="):
        fit(callbacks=[keras.callbacks.TerminateOnNaN()])
    fit(callbacks=[keras.callbacks.TerminateOnNaN()])
    assert trained == [4, 4]


def test_fit_cut_by_a_deadline_is_checkpointed(fit, assert_as_alone, images, tmp_path, trained):
    with pytest.raises(_deadline.DeadlineReached), _deadline.deadline(0):
        clone(dense(memory=tmp_path)).fit(*images)
    resumed = fit()
    assert trained == [3]
    assert_as_alone(resumed)


def test_fit_ended_by_its_own_time_is_not_taken_for_finished(fit, assert_as_alone, trained):
    short = fit(max_fit_seconds=1e-9)
    assert short.stopped_by_time_
    assert short.n_iter_ == 1
    whole = fit()
    assert trained == [1, 3]
    assert not whole.stopped_by_time_
    assert_as_alone(whole)


def test_damaged_entries_are_computed_again(fit, assert_as_alone, tmp_path, trained):
    fit()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    for path in files:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0xFF
        path.write_bytes(data)
    with pytest.warns(StoreWarning, match="damaged"):
        second = fit()
    assert trained == [4, 4]
    assert_as_alone(second)


def fit_until_killed(clf, X, y):
    """Die in the last but one epoch."""
    epoch = phases._Trainer._epoch

    def mortal(self, training, loop, phase, state, *args):
        if state.epoch == clf.epochs - 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return epoch(self, training, loop, phase, state, *args)

    phases._CHECKPOINT_SECONDS = 0.0
    phases._Trainer._epoch = mortal
    clf.fit(X, y)


@needs_linux
def test_killed_fit_loses_the_epoch_it_was_in(fit, assert_as_alone, images, tmp_path, trained):
    process = start(fit_until_killed, dense(memory=tmp_path, epochs=20), *images)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    resumed = fit(epochs=20)
    assert trained == [2]
    assert_as_alone(resumed, epochs=20)


def test_checkpoints_cost_little(fit, monkeypatch):
    saved, save = [], Runs.save_state
    monkeypatch.setattr(Runs, "save_state", lambda *args: saved.append(args) or save(*args))
    assert phases._CHECKPOINT_SECONDS == 5
    monkeypatch.setattr(phases, "_CHECKPOINT_SECONDS", 1000)
    fit(epochs=50)
    assert len(saved) == 1  # only the last


def test_a_checkpoint_reads_no_state_back(fit, monkeypatch):
    monkeypatch.setattr(phases, "_CHECKPOINT_SECONDS", 0.0)
    read, fill = [], _files.fill
    monkeypatch.setattr(_files, "fill", lambda *args: read.append(len(args[1])) or fill(*args))
    fitted = fit(hidden_layer_sizes=2000)
    little = sum(w.nbytes for w in fitted.model_.get_weights()) / 10
    assert sum(read) < little
    del read[:]
    fit(hidden_layer_sizes=2000, epochs=2)  # none to go on from
    assert sum(read) < little


def test_fits_of_0_1_0_are_named_once(fit, tmp_path):
    open_store(tmp_path).put("results", "0" * 32, {"history": [{"loss": 1.0}], "parameters": {}})
    with pytest.warns(UserWarning, match=r"has fits of skfashion 0\.1\.0"):
        fit()
    fit(random_state=1)
