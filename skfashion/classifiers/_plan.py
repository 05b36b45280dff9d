"""What is trained: first as an estimator writes it down, then as the plan to carry out."""

from skfashion._training import (
    EarlyStopping,
    Phase,
    Plan,
    compile_config,
    describe_optimizer,
    frozen,
)
from skfashion._utils.cache import Cache
from skfashion._utils.config import get_config
from skfashion.classifiers._scikeras import dtype_policy_of

_OPTIMIZERS = Cache("optimizers", max_entries=1000)  # what decides one -> (structure, numbers)


def write_recipe(estimator, stages, compiled, seed):
    """Write down what a fit trains, as data that outlives `set_params` and pickling.

    Parameters
    ----------
    estimator : BaseImageClassifier
    stages : list of dict
        From its `_stages`.
    compiled : list of dict
        How the network of each is compiled, see `skfashion._training.compile_config`.
    seed : int
        Of this fit.

    Returns
    -------
    dict
    """
    return {
        "stages": [
            {
                "name": stage["name"],
                "epochs": int(stage["epochs"]),
                "schedule": stage.get("schedule", "constant"),
                "parameters": _routed(stage["parameters"], "model__"),
                "compile": data,
            }
            for stage, data in zip(stages, compiled, strict=True)
        ],
        "batch_size": int(estimator.batch_size),
        "dtype_policy": dtype_policy_of(estimator.dtype_policy),
        "seed": seed,
        "early_stopping": [int(estimator.n_iter_no_change), float(estimator.tol)]
        if estimator.early_stopping
        else None,
    }


def plan_of(recipe, network_key):
    """Return the plan of a recipe.

    Parameters
    ----------
    recipe : dict
        From `write_recipe`, with `start`: digest of the weights it starts from.
    network_key : callable
        Stage -> hashable that stands for its network, rates of dropout left out.

    Returns
    -------
    Plan
    """
    first = recipe["stages"][0]
    stopping = recipe["early_stopping"]
    return Plan(
        phases=tuple(_phase_of(stage, network_key(stage)) for stage in recipe["stages"]),
        objective=compile_config.key_of({**first["compile"], "optimizer": None}),
        batch_size=recipe["batch_size"],
        dropout_rates=_dropout_rates(recipe, first["parameters"]),
        dtype_policy=recipe["dtype_policy"],
        seed=recipe["seed"],
        early_stopping=EarlyStopping(*stopping) if stopping else None,
        start=recipe["start"],
    )


def _phase_of(stage, key):
    optimizer, numbers = _optimizer_of(stage)
    if stage["schedule"] != "constant" and "learning_rate" not in dict(numbers):
        raise ValueError(
            f"schedule={stage['schedule']!r} is a course of a learning rate that is a number, and "
            "this optimizer has a schedule of its own: leave one of them out."
        )
    return Phase(stage["name"], key, optimizer, numbers, stage["epochs"], stage["schedule"])


def _optimizer_of(stage):
    """Return structure and numbers of a stage's optimizer, making it the first time only."""
    data = stage["compile"]["optimizer"]
    key = (compile_config.key_of(data), get_config()["fused_optimizers"])
    known = _OPTIMIZERS.get(key)
    if known is None:
        structure, numbers = describe_optimizer(compile_config.revived(data))
        if "class" in data:  # not Keras' own: there may be another of its name
            structure = (*structure, compile_config.key_of(data["class"]))
        known = _OPTIMIZERS.put(key, (structure, numbers))
    return known


def _dropout_rates(recipe, parameters):
    if recipe.get("network"):
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
    return frozen(parameters)


def _routed(parameters, prefix):
    return {name: value for name, value in parameters.items() if name.startswith(prefix)}
