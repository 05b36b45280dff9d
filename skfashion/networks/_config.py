"""What Keras rebuilds from a configuration alone, and what is code or state of the user's."""

from types import FunctionType

import keras


def config_of(network):
    """Return the configuration of a network, without what it was compiled with."""
    config = keras.saving.serialize_keras_object(network)
    config.pop("compile_config", None)
    return config


def is_in_config(value):
    """Tell whether a configuration says all of a network, a layer, a function, a loss, ..."""
    return next(beyond_config(value), None) is None


def beyond_config(value):
    """Yield what Keras can't make again from a configuration: foreign code, adapted state."""
    # A name isn't enough: another function may have it, here or in the process that reads it.
    if isinstance(value, FunctionType):
        if not _is_found_again(value):
            yield value
    elif isinstance(value, keras.Layer):
        for layer in value._flatten_layers():
            for part in {id(p): p for p in (layer, *getattr(layer, "operations", ()))}.values():
                yield from _beyond(part)
    else:
        yield from _beyond(value)


def _beyond(value):
    """Do so for one object, its layers left out."""
    # What a layer learns by `adapt` isn't in its configuration.
    adapted = hasattr(value, "adapt") and getattr(value, "input_mean", None) is None
    if not _is_known(type(value)) or isinstance(value, keras.layers.Lambda) or adapted:
        yield type(value) if hasattr(value, "get_config") else value
        return
    if isinstance(value, keras.Model):
        return  # its layers are its configuration; the rest is how it was compiled
    wraps_its_own = isinstance(value, (keras.Loss, keras.Metric))
    for name, held in vars(value).items():
        if isinstance(held, FunctionType) and (wraps_its_own or hasattr(type(value), name)):
            if not _is_known(held):
                yield held
        elif isinstance(held, keras.Optimizer) or (
            callable(held) and not isinstance(held, keras.Layer)
        ):
            yield from beyond_config(held)
    for node in getattr(value, "_inbound_nodes", ()):  # keras.ops.map is given a function there
        given = keras.tree.flatten([node.arguments.args, node.arguments.kwargs])
        yield from (argument for argument in given if callable(argument))


def _is_known(code):
    return code.__module__.split(".")[0] in ("keras", "skfashion")


def _is_found_again(function):
    if not _is_known(function):
        return False
    try:
        config = keras.saving.serialize_keras_object(function)
        return keras.saving.deserialize_keras_object(config) is function
    except (TypeError, ValueError):
        return False
