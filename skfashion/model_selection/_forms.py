"""One description of a space, in the words of each searcher."""

from scipy.stats import loguniform, randint, uniform

from skfashion.model_selection._descriptions import Choice


def _grid(description):
    return {name: list(given.grid) for name, given in description.items() if given.grid}


def _random(description):
    return {name: _distribution(given) for name, given in description.items()}


def _distribution(given):
    if isinstance(given, Choice):
        return list(given.values)
    if given.is_int:
        return randint(given.low, given.high + 1)
    if given.log:
        return loguniform(given.low, given.high)
    return uniform(given.low, given.high - given.low)


def _bayes(description):
    from skopt.space import Categorical, Integer, Real

    def dimension(given):
        if isinstance(given, Choice):
            return Categorical(given.values)
        kind = Integer if given.is_int else Real
        return kind(given.low, given.high, prior="log-uniform" if given.log else "uniform")

    return {name: dimension(given) for name, given in description.items()}


def _optuna(description):
    try:
        from optuna import distributions
    except ImportError as error:
        raise ImportError(
            "kind='optuna' needs Optuna, which is not installed: pip install optuna "
            "optuna-integration[sklearn]"
        ) from error

    def distribution(given):
        if isinstance(given, Choice):
            return distributions.CategoricalDistribution(given.values)
        kind = distributions.IntDistribution if given.is_int else distributions.FloatDistribution
        return kind(given.low, given.high, log=given.log)

    return {name: distribution(given) for name, given in description.items()}


FORMS = {"grid": _grid, "random": _random, "bayes": _bayes, "optuna": _optuna}
