"""What ``n_jobs="auto"`` of our searches stands for."""

import contextlib
import threading
from functools import partial

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from skfashion import DenseClassifier
from skfashion._training import has_idle_cores
from skfashion.model_selection import BayesSearchCV, HyperbandSearchCV


class Noted(FunctionTransformer):
    """A step that notes the threads it is fitted in."""

    threads = []

    def fit(self, X, y=None):
        Noted.threads.append(threading.get_ident())
        return super().fit(X, y)


def bayes(last, **options):
    name, values = ("learning_rate", (1e-3, 1e-1)) if hasattr(last, "epochs") else ("C", (0.1, 9.0))
    return search(BayesSearchCV, last, {f"last__{name}": values}, n_iter=2, **options)


def hyperband(last, **options):
    space = {"last__learning_rate": [1e-3, 1e-2, 1e-1]}
    return search(
        HyperbandSearchCV, last, space, resource="last__epochs", max_resources=3, **options
    )


def search(kind, last, space, **options):
    steps = [("flat", Noted(lambda X: X.reshape(len(X), -1))), ("last", last)]
    return kind(Pipeline(steps), space, cv=2, random_state=0, refit=False, **options)


DENSE = DenseClassifier(8, epochs=1, random_state=0)
ELSEWHERE = {  # where fits stay in this thread
    "another kind of estimator": (LogisticRegression(), {}, contextlib.nullcontext),
    "n_jobs=None": (DENSE, {"n_jobs": None}, contextlib.nullcontext),
    "n_jobs=1 of the caller": (DENSE, {}, partial(joblib.parallel_config, n_jobs=1)),
    "a backend of the caller": (DENSE, {}, partial(joblib.parallel_config, "threading", n_jobs=1)),
}


@pytest.mark.parametrize("make", [bayes, hyperband])
def test_auto_fits_networks_side_by_side(make, images):
    if not has_idle_cores():
        pytest.skip("one core, a GPU or another backend than TensorFlow")
    Noted.threads.clear()
    found = make(DENSE).fit(*images)
    assert threading.get_ident() not in Noted.threads
    assert found.n_jobs == "auto"
    alone = make(DENSE, n_jobs=None).fit(*images)
    np.testing.assert_array_equal(
        found.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"]
    )


@pytest.mark.parametrize("where", ELSEWHERE)
def test_auto_leaves_all_else_as_it_is(where, images):
    last, options, context = ELSEWHERE[where]
    Noted.threads.clear()
    with context():
        bayes(last, **options).fit(*images)
    assert set(Noted.threads) == {threading.get_ident()}
