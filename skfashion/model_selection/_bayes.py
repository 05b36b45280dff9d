"""scikit-optimize's search, made one that can be left alone with a long job."""

import math
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
import skopt
from scipy.stats import rankdata
from sklearn.utils import check_random_state
from skopt.callbacks import check_callback
from skopt.utils import eval_callbacks

from skfashion._utils.deadline import DeadlineReached, deadline
from skfashion._utils.typing import Array, RandomState, Self
from skfashion._utils.validation import BaseSearchCV, Interval
from skfashion._utils.warnings import warn
from skfashion.model_selection._evaluation import Evaluations, SearchMixin
from skfashion.model_selection._explorer import Explorer, make_optimizer
from skfashion.model_selection._jobs import N_JOBS, n_at_once
from skfashion.model_selection._progress import step, task
from skfashion.model_selection._subspaces import as_subspaces


class BayesSearchCV(SearchMixin, skopt.BayesSearchCV):
    """Bayesian optimization of hyperparameters by cross-validation.

    A surrogate model of the mean test score, fitted to the candidates evaluated so far, proposes
    the next one [1]_. This is `skopt.BayesSearchCV`, with the same parameters in the same order and
    these differences:

    - Categories may be anything: tuples such as ``(256, 128)``, None, estimators, mixed types. A
      list means the values in it, as everywhere in scikit-learn, so ``[4, 8]`` is 4 or 8; a range
      is a tuple, ``(4, 8)``, or a skopt dimension.
    - A candidate that fails, for lack of memory too, gets `error_score` in its row and the search
      goes on; `error_score` is NaN unless given.
    - The surrogate suits short searches: one length scale for all parameters, numbers and layer
      sizes in order even as categories, and scores far below the others cut.
    - No candidate is evaluated twice. One that is proposed again is replaced by one not tried yet,
      so `n_iter` candidates are `n_iter` different rows; a space that holds fewer is tried out,
      with a warning.
    - Folds are drawn once and are the same for all candidates, even where `cv` shuffles without a
      seed.
    - `time_budget` ends the search in time.
    - A best value at a bound of its range is warned of, from eight candidates on.
    - Metadata routing, callbacks of scikit-learn (1.9 and later), a callable `refit`, `fit_params`
      and ``optimizer_kwargs={"base_estimator": "GBRT"}`` work.

    Given an integer `random_state`, a second search proposes the same candidates again. With an
    estimator that keeps finished fits (`memory=`), a search that was killed goes on where it was
    when run again.

    Parameters
    ----------
    search_spaces : dict, or list of dict and (dict, int)
        Parameter names as keys; as values skopt dimensions (`Real`, `Integer`, `Categorical`),
        lists of values, tuples ``(low, high)``, ``(low, high, "log-uniform")``, or what
        `search_space` gives. A list of such dicts is searched one after the other, each for
        `n_iter` candidates or as many as stand beside it.
    optimizer_kwargs : dict, default=None
        Further arguments of `skopt.Optimizer`, such as ``{"base_estimator": "RF"}``. Unless given:
        of the candidates half are drawn at random, eight at most (`n_initial_points`), and the
        others chosen by expected improvement (`acq_func`) among 2,000 points; only the last
        surrogate is kept (`model_queue_size`).
    n_iter : int, default=50
        How many candidates to evaluate, at most.
    fit_params : dict, default=None
        Arguments of the estimator's `fit`. Those given to `fit` itself go first.
    n_jobs : int, "auto" or None, default="auto"
        Fits to run in parallel. Candidates that are drawn at random are evaluated together (not
        with a `time_budget`), after them `n_points` at a time, in all folds. "auto": networks of
        this package side by side on all cores of a CPU under TensorFlow, all else one at a time.
    n_points : int, default=1
        Candidates to propose at a time.
    iid : default="deprecated"
        Ignored.
    random_state : int, RandomState instance or None, default=None
        Decides the candidates, given their scores.
    error_score : "raise" or float, default=nan
        Score of a fit that fails. What is not finite is told to the surrogate as the worst score
        among those that worked.
    time_budget : float, default=None
        Seconds after which no candidate is begun. A classifier of this package that is trained then
        in this process, in whatever thread, ends with the epoch it is in, and its candidate is left
        out of the results: with `memory` and the same integer `random_state`, the next search
        finishes it first. Worker processes and other estimators finish the candidate they are at
        (all `n_points` of them), and it counts. Of `n_points` candidates, a cut one takes the
        others along. The refit comes after, without a limit.

    Attributes
    ----------
    cv_results_ : dict of ndarray
        One row per candidate. ``mean_fit_time`` of one that failed altogether is its time divided
        by the number of folds.
    best_estimator_, best_score_, best_params_, best_index_, scorer_, n_splits_, \
refit_time_, multimetric_
        As in `sklearn.model_selection.GridSearchCV`.
    optimizer_results_ : list of `scipy.optimize.OptimizeResult`
        One per search space that was begun, for the plots of skopt. Categories skopt cannot hold
        are text here.
    stopped_by_time_ : bool
        Whether `time_budget` ended the search.

    Raises
    ------
    ValueError, TypeError
        From `fit`: if `search_spaces` can't be read, before anything is trained, if another
        parameter can't be used, or if all candidates failed.
    TimeoutError
        From `fit`: if no candidate was done within `time_budget`.

    See Also
    --------
    HyperbandSearchCV : Many candidates, most of them trained briefly.
    search_space : Spaces for the classifiers of this package.

    References
    ----------
    .. [1] Snoek, J., Larochelle, H., Adams, R. P. (2012). Practical Bayesian
       Optimization of Machine Learning Algorithms. NeurIPS 25.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skfashion.model_selection import BayesSearchCV
    >>> X, y = load_digits(return_X_y=True)
    >>> space = {
    ...     "hidden_layer_sizes": [(16,), (32,), (32, 16)],
    ...     "learning_rate_init": (1e-4, 1e-1, "log-uniform"),
    ... }
    >>> mlp = MLPClassifier(max_iter=30, early_stopping=True, random_state=0)
    >>> search = BayesSearchCV(mlp, space, n_iter=5, cv=2, random_state=0)
    >>> search = search.fit(X[:300] / 16, y[:300])
    >>> len(search.cv_results_["params"])
    5
    >>> search.best_params_["hidden_layer_sizes"] in space["hidden_layer_sizes"]
    True
    """

    _parameter_constraints = {
        **BaseSearchCV._parameter_constraints,
        "n_jobs": N_JOBS,
        "search_spaces": [dict, list, tuple],
        "optimizer_kwargs": [dict, None],
        "n_iter": [Interval(Integral, 1, None, closed="left")],
        "fit_params": [dict, None],
        "n_points": [Interval(Integral, 1, None, closed="left")],
        "iid": "no_validation",
        "random_state": ["random_state"],
        "time_budget": [Interval(Real, 0, None, closed="neither"), None],
    }

    def __init__(
        self,
        estimator: Any,
        search_spaces: Any,
        optimizer_kwargs: Mapping[str, Any] | None = None,
        n_iter: int = 50,
        scoring: Any = None,
        fit_params: Mapping[str, Any] | None = None,
        n_jobs: int | Literal["auto"] | None = "auto",
        n_points: int = 1,
        iid: Any = "deprecated",
        refit: bool | str | Callable[..., Any] = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        random_state: RandomState = None,
        error_score: float | Literal["raise"] = np.nan,
        return_train_score: bool = False,
        *,
        time_budget: float | None = None,
    ) -> None:
        self.estimator = estimator
        self.search_spaces = search_spaces
        self.optimizer_kwargs = optimizer_kwargs
        self.n_iter = n_iter
        self.scoring = scoring
        self.fit_params = fit_params
        self.n_jobs = n_jobs
        self.n_points = n_points
        self.iid = iid
        self.refit = refit
        self.cv = cv
        self.verbose = verbose
        self.pre_dispatch = pre_dispatch
        self.random_state = random_state
        self.error_score = error_score
        self.return_train_score = return_train_score
        self.time_budget = time_budget

    @property
    def total_iterations(self) -> int:
        """How many candidates `fit` will evaluate, at most."""
        return sum(space.n_iter for space in as_subspaces(self.search_spaces, self.n_iter))

    def fit(
        self,
        X: Array,
        y: Array | None = None,
        *,
        groups: Array | None = None,
        callback: Any = None,
        **fit_params: Mapping[str, Any] | None,
    ) -> Self:
        """Search, then fit the best candidate on all data.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Training samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Targets.
        groups : array-like of shape (n_samples,), default=None
            Groups of the samples, for splitters that keep them together.
        callback : callable or list of callable, default=None
            skopt's callbacks: called with `optimizer_results_` so far after each
            step. One that returns True ends the search of the current space.
        **fit_params
            Arguments of the estimator's `fit`, the scorer and the splitter, as in
            `sklearn.model_selection.GridSearchCV`.

        Returns
        -------
        self : BayesSearchCV
            The fitted search.
        """
        self._validate_params()
        spaces = as_subspaces(self.search_spaces, self.n_iter)
        params = {**(self.fit_params or {}), **fit_params}
        if groups is not None:
            params["groups"] = groups
        callbacks = check_callback(callback)
        with deadline(math.inf if self.time_budget is None else self.time_budget) as limit:
            self._fit_state = spaces, callbacks, limit
            try:
                # Not skopt's fit: it passes on groups=None, which metadata routing
                # takes for groups.
                super().fit(X, y, **params)
            finally:
                del self._fit_state
        # Of fewer candidates one or the other ends up there.
        best = getattr(self, "best_params_", {}) if len(self.cv_results_["params"]) >= 8 else {}
        for name in sorted({name for space in spaces for name in space.at_bounds(best)}):
            warn(
                f"The best candidate has {name.rpartition('__')[2]}={best[name]!r}, at a bound of "
                "its range: better values may lie beyond. Widen the range if they make sense."
            )
        if self.return_train_score:
            self._rank_train_scores()
        return self

    def _run_search(self, evaluate_candidates, *, callback_ctx=None):
        spaces, callbacks, limit = self._fit_state
        self.optimizer_kwargs_ = {
            **(self.optimizer_kwargs or {}),
            "random_state": check_random_state(self.random_state),
        }
        # Not on self before the end: scikit-learn sends the search along with every fit.
        optimizers = [make_optimizer(each, **self.optimizer_kwargs_) for each in spaces]
        self.stopped_by_time_ = False
        # A deadline that cuts a candidate takes those along that are evaluated beside it.
        n_ahead = n_at_once(self) if self.time_budget is None else 1
        explorers = [
            Explorer(*each, self.n_points, n_ahead) for each in zip(spaces, optimizers, strict=True)
        ]
        # Steps can only be counted ahead where no space knows points of another.
        n_steps = explorers[0].n_steps() if len(spaces) == 1 else None
        dimensions = [each.dimensions for each in spaces]
        epochs = [1] * sum(each.n_iter for each in spaces)
        with (
            Evaluations(self, evaluate_candidates, dimensions, epochs) as evaluations,
            task(callback_ctx, "search", self, max_subtasks=n_steps) as context,
        ):
            try:
                for space, explorer in zip(spaces, explorers, strict=True):
                    for result in self._explore(space, explorer, evaluations, limit, context):
                        if eval_callbacks(callbacks, result):
                            break
            except DeadlineReached:
                if not limit.passed():
                    raise  # somebody else's, around this search
                self.stopped_by_time_ = True
            limit.lift()
            if not any(optimizer.Xi for optimizer in optimizers):
                raise TimeoutError(
                    f"No candidate was done within time_budget={self.time_budget:g} s. Give the "
                    "search more; with memory= and an integer random_state it goes on where it "
                    "stopped."
                )
            evaluations.finish()
        self.optimizers_ = optimizers
        self._optim_results = [each.get_result() for each in optimizers if each.Xi]

    def _explore(self, space, explorer, evaluations, limit, context):
        """Evaluate candidates of one space; yield skopt's result after each step."""
        n_left = space.n_iter
        while n_left > 0:
            if limit.passed():
                raise DeadlineReached
            points = explorer.ask(n_left)
            if not points:
                warn(
                    f"The search space holds {space.n_iter - n_left} settings that were not tried "
                    f"before, fewer than n_iter={space.n_iter}; all of them were tried."
                )
                return
            candidates = [space.candidate(point) for point in points]
            # An earlier space may know some of them already.
            new = [each for each in candidates if evaluations.score(each) is None]
            if new:
                with step(context, "candidates", self, len(new)) as below:
                    evaluations.evaluate(new, callback_ctx=below)
            n_left -= len(new)
            yield explorer.tell(points, [evaluations.score(each) for each in candidates])

    def _rank_train_scores(self):
        """Add ``rank_train_*``, which skopt has and scikit-learn hasn't."""
        for column in [name for name in self.cv_results_ if name.startswith("mean_train_")]:
            scores = self.cv_results_[column]
            ranks = rankdata(np.where(np.isnan(scores), np.inf, -scores), method="min")
            self.cv_results_[column.replace("mean", "rank", 1)] = ranks.astype(np.int32)
