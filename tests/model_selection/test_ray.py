"""Ray's joblib backend: its workers find what one process finds."""

import os
import sys

import joblib
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from skfashion import DenseClassifier
from skfashion._store import Store

ray = pytest.importorskip("ray")


@pytest.fixture
def backend():
    from ray.util.joblib import register_ray

    # Workers must find what pytest has put on the path, such as classes of warnings.
    env = {"env_vars": {"PYTHONPATH": os.pathsep.join(sys.path)}}
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env=env)
    register_ray()
    yield "ray"
    ray.shutdown()


def test_workers_find_what_one_process_finds(images, backend, tmp_path):
    clf, grid = DenseClassifier(8, epochs=2, random_state=0), {"learning_rate": [1e-3, 1e-2]}
    alone = GridSearchCV(clf, grid, cv=2).fit(*images)
    with joblib.parallel_config(backend, n_jobs=2):
        spread = GridSearchCV(clf.set_params(memory=tmp_path), grid, cv=2).fit(*images)
    for column, values in alone.cv_results_.items():
        if "time" not in column:
            np.testing.assert_array_equal(values, spread.cv_results_[column], err_msg=column)
    assert sum(1 for _ in Store(tmp_path).entries("results")) == 5
