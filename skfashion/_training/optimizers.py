"""Optimizers as data: what of them is structure, and which numbers are variables."""

import keras

from skfashion._training import settings
from skfashion._training.keys import freeze, token
from skfashion._utils.config import get_config

# Options under which the fused kernels would not do Keras' step.
_UNUSUAL = ("use_ema", "amsgrad", "centered", "loss_scale_factor", "gradient_accumulation_steps")


def describe(data):
    """Split an optimizer into what a program is traced for, hashable, and numbers set for a fit.

    Numbers the backend can't make variables of stay among the constants of the trace.
    """
    options = {name: value for name, value in data["config"].items() if name != "name"}
    fused = _is_fused(_class_of(data), options)
    numbers = tuple(
        (name, float(options.pop(name)))
        for name in ("learning_rate", "weight_decay", "momentum")
        if _is_variable(name, options.get(name), fused)
    )
    names = tuple(name for name, _ in numbers)
    return (freeze({**data, "config": options}, token), names, fused), numbers


def _class_of(data):
    """Return the class of a described optimizer; None where Keras has it elsewhere."""
    return data.get("class") or getattr(keras.optimizers, data["class_name"], None)


def prepared(optimizer, variables, structure, numbers):
    """Return the optimizer, or a fused one, built on the variables, its numbers settable.

    Structure and numbers are what `describe` returned, maybe under other settings.
    """
    if structure[2] is True:
        from skfashion._training import graph

        optimizer = graph.fused(optimizer)
    optimizer.build(variables)
    if "weight_decay" in numbers:
        from skfashion._training import graph

        optimizer.weight_decay = graph.as_variable(optimizer.weight_decay, "weight_decay")
    return optimizer


def number_variables(optimizer, names):
    """Return the variables of an optimizer's numbers, in the order of their names."""
    # Of a loss scale around it Keras hands on the learning rate, and nothing else.
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    return [getattr(optimizer, name) for name in names]


def _is_variable(name, value, fused):
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False  # absent, None or a schedule
    if name == "learning_rate":
        return True
    if keras.backend.backend() != "tensorflow":
        return False
    # Keras asks "momentum != 0" while it traces; our kernels don't.
    return name == "weight_decay" or (bool(value) and fused)


def _is_fused(kind, options):
    if keras.backend.backend() != "tensorflow" or not get_config()["fused_optimizers"]:
        return False
    if settings.compiles_epochs():
        return False  # the kernels are a CPU's
    from skfashion._training import graph

    return kind in graph.FUSED and not any(options.get(name) for name in _UNUSUAL)
