"""Where a network can be cut: below, a fixed function of one image; above, what trains."""

import json
from dataclasses import dataclass

import keras

from skfashion._layers import FixedBatchNormalization
from skfashion._training.plan import digest


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
    lower_key : str or None
        Digest of the lower part's configuration.
    lower_weights, upper_weights : list of int
        Which of the network's weights belong to the part.
    """

    lower: keras.Model | None
    upper: keras.Model
    lower_key: str | None
    lower_weights: list
    upper_weights: list


def whole(network):
    """Return the split of a network that is not cut."""
    return Split(None, network, None, [], list(range(len(network.weights))))


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

    cut = None
    furthest = has_weights = 0
    for i, node in enumerate(nodes[:-1]):
        if not _is_fixed(node.operation) or len(node.output_tensors) != 1:
            break
        has_weights = has_weights or bool(getattr(node.operation, "weights", ()))
        if furthest <= i and has_weights:
            cut = node.output_tensors[0]
        furthest = max(furthest, reach[i])
    if cut is None:
        return whole(network)

    lower = keras.Model(network.inputs[0], cut)
    upper = keras.Model(cut, network.outputs[0])
    index = {id(w): i for i, w in enumerate(network.weights)}
    return Split(
        lower,
        upper,
        config_key(lower),
        [index[id(w)] for w in lower.weights],
        [index[id(w)] for w in upper.weights],
    )


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
    names = {name: f"layer_{i}" for i, name in enumerate(dict.fromkeys(_names(config)))}
    return digest(json.dumps(_renamed(config, names), sort_keys=True, default=repr))


def _names(value):
    """Yield the names of all layers in a configuration, as they come."""
    if isinstance(value, dict):
        if isinstance(value.get("config"), dict) and isinstance(value["config"].get("name"), str):
            yield value["config"]["name"]
        for part in value.values():
            yield from _names(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _names(part)


def _renamed(value, names):
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if k not in ("build_config", "compile_config")}
        if kept.get("class_name") == "SeedGenerator":
            return None
        # A layer's own seed says how it was made; what it draws is set for every fit.
        return {k: _renamed(v, names) for k, v in kept.items() if k != "seed"}
    if isinstance(value, (list, tuple)):
        return [_renamed(v, names) for v in value]
    return names.get(value, value) if isinstance(value, str) else value


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
        and getattr(part, "activity_regularizer", None) is None
        for part in parts
    ) and not (
        operation.trainable_weights
        or any(v.path.endswith("seed_generator_state") for v in operation.variables)
    )
