"""What stands for a network in keys: its configuration, whatever its layers are called."""

import json

import keras
from keras.dtype_policies import DTypePolicyMap

from skfashion._training.keys import digest

# Where a configuration names a layer.
_NAMING = {"name", "keras_history", "input_layers", "output_layers"}


def config_key(network, *, rates=True):
    """Return a digest of a network's configuration: layers, connections, rates if `rates`.

    Keras numbers layers over the process: no names, unless number formats go by them.
    """
    config = keras.saving.serialize_keras_object(network)
    for layer in () if rates else config["config"]["layers"]:
        if layer["class_name"] == "Dropout":
            layer["config"]["rate"] = layer["config"]["rate"] > 0
    names = {name: f"layer_{i}" for i, name in enumerate(dict.fromkeys(_names(config)))}
    if any(isinstance(x.dtype_policy, DTypePolicyMap) for x in network._flatten_layers()):
        names = {}
    return digest(json.dumps(_renamed(config, names), sort_keys=True, default=repr))


def _names(value):
    """Yield the names of all layers in a configuration, as they come."""
    if isinstance(value, dict):
        if _is_policy(value):
            return
        if isinstance(value.get("config"), dict) and isinstance(value["config"].get("name"), str):
            yield value["config"]["name"]
        for part in value.values():
            yield from _names(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _names(part)


def _renamed(value, names, naming=False):
    """Return a configuration with other names in the places where layers are named.

    Elsewhere the same text means something else: "relu" may be an activation and a layer.
    """
    if isinstance(value, dict):
        if _is_policy(value):
            return value
        kept = {k: v for k, v in value.items() if k not in ("build_config", "compile_config")}
        if kept.get("class_name") == "SeedGenerator":
            return None
        # A layer's own seed says how it was made; what it draws is set for every fit.
        return {
            k: _renamed(v, names, naming or k in _NAMING) for k, v in kept.items() if k != "seed"
        }
    if isinstance(value, (list, tuple)):
        return [_renamed(v, names, naming) for v in value]
    return names.get(value, value) if naming and isinstance(value, str) else value


def _is_policy(config):
    """Tell whether a configuration is that of a number format: its name is what it is."""
    return str(config.get("class_name")).endswith("DTypePolicy")
