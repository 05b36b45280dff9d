"""BayesSearchCV: what skopt's does, and each of its faults that is cured."""

import inspect
import os
import pickle
import threading
import time
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
import skopt
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import make_classification
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, KFold, PredefinedSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skopt.callbacks import DeadlineStopper
from skopt.learning import ExtraTreesRegressor
from skopt.space import Categorical, Integer, Real

from skfashion import _deadline
from skfashion.model_selection import BayesSearchCV

# Said of every search with a failure in it.
pytestmark = pytest.mark.filterwarnings("ignore:One or more of the")

X, y = make_classification(60, n_features=4, n_informative=3, n_redundant=0, random_state=0)
# Random points only, for tests that are not about the surrogate.
QUICK = {"n_initial_points": 99}


class Toy(ClassifierMixin, BaseEstimator):
    """Scores what its parameters say, and counts its fits in a file.

    A fit with `units` == `endless` trains until it is cut, and leaves a checkpoint
    with which the next such fit is done.
    """

    def __init__(
        self, units=8, rate=0.1, layers=(8,), fail=None, fail_below=0, endless=None, log=None
    ):
        self.units = units
        self.rate = rate
        self.layers = layers
        self.fail = fail
        self.fail_below = fail_below
        self.endless = endless
        self.log = log

    def fit(self, X, y, sample_weight=None, mark=None):
        if self.log is not None:
            with open(Path(self.log) / "fits", "a") as file:
                file.write(f"{self.units} {len(X)} {X[:, 0].sum():.9f}\n")
        if self.fail is not None and self.units < self.fail_below:
            if self.fail == "exit":
                os._exit(1)
            raise self.fail("no good")
        if self.units == self.endless:
            checkpoint = Path(self.log) / joblib.hash(X)
            while not checkpoint.exists():
                time.sleep(0.01)
                if _deadline.passed():
                    checkpoint.touch()
                    raise _deadline.DeadlineReached
        return self._done(y, mark)

    def _done(self, y, mark):
        self.classes_ = np.unique(y)
        self.mark_ = mark
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])

    def score(self, X, y, sample_weight=None):
        return -abs(self.units - 20) / 40 - abs(np.log10(self.rate) + 2) / 10


def fits(folder):
    path = Path(folder) / "fits"
    return path.read_text().splitlines() if path.exists() else []


def run(estimator, space, *, n_iter=6, cv=2, seed=0, fit=None, **kwargs):
    kwargs = {"optimizer_kwargs": QUICK, "refit": False, **kwargs}
    search = BayesSearchCV(estimator, space, n_iter=n_iter, cv=cv, random_state=seed, **kwargs)
    return search.fit(X, y, **(fit or {}))


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

    def test_layer_size_text_is_a_category(self):
        sizes = ["64", "256-128"]
        search = run(Toy(), {"layers": sizes, "units": (1, 30)}, n_iter=12)
        assert set(search.cv_results_["param_layers"]) == set(sizes)
        assert {type(each["layers"]) for each in search.cv_results_["params"]} == {str}

    def test_any_values_are_categories(self):
        odd = [None, "8", 8, 8.5, [4, 2], {"a": 1}, LogisticRegression(C=3)]
        search = run(Toy(), {"layers": odd}, n_iter=len(odd))
        assert {
            str(each["layers"]) + type(each["layers"]).__name__
            for each in search.cv_results_["params"]
        } == {str(o) + type(o).__name__ for o in odd}

    def test_a_list_of_two_ints_is_two_ints(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            search = run(Toy(), {"units": [4, 8], "rate": Real(1e-3, 1e-1)}, n_iter=8)
        assert set(search.cv_results_["param_units"]) == {4, 8}
        assert {type(each["units"]) for each in search.cv_results_["params"]} == {int}

    @pytest.mark.parametrize("given", [[1e-3, 1e-1], np.array([1e-3, 1e-1])])
    def test_a_list_of_two_floats_is_two_floats(self, given):
        search = run(Toy(), {"rate": given, "units": (1, 30)}, n_iter=12)
        assert set(search.cv_results_["param_rate"]) == {1e-3, 1e-1}

    def test_a_tuple_is_a_range(self):
        search = run(Toy(), {"units": (1, 30), "rate": (1e-4, 1e-1, "log-uniform")}, n_iter=8)
        assert len(set(search.cv_results_["param_units"])) > 2
        assert len(set(search.cv_results_["param_rate"])) == 8

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
            ({"units": 3}, TypeError, "units must be a skopt dimension"),
            ({"units": []}, ValueError, "no value to try"),
            ({"rate": [1e-3, 1e-1, "log-uniform"]}, ValueError, "Write a tuple"),
        ],
    )
    def test_what_is_no_space_is_refused(self, space, error, match):
        with pytest.raises(error, match=match):
            run(Toy(), space)

    def test_a_distribution_is_refused_with_advice(self):
        from scipy.stats import loguniform

        with pytest.raises(TypeError, match="for RandomizedSearchCV"):
            run(Toy(), {"rate": loguniform(1e-3, 1e-1)})

    def test_total_iterations(self):
        space = {"units": (1, 30), "rate": (1e-3, 1e-1)}
        assert BayesSearchCV(Toy(), space, n_iter=10).total_iterations == 10
        assert BayesSearchCV(Toy(), [(space, 3), space], n_iter=10).total_iterations == 13

    def test_constraints_see_the_values(self):
        kwargs = {**QUICK, "space_constraint": lambda values: len(values[0]) * 10 <= values[1]}
        space = {"layers": [(1,), (1, 2), (1, 2, 3)], "units": (1, 30)}
        search = run(Toy(), space, optimizer_kwargs=kwargs, n_iter=8)
        assert all(len(p["layers"]) * 10 <= p["units"] for p in search.cv_results_["params"])


class TestFailures:
    @pytest.mark.parametrize("n_points", [1, 2])
    @pytest.mark.parametrize("error", [ValueError, MemoryError])
    @pytest.mark.parametrize("error_score", [np.nan, -9.0])
    def test_a_failing_candidate_costs_itself(self, error, n_points, error_score):
        toy = Toy(fail=error, fail_below=15)
        with pytest.warns(FitFailedWarning, match="no good"):
            search = run(
                toy,
                {"units": (1, 30)},
                n_iter=10,
                n_points=n_points,
                error_score=error_score,
                refit=True,
                return_train_score=True,
            )
        failed = search.cv_results_["param_units"].astype(int) < 15
        assert len(failed) == 10
        assert 0 < failed.sum() < 10
        for column in ("mean_test_score", "split1_test_score", "mean_train_score"):
            np.testing.assert_array_equal(search.cv_results_[column][failed], error_score)
            assert np.isfinite(search.cv_results_[column][~failed]).all()
        assert (search.cv_results_["mean_fit_time"] >= 0).all()
        assert search.best_params_["units"] >= 15
        told = search.optimizer_results_[0].func_vals
        assert np.isfinite(told).all()

    def test_a_failure_is_told_as_the_worst_that_worked(self):
        with pytest.warns(FitFailedWarning):
            search = run(Toy(fail=ValueError, fail_below=15), {"units": (1, 30)}, n_iter=10)
        result = search.optimizer_results_[0]
        failed = np.array(result.x_iters).ravel() < 15
        assert (result.func_vals[failed] == result.func_vals[~failed].max()).all()

    def test_a_fold_that_fails_fails_its_candidate(self):
        class Picky(Toy):
            def fit(self, X, y):
                if self.units < 15 and X[0, 0] == first:
                    raise ValueError("not this fold")
                return super().fit(X, y)

        first = X[30, 0]
        with pytest.warns(FitFailedWarning, match="not this fold"):
            search = run(Picky(), {"units": (1, 30)}, n_iter=10, cv=KFold(2))
        failed = search.cv_results_["param_units"].astype(int) < 15
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

    def test_a_wrong_parameter_name_ends_the_search(self):
        with pytest.raises(ValueError, match="Invalid parameter 'unit'"):
            run(Toy(), {"unit": (1, 30)})

    def test_several_scores_of_a_failing_candidate(self):
        with pytest.warns(FitFailedWarning):
            search = run(
                Toy(fail=ValueError, fail_below=15),
                {"units": (1, 30)},
                scoring=["accuracy", "recall"],
                refit="recall",
                n_iter=8,
            )
        failed = search.cv_results_["param_units"].astype(int) < 15
        for name in ("accuracy", "recall"):
            scores = search.cv_results_[f"mean_test_{name}"]
            np.testing.assert_array_equal(np.isnan(scores), failed)

    def test_a_worker_that_dies_costs_its_candidate(self):
        with pytest.warns(FitFailedWarning, match="worker process died"):
            search = run(
                Toy(fail="exit", fail_below=15),
                {"units": [2, 20, 25]},
                n_iter=3,
                n_jobs=2,
                n_points=3,
            )
        failed = search.cv_results_["param_units"].astype(int) < 15
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
        space = {"units": (1, 5), "rate": [0.1, 0.2]}
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

    @pytest.mark.parametrize("cv", [KFold(3, shuffle=True), 3, PredefinedSplit(np.arange(60) % 3)])
    def test_all_candidates_meet_the_same_folds(self, cv, tmp_path):
        run(Toy(log=tmp_path), {"units": (1, 30)}, cv=cv)
        assert len({line.split(maxsplit=1)[1] for line in fits(tmp_path)}) == 3

    def test_splits_that_can_be_read_once(self, tmp_path):
        run(Toy(log=tmp_path), {"units": (1, 30)}, cv=KFold(3).split(X))
        assert len(fits(tmp_path)) == 6 * 3

    @pytest.mark.parametrize("fail_below", [0, 15])
    @pytest.mark.parametrize("n_points", [1, 2])
    def test_a_seed_proposes_the_same_again(self, n_points, fail_below):
        toy = Toy(fail=ValueError, fail_below=fail_below)
        space = {"units": (1, 30), "rate": (1e-4, 1e-1, "log-uniform"), "layers": [(8,), (4, 4)]}
        is_gp = n_points == 1 and fail_below > 0
        surrogate = "GP" if is_gp else ExtraTreesRegressor(n_estimators=5)
        kwargs = {"n_initial_points": 4, "base_estimator": surrogate}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FitFailedWarning)
            warnings.simplefilter("ignore", UserWarning)
            first, again, other = (
                run(toy, space, seed=seed, n_iter=6, n_points=n_points, optimizer_kwargs=kwargs)
                for seed in (3, 3, 4)
            )
        assert first.cv_results_["params"] == again.cv_results_["params"]
        assert first.cv_results_["params"] != other.cv_results_["params"]


class TestTimeBudget:
    space = {"units": (1, 30)}

    def test_it_stops_between_candidates(self):
        class Slow(Toy):
            def fit(self, X, y):
                time.sleep(0.1)
                return super().fit(X, y)

        start = time.perf_counter()
        search = run(Slow(), self.space, n_iter=50, time_budget=0.5, refit=True)
        assert time.perf_counter() - start < 2
        assert search.stopped_by_time_
        assert 1 <= len(search.cv_results_["params"]) <= 3

    def test_enough_time_changes_nothing(self):
        search = run(Toy(), self.space, time_budget=60)
        assert not search.stopped_by_time_
        assert search.cv_results_["params"] == run(Toy(), self.space).cv_results_["params"]

    @pytest.mark.parametrize("backend", [None, "loky", "threading"])
    def test_a_candidate_that_is_cut_is_finished_first_next_time(self, tmp_path, backend):
        whole = run(Toy(), self.space, n_iter=3).cv_results_["params"]
        toy = Toy(endless=whole[1]["units"], log=tmp_path)
        kwargs = {"n_iter": 3, "n_jobs": 1 if backend is None else 2}
        with joblib.parallel_config(backend=backend or "loky"):
            if backend == "loky":
                run(Toy(), self.space, n_iter=1, n_jobs=2)  # start the workers
            search = run(toy, self.space, time_budget=1.5, refit=True, **kwargs)
            assert search.stopped_by_time_
            assert search.cv_results_["params"] == whole[:1]
            assert search.optimizer_results_[0].x_iters == [[whole[0]["units"]]]
            assert search.predict(X).shape == (60,)  # the refit has no deadline
            before = len(fits(tmp_path))
            if kwargs["n_jobs"] == 1:  # the second fold was not begun
                search = run(toy, self.space, time_budget=1.5, **kwargs)
                assert search.cv_results_["params"] == whole[:1]
            again = run(toy, self.space, **kwargs)
        assert again.cv_results_["params"] == whole
        units = [int(line.split()[0]) for line in fits(tmp_path)[before:]]
        assert units[2] == whole[1]["units"]  # after the two folds of the first

    def test_no_candidate_in_time(self, tmp_path):
        with pytest.raises(TimeoutError, match=r"time_budget=0.1 s"):
            run(Toy(endless=8, log=tmp_path), {"units": [8]}, time_budget=0.1)

    def test_a_deadline_ends_with_its_block(self):
        with _deadline.deadline(0) as limit:
            assert _deadline.passed()
            limit.lift()
            assert not _deadline.passed()
        with _deadline.deadline(0):
            with _deadline.deadline(60):
                assert _deadline.passed()  # the earlier one counts
            assert _deadline.passed()
        assert not _deadline.passed()

    @pytest.mark.parametrize("backend", ["loky", "threading"])
    def test_workers_see_the_deadline_and_forget_it(self, backend):
        ask = joblib.delayed(_deadline.passed)
        with joblib.parallel_config(backend=backend, n_jobs=2):
            with _deadline.deadline(0, workers=True):
                assert joblib.Parallel()(ask() for _ in range(8)) == [True] * 8
            assert joblib.Parallel()(ask() for _ in range(8)) == [False] * 8

    def test_searches_in_two_threads_have_their_own_time(self):
        results = {}

        class Slow(Toy):
            def fit(self, X, y):
                time.sleep(0.1)
                return super().fit(X, y)

        def search(name, budget):
            results[name] = run(Slow(), self.space, n_iter=4, time_budget=budget)

        threads = [
            threading.Thread(target=search, args=args) for args in [("short", 0.3), ("long", 60)]
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results["short"].stopped_by_time_
        assert not results["long"].stopped_by_time_
        assert len(results["long"].cv_results_["params"]) == 4


class TestScikitLearn:
    space = {"units": (1, 30)}

    @pytest.mark.parametrize("with_weights", [False, True])
    def test_metadata_routing(self, with_weights):
        with config_context(enable_metadata_routing=True):
            toy = Toy().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
            fit = {"sample_weight": np.ones(60)} if with_weights else {}
            search = run(toy, self.space, fit=fit, refit=True)
        assert len(search.cv_results_["params"]) == 6

    @pytest.mark.parametrize("routing", [False, True])
    def test_groups(self, routing, tmp_path):
        groups = np.arange(60) // 20
        with config_context(enable_metadata_routing=routing):
            run(Toy(log=tmp_path), self.space, cv=GroupKFold(3), fit={"groups": groups})
        assert {line.split()[1] for line in fits(tmp_path)} == {"40"}

    def test_fit_params_of_the_constructor(self):
        search = run(Toy(), self.space, fit_params={"mark": 7}, refit=True)
        assert search.best_estimator_.mark_ == 7
        search = run(Toy(), self.space, fit_params={"mark": 7}, fit={"mark": 8}, refit=True)
        assert search.best_estimator_.mark_ == 8

    def test_gbrt(self):
        kwargs = {"base_estimator": "GBRT", "n_initial_points": 3}
        search = run(Toy(), self.space, optimizer_kwargs=kwargs)
        assert len(search.cv_results_["params"]) == 6

    def test_refit_may_choose(self):
        search = run(Toy(), self.space, refit=lambda results: 2)
        assert search.best_index_ == 2
        assert search.best_params_ == search.cv_results_["params"][2]
        assert search.best_estimator_.units == search.best_params_["units"]

    def test_several_scores(self):
        scoring = {"a": "accuracy", "r": "recall"}
        search = run(Toy(), self.space, scoring=scoring, refit="r")
        assert search.multimetric_
        assert {"mean_test_a", "mean_test_r"} <= set(search.cv_results_)
        for refit in (True, False, "x", len):
            with pytest.raises(ValueError, match="must name the one that guides"):
                run(Toy(), self.space, scoring=scoring, refit=refit)

    def test_a_callable_may_score(self):
        def both(estimator, X, y):
            return {"u": estimator.units, "minus": -estimator.units}

        search = run(Toy(), self.space, scoring=both, refit="minus")
        assert search.best_params_["units"] == min(search.cv_results_["param_units"])
        with pytest.raises(ValueError, match=r"one of \['minus', 'u'\]"):
            run(Toy(), self.space, scoring=both, refit=True)

    def test_pipelines_and_workers(self):
        pipe = make_pipeline(StandardScaler(), LogisticRegression())
        space = {"logisticregression__C": Real(1e-3, 1e2, prior="log-uniform")}
        alone, together = (run(pipe, space, n_jobs=n, n_points=2, refit=True) for n in (1, 2))
        assert alone.cv_results_["params"] == together.cv_results_["params"]
        np.testing.assert_array_equal(
            alone.cv_results_["mean_test_score"], together.cv_results_["mean_test_score"]
        )
        assert alone.score(X, y) == together.score(X, y) > 0.6
        assert alone.n_splits_ == 2

    def test_callbacks_of_skopt(self):
        seen = []
        search = run(
            Toy(),
            self.space,
            n_iter=9,
            fit={"callback": lambda res: len(seen) == 3 or seen.append(res.x_iters[-1][0])},
        )
        assert len(search.cv_results_["params"]) == 4
        assert seen == list(search.cv_results_["param_units"][:3])
        stopped = run(Toy(), self.space, n_iter=9, fit={"callback": DeadlineStopper(0)})
        assert 1 <= len(stopped.cv_results_["params"]) <= 2
        pickle.dumps(search)  # a fitted search has forgotten its lambda

    def test_pickle_and_clone(self):
        space = {"units": (1, 30), "layers": [(8,), (4, 4)]}
        search = run(Toy(), space, refit=True, time_budget=60)
        again = pickle.loads(pickle.dumps(search))
        assert again.cv_results_["params"] == search.cv_results_["params"]
        assert again.optimizer_results_[0].x == search.optimizer_results_[0].x
        np.testing.assert_array_equal(again.predict(X), search.predict(X))
        fresh = clone(search)
        assert fresh.get_params()["time_budget"] == 60
        assert fresh.fit(X, y).cv_results_["params"] == search.cv_results_["params"]
        assert search.fit(X, y).cv_results_["params"] == again.cv_results_["params"]

    def test_training_scores_are_ranked(self):
        search = run(Toy(), self.space, return_train_score=True)
        assert search.cv_results_["rank_train_score"].min() == 1

    def test_parameters_are_those_of_skopt_and_more(self):
        theirs = list(inspect.signature(skopt.BayesSearchCV.__init__).parameters)
        ours = inspect.signature(BayesSearchCV.__init__).parameters
        assert list(ours)[: len(theirs)] == theirs
        assert all(ours[name].kind.name == "KEYWORD_ONLY" for name in list(ours)[len(theirs) :])
        assert isinstance(BayesSearchCV(Toy(), self.space), skopt.BayesSearchCV)

    @pytest.mark.parametrize(
        "wrong", [{"n_iter": 0}, {"n_points": 0.5}, {"time_budget": -1}, {"fit_params": 3}]
    )
    def test_wrong_parameters_are_refused_by_fit(self, wrong):
        with pytest.raises(ValueError, match=f"The '{next(iter(wrong))}' parameter"):
            run(Toy(), self.space, **wrong)

    def test_the_surrogate_is_fitted_once_a_candidate(self, monkeypatch):
        calls = []
        surrogate = skopt.learning.ExtraTreesRegressor
        fit = surrogate.fit
        monkeypatch.setattr(
            surrogate, "fit", lambda self, X, y: (calls.append(len(y)), fit(self, X, y))[1]
        )
        kwargs = {"n_initial_points": 3, "base_estimator": "ET"}
        run(Toy(), self.space, n_iter=8, optimizer_kwargs=kwargs)
        assert calls == [3, 4, 5, 6, 7, 8]

    def test_only_the_last_surrogate_is_kept(self):
        kwargs = {"n_initial_points": 3}
        search = run(Toy(), self.space, n_iter=5, optimizer_kwargs=kwargs)
        assert len(search.optimizer_results_[0].models) == 1
        search = run(
            Toy(), self.space, n_iter=5, optimizer_kwargs={**kwargs, "model_queue_size": None}
        )
        assert len(search.optimizer_results_[0].models) == 3


class Recorder:
    """A callback of scikit-learn 1.9 that notes where it was called."""

    def __init__(self):
        self.tasks = []

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        self.tasks.append(("begin", context.task_name, context.max_subtasks))

    def on_fit_task_end(self, estimator, context):
        self.tasks.append(("end", context.task_name, context.max_subtasks))

    def teardown(self, estimator, context):
        pass


@pytest.mark.skipif(
    not hasattr(BayesSearchCV, "set_callbacks"), reason="scikit-learn has callbacks from 1.9 on"
)
@pytest.mark.parametrize("time_budget", [None, 60])
def test_callbacks_of_scikit_learn_see_the_candidates(time_budget):
    search = BayesSearchCV(
        Toy(),
        {"units": Integer(1, 30)},
        n_iter=5,
        n_points=2,
        cv=2,
        optimizer_kwargs=QUICK,
        time_budget=time_budget,
    )
    recorder = Recorder()
    search.set_callbacks(recorder).fit(X, y)
    begun = [task[1:] for task in recorder.tasks if task[0] == "begin"]
    assert sorted(begun) == sorted(task[1:] for task in recorder.tasks if task[0] == "end")
    assert begun.count(("search", 3)) == 1
    assert [task for task in begun if task[0] == "candidates"] == [
        ("candidates", 4),
        ("candidates", 4),
        ("candidates", 2),
    ]
    assert begun.count(("candidate-split-evaluation", 0)) == 10
