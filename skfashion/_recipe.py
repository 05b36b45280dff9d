"""From what an estimator wrote down to the plan that `_training` carries out."""

from skfashion._training import EarlyStopping, Phase, Plan, describe_optimizer


def plan_of(recipe, network_key, adapter_of):
    """Return the plan of a recipe.

    Parameters
    ----------
    recipe : dict
        What `BaseImageClassifier._start` wrote down.
    network_key : callable
        Stage -> hashable that stands for its network, rates of dropout left out.
    adapter_of : callable
        Stage -> `Adapter`.

    Returns
    -------
    Plan
    """
    phases = []
    for stage in recipe["stages"]:
        compiled = recipe.get("network", {}).get("compiled")
        arguments = adapter_of(stage).compile_arguments(compiled)
        structure, numbers = describe_optimizer(arguments["optimizer"])
        phases.append(
            Phase(stage["name"], network_key(stage), structure, numbers, int(stage["epochs"]))
        )
    first = recipe["stages"][0]["parameters"]
    metrics = frozen(first.get("metrics"))
    stopping = recipe["early_stopping"]
    return Plan(
        phases=tuple(phases),
        objective=(
            frozen(recipe["loss"]),
            metrics,
            _routed(first, "loss__", "metrics__"),
            frozen(recipe.get("network", {}).get("compiled")),
        ),
        batch_size=recipe["batch_size"],
        rates=_rates(recipe, first),
        dtype_policy=recipe["dtype_policy"],
        seed=recipe["seed"],
        early_stopping=EarlyStopping(*stopping) if stopping else None,
        start=recipe["start"],
    )


def _rates(recipe, parameters):
    if "network" in recipe:
        return tuple(float(rate) for rate in recipe["network"]["rates"])
    return (float(parameters["model__dropout"]),)


def structure_of(stage):
    """Return what a stage asks its network function for, as hashable data.

    Of the dropout only whether there is any: its rate is a variable of the graph.

    Parameters
    ----------
    stage : dict

    Returns
    -------
    tuple
    """
    parameters = dict(stage["parameters"])
    if "model__dropout" in parameters:
        parameters["model__dropout"] = parameters["model__dropout"] > 0
    return _routed(parameters, "model__")


def frozen(value):
    """Return a hashable stand-in for a parameter that reads the same in every process."""
    if isinstance(value, dict):
        return tuple(sorted((str(k), frozen(v)) for k, v in value.items()))
    if isinstance(value, (list, tuple)):
        return tuple(frozen(v) for v in value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if hasattr(value, "get_config") and not isinstance(value, type):
        return (type(value).__module__, type(value).__qualname__, frozen(value.get_config()))
    if hasattr(value, "__qualname__"):
        return (value.__module__, value.__qualname__)
    return repr(value)


def _routed(parameters, *prefixes):
    return tuple(
        (name, frozen(value))
        for name, value in sorted(parameters.items())
        if name.startswith(prefixes)
    )
