"""What users write as a search space, turned into what skopt's optimizer can explore."""

import copy
import itertools
import math
import numbers
import warnings

import numpy as np
from skopt.space import Categorical, Dimension, Integer
from skopt.space.space import check_dimension

from skfashion._utils.messages import shown
from skfashion._utils.validation import InvalidParameterError

_PRIORS = ("uniform", "log-uniform")


class Subspace:
    """One dict of a search space; its `dimensions` are sorted by name, as skopt sorts points.

    skopt sends categories through NumPy arrays, which neither tuples nor a mix of types survive.
    Categories other than text, ints, floats or bools alone, or one estimator, are explored under
    names and turned back into themselves in `candidate`.
    """

    def __init__(self, space, n_iter):
        self.n_iter = n_iter
        self.dimensions = {}
        self._values = {}
        for name in sorted(space):
            given = _as_dimension(name, space[name])
            values = given if isinstance(given, list) else getattr(given, "categories", None)
            if values is not None and not _is_plain(values):
                names = _names(values)
                self._values[name] = dict(zip(names, values, strict=True))
                given = Categorical(names, prior=getattr(given, "prior", None))
            self.dimensions[name] = Categorical(given) if isinstance(given, list) else given

    @property
    def size(self):
        """Number of points: an int, or infinity with a `Real` dimension."""
        return math.prod(_size(dimension) for dimension in self.dimensions.values())

    def points(self):
        """Iterate over all points of a finite space, as lists."""
        return map(list, itertools.product(*map(_all_values, self.dimensions.values())))

    def candidate(self, point):
        """Parameter values, as the estimator is to get them, of a point of skopt's."""
        candidate = {}
        for name, value in zip(self.dimensions, point, strict=True):
            value = as_python(value)
            candidate[name] = self._values[name][value] if name in self._values else value
        return candidate


def as_subspaces(search_spaces, n_iter):
    """Read `search_spaces` of `BayesSearchCV` as a list of `Subspace`, or say what is wrong."""
    if isinstance(search_spaces, dict):
        search_spaces = [search_spaces]
    if not isinstance(search_spaces, (list, tuple)):
        raise TypeError(
            "search_spaces must be a dict, or a list of dicts and (dict, n_iter) tuples, "
            f"got {shown(search_spaces)}."
        )
    return [Subspace(space, n) for space, n in _pairs(search_spaces, n_iter)]


def count_iterations(search_spaces, n_iter):
    """How many candidates `search_spaces` asks for, at most."""
    if isinstance(search_spaces, dict):
        return n_iter
    return sum(n for _, n in _pairs(search_spaces, n_iter))


def _pairs(search_spaces, n_iter):
    pairs = []
    for element in search_spaces:
        space, n = (
            element if isinstance(element, tuple) and len(element) == 2 else (element, n_iter)
        )
        if not isinstance(space, dict):
            raise TypeError(
                f"Each search space must be a dict or a (dict, n_iter) tuple, got {shown(element)}."
            )
        if not space:
            raise ValueError("A search space must hold at least one parameter, got {}.")
        if not isinstance(n, numbers.Integral) or n < 1:
            raise ValueError(f"n_iter of a search space must be an int > 0, got {shown(n)}.")
        pairs.append((space, int(n)))
    if not pairs:
        raise ValueError("search_spaces must hold at least one search space, got [].")
    return pairs


def _check_bounds(name, given, bounds):
    if any(isinstance(bound, numbers.Real) and not math.isfinite(bound) for bound in bounds):
        raise ValueError(f"{name}: {shown(given)} is not a range: its bounds must be finite.")


def _as_dimension(name, given):
    """Read one dimension; those that are lists of values are returned as such."""
    if isinstance(given, Dimension):
        # skopt names and rescales dimensions in place; the user's stay as they are.
        _check_bounds(name, given, getattr(given, "bounds", ()))
        return copy.deepcopy(given)
    if isinstance(given, (list, range, np.ndarray)):
        values = list(given)
        if len(values) in (3, 4) and isinstance(values[2], str) and values[2] in _PRIORS:
            raise ValueError(
                f"{name}: a list holds the values to try, and {shown(given)} looks like a range. "
                f"Write a tuple, {shown(tuple(values))}, or skopt.space.Real(...)."
            )
        if not values:
            raise ValueError(f"{name}: {shown(given)} has no value to try.")
        return [as_python(value) for value in values]
    if isinstance(given, tuple) and given:
        is_range = 2 <= len(given) <= 4 and all(
            isinstance(bound, numbers.Real) and not isinstance(bound, bool) for bound in given[:2]
        )
        if not is_range or (len(given) > 2 and given[2] not in _PRIORS):
            return [as_python(value) for value in given]
        _check_bounds(name, given, given[:2])
        with warnings.catch_warnings():
            # skopt warns that lists are to mean values: here they do already.
            warnings.simplefilter("ignore")
            try:
                return check_dimension(given)
            except ValueError as error:
                raise ValueError(f"{name}: {shown(given)} is not a range: {error}.") from error
    hint = ""
    if hasattr(given, "rvs"):
        hint = " Distributions of scipy.stats are for RandomizedSearchCV and HyperbandSearchCV."
    # Both a TypeError and, as skopt has it, a ValueError.
    raise InvalidParameterError(
        f"{name} must be a skopt dimension (Real, Integer, Categorical), a list of values or "
        f"a tuple (low, high) or (low, high, 'log-uniform'), got {shown(given)}.{hint}"
    )


def _is_plain(categories):
    if len(categories) == 1 and hasattr(categories[0], "get_params"):
        # A constant, by which a space says what it is the space of. (A Pipeline has a length.)
        return not hasattr(categories[0], "__len__")
    kinds = {type(as_python(category)) for category in categories}
    if any(category != category for category in categories if isinstance(category, float)):
        return False  # for the surrogate NaN is not a number
    return len(kinds) == 1 and kinds <= {str, int, float, bool}


def _names(categories):
    """Readable names, one per category: they show in `optimizer_results_`."""
    for write in (str, repr):
        names = [write(category) for category in categories]
        if len(set(names)) == len(names):
            return names
    return [f"{i}: {name}" for i, name in enumerate(names)]


def as_python(value):
    """Turn a NumPy scalar into Python's own type; leave anything else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def _size(dimension):
    if isinstance(dimension, Categorical):
        return len(set(dimension.categories))
    if isinstance(dimension, Integer):
        return int(dimension.high) - int(dimension.low) + 1
    return math.inf


def _all_values(dimension):
    if isinstance(dimension, Categorical):
        return list(dict.fromkeys(dimension.categories))
    return range(int(dimension.low), int(dimension.high) + 1)
