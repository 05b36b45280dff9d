"""Many machines: a real Dask scheduler with worker processes, here on one machine."""

import joblib
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

import skfashion
from skfashion import DenseClassifier
from skfashion.model_selection import BayesSearchCV, HyperbandSearchCV

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module")
def client():
    cluster = distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
    )
    with cluster, distributed.Client(cluster) as client:
        yield client


def dense(**parameters):
    return DenseClassifier(epochs=3, dropout=0.2, random_state=0, **parameters)


def searches(**parameters):
    clf = dense(**parameters)
    return {
        "grid": GridSearchCV(clf, {"hidden_layer_sizes": [8, 16]}, cv=2),
        "bayes": BayesSearchCV(
            clf, {"learning_rate": (1e-3, 1e-1, "log-uniform")}, n_iter=3, cv=2, random_state=0
        ),
        "hyperband": HyperbandSearchCV(
            clf, {"learning_rate": [1e-3, 1e-2, 1e-1]}, max_resources=3, cv=2, random_state=0
        ),
    }


@pytest.mark.parametrize("name", ["grid", "bayes", "hyperband"])
def test_workers_find_what_one_process_finds(name, images, client, tmp_path):
    alone = searches()[name].fit(*images)
    with joblib.parallel_backend("dask"):
        spread = searches(memory=str(tmp_path))[name].fit(*images)
    assert alone.best_params_ == spread.best_params_
    for column, values in alone.cv_results_.items():
        if "time" not in column:
            np.testing.assert_array_equal(values, spread.cv_results_[column], err_msg=column)


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


def test_a_killed_worker_costs_its_own_fit(images, client, tmp_path):
    import os
    import signal
    import threading

    alone = GridSearchCV(dense(), {"hidden_layer_sizes": [8, 16, 24, 32]}, cv=2).fit(*images)
    pids = list(client.run(os.getpid).values())
    killer = threading.Timer(1.0, os.kill, (pids[0], signal.SIGKILL))
    killer.start()
    with joblib.parallel_backend("dask"):
        spread = GridSearchCV(
            dense(memory=str(tmp_path)), {"hidden_layer_sizes": [8, 16, 24, 32]}, cv=2
        ).fit(*images)
    killer.join()
    np.testing.assert_array_equal(
        alone.cv_results_["mean_test_score"], spread.cv_results_["mean_test_score"]
    )
