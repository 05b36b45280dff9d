"""The joblib backend "skfashion": fits side by side that notice nothing of each other."""

import _thread
import signal
import threading
import time

import joblib
import keras
import numpy as np
import pytest
import threadpoolctl
from estimators import KINDS, on_small_backbone, small
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.model_selection import (
    GridSearchCV,
    cross_val_predict,
    cross_validate,
    learning_curve,
)
from sklearn.multiclass import OneVsRestClassifier

import skfashion
from skfashion import DenseClassifier, _training
from skfashion._training import features, phases, processes


def dense(**parameters):
    return DenseClassifier(8, **{"epochs": 2, "dropout": 0.3, "random_state": 0, **parameters})


def search(clf, grid, X, y, **options):
    return GridSearchCV(clf, grid, cv=2, error_score="raise", refit=False, **options).fit(X, y)


@pytest.fixture
def at_work(monkeypatch):
    """Threads that train epochs, and how many did so at once at most."""
    seen, now, lock = {"threads": set(), "most": 0}, [], threading.Lock()
    epoch = phases._Trainer._epoch

    def spied(*args):
        with lock:
            now.append(threading.get_ident())
            seen["threads"].add(threading.get_ident())
            seen["most"] = max(seen["most"], len(now))
        try:
            time.sleep(0.02)  # so that another thread gets here, on one core too
            return epoch(*args)
        finally:
            with lock:
                now.remove(threading.get_ident())

    monkeypatch.setattr(phases._Trainer, "_epoch", spied)
    return seen


@pytest.mark.parametrize("name", KINDS)
def test_same_numbers_as_one_at_a_time_with_as_many_traces(name, images, at_work):
    X, y = images
    clf, grid = small(name, epochs=2), {"batch_size": [8, 16], "random_state": [0, 1]}
    skfashion.clear_caches()
    expected = search(clf, grid, X, y)
    wanted = _training.programs_info()
    assert at_work["most"] == 1
    skfashion.clear_caches()
    with joblib.parallel_config("skfashion", n_jobs=2):
        found = search(clf, grid, X, y)
    got = _training.programs_info()
    assert len(at_work["threads"]) >= 2
    assert at_work["most"] == 2
    for fold in ("split0_test_score", "split1_test_score"):
        np.testing.assert_array_equal(found.cv_results_[fold], expected.cv_results_[fold])
    assert [got[name] for name in ("traces", "kept")] == [wanted[n] for n in ("traces", "kept")]


def probabilities(tool):
    return lambda X, y: tool.fit(X, y).predict_proba(X)


TOOLS = {
    "cross_validate": lambda X, y: cross_validate(dense(), X, y, cv=3)["test_score"],
    "cross_val_predict": lambda X, y: cross_val_predict(
        dense(), X, y, cv=3, method="predict_proba"
    ),
    "learning_curve": lambda X, y: learning_curve(
        dense(), X, y, cv=2, train_sizes=[0.7, 1.0], shuffle=True, random_state=0
    )[2],
    "voting": probabilities(
        VotingClassifier([("a", dense()), ("b", dense(random_state=1))], voting="soft")
    ),
    "stacking": probabilities(
        StackingClassifier([("a", dense()), ("b", dense(random_state=1))], cv=2)
    ),
    "one-vs-rest": probabilities(OneVsRestClassifier(dense())),
}


@pytest.mark.parametrize("tool", TOOLS)
def test_tools_of_scikit_learn(tool, images, at_work):
    expected = TOOLS[tool](*images)
    with joblib.parallel_config("skfashion", n_jobs=2):
        np.testing.assert_array_equal(TOOLS[tool](*images), expected)
    assert at_work["most"] == 2


def test_calls_within_a_call_share_its_threads(images, at_work):
    X, y = images
    bagging = BaggingClassifier(dense(), n_estimators=3, n_jobs=-1, random_state=0)
    flat = X.reshape(len(X), -1)
    with joblib.parallel_config("skfashion", n_jobs=2):
        search(bagging, {"max_samples": [0.5, 1.0]}, flat, y, n_jobs=2)
    assert at_work["most"] == 2


@pytest.mark.parametrize(
    ("n_jobs", "wanted"), [(None, joblib.cpu_count()), (1, 1), (3, 3), (-1, joblib.cpu_count())]
)
def test_number_of_threads(n_jobs, wanted):
    given = {} if n_jobs is None else {"n_jobs": n_jobs}
    with joblib.parallel_config("skfashion", **given):
        assert joblib.effective_n_jobs(None) == wanted
        with joblib.Parallel() as parallel:
            seen = parallel(joblib.delayed(threading.get_ident)() for _ in range(20))
    assert len(set(seen)) <= wanted
    assert (threading.get_ident() in seen) == (wanted == 1)


def test_threads_fit_in_the_number_format_of_the_caller(images):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        with joblib.parallel_config("skfashion", n_jobs=2):
            fits = cross_validate(dense(), *images, cv=2, return_estimator=True)["estimator"]
    finally:
        keras.config.set_dtype_policy(before)
    assert [clf._plan.dtype_policy for clf in fits] == ["mixed_bfloat16"] * 2


def test_threads_work_in_the_scopes_of_the_caller():
    def found():
        with joblib.parallel_config("skfashion", n_jobs=2), joblib.Parallel() as parallel:
            return parallel(
                joblib.delayed(keras.saving.get_registered_object)("named_here") for _ in range(4)
            )

    with keras.saving.custom_object_scope({"named_here": small}):
        assert found() == [small] * 4
    assert found() == [None] * 4


def test_blas_and_openmp_of_other_steps_share_the_cores():
    def n_threads():
        return {pool["filepath"]: pool["num_threads"] for pool in threadpoolctl.threadpool_info()}

    before = n_threads()
    with joblib.parallel_config("skfashion", n_jobs=2), joblib.Parallel() as parallel:
        within = parallel(joblib.delayed(n_threads)() for _ in range(4))
    assert {n for each in within for n in each.values()} == {max(1, joblib.cpu_count() // 2)}
    assert n_threads() == before


def test_a_fit_that_fails_fails_alone(images):
    X, y = images
    found = GridSearchCV(dense(), {"loss": ["no_such_loss", dense().loss]}, cv=2, refit=False)
    with joblib.parallel_config("skfashion", n_jobs=2), pytest.warns(match="2 fits failed"):
        found.fit(X, y)
    assert np.isfinite(found.cv_results_["mean_test_score"]).tolist() == [False, True]


def test_of_threads_that_want_the_same_fit_one_trains_it(images, tmp_path, at_work):
    X, y = images
    clf = dense(memory=tmp_path, epochs=5)
    with joblib.parallel_config("skfashion", n_jobs=4), joblib.Parallel() as parallel:
        fits = parallel(joblib.delayed(clone(clf).fit)(X, y) for _ in range(4))
    assert len(at_work["threads"]) == 1
    for other in fits[1:]:
        np.testing.assert_array_equal(other.predict_proba(X), fits[0].predict_proba(X))


def test_fits_side_by_side_compute_no_image_twice(images, monkeypatch):
    X, y = images
    compute = features._compute

    def slowly(*args):
        time.sleep(0.3)  # so that the others come to the same images
        compute(*args)

    monkeypatch.setattr(features, "_compute", slowly)
    skfashion.clear_caches()
    before = _training.features_info()["computed"]
    with joblib.parallel_config("skfashion", n_jobs=3):
        cross_validate(on_small_backbone(), X, y, cv=3, error_score="raise")
    assert _training.features_info()["computed"] - before == len(np.unique(X, axis=0))


@pytest.mark.parametrize("name", KINDS)
def test_one_prediction_on_all_cores(name, images, monkeypatch):
    X, y = images
    clf = small(name, epochs=1).fit(X, y)
    many = np.concatenate([X, 255 - X] * 30)
    skfashion.clear_caches()
    expected = clf.predict_proba(many)
    monkeypatch.setattr(processes, "_calls_at_once", lambda: 3)
    skfashion.clear_caches()
    np.testing.assert_array_equal(clf.predict_proba(many), expected)


@pytest.fixture
def interruptible():
    """Ctrl-C as at a terminal: what runs in the background may ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("where", ["between epochs", "within an epoch"])
def test_interrupt_ends_all_fits(where, images, interruptible, at_work):
    def press_ctrl_c():
        while not at_work["threads"]:
            time.sleep(0.01)
        time.sleep(1)  # into training
        _thread.interrupt_main()

    X, y = images
    dense().fit(X, y)
    at_work["threads"].clear()
    before = set(threading.enumerate())
    clf = dense(epochs=100_000, callbacks=keras.callbacks.Callback)
    if where == "within an epoch":  # one that doesn't end by itself
        X, y = np.repeat(X, 2000, axis=0), np.repeat(y, 2000)
        clf = dense(epochs=1_000, batch_size=1)
    threading.Thread(target=press_ctrl_c).start()
    with joblib.parallel_config("skfashion", n_jobs=2), pytest.raises(KeyboardInterrupt):
        cross_validate(clf, X, y, cv=2)
    for thread in set(threading.enumerate()) - before:
        thread.join(300)
        assert not thread.is_alive()
    fitted = dense().fit(*images)  # nothing is left that would end this one
    assert fitted.n_iter_ == 2
