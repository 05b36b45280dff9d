"""Where a network can be cut: below, a fixed function of one image; above, what trains."""

from dataclasses import dataclass

import keras

from skfashion._training.keys import config_key
from skfashion.networks._config import is_in_config
from skfashion.networks._layers import FixedBatchNormalization


@dataclass(frozen=True, eq=False)
class Split:
    """A network in two parts that share its layers."""

    # From the images to the last single tensor that nothing trainable or random comes before.
    # None where that is the input, or no weights lie below it.
    lower: keras.Model | None
    upper: keras.Model  # the rest
    lower_weights: list  # which of the network's weights belong to the part, in its order
    upper_weights: list
    key: str = ""  # digest of the lower part's own configuration


def whole(network):
    """Return the split of a network that is not cut."""
    return Split(None, network, [], list(range(len(network.weights))))


def split(network, *, trains=True):
    """Cut a network at the last single tensor below everything that changes.

    That is one which, in topological order, no connection leads past. In a network that doesn't
    train any more nothing is random, and what is frozen ends at the first weights that aren't.
    """
    nodes = _nodes(network)
    position = {id(node): i for i, node in enumerate(nodes)}
    reach = [i for i, _ in enumerate(nodes)]
    for i, node in enumerate(nodes):
        for tensor in node.input_tensors:
            source = position[id(_source(tensor))]
            reach[source] = max(reach[source], i)

    last_use = {id(node.operation): i for i, node in enumerate(nodes)}
    last = None
    furthest = has_weights = 0
    for i, node in enumerate(nodes[:-1]):
        if not _is_fixed(node.operation, trains) or len(node.output_tensors) != 1:
            break
        has_weights = has_weights or bool(getattr(node.operation, "weights", ()))
        is_last_use = last_use[id(node.operation)] == i  # else Keras can't begin a model there
        sized = None not in node.output_tensors[0].shape[1:]
        if has_weights and furthest <= i and is_last_use and sized:
            last = node
        furthest = max(furthest, reach[i])
    if last is None:
        return whole(network)

    tensor = last.output_tensors[0]
    lower = keras.Model(network.inputs[0], tensor)
    upper = keras.Model(tensor, network.outputs[0])
    index = {id(w): i for i, w in enumerate(network.weights)}
    indices = ([index[id(w)] for w in part.weights] for part in (lower, upper))
    return Split(lower, upper, *indices, config_key(lower))


def _nodes(network):
    """Return the nodes between input and outputs, each after those it needs."""
    if not type(network).__module__.startswith("keras."):
        return []  # what it computes or how it trains may be its own
    if len(network.inputs) != 1 or len(network.outputs) != 1:
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


def _is_fixed(operation, trains):
    """Tell whether it does to one image always the same, if it `trains` too, as its key says."""
    if not is_in_config(operation):
        return False
    if not isinstance(operation, keras.layers.Layer):
        return True
    if not trains:
        return not operation.trainable_weights
    return not (
        operation.trainable_weights
        or any(v.path.endswith("seed_generator_state") for v in operation.variables)
        or any(_is_moved(part) for part in operation._flatten_layers())
    )


def _is_moved(layer):
    """Tell whether training changes what a layer keeps, or is told something by it."""
    return (
        isinstance(layer, keras.layers.SpectralNormalization)
        or getattr(layer, "stateful", False)
        or getattr(layer, "activity_regularizer", None) is not None
        or (
            isinstance(layer, keras.layers.BatchNormalization)
            and layer.trainable
            and type(layer) is not FixedBatchNormalization
        )
    )
