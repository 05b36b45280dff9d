"""A training in which two processes died is tried in one of its own before it is given up."""

import os
import signal
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from children import needs_linux, start
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV

from skfashion import DenseClassifier, _training
from skfashion._training import phases, trial
from skfashion._training.phases import run
from skfashion._training.trial import survives
from skfashion.inspection import prune_runs

pytestmark = needs_linux

PLACE = "SKFASHION_TEST_PLACE"


def dense(folder, **parameters):
    settings = {"hidden_layer_sizes": 16, "epochs": 4, "dropout": 0.2, "random_state": 0}
    return DenseClassifier(**{**settings, **parameters}, memory=folder)


def die_at_work(clf, X, y):
    from skfashion._training import programs

    programs.Program.prepare = lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGKILL)
    clf.fit(X, y)


def two_deaths(clf, X, y):
    for _ in range(2):
        process = start(die_at_work, clf, X, y)
        process.join(120)
        assert process.exitcode == -signal.SIGKILL
    assert len(markers(clf.memory)) == 2


def markers(folder):
    return list(Path(folder).glob("v1/attempts/*"))


def test_killed_by_others_it_is_trained(images, tmp_path):
    X, y = images
    two_deaths(dense(tmp_path), X, y)
    clf = dense(tmp_path).fit(X, y)
    fresh = dense(None).fit(X, y)
    assert clf.history_ == fresh.history_
    np.testing.assert_array_equal(clf.predict_proba(X), fresh.predict_proba(X))
    assert markers(tmp_path) == []


def test_killed_by_itself_it_is_left_out(images, tmp_path, monkeypatch):
    # test_search_memory has a training that does die; here every trial does.
    X, y = images
    two_deaths(dense(tmp_path), X, y)
    tried = []
    monkeypatch.setattr(phases, "survives", tried.append)
    with pytest.raises(MemoryError, match="2 times and its process died each time"):
        dense(tmp_path).fit(X, y)
    with pytest.warns(FitFailedWarning, match="2 times"):
        search = GridSearchCV(
            dense(tmp_path),
            {"epochs": [4, 5], "learning_rate": [1e-3, 1e-2]},
            cv=[(range(60), range(60))],
            refit=False,
            error_score=-1.0,
        ).fit(X, y)
    # Of another length it is the same training, of another rate it is not.
    assert sorted(search.cv_results_["mean_test_score"])[:2] == [-1.0, -1.0]
    # Twice each, as for any lack of memory.
    assert [len(training.args[0].phases) for training in tried] == [1] * 6
    assert len(markers(tmp_path)) == 2
    monkeypatch.undo()  # a larger machine
    assert dense(tmp_path).fit(X, y).n_iter_ == 4
    assert markers(tmp_path) == []


def test_what_lives_alone_and_dies_here_is_given_up_in_the_end(images, tmp_path, monkeypatch):
    X, y = images
    for _ in range(2):  # the second two die after a trial that went well
        for _ in range(2):
            process = start(die_at_work, dense(tmp_path), X, y)
            process.join(120)
            assert process.exitcode == -signal.SIGKILL
    assert len(markers(tmp_path)) == 4
    monkeypatch.setattr(phases, "survives", lambda work: pytest.fail("tried once more"))
    with pytest.raises(MemoryError, match=r"4 times .*prune_runs"):
        dense(tmp_path).fit(X, y)
    prune_runs(tmp_path)
    assert dense(tmp_path).fit(X, y).n_iter_ == 4


@pytest.fixture
def work(images):
    """Return what a trial is given for the first epoch of a training, built otherwise or not."""
    X, y = images
    clf = dense(None).fit(X, y)
    plan, build = clf._planned()
    data = _training.Data(X, y.astype("float32"), np.ones(len(X), "float32"))
    start = _training.State(clf._weights)
    return lambda other=build: partial(
        run, _training.one_phase(plan, 0, 1), data, other, start=start
    )


def aborts(phase):
    os.abort()


def raises(phase):
    raise ZeroDivisionError("of the user's own")


def sleeps(phase):
    Path(os.environ[PLACE]).write_text(str(os.getpid()))
    time.sleep(600)


@pytest.mark.parametrize(
    ("build", "expected"),
    [(None, True), (raises, True), (aborts, False)],
    ids=["trains", "raises", "aborts"],
)
def test_only_a_death_counts(work, build, expected):
    assert survives(work(build) if build else work()) is expected


def test_what_cannot_be_sent_elsewhere_did_not_survive(work):
    lock = threading.Lock()

    def build(phase):
        with lock:
            return raises(phase)

    assert survives(work(build)) is False


@pytest.mark.parametrize("python", [None, "/no/python/here"])
def test_without_a_python_nothing_is_tried(work, python, monkeypatch):
    monkeypatch.setattr(trial, "get_executable", lambda: python)
    assert survives(work()) is False


def test_a_program_with_python_inside_is_not_started_again(work, monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(trial.subprocess, "Popen", lambda *args, **kwargs: pytest.fail("started"))
    assert survives(work()) is False


def test_a_path_among_the_paths_is_left_out_as_python_does(work, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "path", [*sys.path, tmp_path])
    assert survives(work()) is True


def test_a_trial_ends_with_the_process_that_waits_for_it(work, tmp_path, monkeypatch):
    import psutil

    place = tmp_path / "pid"
    monkeypatch.setenv(PLACE, str(place))
    waiting = start(in_place, str(place), work(sleeps))
    until = time.monotonic() + 120
    while not (place.exists() and place.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    child = psutil.Process(int(place.read_text()))
    waiting.kill()
    child.wait(30)  # else raises


def in_place(place, work):
    os.environ[PLACE] = place
    survives(work)
