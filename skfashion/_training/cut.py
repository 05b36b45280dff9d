"""Where a network can be cut: below, a fixed function of one image; above, what trains."""

import json
from dataclasses import dataclass

import keras
import numpy as np

from skfashion._training.keys import digest
from skfashion.networks._layers import FixedBatchNormalization

# Where a configuration names a layer.
_NAMING = {"name", "keras_history", "input_layers", "output_layers"}


@dataclass(frozen=True, eq=False)
class Segment:
    """A stretch of the lower part, from the images or the segment before.

    Attributes
    ----------
    model : keras.Model
    key : str
        Digest of the configuration of all from the images to its end.
    weights : list of int
        Which of the network's weights belong to it.
    """

    model: keras.Model
    key: str
    weights: list


@dataclass(frozen=True, eq=False)
class Split:
    """A network in two parts that share its layers.

    Attributes
    ----------
    lower : keras.Model or None
        From the images to the last single tensor that nothing trainable or random comes
        before. None where that is the input, or no weights lie below it.
    upper : keras.Model
        The rest.
    segments : list of Segment
        The lower part, in one piece or several: see `_resting_places`.
    upper_weights : list of int
        Which of the network's weights belong to the upper part.
    """

    lower: keras.Model | None
    upper: keras.Model
    segments: list
    upper_weights: list


def whole(network):
    """Return the split of a network that is not cut."""
    return Split(None, network, [], list(range(len(network.weights))))


def split(network):
    """Cut a network at the last single tensor below everything that changes.

    Every node lies on a way from the one input to the one output; so a tensor that no
    connection leads past, in topological order, is one that all ways lead through.

    Parameters
    ----------
    network : keras.Model

    Returns
    -------
    Split
    """
    nodes = _nodes(network)
    position = {id(node): i for i, node in enumerate(nodes)}
    reach = [i for i, _ in enumerate(nodes)]
    for i, node in enumerate(nodes):
        for tensor in node.input_tensors:
            source = position[id(_source(tensor))]
            reach[source] = max(reach[source], i)

    last = None
    places = []  # of nodes that no connection leads past
    furthest = has_weights = 0
    for i, node in enumerate(nodes[:-1]):
        if not _is_fixed(node.operation) or len(node.output_tensors) != 1:
            break
        has_weights = has_weights or bool(getattr(node.operation, "weights", ()))
        if furthest <= i:
            places.append(node)
            last = node if has_weights else None
        furthest = max(furthest, reach[i])
    if last is None:
        return whole(network)

    cut = last.output_tensors[0]
    lower = keras.Model(network.inputs[0], cut)
    upper = keras.Model(cut, network.outputs[0])
    index = {id(w): i for i, w in enumerate(network.weights)}
    ends = [node for node in _resting_places(nodes) if node in places and node is not last]
    return Split(
        lower,
        upper,
        _segments(lower, [*ends, last], index),
        [index[id(w)] for w in upper.weights],
    )


def _resting_places(nodes):
    """Return the nodes at which the lower part is computed in pieces.

    They are the last merges at each height and width, what the literature calls the stages
    of a residual network: deeper cuts go on from the outputs of shallower ones there. They
    depend on the network alone, and not on what was computed before, so that rounding
    doesn't either. Large tensors are left out: an eighth of the image's size pays.
    """
    image_shape = nodes[0].output_tensors[0].shape[1:]
    merges = {}
    for node in nodes:
        if len(node.input_tensors) > 1 and len(node.output_tensors) == 1:
            shape = node.output_tensors[0].shape[1:]
            known = len(shape) == 3 and None not in shape + image_shape
            if known and 8 * np.prod(shape) <= np.prod(image_shape):
                merges[shape[:2]] = node
    return list(merges.values())


def _segments(lower, ends, index):
    """Return the pieces of a lower part that end at these nodes."""
    config = keras.saving.serialize_keras_object(lower)
    layers = config["config"]["layers"]
    names = [layer["config"]["name"] for layer in layers]
    segments = []
    start = lower.inputs[0]
    for node in ends:
        end = node.output_tensors[0]
        model = keras.Model(start, end)
        below = layers[: names.index(node.operation.name) + 1]
        weights = [index[id(w)] for w in model.weights]
        segments.append(Segment(model, _nameless(below), weights))
        start = end
    return segments


def config_key(network, *, rates=True):
    """Return a digest of a network's configuration that the layers' names don't enter.

    Keras numbers its layers over the whole process; the same network built twice has
    other names.

    Parameters
    ----------
    network : keras.Model
    rates : bool
        Whether the rates of its dropout layers enter.

    Returns
    -------
    str
    """
    config = keras.saving.serialize_keras_object(network)
    for layer in () if rates else config["config"]["layers"]:
        if layer["class_name"] == "Dropout":
            layer["config"]["rate"] = layer["config"]["rate"] > 0
    return _nameless(config)


def _nameless(config):
    """Return a digest of a configuration that the names of layers don't enter."""
    names = {name: f"layer_{i}" for i, name in enumerate(dict.fromkeys(_names(config)))}
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

    Elsewhere the same text means something else: an activation may be called "relu", and
    its layer too.
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


def _nodes(network):
    """Return the nodes between input and outputs, each after those it needs."""
    if len(getattr(network, "inputs", None) or ()) != 1 or len(network.outputs) != 1:
        return []
    nodes, seen, stack = [], set(), [(_source(network.outputs[0]), False)]
    while stack:
        node, done = stack.pop()
        if done:
            nodes.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            if not node.is_input:
                stack.extend((_source(t), False) for t in node.input_tensors)
    return nodes


def _source(tensor):
    operation, node_index, _ = tensor._keras_history
    return operation._inbound_nodes[node_index]


def _is_fixed(operation):
    """Tell whether a layer does to one image always the same, in training as well."""
    if not isinstance(operation, keras.layers.Layer):
        return True
    parts = [operation, *operation._flatten_layers(include_self=False)]
    return all(
        (type(part).__module__.startswith("keras.") or type(part) is FixedBatchNormalization)
        and not isinstance(part, keras.layers.SpectralNormalization)
        and not _has_statistics(part)
        and getattr(part, "activity_regularizer", None) is None
        for part in parts
    ) and not (
        operation.trainable_weights
        or any(v.path.endswith("seed_generator_state") for v in operation.variables)
    )


def _has_statistics(layer):
    """Tell whether training changes what a layer keeps, though it has no trainable weight."""
    moving = isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
    return (moving and type(layer) is not FixedBatchNormalization) or getattr(
        layer, "stateful", False
    )
