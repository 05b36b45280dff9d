"""Default search spaces, as each search takes them."""

from scipy.stats import loguniform, randint, uniform

from skfashion._utils.search_values import Choice


def _grid(space):
    """Return lists of values; two dicts of them where one value leaves others without effect."""
    grid = {name: list(dim.grid) for name, dim in space.items() if dim.grid}
    idle = {name: space[name].unless for name in grid if getattr(space[name], "unless", None)}
    if not idle:
        return grid
    ((other, value),) = set(idle.values())
    without = {name: values for name, values in grid.items() if name not in idle}
    rest = [each for each in grid[other] if each != value]
    return [{**without, other: [value]}, {**grid, other: rest}]


def _random(space):
    return {name: _distribution(dim) for name, dim in space.items()}


def _distribution(dim):
    if isinstance(dim, Choice):
        return list(dim.values)
    if dim.is_int:
        return randint(dim.low, dim.high + 1)
    if dim.log:
        return loguniform(dim.low, dim.high)
    return uniform(dim.low, dim.high - dim.low)


def _bayes(space):
    from skopt.space import Categorical, Integer, Real

    def convert(dim):
        if isinstance(dim, Choice):
            return Categorical(dim.values)
        kind = Integer if dim.is_int else Real
        return kind(dim.low, dim.high, prior="log-uniform" if dim.log else "uniform")

    return {name: convert(dim) for name, dim in space.items()}


def _optuna(space):
    try:
        from optuna import distributions
    except ImportError as error:
        raise ImportError(
            "kind='optuna' needs Optuna, which is not installed: pip install optuna "
            "optuna-integration[sklearn]"
        ) from error

    def convert(dim):
        if isinstance(dim, Choice):
            return distributions.CategoricalDistribution(dim.values)
        kind = distributions.IntDistribution if dim.is_int else distributions.FloatDistribution
        return kind(dim.low, dim.high, log=dim.log)

    return {name: convert(dim) for name, dim in space.items()}


CONVERTERS = {"grid": _grid, "random": _random, "bayes": _bayes, "optuna": _optuna}
