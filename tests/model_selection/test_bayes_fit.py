"""How BayesSearchCV carries a search out: in time, as scikit-learn and skopt would."""

import inspect
import pickle
import time
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
import skopt
from bayes_toy import Toy, X, fits, run
from sklearn import config_context
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline
from skopt.callbacks import DeadlineStopper

from skfashion.model_selection import BayesSearchCV

# Said of every search with a failure in it.
pytestmark = pytest.mark.filterwarnings("ignore:One or more of the")


SPACE = {"units": (1, 30)}
ONE_FOLD = [(range(30), range(30, 60))]


class Slow(Toy):
    def fit(self, X, y):
        time.sleep(0.1)
        return super().fit(X, y)


class TestTimeBudget:
    def test_enough_time_changes_nothing(self):
        search = run(Toy(), SPACE, time_budget=60)
        assert not search.stopped_by_time_
        assert search.cv_results_["params"] == run(Toy(), SPACE).cv_results_["params"]

    @pytest.mark.parametrize("n_jobs", [1, 2])
    def test_a_candidate_that_is_cut_is_finished_first_next_time(self, tmp_path, n_jobs):
        whole = run(Toy(), SPACE, n_iter=3).cv_results_["params"]
        toy = Toy(endless=whole[1]["units"], log=tmp_path)
        kwargs = {"n_iter": 3, "n_jobs": n_jobs}
        with joblib.parallel_config(backend="threading"):
            search = run(toy, SPACE, time_budget=600, refit=True, **kwargs)
            assert search.stopped_by_time_
            assert search.cv_results_["params"] == whole[:1]
            assert search.optimizer_results_[0].x_iters == [[whole[0]["units"]]]
            assert search.predict(X).shape == (60,)  # the refit has no deadline
            before = len(fits(tmp_path))
            if n_jobs == 1:  # the second fold was not begun
                search = run(toy, SPACE, time_budget=600, **kwargs)
                assert search.cv_results_["params"] == whole[:1]
            again = run(toy, SPACE, **kwargs)
        assert again.cv_results_["params"] == whole
        units = [int(line.split()[0]) for line in fits(tmp_path)[before:]]
        assert units[2] == whole[1]["units"]  # after the two folds of the first

    def test_worker_processes_finish_their_candidate(self):
        # On two processes, at least a second and a half.
        search = run(Slow(), SPACE, cv=ONE_FOLD * 30, time_budget=1, n_jobs=2)
        assert search.stopped_by_time_
        assert len(search.cv_results_["params"]) == 1

    @pytest.mark.parametrize("n_jobs", [1, 2])
    def test_no_candidate_in_time(self, tmp_path, n_jobs):
        pipe = Pipeline([("clf", Toy())])
        space = {"clf": [Toy(endless=8, log=tmp_path)]}  # values are cut like the estimator
        threads = joblib.parallel_config(backend="threading")
        with threads, pytest.raises(TimeoutError, match=r"time_budget=600 s"):
            run(pipe, space, time_budget=600, n_jobs=n_jobs)

    def test_searches_in_two_threads_have_their_own_time(self):
        def search(budget):
            return run(Slow(), SPACE, n_iter=20, cv=ONE_FOLD, time_budget=budget, refit=True)

        with ThreadPoolExecutor(2) as pool:
            short, long = pool.map(search, (1, 600))
        assert short.stopped_by_time_
        assert 1 <= len(short.cv_results_["params"]) < 20
        assert not long.stopped_by_time_
        assert len(long.cv_results_["params"]) == 20


class TestScikitLearn:
    @pytest.mark.parametrize("with_weights", [False, True])
    def test_metadata_routing(self, with_weights):
        with config_context(enable_metadata_routing=True):
            toy = Toy().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
            fit = {"sample_weight": np.ones(60)} if with_weights else {}
            search = run(toy, SPACE, fit=fit, refit=True)
        assert len(search.cv_results_["params"]) == 6

    @pytest.mark.parametrize("routing", [False, True])
    def test_groups(self, routing, tmp_path):
        groups = np.arange(60) // 20
        with config_context(enable_metadata_routing=routing):
            run(Toy(log=tmp_path), SPACE, cv=GroupKFold(3), fit={"groups": groups})
        assert {line.split()[1] for line in fits(tmp_path)} == {"40"}

    def test_fit_params_of_the_constructor(self):
        search = run(Toy(), SPACE, fit_params={"mark": 7}, refit=True)
        assert search.best_estimator_.mark_ == 7
        search = run(Toy(), SPACE, fit_params={"mark": 7}, fit={"mark": 8}, refit=True)
        assert search.best_estimator_.mark_ == 8

    def test_refit_may_choose(self):
        search = run(Toy(), SPACE, refit=lambda results: 2)
        assert search.best_index_ == 2
        assert search.best_params_ == search.cv_results_["params"][2]
        assert search.best_estimator_.units == search.best_params_["units"]

    def test_several_scores(self):
        scoring = {"a": "accuracy", "r": "recall"}
        search = run(Toy(), SPACE, scoring=scoring, refit="r")
        assert search.multimetric_
        assert {"mean_test_a", "mean_test_r"} <= set(search.cv_results_)
        for refit in (True, False, "x", len):
            with pytest.raises(ValueError, match="must name the one that guides"):
                run(Toy(), SPACE, scoring=scoring, refit=refit)

    def test_a_callable_may_score(self):
        def both(estimator, X, y):
            return {"u": estimator.units, "minus": -estimator.units}

        search = run(Toy(), SPACE, scoring=both, refit="minus")
        assert search.best_params_["units"] == min(search.cv_results_["param_units"])
        with pytest.raises(ValueError, match=r"one of \['minus', 'u'\]"):
            run(Toy(), SPACE, scoring=both, refit=True)

    def test_callbacks_of_skopt(self):
        seen = []

        def stop(results):
            return len(seen) == 3 or seen.append(results.x_iters[-1][0])

        search = run(Toy(), SPACE, n_iter=9, fit={"callback": stop})
        assert len(search.cv_results_["params"]) == 4
        assert seen == list(search.cv_results_["param_units"][:3])
        stopped = run(Toy(), SPACE, n_iter=9, fit={"callback": DeadlineStopper(0)})
        assert 1 <= len(stopped.cv_results_["params"]) <= 2
        pickle.dumps(search)  # a fitted search has forgotten its local function

    def test_training_scores_are_ranked(self):
        search = run(Toy(), SPACE, return_train_score=True)
        assert search.cv_results_["rank_train_score"].min() == 1

    def test_parameters_are_those_of_skopt_and_more(self):
        theirs = list(inspect.signature(skopt.BayesSearchCV.__init__).parameters)
        ours = inspect.signature(BayesSearchCV.__init__).parameters
        assert list(ours)[: len(theirs)] == theirs
        assert all(ours[name].kind.name == "KEYWORD_ONLY" for name in list(ours)[len(theirs) :])
        assert isinstance(BayesSearchCV(Toy(), SPACE), skopt.BayesSearchCV)

    def test_the_surrogate_is_fitted_once_a_candidate(self, monkeypatch):
        calls = []
        surrogate = skopt.learning.ExtraTreesRegressor
        fit = surrogate.fit
        monkeypatch.setattr(
            surrogate, "fit", lambda self, X, y: (calls.append(len(y)), fit(self, X, y))[1]
        )
        kwargs = {"n_initial_points": 3, "base_estimator": "ET"}
        run(Toy(), SPACE, n_iter=8, optimizer_kwargs=kwargs)
        assert calls == [3, 4, 5, 6, 7, 8]

    def test_only_the_last_surrogate_is_kept(self):
        kwargs = {"n_initial_points": 3}
        search = run(Toy(), SPACE, n_iter=5, optimizer_kwargs=kwargs)
        assert len(search.optimizer_results_[0].models) == 1
        kwargs["model_queue_size"] = None
        search = run(Toy(), SPACE, n_iter=5, optimizer_kwargs=kwargs)
        assert len(search.optimizer_results_[0].models) == 3
