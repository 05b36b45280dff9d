"""A skopt optimizer that never proposes what it was told, and outlives failures."""

import math
import warnings
from functools import partial

import numpy as np
import skopt
from sklearn.base import clone
from sklearn.ensemble import GradientBoostingRegressor
from skopt.learning import GradientBoostingQuantileRegressor

from skfashion.model_selection._subspaces import as_python
from skfashion.model_selection._surrogate import Surrogate, one_thread

# Random draws before looking at every point of the space, and the most points to look at.
_DRAWS = 50
_MANY = 100_000


class Explorer:
    """Asks a `skopt.Optimizer` for points of a subspace, and tells it their scores.

    It gives `n_points` at a time; where that is one, `n_ahead` of those that are drawn at random.
    """

    def __init__(self, subspace, optimizer, n_points, n_ahead):
        self._subspace = subspace
        self._optimizer = optimizer
        self._n_points = n_points
        self._n_ahead = n_ahead if n_points == 1 else 1
        self._told = set()
        self._failed = []

    def n_steps(self):
        """Return how many times it will be asked, if no other tells of its points."""
        n_drawn = min(self._n_drawn(), self._subspace.n_iter)
        n_chosen = self._subspace.n_iter - n_drawn
        if self._n_points > 1:
            return math.ceil(self._subspace.n_iter / self._n_points)
        return math.ceil(n_drawn / self._n_ahead) + n_chosen

    def _n_drawn(self):
        """Return how many of the next points depend on no score."""
        optimizer = self._optimizer
        return optimizer._n_initial_points if optimizer._initial_samples is None else 0

    def ask(self, n_left):
        """Return points never told before, `n_left` at most; none where the space holds no more."""
        if len(self._told) >= self._subspace.size:
            return []
        points, taken = [], set(self._told)
        with warnings.catch_warnings(), one_thread():
            # Said when skopt replaces a point it has seen; below, all of them are.
            warnings.filterwarnings("ignore", message="The objective has been evaluated")
            ask, n_points = self._optimizer.ask, min(self._n_points, n_left)
            if n_points > 1:
                proposed = ask(n_points=n_points)
            else:
                # For a list of one the surrogate would be fitted twice more.
                n_ahead = max(1, min(self._n_ahead, self._n_drawn(), n_left))
                proposed = (ask() for _ in range(n_ahead))
            for point in proposed:
                if _key(point) in taken:
                    point = self._unseen(taken)
                if point is not None:
                    points.append(point)
                    taken.add(_key(point))
        return points

    def tell(self, points, scores):
        """Tell how points scored: greater is better, what is not finite has failed.

        Returns what skopt's callbacks are called with.
        """
        known = self._optimizer.yi
        losses = [-score if math.isfinite(score) else math.nan for score in scores]
        self._failed += [i for i, loss in enumerate(losses, len(known)) if math.isnan(loss)]
        # A failure counts as the worst that worked, also in hindsight: bad, but on the
        # scale of the others, so that the surrogate still tells those apart.
        both = [*known, *losses]
        worked = [loss for i, loss in enumerate(both) if i not in set(self._failed)]
        worst = max(worked, default=0.0)
        for i in self._failed:
            both[i] = worst
        known[:] = both[: len(known)]
        self._told.update(map(_key, points))
        with one_thread():
            return self._optimizer.tell(points, both[len(known) :])

    def _unseen(self, taken):
        """Draw a random point that is not taken; None if there is none left."""
        optimizer = self._optimizer
        for point in optimizer.space.rvs(_DRAWS, random_state=optimizer.rng):
            if _key(point) not in taken:
                return point
        if self._subspace.size > _MANY:
            return None
        constraint = optimizer.space.constraint
        left = [
            point
            for point in self._subspace.points()
            if _key(point) not in taken and (constraint is None or constraint(point))
        ]
        return left[optimizer.rng.randint(len(left))] if left else None


def _key(point):
    return tuple(map(as_python, point))


def n_drawn(n_iter):
    """Return how many candidates of a search are drawn at random, the first ones."""
    return min(8, max(1, n_iter // 2))


def make_optimizer(subspace, *, random_state, base_estimator="GP", space_constraint=None, **kwargs):
    """Make a `skopt.Optimizer` for a subspace; a constraint is asked with parameter values."""
    given = {
        "n_initial_points": n_drawn(subspace.n_iter),
        # skopt asks for an improvement by 0.01, more than there is among good accuracies, and
        # follows gradients through categories.
        "acq_func": "EI",
        "acq_func_kwargs": {"xi": 0.0},
        "acq_optimizer": "sampling",
        "acq_optimizer_kwargs": {"n_points": 2000},
        # Each surrogate holds a matrix of all candidates before it: 150 MB after 300.
        "model_queue_size": 1,
        **kwargs,
    }
    surrogate = str(base_estimator).upper()
    if surrogate == "GP":
        base_estimator = Surrogate(subspace.weights())
    elif surrogate == "GBRT":
        trees = GradientBoostingRegressor(n_estimators=30, loss="quantile")
        base_estimator = _QuantileTrees(base_estimator=trees)
    if getattr(base_estimator, "random_state", 0) is None:
        # skopt seeds only the surrogates it makes itself.
        seed = random_state.randint(np.iinfo(np.int32).max)
        base_estimator = clone(base_estimator).set_params(random_state=seed)
    if space_constraint is not None:
        space_constraint = partial(_allows, space_constraint, subspace)
    optimizer = skopt.Optimizer(
        list(subspace.dimensions.values()),
        base_estimator=base_estimator,
        space_constraint=space_constraint,
        random_state=random_state,
        **given,
    )
    for name, dimension in zip(subspace.dimensions, optimizer.space.dimensions, strict=True):
        dimension.name = name
    return optimizer


def _allows(constraint, subspace, point):
    """Ask a constraint written for parameter values about a point of skopt's."""
    return constraint(list(subspace.candidate(point).values()))


class _QuantileTrees(GradientBoostingQuantileRegressor):
    """skopt's, which neither scikit-learn 1.6 nor NumPy 2.4 takes as it is."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.estimator_type = "regressor"
        return tags

    def predict(self, X, return_std=False):
        low, median, high = (regressor.predict(X) for regressor in self.regressors_)
        # The quantiles are those of one standard deviation to either side.
        return (median, (high - low) / 2) if return_std else median
