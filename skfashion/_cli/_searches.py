"""The searches, telling of each candidate as soon as it is done."""

import math

from joblib import effective_n_jobs
from sklearn import model_selection as sklearn_searches
from sklearn.model_selection import ParameterGrid, ParameterSampler

from skfashion import model_selection as searches
from skfashion.model_selection._evaluation import Evaluations, SearchMixin


class TellingMixin(SearchMixin):
    """Calls `tell` with the parameters and the scores of each candidate."""

    # On the class, because it is no parameter.
    tell = None
    _n_told = 0

    def _run_search(self, evaluate_candidates):
        super()._run_search(self._telling(evaluate_candidates))

    def _telling(self, evaluate_candidates):
        """Return the same function, which tells of candidates that fail."""

        def evaluate(candidates, **settings):
            candidates = list(candidates)
            try:
                return evaluate_candidates(candidates, **settings)
            except ValueError:
                for parameters in candidates:
                    self.tell(parameters, [math.nan])
                raise

        return evaluate

    def _format_results(self, candidate_params, n_splits, out, more_results=None):
        for i in range(self._n_told, len(candidate_params)):
            fits = out[i * n_splits : (i + 1) * n_splits]
            self.tell(candidate_params[i], [fit["test_scores"] for fit in fits])
        self._n_told = len(candidate_params)
        return super()._format_results(candidate_params, n_splits, out, more_results)

    def __getstate__(self):
        # Worker processes get a copy of the search, and have nothing to tell.
        return {name: value for name, value in super().__getstate__().items() if name != "tell"}


class _OneByOneMixin(TellingMixin):
    """A search that knows all its candidates, and evaluates a few at a time."""

    def _run_search(self, evaluate_candidates):
        candidates = self._candidates()
        # As many as it takes to give every process a fit.
        step = math.ceil(effective_n_jobs(self.n_jobs) / self.n_splits_)
        with Evaluations(self, self._telling(evaluate_candidates)) as evaluations:
            for start in range(0, len(candidates), step):
                evaluations.evaluate(candidates[start : start + step])
            evaluations.finish()


class BayesSearchCV(TellingMixin, searches.BayesSearchCV):
    """`BayesSearchCV`, telling."""


class HyperbandSearchCV(TellingMixin, searches.HyperbandSearchCV):
    """`HyperbandSearchCV`, telling at the end of each rung."""


class GridSearchCV(_OneByOneMixin, sklearn_searches.GridSearchCV):
    """`GridSearchCV`, telling."""

    def _candidates(self):
        return list(ParameterGrid(self.param_grid))


class RandomizedSearchCV(_OneByOneMixin, sklearn_searches.RandomizedSearchCV):
    """`RandomizedSearchCV`, telling."""

    def _candidates(self):
        return list(
            ParameterSampler(self.param_distributions, self.n_iter, random_state=self.random_state)
        )


def make_search(kind, pipeline, space, *, candidates, epochs, cv, jobs, seed):
    """Make a search and say how much work it is."""
    common = {"cv": cv, "n_jobs": jobs}
    if kind == "grid":
        search = GridSearchCV(pipeline, space, **common)
        return search, len(search._candidates())
    if kind == "hyperband":
        search = HyperbandSearchCV(
            pipeline,
            space,
            resource="classifier__epochs",
            max_resources=epochs,
            random_state=seed,
            **common,
        )
        return search, int(search.brackets()["n_candidates"].sum())
    if kind == "random":
        search = RandomizedSearchCV(pipeline, space, n_iter=candidates, random_state=seed, **common)
        return search, len(search._candidates())
    at_a_time = math.ceil(effective_n_jobs(jobs) / len(cv))
    search = BayesSearchCV(
        pipeline,
        space,
        n_iter=candidates,
        n_points=at_a_time,
        optimizer_kwargs={"n_initial_points": n_drawn(candidates)},
        random_state=seed,
        **common,
    )
    return search, candidates


def n_drawn(candidates):
    """Return how many candidates of a Bayesian search are drawn at random, the first ones.

    scikit-optimize draws ten, which of a short search would leave few to choose, or none.
    """
    return min(10, max(1, candidates // 2))
