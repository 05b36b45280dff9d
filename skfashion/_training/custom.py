"""Networks of the user's own, as plain data."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

import keras
import numpy as np

from skfashion._training.keys import key_and_rates
from skfashion._training.loops import to_arrays, to_numpy
from skfashion._training.memory import retried
from skfashion._training.seeding import build_scope, derive, redraw
from skfashion.networks._config import config_of


@dataclass(frozen=True, eq=False)
class Described:
    """What a model function returned."""

    record: dict  # JSON-able: `key`, `config` or None, `image_data_format`, `compiled`, `rates`
    weights: list
    input_shape: tuple
    output_shape: tuple
    output_range: Callable  # of the network before it is trained


@retried("building the network")
def describe_network(make, input_shape, seed, dtype_policy):
    """Build a network once and write down what it is."""
    with build_scope(derive(seed, "weights"), dtype_policy, None, fresh_names=False):
        network = make()
        if not isinstance(network, keras.Model):
            raise TypeError(
                f"model must return a keras.Model, it returned {type(network).__name__}."
            )
        build(network, input_shape)
        redraw(network, seed)
    learnt = write_down_statistics(network)
    known = key_and_rates(network)
    weights = [w for w in network.weights if known is None or id(w) not in learnt]
    # Without a configuration that says all, nothing is shared.
    key, rates = known or (uuid4().hex, ())
    record = {
        "key": key,
        "config": None if known is None else config_of(network),
        "image_data_format": keras.config.image_data_format(),
        "compiled": network.get_compile_config() if network.compiled else None,
        "rates": list(rates),
    }
    shape = (None, *input_shape)
    return Described(
        record,
        to_arrays(weights),
        getattr(network, "input_shape", shape),
        _output_shape(network, shape),
        partial(_output_range, network, input_shape),
    )


def _output_shape(network, shape):
    """Return the shape of what a network returns; of a dict or several outputs, all shapes."""
    told = getattr(network, "output_shape", None)
    if told and not isinstance(getattr(network, "output", None), dict):
        return told
    # Of one output in a dict Keras tells as if it were alone.
    outputs = network.compute_output_spec(keras.KerasTensor(shape))
    return keras.tree.map_structure(lambda output: output.shape, outputs)


def _output_range(network, input_shape):
    """Return the least and greatest output, of a few noisy images unless the last layer tells."""
    last = network.layers[-1] if network.layers else network
    activation = getattr(getattr(last, "activation", None), "__name__", None)
    if activation in ("softmax", "sigmoid") or isinstance(last, keras.layers.Softmax):
        return 0.0, 1.0
    noise = np.random.default_rng(0).uniform(0, 255, (4, *input_shape)).astype(np.float32)
    outputs = keras.ops.convert_to_numpy(network(noise, training=False))
    return float(outputs.min()), float(outputs.max())


def build(network, input_shape):
    """Build a network in place that doesn't say itself what it is given."""
    if not network.built:
        # Not its `build`, which leaves the layers of a subclass without their weights.
        network(keras.KerasTensor((None, *input_shape)))


def network_of(config):
    """Return a new network of a configuration."""
    # Keras takes things out of what it reads.
    return keras.saving.deserialize_keras_object(copy.deepcopy(config), safe_mode=True)


def write_down_statistics(network):
    """Let the configuration say what `Normalization` layers have learnt; return their weights."""
    # What is read are tensors that `adapt` makes of these weights, which a network that is built
    # anew lacks, and a trace has as constants.
    learnt = set()
    for layer in network._flatten_layers(include_self=False):
        if type(layer) is keras.layers.Normalization and layer.input_mean is None:
            learnt |= {id(w) for w in layer.weights}
            layer.input_mean = to_numpy(layer.adapt_mean)
            layer.input_variance = to_numpy(layer.adapt_variance)
    return learnt
