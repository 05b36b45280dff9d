"""Keys: what stands for parameters, arrays, networks and settings of Keras."""

import inspect
import json
from hashlib import blake2b
from uuid import uuid4
from weakref import WeakKeyDictionary

import keras
import numpy as np
from keras.dtype_policies import DTypePolicyMap

from skfashion._training import processes
from skfashion._training.memory import retried
from skfashion._training.seeding import build_scope
from skfashion._utils.cache import Cache
from skfashion._utils.lazy_images import LazyImages
from skfashion.networks._config import is_in_config
from skfashion.networks._layers import DROPOUT_RATES, dropout_layers

_TOKENS = WeakKeyDictionary()  # objects of the user's -> names that nothing else ever has
# Network function and parameters -> key and dropout rates.
_STRUCTURES = Cache("structures", max_entries=100)
# Where a configuration names a layer.
_NAMING = {"name", "keras_history", "input_layers", "output_layers"}
# Of Keras, global, and decide what a network computes.
_SETTINGS = (
    "backend",
    "floatx",
    "epsilon",
    "image_data_format",
    "is_flash_attention_enabled",
    "is_nnx_enabled",
    "max_epochs",
    "max_steps_per_epoch",
)


def token(value):
    """Return a name for an object that no other object has, in this process or another."""
    return _TOKENS.setdefault(value, uuid4().hex)


def by_source(value):
    """Return what an object of the user's says of itself: configuration, name, source code.

    A token where code has no source, or holds variables of the function around it.
    """
    if hasattr(value, "get_config") and not isinstance(value, type):
        return (by_source(type(value)), freeze(value.get_config()))
    if hasattr(value, "__qualname__"):
        return (_public(value.__module__), value.__qualname__, _code_of(value))
    return repr(value)


def freeze(value, stand_in=by_source):
    """Return a hashable stand-in for a parameter, which reads the same in every process.

    What is not plain data is stood in for by `by_source`, or by a `token` of the object.
    """
    if isinstance(value, np.generic):
        return value.item()  # before float and str, which some of these are, with another repr
    if isinstance(value, dict):
        pairs = ((str(k), freeze(v, stand_in)) for k, v in value.items())
        return tuple(sorted(pairs, key=lambda pair: pair[0]))
    if isinstance(value, (list, tuple)):
        return tuple(freeze(v, stand_in) for v in value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.ndarray):
        return ("array", array_digest(value))  # its repr leaves out the middle
    return stand_in(value)


def _public(module):
    """Return the public part of a module's name: files of our own may move, keys must not."""
    return module.partition("._")[0] if module.startswith("skfashion.") else module


def _code_of(value):
    # A notebook defines the same name again and again: what it says now is what counts.
    if value.__module__.split(".")[0] in ("keras", "skfashion"):
        return ""
    functions = vars(value).values() if isinstance(value, type) else [value]
    codes = [getattr(function, "__code__", None) for function in functions]
    held = {name for code in codes for name in getattr(code, "co_freevars", ())}
    try:
        if held <= {"__class__"}:  # which super() needs
            return digest(inspect.getsource(value))
    except (OSError, TypeError):
        pass
    return token(value)


def digest(*parts):
    """Return 32 hexadecimal digits that stand for plain hashable data."""
    return blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def array_digest(array, store=None):
    """Return 32 hexadecimal digits that stand for an array: bytes, shape and dtype.

    Of images that aren't there the digests of rows stand for the bytes; a store knows some.
    """
    if isinstance(array, LazyImages):
        return digest(array.shape, array.dtype.str, *array.row_keys(store))
    array = np.ascontiguousarray(array)
    h = blake2b(repr((array.shape, array.dtype.str)).encode(), digest_size=16)
    h.update(array.view(np.uint8).reshape(-1).data if array.size else b"")
    return h.hexdigest()


def weights_digest(arrays):
    """Return 32 hexadecimal digits that stand for a list of arrays."""
    return digest(*(array_digest(a) for a in arrays))


def keras_settings():
    """Return version and settings of Keras, for the keys of whatever it has computed.

    Beside them stands what kind of program computes it, where that rounds in its own way.
    """
    known = (getattr(keras.config, name, None) for name in _SETTINGS)
    return (keras.__version__, *(setting and setting() for setting in known), *_programs())


def _programs():
    """Return what tells programs from those that Keras' own loop, or a plain graph, would be."""
    if keras.backend.backend() == "jax":
        # Before, Keras' own `fit` trained here: what it left in a store is not gone on from.
        return ("jax_loop",)
    return ("xla_loop",) if processes.compiles_epochs() else ()


def structure_of(function, parameters, dtype_policy):
    """Return what stands for a network without its dropout rates, and these.

    Of a function that doesn't declare its rates, the network that it returns tells.
    """
    rate = parameters.get("dropout", 0.0)
    key = freeze(function), freeze({**parameters, "dropout": rate > 0})
    if function in DROPOUT_RATES:
        declared, since = DROPOUT_RATES[function]
        rates = declared(parameters)
        return digest(*key, *since), rates
    exact = (freeze(function), freeze(parameters), keras_settings())
    known = _STRUCTURES.get(exact)
    if known is None:
        found = _of_built(function, parameters, dtype_policy)
        # Without a configuration that says all, the parameters do.
        found = (digest(*exact), ()) if found is None else (digest(*key, found[0]), found[1])
        known = _STRUCTURES.put(exact, found)
    return known


@retried("building the network")
def _of_built(function, parameters, dtype_policy):
    with build_scope(0, dtype_policy):
        return key_and_rates(function(**parameters))


def key_and_rates(network):
    """Return a network's key without dropout rates, and these; None where its config lacks some."""
    if not is_in_config(network):
        return None
    rates = tuple(float(layer.rate) for layer in dropout_layers(network))
    return config_key(network, rates=False), rates


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
