"""What users write as a search space, turned into what skopt's optimizer can explore."""

import copy
import itertools
import math
import numbers
import warnings

import numpy as np
from scipy.linalg import block_diag
from scipy.stats import rankdata
from skopt.space import Categorical, Dimension, Integer, Real
from skopt.space.space import check_dimension

from skfashion._utils.messages import shown
from skfashion._utils.validation import InvalidParameterError

_PRIOR_OF = {"uniform": "uniform", "loguniform": "log-uniform"}
_PRIORS = tuple(_PRIOR_OF.values())


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
            if isinstance(given, list):
                given = Categorical(dict.fromkeys(given))  # skopt takes each value once only
            self.dimensions[name] = given

    @property
    def size(self):
        """Number of points: an int, or infinity with a `Real` dimension."""
        values = map(_all_values, self.dimensions.values())
        return math.prod(math.inf if each is None else len(each) for each in values)

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

    def weights(self):
        """Return what turns skopt's columns into those of the surrogate.

        Categories that have a size lie in a row from 0 to 1, others each as far from the others.
        """
        blocks = []
        for name, dimension in self.dimensions.items():
            categories = getattr(dimension, "categories", ())
            sizes = [_magnitude(self._values.get(name, {}).get(each, each)) for each in categories]
            if len(categories) <= 2:
                blocks.append([[1.0]])
            elif all(map(math.isfinite, sizes)):
                blocks.append((rankdata(sizes)[:, np.newaxis] - 1) / (len(sizes) - 1))
            else:
                blocks.append(np.eye(len(sizes)) / 2)
        return block_diag(*blocks)

    def at_bounds(self, candidate):
        """Return which values lie within a hundredth of their range from a bound of it."""
        if candidate.keys() != self.dimensions.keys():
            return []  # another space's
        return [name for name, each in self.dimensions.items() if _at_bound(each, candidate[name])]


def as_subspaces(search_spaces, n_iter):
    """Read `search_spaces` of `BayesSearchCV` as a list of `Subspace`, or say what is wrong."""
    if isinstance(search_spaces, dict):
        search_spaces = [search_spaces]
    subspaces = []
    for element in search_spaces:
        is_pair = isinstance(element, tuple) and len(element) == 2
        space, n = element if is_pair else (element, n_iter)
        if not isinstance(space, dict):
            raise TypeError(
                f"Each search space must be a dict or a (dict, n_iter) tuple, got {shown(element)}."
            )
        if not space:
            raise ValueError("A search space must hold at least one parameter, got {}.")
        if not isinstance(n, numbers.Integral) or n < 1:
            raise ValueError(f"n_iter of a search space must be an int > 0, got {shown(n)}.")
        subspaces.append(Subspace(space, int(n)))
    if not subspaces:
        raise ValueError("search_spaces must hold at least one search space, got [].")
    return subspaces


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
    kind = getattr(getattr(given, "dist", None), "name", None)
    if kind == "randint":
        return Integer(*map(int, given.support()))
    if kind in _PRIOR_OF:
        return Real(*given.support(), prior=_PRIOR_OF[kind])
    # Both a TypeError and, as skopt has it, a ValueError.
    raise InvalidParameterError(
        f"{name} must be a skopt dimension (Real, Integer, Categorical), a list of values, a tuple "
        "(low, high) or (low, high, 'log-uniform'), or randint, uniform or loguniform of "
        f"scipy.stats, got {shown(given)}."
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
    names = list(map(str, categories))
    if len(set(names)) == len(names):
        return names
    return [f"{i}: {name}" for i, name in enumerate(names)]


def _magnitude(value):
    """Return how large a number is, or layers such as (256, 128) or "256-128"; NaN if neither."""
    parts = value.split("-") if isinstance(value, str) else value
    try:
        return float(np.sum(np.array(parts, float)))
    except (TypeError, ValueError):
        return math.nan


def _at_bound(dimension, value):
    if isinstance(dimension, Categorical) or not isinstance(value, numbers.Real):
        return False
    bounds = np.array([dimension.low, value, dimension.high], float)
    low, here, high = np.log(bounds) if dimension.prior == "log-uniform" else bounds
    # Below zero there is nothing to try.
    ends = [high] if dimension.low == 0 else [low, high]
    return any(abs(here - end) < 0.01 * (high - low) for end in ends)


def as_python(value):
    """Turn a NumPy scalar into Python's own type; leave anything else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def _all_values(dimension):
    """Return the values of a dimension, None for those of a `Real`."""
    if isinstance(dimension, Categorical):
        return list(dict.fromkeys(dimension.categories))
    if isinstance(dimension, Integer):
        return range(int(dimension.low), int(dimension.high) + 1)
    return None
