"""The same search wherever it runs: equal bit for bit at one thread a process."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import joblib
import numpy as np
import pytest
from children import needs_linux, result_of
from estimators import mobile, small
from searches import assert_same_search, rows_of
from sklearn.model_selection import GridSearchCV

import skfashion
from skfashion import ConvClassifier, DenseClassifier
from skfashion.model_selection import BayesSearchCV, HyperbandSearchCV

dense = partial(DenseClassifier, epochs=3, dropout=0.2, random_state=0)
SEARCHES = {
    "dense": (
        dense(),
        {"hidden_layer_sizes": [8, "16-8"], "learning_rate": [1e-3, 1e-2]},
    ),
    "conv": (
        ConvClassifier(4, dense_units=8, epochs=2, augmentation="flip+shift", random_state=0),
        {"batch_size": [16, 32], "learning_rate": [1e-3, 1e-2]},
    ),
}


def found(name, images, *, memory=None, n_jobs=None):
    """Return all that a search finds, and what the best estimator predicts."""
    clf, grid = SEARCHES[name]
    clf = clf.set_params(memory=memory)
    search = GridSearchCV(clf, grid, cv=2, n_jobs=n_jobs, return_train_score=True).fit(*images)
    predicted = search.predict_proba(images[0]).tobytes()
    return rows_of(search), search.best_params_, search.best_estimator_.history_, predicted


@pytest.fixture(scope="module")
def once(images):
    assert os.environ["TF_NUM_INTRAOP_THREADS"] == os.environ["TF_NUM_INTEROP_THREADS"] == "1"
    return {name: found(name, images) for name in SEARCHES}


@pytest.mark.parametrize("store", [False, True], ids=["no store", "store"])
@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_twice(name, n_jobs, store, once, images, tmp_path):
    memory = str(tmp_path) if store else None
    assert found(name, images, memory=memory, n_jobs=n_jobs) == once[name]
    if store:  # what one process wrote, two read, and the other way round
        assert found(name, images, memory=memory, n_jobs=3 - n_jobs) == once[name]


# --- a real Dask scheduler with worker processes, here on one machine ----------------------------

of_dask = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    options = {"host": "127.0.0.1", "dashboard_address": None}
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, **options)
    with cluster, distributed.Client(cluster) as client:
        yield client


@of_dask
@pytest.mark.parametrize("store", [False, True], ids=["no store", "store"])
def test_a_search_on_dask(store, once, images, client, tmp_path):
    memory = str(tmp_path) if store else None
    with joblib.parallel_backend("dask"):
        assert found("dense", images, memory=memory) == once["dense"]


OTHERS = {
    BayesSearchCV: ({"learning_rate": (1e-3, 1e-1, "log-uniform")}, {"n_iter": 3}),
    HyperbandSearchCV: ({"learning_rate": [1e-3, 1e-2, 1e-1]}, {"max_resources": 3}),
}


@of_dask
@pytest.mark.parametrize("kind", OTHERS)
def test_workers_find_what_one_process_finds(kind, images, client, tmp_path):
    def search(**parameters):
        space, options = OTHERS[kind]
        search = kind(dense(**parameters), space, cv=2, random_state=0, **options)
        return search.fit(*images)

    alone = search()
    with joblib.parallel_backend("dask"):
        assert_same_search(alone, search(memory=str(tmp_path)))


@of_dask
def test_settings_reach_the_workers(images, client):
    clf, losses = dense(), {}
    for fused in (True, False):
        for backend in ("sequential", "dask"):
            with (
                joblib.parallel_backend(backend),
                skfashion.config_context(fused_optimizers=fused),
            ):
                grid = {"hidden_layer_sizes": [8, 16, 24, 32]}
                found = GridSearchCV(clf, grid, cv=2, scoring="neg_log_loss").fit(*images)
            losses[fused, backend] = found.cv_results_["mean_test_score"]
        np.testing.assert_array_equal(losses[fused, "sequential"], losses[fused, "dask"])
    assert (losses[True, "dask"] != losses[False, "dask"]).any()


@of_dask
def test_a_killed_worker_costs_its_own_fit(images, client, tmp_path):
    def search(memory=None):
        grid = {"hidden_layer_sizes": [8, 16, 24, 32]}
        return GridSearchCV(dense(epochs=500, memory=memory), grid, cv=2).fit(*images)

    def kill():
        # joblib gives the images to one of them; the other has fetched them once it fits.
        end = time.monotonic() + 120
        while len(at_work := list(tmp_path.glob("v1/attempts/*"))) < 2:
            assert time.monotonic() < end, "two workers were never at work at once"
            time.sleep(0.01)
        pid = at_work[0].name.rsplit("-", 3)[1]
        os.kill(int(pid), signal.SIGKILL)

    alone = search()
    with ThreadPoolExecutor(1) as pool, joblib.parallel_backend("dask"):
        killed = pool.submit(kill)
        spread = search(memory=str(tmp_path))
        killed.result(60)
    assert_same_search(alone, spread)


# --- another number of threads -------------------------------------------------------------------


TRAINED, ASKED = 1000, 500
LARGE = {
    "DenseClassifier": DenseClassifier(epochs=5, random_state=0),
    "ConvClassifier": ConvClassifier(epochs=3, random_state=0),
    "MobileNetFineTuner": mobile(unfreeze_from="block_16"),
    "KerasImageClassifier": small("KerasImageClassifier", epochs=5),  # one hidden layer of 16
}


def at_threads(n, name, X, y):
    """Fit with so many threads of TensorFlow; return what is predicted for other images."""
    os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = str(n)
    clf = LARGE[name].fit(X[:TRAINED], y[:TRAINED])
    return clf.predict_proba(X[TRAINED:]), len(os.listdir("/proc/self/task"))


@needs_linux
@pytest.mark.parametrize("name", LARGE)
def test_another_number_of_threads(name, fashion, capsys):
    X, y = (array[: TRAINED + ASKED] for array in fashion[:2])
    one, n_one = result_of(at_threads, 1, name, X, y)
    two, n_two = result_of(at_threads, 2, name, X, y)
    assert n_two > n_one
    difference = float(np.abs(one - two).max())
    changed = int((one.argmax(axis=1) != two.argmax(axis=1)).sum())
    with capsys.disabled():
        print(
            f"\n{name}: 1 and 2 threads differ by {difference:.2g} in a probability at most, "
            f"and in {changed} of {ASKED} predictions"
        )
    # Nothing is promised; an early network differs a lot from itself a few steps later.
    assert np.isfinite(difference)
    assert difference < 0.5
