"""Which candidates BayesSearchCV tries: spaces, candidates that fail, and those it knows."""

import re
import warnings

import joblib
import numpy as np
import pytest
from bayes_toy import QUICK, Toy, X, fits, run, y
from scipy.stats import norm
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, PredefinedSplit
from skopt.learning import ExtraTreesRegressor
from skopt.space import Categorical, Real

from skfashion.model_selection import BayesSearchCV
from skfashion.model_selection._evaluation import Evaluations

# Said of every search with a failure in it.
pytestmark = pytest.mark.filterwarnings("ignore:One or more of the")


class Fills(ClassifierMixin, BaseEstimator):
    """Scores the sum of an array it holds beside something that can't be pickled."""

    def __init__(self, held=None, power=1):
        self.held = held
        self.power = power

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def score(self, X, y):
        return (self.held[0]["fill"] ** self.power).sum()


@pytest.mark.filterwarnings("ignore:The best candidate has units")
@pytest.mark.parametrize("n_drawn", [5, 99])
@pytest.mark.parametrize("units", [(1, 30), (1, 9)], ids=["large", "with points drawn twice"])
def test_what_is_drawn_is_evaluated_together_and_nothing_else_changes(n_drawn, units, monkeypatch):
    together, evaluate = [], Evaluations.evaluate

    def spied(self, candidates, **options):
        together.append(len(candidates))
        return evaluate(self, candidates, **options)

    monkeypatch.setattr(Evaluations, "evaluate", spied)
    kwargs = {"n_initial_points": n_drawn}
    searches = []
    for n_jobs, wanted in ((1, [1] * 8), (4, {5: [2, 2, 1, 1, 1, 1], 99: [2] * 4}[n_drawn])):
        together.clear()
        with joblib.parallel_config("threading"):
            search = run(Toy(), {"units": units}, n_iter=8, optimizer_kwargs=kwargs, n_jobs=n_jobs)
        searches.append(search.cv_results_["params"])
        assert together == wanted
    assert searches[0] == searches[1]


class TestSpaces:
    @pytest.mark.parametrize("surrogate", ["GP", "RF"])
    @pytest.mark.parametrize("write", [list, Categorical])
    def test_tuples_are_categories(self, write, surrogate):
        layers = [(32,), (64, 32), (64, 64, 32)]
        space = {"layers": write(layers), "rate": (1e-4, 1e-1, "log-uniform")}
        kwargs = {"n_initial_points": 2, "base_estimator": surrogate}
        search = run(Toy(), space, optimizer_kwargs=kwargs, refit=True)
        assert set(search.cv_results_["param_layers"]) <= set(layers)
        assert search.best_estimator_.layers in layers
        assert type(search.best_params_["rate"]) is float

    def test_any_values_are_categories(self):
        odd = [None, "8", 8, 8.5, [4, 2], {"a": 1}, LogisticRegression(C=3)]
        search = run(Toy(), {"layers": odd}, n_iter=len(odd))
        assert {
            str(each["layers"]) + type(each["layers"]).__name__
            for each in search.cv_results_["params"]
        } == {str(o) + type(o).__name__ for o in odd}

    def test_values_that_no_pickle_takes_and_that_look_the_same(self):
        """NumPy's text of a long array leaves out its middle."""
        unpicklable = lambda: None  # noqa: E731
        one, other = (({"fill": fill}, unpicklable) for fill in np.zeros((2, 2000)))
        other[0]["fill"][500:1500] = 1
        assert repr(one[0]) == repr(other[0])
        search = run(Fills(), {"held": [one, other], "power": [1, 2]}, n_iter=4)
        assert sorted(search.cv_results_["mean_test_score"]) == [0, 0, 1000, 1000]

    def test_nan_may_be_a_category(self):
        space = {"rate": [np.nan, 1.0], "units": (1, 30)}
        search = run(Toy(), space, optimizer_kwargs={"n_initial_points": 2}, n_iter=6)
        rates = [each["rate"] for each in search.cv_results_["params"]]
        assert {str(rate) for rate in rates} == {"nan", "1.0"}

    @pytest.mark.parametrize(
        ("name", "given"),
        [("units", [4, 8]), ("rate", [1e-3, 1e-1]), ("rate", np.array([1e-3, 1e-1]))],
    )
    @pytest.mark.filterwarnings("error")
    def test_a_list_of_two_numbers_is_two_numbers(self, name, given):
        search = run(Toy(), {"units": [1, 2, 3], "rate": [1, 2, 3], name: given})
        values = [each[name] for each in search.cv_results_["params"]]
        assert sorted(set(values)) == list(given)
        assert {type(each) for each in values} == {int if name == "units" else float}

    def test_dimensions_of_the_user_stay_as_they_are(self):
        rate = Real(1e-4, 1e-1, prior="log-uniform")
        run(Toy(), {"rate": rate}, optimizer_kwargs={"n_initial_points": 2}, n_iter=3)
        assert rate == Real(1e-4, 1e-1, prior="log-uniform")
        assert rate.name is None
        assert rate.transform_ == "identity"

    @pytest.mark.parametrize(
        ("space", "error", "match"),
        [
            ({}, ValueError, "at least one parameter"),
            ([], ValueError, "at least one search space"),
            ([({"units": [1, 2]}, 0)], ValueError, "int > 0, got 0"),
            ([3], TypeError, "must be a dict"),
            (3, TypeError, "search_spaces.* must be"),
            ({"units": "1 ... 9"}, ValueError, "units must be a skopt dimension"),
            ({"units": 3}, TypeError, "units must be a skopt dimension"),
            ({"units": []}, ValueError, "no value to try"),
            ({"rate": [1e-3, 1e-1, "log-uniform"]}, ValueError, "Write a tuple"),
            ({"rate": (0.1, float("inf"))}, ValueError, "rate: .*must be finite"),
            ({"rate": (float("nan"), 1.0, "uniform")}, ValueError, "rate: .*must be finite"),
            ({"units": (30, 1)}, ValueError, r"units: \(30, 1\) is not a range: .*less than"),
            ([{"units": [1]}, {"units": "1"}], ValueError, "units must be a skopt dimension"),
        ],
    )
    def test_what_is_not_a_space_is_refused_before_anything_is_trained(
        self, tmp_path, space, error, match
    ):
        search = BayesSearchCV(Toy(log=tmp_path), [{"rate": [0.1]}]).set_params(search_spaces=space)
        with pytest.raises(error, match=match):
            search.fit(X, y)
        assert not fits(tmp_path)

    @pytest.mark.parametrize("surrogate", ["GP", "RF"])
    def test_one_estimator_is_itself_in_the_results(self, surrogate):
        space = {"layers": Categorical([LogisticRegression(C=3)]), "units": (1, 30)}
        kwargs = {"n_initial_points": 2, "base_estimator": surrogate}
        search = run(Toy(), space, optimizer_kwargs=kwargs)
        (result,) = search.optimizer_results_
        for point in [result.x, *result.x_iters]:
            assert isinstance(point[0], LogisticRegression)
        assert all(isinstance(p["layers"], BaseEstimator) for p in search.cv_results_["params"])

    def test_a_distribution_that_is_no_range_is_refused(self):
        with pytest.raises(TypeError, match=r"loguniform of scipy\.stats, got <scipy"):
            run(Toy(), {"rate": norm(0, 1)})

    @pytest.mark.parametrize(("high", "warned"), [(16, ["units=16"]), (90, [])])
    def test_a_best_value_at_a_bound_is_warned_of(self, recwarn, high, warned):
        run(Toy(), {"units": (8, high), "rate": [0.01]}, n_iter=9, refit=True)
        assert [re.search(r"(\S+), at a bound", str(each.message))[1] for each in recwarn] == warned

    def test_total_iterations(self):
        space = {"units": (1, 30), "rate": (1e-3, 1e-1)}
        assert BayesSearchCV(Toy(), space, n_iter=10).total_iterations == 10
        assert BayesSearchCV(Toy(), [(space, 3), space], n_iter=10).total_iterations == 13

    def test_constraints_see_the_values(self):
        kwargs = {**QUICK, "space_constraint": lambda values: len(values[0]) * 10 <= values[1]}
        space = {"layers": [(1,), (1, 2), (1, 2, 3)], "units": (1, 30)}
        search = run(Toy(), space, optimizer_kwargs=kwargs, n_iter=8)
        assert all(len(p["layers"]) * 10 <= p["units"] for p in search.cv_results_["params"])


def failing(search):
    """Tell which candidates of a search are those that fail below 15."""
    return search.cv_results_["param_units"].astype(int) < 15


class TestFailures:
    @pytest.mark.parametrize("n_points", [1, 2])
    @pytest.mark.parametrize("error", [ValueError, MemoryError])
    @pytest.mark.parametrize("error_score", [np.nan, -9.0])
    def test_a_failing_candidate_costs_itself(self, error, n_points, error_score):
        toy = Toy(fail=error, fail_below=15)
        options = {"n_points": n_points, "error_score": error_score, "refit": True}
        with pytest.warns(FitFailedWarning, match="no good"):
            search = run(toy, {"units": (1, 30)}, n_iter=10, return_train_score=True, **options)
        failed = failing(search)
        assert len(failed) == 10
        assert 0 < failed.sum() < 10
        for column in ("mean_test_score", "split1_test_score", "mean_train_score"):
            np.testing.assert_array_equal(search.cv_results_[column][failed], error_score)
            assert np.isfinite(search.cv_results_[column][~failed]).all()
        assert (search.cv_results_["mean_fit_time"] >= 0).all()
        assert search.best_params_["units"] >= 15
        told = search.optimizer_results_[0].func_vals
        # Without a score of its own a failure is told as the worst that worked.
        wanted = told[~failed].max() if np.isnan(error_score) else -error_score
        assert (told[failed] == wanted).all()

    def test_a_fold_that_fails_fails_its_candidate(self):
        class Picky(Toy):
            def fit(self, X, y):
                if self.units < 15 and X[0, 0] == first:
                    raise ValueError("not this fold")
                return super().fit(X, y)

        first = X[30, 0]
        with pytest.warns(FitFailedWarning, match="not this fold"):
            search = run(Picky(), {"units": (1, 30)}, n_iter=10, cv=KFold(2))
        failed = failing(search)
        assert 0 < failed.sum() < 10
        np.testing.assert_array_equal(np.isnan(search.cv_results_["mean_test_score"]), failed)
        assert np.isfinite(search.cv_results_["split1_test_score"]).all()

    def test_all_failing_is_an_error_that_says_why(self):
        with (
            pytest.warns(FitFailedWarning),
            pytest.raises(ValueError, match=r"All 3 candidates failed(.|\n)*no good"),
        ):
            run(Toy(fail=ValueError, fail_below=99), {"units": (1, 30)}, n_iter=3)

    def test_raise_raises(self):
        with pytest.raises(MemoryError, match="no good"):
            run(Toy(fail=MemoryError, fail_below=99), {"units": (1, 30)}, error_score="raise")

    def test_raise_raises_what_a_search_inside_says(self):
        inner = GridSearchCV(Toy(fail=ValueError, fail_below=99), {"rate": [0.1, 0.2]}, cv=2)
        with pytest.raises(ValueError, match=r"All the 4 fits failed(.|\n)*no good"):
            run(inner, {"estimator__units": (1, 30)}, error_score="raise")

    def test_a_wrong_parameter_name_ends_the_search(self):
        with pytest.raises(ValueError, match="Invalid parameter 'unit'"):
            run(Toy(), {"unit": (1, 30)})

    def test_several_scores_of_a_failing_candidate(self):
        toy, scoring = Toy(fail=ValueError, fail_below=15), ["accuracy", "recall"]
        with pytest.warns(FitFailedWarning):
            search = run(toy, {"units": (1, 30)}, scoring=scoring, refit="recall", n_iter=8)
        failed = failing(search)
        for name in ("accuracy", "recall"):
            scores = search.cv_results_[f"mean_test_{name}"]
            np.testing.assert_array_equal(np.isnan(scores), failed)

    def test_a_worker_that_dies_costs_its_candidate(self):
        toy = Toy(fail="exit", fail_below=15)
        with pytest.warns(FitFailedWarning, match="worker process died"):
            search = run(toy, {"units": [2, 20, 25]}, n_iter=3, n_jobs=2, n_points=3)
        failed = failing(search)
        np.testing.assert_array_equal(np.isnan(search.cv_results_["mean_test_score"]), failed)


class TestKnownPoints:
    def test_nothing_is_fitted_twice(self, tmp_path):
        with pytest.warns(UserWarning, match=r"holds 6 settings.*fewer than n_iter=20"):
            search = run(Toy(log=tmp_path), {"units": [1, 2, 3], "rate": [0.1, 0.2]}, n_iter=20)
        assert len(search.cv_results_["params"]) == 6
        assert len({str(each) for each in search.cv_results_["params"]}) == 6
        assert len(fits(tmp_path)) == 6 * 2

    @pytest.mark.parametrize("n_points", [1, 3])
    def test_n_iter_rows_are_different(self, n_points):
        space = {"units": (17, 21), "rate": [0.1, 0.2]}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            search = run(Toy(), space, n_iter=9, n_points=n_points)
        assert len({str(each) for each in search.cv_results_["params"]}) == 9

    def test_a_space_knows_what_an_earlier_one_found(self, tmp_path):
        spaces = [({"units": [1, 2]}, 2), ({"units": [1, 2, 3]}, 1)]
        search = run(Toy(log=tmp_path), spaces)
        assert sorted(each["units"] for each in search.cv_results_["params"]) == [1, 2, 3]
        assert len(fits(tmp_path)) == 3 * 2
        assert 3 in np.ravel(search.optimizer_results_[1].x_iters)

    @pytest.mark.parametrize(
        "cv",
        [KFold(3, shuffle=True), 3, PredefinedSplit(np.arange(60) % 3), KFold(3).split(X)],
    )
    def test_all_candidates_meet_the_same_folds(self, cv, tmp_path):
        run(Toy(log=tmp_path), {"units": (1, 30)}, cv=cv)
        assert len(fits(tmp_path)) == 6 * 3
        assert len({line.split(maxsplit=1)[1] for line in fits(tmp_path)}) == 3

    @pytest.mark.filterwarnings("ignore")
    @pytest.mark.parametrize("fail_below", [0, 15])
    @pytest.mark.parametrize("n_points", [1, 2])
    def test_a_seed_proposes_the_same_again(self, n_points, fail_below):
        toy = Toy(fail=ValueError, fail_below=fail_below)
        space = {"units": (1, 30), "rate": (1e-4, 1e-1, "log-uniform"), "layers": [(8,), (4, 4)]}
        is_gp = n_points == 1 and fail_below > 0
        surrogate = "GP" if is_gp else ExtraTreesRegressor(n_estimators=5)
        kwargs = {"n_initial_points": 4, "base_estimator": surrogate}
        options = {"n_iter": 6, "n_points": n_points, "optimizer_kwargs": kwargs}
        first, again, other = (
            run(toy, space, seed=seed, **options).cv_results_["params"] for seed in (3, 3, 4)
        )
        assert first == again != other
