"""Networks of the user's own, as plain data."""

from dataclasses import dataclass
from uuid import uuid4

import keras

from skfashion._training.cut import config_key
from skfashion._training.loops import to_numpy
from skfashion._training.seeding import build_scope, derive


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
    output_shape : tuple
    """

    record: dict
    weights: list
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
    with build_scope(derive(seed, "weights"), dtype_policy):
        network = make()
        if not isinstance(network, keras.Model):
            raise TypeError(
                f"model must return a keras.Model, it returned {type(network).__name__}."
            )
        if not network.built:
            network.build((None, *input_shape))
    portable = _is_portable(network)
    record = {
        # Without a configuration that can be trusted to say all, nothing is shared.
        "key": config_key(network, rates=False) if portable else uuid4().hex,
        "config": keras.saving.serialize_keras_object(network) if portable else None,
        "compiled": network.get_compile_config() if network.compiled else None,
        "rates": [layer.rate for layer in dropout_layers(network)] if portable else [],
    }
    if record["config"]:
        record["config"].pop("compile_config", None)
    weights = [to_numpy(w) for w in network.weights]
    return Described(record, weights, network.output_shape)


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
    return keras.saving.deserialize_keras_object(config, safe_mode=True)


def dropout_layers(network):
    """Return the layers whose rate `with_variable_rates` makes a variable."""
    return [x for x in network.layers if type(x) is keras.layers.Dropout and x.rate > 0]


def _is_portable(network):
    if type(network) not in (keras.Model, keras.Sequential) and (
        type(network).__module__.split(".")[0] != "keras"
    ):
        return False
    return all(
        type(layer).__module__.split(".")[0] == "keras"
        and not isinstance(layer, keras.layers.Lambda)
        for layer in network._flatten_layers(include_self=False)
    )
