"""Hyperband on scikit-learn's search base."""

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
from sklearn.model_selection import ParameterSampler
from sklearn.utils import check_random_state

from skfashion._utils.typing import Frame, RandomState
from skfashion._utils.validation import BaseSearchCV, Interval
from skfashion.model_selection._brackets import plan_brackets
from skfashion.model_selection._evaluation import Evaluations, SearchMixin
from skfashion.model_selection._jobs import N_JOBS
from skfashion.model_selection._progress import step, task


class HyperbandSearchCV(SearchMixin, BaseSearchCV):
    """Many random candidates trained briefly, the best of them longer.

    Successive halving has to choose between many candidates and long training. Hyperband [1]_ runs
    it several times, as *brackets*, from many candidates with few epochs each to a few trained in
    full from the start. Bracket *s* has *s* + 1 rungs; from each, one candidate in `factor` goes on
    to the next with `factor` times the epochs.

    Sizes are those published, rounded down, where scikit-learn's halving rounds up: with 81 epochs
    and a factor of 3, the widest bracket trains 81, 27, 9, 3 and 1 candidates for 1, 3, 9, 27 and
    81 epochs, the next 34, 11, 3 and 1 for 3 epochs or more. `brackets` shows the plan before
    anything is run.

    A candidate that goes on differs in nothing but the resource, and meets the same folds. An
    estimator that keeps its fits (`memory=`, with an integer `random_state`) therefore trains it
    further instead of again, unless its learning rate depends on the number of epochs
    (``schedule="cosine"``).

    Parameters
    ----------
    param_distributions : dict or list of dict
        Parameter names as keys; lists or distributions with a method `rvs` (such as those of
        `scipy.stats`) as values, as in `sklearn.model_selection.RandomizedSearchCV`.
    resource : str, default="epochs"
        The parameter that says how long to train, under its name in `estimator`: in a Pipeline
        ``"<step>__epochs"``.
    max_resources : int, default=81
        Most of the resource for one candidate.
    min_resources : int, default=1
        Least of it.
    factor : float, default=3
        One candidate in `factor` goes on, with `factor` times the resource. Greater than 1.
    random_state : int, RandomState instance or None, default=None
        Draws the candidates.
    error_score : "raise" or float, default=nan
        Score of a fit that fails. A candidate whose score is not finite goes no further.

    Attributes
    ----------
    cv_results_ : dict of ndarray
        One row per candidate and rung, with the columns ``bracket``, ``iter`` (the rung within its
        bracket, from 0) and ``n_resources`` beside scikit-learn's. A candidate drawn again with the
        same resource is not trained again: its row has the scores known and zero seconds.
    best_index_ : int
        Row of the best mean test score among those with the most resources that did not fail. That
        is as scikit-learn's halving chooses; Li et al. would take the best of all rungs, whose
        scores after few epochs are noisier and whose parameters say less about a model trained in
        full. ``rank_test_score`` ranks all rows.
    best_estimator_, best_score_, best_params_, scorer_, n_splits_, refit_time_, multimetric_
        As in `sklearn.model_selection.GridSearchCV`.

    Raises
    ------
    ValueError
        From `fit`: if a parameter can't be used, or all candidates failed.

    See Also
    --------
    BayesSearchCV : Fewer candidates, each trained in full and chosen with care.
    search_space : Spaces for the classifiers of this package.

    References
    ----------
    .. [1] Li, L., Jamieson, K., DeSalvo, G., Rostamizadeh, A., Talwalkar, A. (2018).
       Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization.
       Journal of Machine Learning Research 18(185).

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import SGDClassifier
    >>> from skfashion.model_selection import HyperbandSearchCV
    >>> X, y = load_digits(return_X_y=True)
    >>> search = HyperbandSearchCV(
    ...     SGDClassifier(tol=None, random_state=0),
    ...     {"alpha": loguniform(1e-6, 1e-1)},
    ...     resource="max_iter",
    ...     max_resources=9,
    ...     cv=2,
    ...     random_state=0,
    ... )
    >>> search.brackets()
       bracket  iter  n_candidates  n_resources  total  total_continued
    0        2     0             9            1      9                9
    1        2     1             3            3      9                6
    2        2     2             1            9      9                6
    3        1     0             5            3     15               15
    4        1     1             1            9      9                6
    5        0     0             3            9     27               27
    >>> search = search.fit(X[:300], y[:300])
    >>> len(search.cv_results_["params"])
    22
    >>> search.best_params_["max_iter"]
    9
    """

    _parameter_constraints = {
        **BaseSearchCV._parameter_constraints,
        "n_jobs": N_JOBS,
        "param_distributions": [dict, list],
        "resource": [str],
        "max_resources": [Interval(Integral, 1, None, closed="left")],
        "min_resources": [Interval(Integral, 1, None, closed="left")],
        "factor": [Interval(Real, 1, None, closed="neither")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any,
        param_distributions: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        resource: str = "epochs",
        max_resources: int = 81,
        min_resources: int = 1,
        factor: float = 3,
        scoring: Any = None,
        n_jobs: int | Literal["auto"] | None = "auto",
        refit: bool | str | Callable[..., Any] = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        random_state: RandomState = None,
        error_score: float | Literal["raise"] = np.nan,
        return_train_score: bool = False,
    ) -> None:
        self.estimator = estimator
        self.param_distributions = param_distributions
        self.resource = resource
        self.max_resources = max_resources
        self.min_resources = min_resources
        self.factor = factor
        self.scoring = scoring
        self.n_jobs = n_jobs
        self.refit = refit
        self.cv = cv
        self.verbose = verbose
        self.pre_dispatch = pre_dispatch
        self.random_state = random_state
        self.error_score = error_score
        self.return_train_score = return_train_score

    def brackets(self) -> Frame:
        """Tabulate what `fit` is going to run, without running it.

        Returns
        -------
        brackets : pandas.DataFrame
            A row per rung, in the order of running: `bracket`, `iter`, `n_candidates`,
            `n_resources` (for each of them) and what the rung costs per fold, in units of the
            resource: `total` where every rung trains from the start, `total_continued` where
            candidates are trained further. Sums of these columns are the cost of the search,
            `n_splits` times.
        """
        self._validate_params()
        if self.min_resources > self.max_resources:
            raise ValueError(
                f"min_resources={self.min_resources} is greater than "
                f"max_resources={self.max_resources}."
            )
        return plan_brackets(self.max_resources, self.min_resources, self.factor)

    def _run_search(self, evaluate_candidates, *, callback_ctx=None):
        self._check_resource()
        random_state = check_random_state(self.random_state)
        plan = self.brackets()
        # One that goes on trains what it hasn't yet.
        trained = plan["total_continued"] // plan["n_candidates"]
        epochs = trained.repeat(plan["n_candidates"]).tolist()
        spaces = [{self.resource: [self.max_resources]}, *self._spaces]
        with (
            Evaluations(self, evaluate_candidates, spaces, epochs) as evaluations,
            task(callback_ctx, "search", self, max_subtasks=len(plan)) as context,
        ):
            for rung in plan.itertuples():
                if rung.iter == 0:
                    # A list of few values may hold fewer candidates than are wanted.
                    space, n = self.param_distributions, rung.n_candidates
                    candidates = list(ParameterSampler(space, n, random_state=random_state))
                candidates = candidates[: rung.n_candidates]
                if candidates:
                    scores = self._evaluate(rung, candidates, evaluations, context)
                    candidates = [candidates[i] for i in _best_first(scores)]
            evaluations.finish()
        self.n_brackets_ = plan["bracket"].nunique()

    def _evaluate(self, rung, candidates, evaluations, context):
        columns = ("bracket", "iter", "n_resources")
        with step(context, "rung", self, len(candidates)) as below:
            return evaluations.evaluate(
                [{**candidate, self.resource: rung.n_resources} for candidate in candidates],
                more_results={name: [getattr(rung, name)] * len(candidates) for name in columns},
                callback_ctx=below,
            )

    @property
    def _spaces(self):
        given = self.param_distributions
        return [given] if isinstance(given, dict) else given

    def _check_resource(self):
        known = self.estimator.get_params()
        if self.resource not in known:
            inner = sorted(name for name in known if name.endswith(f"__{self.resource}"))
            hint = f" Did you mean resource={' or '.join(map(repr, inner))}?" if inner else ""
            raise ValueError(
                f"{type(self.estimator).__name__} has no parameter {self.resource!r} to use as "
                f"resource.{hint}"
            )
        if any(self.resource in space for space in self._spaces):
            raise ValueError(
                f"{self.resource!r} is the resource, which Hyperband sets itself: take it out of "
                "param_distributions, or choose another resource."
            )

    @staticmethod
    def _select_best_index(refit, refit_metric, results):
        scores = None if callable(refit) else results[f"mean_test_{refit_metric}"]
        if scores is None or not np.isfinite(scores).any():  # each failed in some fold
            return BaseSearchCV._select_best_index(refit, refit_metric, results)
        done = _best_first(scores)
        n_resources = results["n_resources"][done]
        return done[n_resources == n_resources.max()][0]


def _best_first(scores):
    """Order candidates that did not fail by score, the best first, ties as they come."""
    scores = np.asarray(scores, dtype=float)
    order = np.argsort(-scores, kind="stable")
    return order[np.isfinite(scores[order])]
