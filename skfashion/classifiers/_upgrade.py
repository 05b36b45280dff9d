"""Fitted state of version 0.1.0, brought to today's."""

from skfashion._training import EarlyStopping, Phase, Plan


def bring_up(estimator):
    """Give an estimator a plan for the recipe that 0.1.0 kept in its place."""
    recipe = vars(estimator).pop("_recipe")
    estimator.__dict__.setdefault("_planar", False)
    estimator.__dict__.setdefault("_mean_weight", 1.0)
    if "network" in recipe:  # of the user's own
        estimator._function = recipe["function"]
    stopping = recipe["early_stopping"]
    estimator._plan = Plan(
        phases=tuple(_phase(estimator, recipe, stage) for stage in recipe["stages"]),
        batch_size=recipe["batch_size"],
        dtype_policy=recipe["dtype_policy"],
        seed=recipe["seed"],
        n_outputs=recipe["n_outputs"],
        early_stopping=EarlyStopping(*stopping) if stopping else None,
        start=recipe["start"],
    )


def _phase(estimator, recipe, stage):
    if "network" in recipe:
        kept = {name: recipe["network"][name] for name in ("key", "config", "rates")}
        network = {**kept, "image_data_format": "channels_last"}
        if kept["config"] is None:
            network["parameters"] = stage["parameters"]
    else:
        network = {k.removeprefix("model__"): v for k, v in stage["parameters"].items()}
    key, rates = estimator._structure(network)
    return Phase(
        name=stage["name"],
        epochs=stage["epochs"],
        network=network,
        network_key=key,
        compile=stage["compile"],
        dropout_rates=rates,
        schedule=stage["schedule"],
    )
