"""Optimizers as data: what of them is structure, and which numbers are variables."""

import json

import keras

from skfashion._training.plan import frozen
from skfashion._utils.config import get_config

# Options under which the fused kernels would not do Keras' step.
_UNUSUAL = ("use_ema", "amsgrad", "centered", "loss_scale_factor", "gradient_accumulation_steps")


def describe(optimizer):
    """Split an optimizer into its hashable structure and its numbers, set anew for every fit.

    Numbers that the backend can't make variables of are among the structure's constants.
    """
    config = keras.saving.serialize_keras_object(optimizer)
    options = config["config"]
    options.pop("name", None)
    numbers = tuple(
        (name, float(options.pop(name)))
        for name in ("learning_rate", "weight_decay", "momentum")
        if _is_variable(optimizer, name, options.get(name))
    )
    names = tuple(name for name, _ in numbers)
    constants = json.dumps(config, sort_keys=True, default=repr)
    return (frozen(type(optimizer)), names, _is_fused(optimizer), constants), numbers


def prepared(optimizer, variables, structure, numbers):
    """Return the optimizer, or a fused one, built on the variables, its numbers settable.

    Structure and numbers are what `describe` returned, maybe under other settings.
    """
    if structure[2] is True:
        from skfashion._training import graph

        optimizer = graph.fused(optimizer)
    optimizer.build(variables)
    if "weight_decay" in dict(numbers):
        from skfashion._training import graph

        optimizer.weight_decay = graph.as_variable(optimizer.weight_decay)
    return optimizer


def set_numbers(optimizer, numbers):
    """Set the numbers that are variables of the graph."""
    # Of a loss scale around it Keras hands on the learning rate, and nothing else.
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    for name, value in numbers:
        getattr(optimizer, name).assign(value)


def _is_variable(optimizer, name, value):
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False  # absent, None or a schedule
    if name == "learning_rate":
        return True
    if keras.backend.backend() != "tensorflow":
        return False
    # Keras asks "momentum != 0" while it traces; our kernels don't.
    return name == "weight_decay" or (bool(value) and _is_fused(optimizer))


def _is_fused(optimizer):
    if keras.backend.backend() != "tensorflow" or not get_config()["fused_optimizers"]:
        return False
    from skfashion._training import graph

    options = optimizer.get_config()
    return type(optimizer) in graph.FUSED and not any(options.get(name) for name in _UNUSUAL)
