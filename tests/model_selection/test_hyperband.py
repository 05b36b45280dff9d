"""HyperbandSearchCV: the published algorithm, on scikit-learn's search base."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from bayes_toy import X, fits, y
from scipy.stats import uniform
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GroupKFold, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfashion.model_selection import HyperbandSearchCV

# Said of every search with a failure in it.
pytestmark = pytest.mark.filterwarnings("ignore:One or more of the")


class Learner(ClassifierMixin, BaseEstimator):
    """Approaches the score `skill` with more epochs, and writes its fits down."""

    def __init__(self, skill=0.5, epochs=1, fail=None, log=None):
        self.skill = skill
        self.epochs = epochs
        self.fail = fail
        self.log = log

    def fit(self, X, y, sample_weight=None):
        if self.fail is not None and self.fail(self.skill, self.epochs):
            raise MemoryError("too big")
        if self.log is not None:
            with open(Path(self.log) / "fits", "a") as file:
                file.write(f"{self.epochs} {self.skill!r} {len(X)} {X[:, 0].sum():.9f}\n")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])

    def score(self, X, y):
        return self.skill * (1 - 0.5**self.epochs)


SPACE = {"skill": uniform(0, 1)}


def run(estimator, *, cv=2, max_resources=9, seed=0, fit=None, space=SPACE, **kwargs):
    search = HyperbandSearchCV(
        estimator, space, max_resources=max_resources, cv=cv, random_state=seed, **kwargs
    )
    return search.fit(X, y, **(fit or {}))


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    """A finished search, whose estimator wrote its fits down."""
    learner = Learner(log=tmp_path_factory.mktemp("log"))
    return run(learner, verbose=1, return_train_score=True)


def rungs(frame):
    return {
        bracket: list(zip(rows["n_candidates"], rows["n_resources"], strict=True))
        for bracket, rows in frame.groupby("bracket")
    }


class TestBrackets:
    def test_sizes_are_those_published(self):
        # Li et al. 2018, algorithm 1 with R = 81 and eta = 3.
        assert rungs(HyperbandSearchCV(Learner(), SPACE).brackets()) == {
            4: [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
            3: [(34, 3), (11, 9), (3, 27), (1, 81)],
            2: [(15, 9), (5, 27), (1, 81)],
            1: [(8, 27), (2, 81)],
            0: [(5, 81)],
        }

    def test_totals(self):
        frame = HyperbandSearchCV(Learner(), SPACE).brackets()
        assert list(frame["bracket"].unique()) == [4, 3, 2, 1, 0]  # in the order of running
        assert frame["total"].sum() == 5 * 81 + (102 + 99 + 81 + 81) + 351 + 378 + 405
        first = frame[frame["bracket"] == 4]
        assert list(first["total_continued"]) == [81, 27 * 2, 9 * 6, 3 * 18, 1 * 54]

    @pytest.mark.parametrize(
        ("r", "eta", "last"), [(243, 3, 5), (1000, 10, 3), (80, 3, 3), (2, 3, 0)]
    )
    def test_how_many_brackets(self, r, eta, last):
        frame = HyperbandSearchCV(Learner(), SPACE, max_resources=r, factor=eta).brackets()
        assert frame["bracket"].max() == last
        assert (frame.groupby("bracket")["n_resources"].max() == r).all()
        assert frame["n_resources"].min() >= 1

    def test_a_least_resource_scales_the_brackets(self):
        kwargs = {"max_resources": 162, "min_resources": 2}
        frame = HyperbandSearchCV(Learner(), SPACE, **kwargs).brackets()
        plain = HyperbandSearchCV(Learner(), SPACE).brackets()
        assert (frame["n_candidates"] == plain["n_candidates"]).all()
        assert (frame["n_resources"] == 2 * plain["n_resources"]).all()

    def test_factors_need_not_be_whole(self):
        frame = HyperbandSearchCV(Learner(), SPACE, max_resources=10, factor=2.5).brackets()
        assert rungs(frame) == {2: [(7, 1), (2, 4), (1, 10)], 1: [(4, 4), (1, 10)], 0: [(3, 10)]}


class TestSearch:
    def test_the_plan_is_what_is_run(self, search):
        plan = search.brackets()
        ran = list(
            zip(*(search.cv_results_[c] for c in ("bracket", "iter", "n_resources")), strict=True)
        )
        for row in plan.itertuples():
            assert ran.count((row.bracket, row.iter, row.n_resources)) == row.n_candidates
        assert len(ran) == plan["n_candidates"].sum() == 22
        epochs = [int(line.split()[0]) for line in fits(search.estimator.log)]
        assert len(epochs) == 2 * len(ran) + 1  # and the refit
        assert sum(epochs) == 2 * plan["total"].sum() + 9
        assert search.n_brackets_ == 3
        assert "mean_train_score" in search.cv_results_

    def test_the_best_go_on_unchanged(self, search):
        results = search.cv_results_
        skill = np.array(results["param_skill"], dtype=float)
        for bracket, size in [(2, 3), (1, 1)]:
            here = results["bracket"] == bracket
            before = skill[here & (results["iter"] == 0)]
            after = skill[here & (results["iter"] == 1)]
            assert sorted(after) == sorted(before)[-size:]

    def test_folds_are_the_same_on_all_rungs(self, tmp_path):
        run(Learner(log=tmp_path), cv=KFold(3, shuffle=True), refit=False)
        assert len({tuple(line.split()[2:]) for line in fits(tmp_path)}) == 3

    def test_the_best_is_among_those_trained_longest(self):
        class Fading(Learner):
            def score(self, X, y):
                return self.skill - self.epochs / 100

        search = run(Fading())
        results = search.cv_results_
        longest = results["n_resources"] == 9
        assert search.best_score_ == results["mean_test_score"][longest].max()
        assert search.best_score_ < results["mean_test_score"].max()
        assert search.best_params_ == results["params"][search.best_index_]
        assert search.best_params_["epochs"] == search.best_estimator_.epochs == 9

    def test_a_seed_draws_the_same_again(self):
        first, again, other = (run(Learner(), seed=n).cv_results_["params"] for n in (1, 1, 2))
        assert first == again != other

    def test_a_candidate_that_fails_costs_itself(self):
        def too_big(skill, epochs):
            return skill > 0.7 or (epochs == 9 and skill > 0.6)

        with pytest.warns(FitFailedWarning, match="too big"):
            search = run(Learner(fail=too_big))
        results = search.cv_results_
        failed = np.isnan(results["mean_test_score"])
        skill = np.array(results["param_skill"], dtype=float)
        expected = [too_big(s, n) for s, n in zip(skill, results["n_resources"], strict=True)]
        np.testing.assert_array_equal(failed, expected)
        assert skill[(results["bracket"] == 2) & (results["iter"] == 1)].max() <= 0.7
        assert search.best_params_["skill"] <= 0.6
        assert search.best_params_["epochs"] == 9

    def test_all_failing_at_full_length_falls_back_to_the_longest_that_worked(self):
        with pytest.warns(FitFailedWarning):
            search = run(Learner(fail=lambda skill, epochs: epochs == 9), refit=False)
        assert search.best_params_["epochs"] == 3

    def test_all_failing_is_an_error_that_says_why(self):
        with (
            pytest.warns(FitFailedWarning),
            pytest.raises(ValueError, match=r"candidates failed(.|\n)*too big"),
        ):
            run(Learner(fail=lambda skill, epochs: True))
        with pytest.raises(MemoryError, match="too big"):
            run(Learner(fail=lambda skill, epochs: True), error_score="raise")

    def test_a_small_space(self, tmp_path):
        with pytest.warns(UserWarning, match="total space of parameters 2 is smaller"):
            search = run(Learner(log=tmp_path), space={"skill": [0.2, 0.8]}, refit=False)
        assert search.best_params_ == {"skill": 0.8, "epochs": 9}
        lines = fits(tmp_path)
        assert len(set(lines)) == len(lines)  # drawn again in another bracket, not fitted again
        again = search.cv_results_["mean_fit_time"] == 0
        assert again.any()
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()

    @pytest.mark.parametrize("routing", [False, True])
    def test_metadata(self, routing, tmp_path):
        with config_context(enable_metadata_routing=routing):
            learner = Learner(log=tmp_path)
            if routing:
                learner.set_fit_request(sample_weight=True)
            fit = {"groups": np.arange(60) // 20, "sample_weight": np.ones(60)}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the scorer takes no weights
                run(learner, cv=GroupKFold(3), fit=fit, refit=False, max_resources=3)
            run(learner, max_resources=3)
        assert any(" 40 " in line for line in fits(tmp_path))

    def test_several_scores(self):
        scoring = {
            "good": lambda estimator, X, y: estimator.score(X, y),
            "bad": lambda estimator, X, y: -estimator.score(X, y),
        }
        search = run(Learner(), scoring=scoring, refit="bad")
        results = search.cv_results_
        assert search.best_score_ == results["mean_test_bad"][results["n_resources"] == 9].max()
        skill = np.array(results["param_skill"], dtype=float)
        widest = results["bracket"] == 2
        assert skill[widest & (results["iter"] == 2)] == skill[widest].min()
        with pytest.raises(ValueError, match="must name the one that guides"):
            run(Learner(), scoring=scoring)


class TestRefusals:
    def test_a_resource_under_its_bare_name(self):
        pipe = make_pipeline(StandardScaler(), Learner())
        with pytest.raises(ValueError, match="Did you mean resource='learner__epochs'"):
            run(pipe, space={"learner__skill": [0.1, 0.2]})

    def test_an_unknown_resource(self):
        with pytest.raises(ValueError, match="Learner has no parameter 'n_trees'"):
            run(Learner(), resource="n_trees")

    @pytest.mark.parametrize("form", [dict, lambda space: [space]])
    def test_searching_the_resource(self, form):
        with pytest.raises(ValueError, match="'epochs' is the resource, which Hyperband sets"):
            run(Learner(), space=form({"skill": [0.1], "epochs": [1, 2]}))

    @pytest.mark.parametrize(
        ("wrong", "match"),
        [
            ({"factor": 1}, "The 'factor' parameter"),
            ({"max_resources": 0}, "The 'max_resources' parameter"),
            ({"min_resources": 1.5}, "The 'min_resources' parameter"),
            ({"min_resources": 10}, "min_resources=10 is greater than max_resources=9"),
        ],
    )
    def test_wrong_parameters(self, wrong, match):
        with pytest.raises(ValueError, match=match):
            run(Learner(), **wrong)
        with pytest.raises(ValueError, match=match):
            HyperbandSearchCV(Learner(), SPACE, **{"max_resources": 9, **wrong}).brackets()


class FailsInTheFirstFold(Learner):
    """Fails where it is not shown the first image."""

    def fit(self, X, y):
        if X[0, 0] != globals()["X"][0, 0]:
            raise MemoryError("too big")
        return super().fit(X, y)


@pytest.mark.parametrize("error_score", [np.nan, -np.inf])
def test_a_fold_in_which_all_candidates_fail(error_score):
    with pytest.warns(FitFailedWarning, match="fits failed"):
        search = run(FailsInTheFirstFold(), cv=KFold(2), error_score=error_score, refit=False)
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], error_score)
    assert np.isfinite(search.cv_results_["split1_test_score"]).all()
    assert search.best_index_ == 0
