"""What is trained: first as an estimator writes it down, then as the plan to carry out."""

from skfashion import _training
from skfashion._training import (
    EarlyStopping,
    Phase,
    Plan,
    compile_config,
    describe_optimizer,
    frozen,
)
from skfashion._utils.cache import Recent
from skfashion._utils.config import get_config
from skfashion.classifiers._scikeras import dtype_policy_of
from skfashion.networks._layers import ONE_DROPOUT_RATE

_OPTIMIZERS = Recent(size=1000)  # what decides them -> (structure, numbers)
_STRUCTURES = Recent(size=1000)  # network function, parameters, settings -> (key, rates)


def write_recipe(estimator, stages, compiled, seed):
    """Write down what a fit trains, as data that outlives `set_params` and pickling."""
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


def plan_of(recipe, structure):
    """Return the plan of a recipe, once it has a `start`.

    `structure` returns of a stage what stands for its network, and its dropout rates.
    """
    first = recipe["stages"][0]
    stopping = recipe["early_stopping"]
    structures = [structure(stage) for stage in recipe["stages"]]
    return Plan(
        phases=tuple(
            _phase_of(stage, key)
            for stage, (key, _) in zip(recipe["stages"], structures, strict=True)
        ),
        objective=compile_config.key_of({**first["compile"], "optimizer": None}),
        batch_size=recipe["batch_size"],
        dropout_rates=tuple(float(rate) for rate in structures[0][1]),
        dtype_policy=recipe["dtype_policy"],
        seed=recipe["seed"],
        early_stopping=EarlyStopping(*stopping) if stopping else None,
        start=recipe["start"],
        image_data_format=recipe.get("network", {}).get("image_data_format", "channels_last"),
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
            structure = (structure, compile_config.key_of(data["code"]))
        known = _OPTIMIZERS.put(key, (structure, numbers))
    return known


def structure_of(function, parameters, build):
    """Return what stands for a network without its dropout rates, and these.

    One that isn't declared to have one rate may give each layer its own, or have other layers
    that depend on `dropout`: what the network function returns tells.
    """
    rate = parameters.get("model__dropout", 0.0)
    key = (frozen(function), frozen({**parameters, "model__dropout": rate > 0}))
    if function in ONE_DROPOUT_RATE:
        return key, (rate,)
    exact = (frozen(function), frozen(parameters), _training.keras_settings())
    known = _STRUCTURES.get(exact)
    if known is None:
        known = _training.key_and_rates(build())
        # Without a configuration that says all, the parameters do.
        found = (exact[:2], ()) if known is None else ((*key, known[0]), known[1])
        known = _STRUCTURES.put(exact, found)
    return known


def _routed(parameters, prefix):
    return {name: value for name, value in parameters.items() if name.startswith(prefix)}
