"""Networks of the user's own, as plain data."""

import copy
from dataclasses import dataclass
from functools import partial
from types import FunctionType
from uuid import uuid4

import keras

from skfashion._training.cut import config_key
from skfashion._training.loops import to_numpy
from skfashion._training.seeding import build_scope, derive, redraw

# What a layer may be given to call: an activation, an initializer, ...
_CODE = (FunctionType, partial, keras.Initializer, keras.Regularizer, keras.constraints.Constraint)


@dataclass(frozen=True, eq=False)
class Described:
    """What a model function returned.

    Attributes
    ----------
    record : dict
        JSON-able: `key` that stands for the network, its `config` (None if parts of it
        are not Keras' own), how it was `compiled` (None if it was not) and the `rates` of
        its dropout layers.
    weights : list of ndarray
    input_shape, output_shape : tuple
    """

    record: dict
    weights: list
    input_shape: tuple
    output_shape: tuple


def describe_network(make, input_shape, seed, dtype_policy):
    """Build a network once and write down what it is.

    Parameters
    ----------
    make : callable
        Returns the network.
    input_shape : tuple of int
        Of one image, for a network that doesn't say it.
    seed : int
        Of the fit.
    dtype_policy : str or None

    Returns
    -------
    Described

    Raises
    ------
    TypeError
        If `make` returns no Keras model.
    """
    with build_scope(derive(seed, "weights"), dtype_policy, fresh_names=False):
        network = make()
        if not isinstance(network, keras.Model):
            raise TypeError(
                f"model must return a keras.Model, it returned {type(network).__name__}."
            )
        build(network, input_shape)
        redraw(network, seed)
    compiled = network.get_compile_config() if network.compiled else None
    portable = _is_portable(network)
    if portable:
        network = _with_constants(network)
    record = {
        # Without a configuration that can be trusted to say all, nothing is shared.
        "key": config_key(network, rates=False) if portable else uuid4().hex,
        "config": _config_of(network) if portable else None,
        "compiled": compiled,
        "rates": [layer.rate for layer in dropout_layers(network)] if portable else [],
    }
    weights = [to_numpy(w) for w in network.weights]
    shape = (None, *input_shape)
    return Described(
        record,
        weights,
        getattr(network, "input_shape", shape),
        getattr(network, "output_shape", None)
        or network.compute_output_spec(keras.KerasTensor(shape)).shape,
    )


def build(network, input_shape):
    """Build a network that doesn't say itself what it is given.

    Parameters
    ----------
    network : keras.Model
        Changed in place.
    input_shape : tuple of int
        Of one image.
    """
    if not network.built:
        # Not its `build`, which leaves the layers of a subclass without their weights.
        network(keras.KerasTensor((None, *input_shape)))


def network_of(config):
    """Return a new network of a configuration.

    Parameters
    ----------
    config : dict
        From `describe_network`.

    Returns
    -------
    keras.Model
    """
    # Keras takes things out of what it reads.
    return keras.saving.deserialize_keras_object(copy.deepcopy(config), safe_mode=True)


def dropout_layers(network):
    """Return the layers whose rate `with_variable_rates` makes a variable."""
    return [x for x in network.layers if type(x) is keras.layers.Dropout and x.rate > 0]


def _config_of(network):
    config = keras.saving.serialize_keras_object(network)
    config.pop("compile_config", None)
    return config


def _with_constants(network):
    """Return the network with what its `Normalization` layers have learnt in their configuration.

    Keras keeps it in weights that are never read: what is read are tensors made of them by
    `adapt`, which a network that is built anew lacks, and a trace has as constants.
    """
    layers = network._flatten_layers(include_self=False)
    adapted = [x for x in layers if _is_adapted(x)]
    if not adapted:
        return network
    config = _config_of(network)
    numbers = {
        layer.name: {
            "mean": to_numpy(layer.adapt_mean).tolist(),
            "variance": to_numpy(layer.adapt_variance).tolist(),
        }
        for layer in adapted
    }
    for part in _parts(config):
        if part["class_name"] == "Normalization":
            part["config"].update(numbers.get(part["config"]["name"], {}))
    constant = network_of(config)
    left_out = {id(v) for layer in adapted for v in layer.weights}
    constant.set_weights([to_numpy(w) for w in network.weights if id(w) not in left_out])
    return constant


def _is_adapted(layer):
    return type(layer) is keras.layers.Normalization and layer.input_mean is None


def _parts(config):
    """Yield the configurations of all layers within one."""
    for part in config["config"].get("layers", ()):
        yield part
        yield from _parts(part)


def _is_portable(network):
    if type(network) not in (keras.Model, keras.Sequential) and not _is_keras_own(network):
        return False
    return all(
        _is_keras_own(layer)
        and not isinstance(layer, keras.layers.Lambda)
        and all(_is_keras_own(v) for v in vars(layer).values() if isinstance(v, _CODE))
        for layer in network._flatten_layers(include_self=False)
    )


def _is_keras_own(value):
    kind = value if isinstance(value, FunctionType) else type(value)
    return kind.__module__.split(".")[0] == "keras"
