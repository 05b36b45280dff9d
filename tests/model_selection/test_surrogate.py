"""The surrogate of `BayesSearchCV` is skopt's, for less time."""

import numpy as np
import pytest
from skopt import Optimizer
from skopt.learning import GaussianProcessRegressor
from threadpoolctl import threadpool_info

from skfashion.model_selection import _explorer
from skfashion.model_selection._explorer import Explorer, make_optimizer
from skfashion.model_selection._subspaces import as_subspaces
from skfashion.model_selection._surrogate import Surrogate, cheaper, one_thread

SPACE = {"rate": (1e-4, 1e-1, "log-uniform"), "units": (32, 512), "kind": ["a", "b", "c"]}


def explorer(**settings):
    (space,) = as_subspaces(SPACE, 20)
    settings = {"n_initial_points": 5, "random_state": np.random.RandomState(0), **settings}
    return Explorer(space, make_optimizer(space, **settings))


def loss(point):
    kind, rate, units = point
    return (np.log10(rate) + 2.5) ** 2 + (units / 200 - 1) ** 2 + (kind == "c")


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(40, 3))
    y = np.sin(6 * X[:, 0]) + X[:, 1] + 0.05 * rng.normal(size=40)
    settings = Optimizer([(0.0, 1.0)] * 3).base_estimator_.get_params(deep=False)
    settings["random_state"] = 0
    return [kind(**settings).fit(X, y) for kind in (GaussianProcessRegressor, Surrogate)]


def values(predicted):
    return np.concatenate([np.ravel(part) for part in predicted])


@pytest.mark.parametrize("wanted", [{}, {"return_std": True}, {"return_cov": True}], ids=str)
def test_it_predicts_what_skopts_predicts(fitted, wanted):
    points = np.random.default_rng(1).uniform(size=(500, 3))
    theirs, ours = (values(model.predict(points, **wanted)) for model in fitted)
    np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-9)


def test_its_gradients_are_skopts(fitted):
    point = np.array([[0.3, 0.6, 0.1]])
    wanted = {"return_std": True, "return_mean_grad": True, "return_std_grad": True}
    theirs, ours = (values(model.predict(point, **wanted)) for model in fitted)
    np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-9)


def test_where_a_point_is_known_its_variance_is_no_less_than_zero(fitted):
    ours = fitted[1]
    with np.errstate(invalid="raise"):
        _, std = ours.predict(np.repeat(ours.X_train_, 5, axis=0), return_std=True)
    assert (std >= 0).all()


def test_before_a_fit_it_predicts_the_prior():
    settings = Optimizer([(0.0, 1.0)]).base_estimator_.get_params(deep=False)
    mean, std = Surrogate(**settings).predict([[0.5]], return_std=True)
    assert (mean, std) == (0, 1)


def test_searches_have_it_and_surrogates_of_the_users_stay():
    assert type(explorer()._optimizer.base_estimator_) is Surrogate
    for other in ("RF", "ET"):
        kind = type(explorer(base_estimator=other)._optimizer.base_estimator_)
        assert "Regressor" in kind.__name__
    assert cheaper(None) is None  # skopt's "DUMMY"


def test_a_step_runs_in_one_thread_and_leaves_the_others_alone(monkeypatch):
    seen = []
    monkeypatch.setattr(Optimizer, "tell", lambda *args: seen.append(threads()))
    before = threads()
    explorer().tell([["a", 1e-3, 64]], [0.5])
    assert seen == [dict.fromkeys(before, 1)]
    assert threads() == before


def threads():
    libraries = [each for each in threadpool_info() if each["user_api"] == "blas"]
    return {each["filepath"]: each["num_threads"] for each in libraries}


def test_threads_come_back_after_an_error():
    before = threads()
    with pytest.raises(KeyError), one_thread():
        raise KeyError
    assert threads() == before


def test_it_proposes_what_skopts_proposes(monkeypatch):
    proposed = {}
    for name, replace in (("ours", cheaper), ("skopt's", lambda regressor: regressor)):
        monkeypatch.setattr(_explorer, "cheaper", replace)
        looking = explorer()
        points = looking._optimizer.space.rvs(12, random_state=1)
        looking.tell(points, [-loss(point) for point in points])
        ((kind, rate, units),) = looking.ask(1)
        proposed[name] = kind, np.log10(rate), units
    assert proposed["ours"][0] == proposed["skopt's"][0]
    # One step: rounding moves the end of a line search by a little, a long search by more.
    np.testing.assert_allclose(proposed["ours"][1:], proposed["skopt's"][1:], rtol=0.01)
