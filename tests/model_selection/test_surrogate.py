"""The surrogate of `BayesSearchCV`: what it makes of few scores, and what it costs."""

import numpy as np
import pytest
from bayes_toy import Toy, run
from skopt import Optimizer
from skopt.learning import GaussianProcessRegressor
from threadpoolctl import threadpool_info

from skfashion.model_selection._explorer import Explorer, make_optimizer
from skfashion.model_selection._subspaces import as_subspaces
from skfashion.model_selection._surrogate import Surrogate

SPACE = {"rate": (1e-4, 1e-1, "log-uniform"), "units": (32, 512), "kind": ["a", "b", "c"]}


def explorer(**settings):
    (space,) = as_subspaces(SPACE, 20)
    settings = {"n_initial_points": 5, "random_state": np.random.RandomState(0), **settings}
    return Explorer(space, make_optimizer(space, **settings), n_points=1, n_ahead=1)


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(40, 3))
    y = np.sin(6 * X[:, 0]) + X[:, 1] + 0.05 * rng.normal(size=40)
    ours = Surrogate(np.diag([1, 0.5, 0.5]), random_state=0).fit(X, y)
    # skopt's has the same kernel, and its data are weighted beforehand.
    settings = {"noise": "gaussian", "normalize_y": True, "random_state": 0}
    theirs = GaussianProcessRegressor(Surrogate(None).kernel, **settings)
    return theirs.fit(X @ ours.weights, y), ours


def test_it_predicts_what_skopts_predicts(fitted):
    points = np.random.default_rng(1).uniform(size=(500, 3))
    theirs = fitted[0].predict(points @ fitted[1].weights, return_std=True)
    ours = fitted[1].predict(points, return_std=True)
    np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-9)
    np.testing.assert_array_equal(fitted[1].predict(points), ours[0])


def test_how_far_the_worst_lies_below_changes_nothing():
    X = np.random.default_rng(0).uniform(size=(9, 3))
    losses = np.linspace(-0.85, -0.8, 8)
    one, other = (
        Surrogate(np.eye(3), random_state=0).fit(X, np.append(losses, worst)).predict(X)
        for worst in (-0.1, -0.5)
    )
    np.testing.assert_array_equal(one, other)


def test_categories_with_a_size_lie_in_a_row():
    lists = {"a": ["512", "64-32", "64"], "b": ["x", "y", "z"], "c": [False, True], "d": (0.0, 1.0)}
    (space,) = as_subspaces({**lists, "e": [(8, 8), (4,), (64,)]}, 5)
    weights = space.weights()
    assert weights.shape == (3 + 3 + 1 + 1 + 3, 1 + 3 + 1 + 1 + 1)
    np.testing.assert_array_equal(weights[:3, 0], [1, 0.5, 0])
    np.testing.assert_array_equal(weights[3:6, 1:4], np.eye(3) / 2)
    np.testing.assert_array_equal(weights[-3:, -1], [0.5, 0, 1])


def test_what_is_chosen_lies_above_what_is_drawn():
    space = {"units": (1, 30), "rate": (1e-4, 1e-1, "log-uniform")}
    for seed in range(3):
        search = run(Toy(), space, n_iter=16, seed=seed, optimizer_kwargs=None)
        assert search.optimizers_[0].n_initial_points_ == 8
        scores = search.cv_results_["mean_test_score"]
        assert scores[8:].mean() > scores[:8].mean()


def test_searches_have_it_and_surrogates_of_the_users_stay():
    assert type(explorer()._optimizer.base_estimator_) is Surrogate
    theirs = Optimizer([(0.0, 1.0)]).base_estimator_
    for other in ("RF", "ET", theirs):
        kind = type(explorer(base_estimator=other)._optimizer.base_estimator_)
        assert "Regressor" in kind.__name__
    follows = explorer(acq_optimizer="lbfgs")
    points = follows._optimizer.space.rvs(6, random_state=0)
    follows.tell(points, [0.1 * i for i in range(6)])
    assert len(follows.ask(1)) == 1


def test_a_step_runs_in_one_thread_and_leaves_the_others_alone(monkeypatch):
    def tell(*args):
        seen.append(threads())
        raise KeyError

    seen, before = [], threads()
    monkeypatch.setattr(Optimizer, "tell", tell)
    with pytest.raises(KeyError):
        explorer().tell([["a", 1e-3, 64]], [0.5])
    assert seen == [dict.fromkeys(before, 1)]
    assert threads() == before


def threads():
    libraries = [each for each in threadpool_info() if each["user_api"] == "blas"]
    return {each["filepath"]: each["num_threads"] for each in libraries}
