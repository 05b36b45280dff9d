"""What a saved classifier's network is: checked as plain data, measured without memory.

A stranger chose the numbers. So nothing is allocated until the weights in the file are known
to be those of the network that would be built.
"""

import inspect
import math
import threading

import keras

from skfashion import networks
from skfashion._persistence import _types
from skfashion._persistence._archive import ModelFileError, Stored
from skfashion._training import build_scope, network_of
from skfashion._training.network_key import config_key
from skfashion.networks._layers import dropout_layers

# Values of one image inside the network: 1 GiB as float32.
MAX_VALUES = 1 << 28
_MAX_LAYERS = 2000
_MAX_DEPTH = 300  # layers of one kind in a ready classifier
_NETWORKS = {
    "DenseClassifier": networks.dense,
    "ConvClassifier": networks.conv,
    "MobileNetFineTuner": networks.mobilenet,
}

# Layers that need nothing but numbers: no code, no files, no vocabularies, no wrapped layers.
_LAYERS = """
    Activation ActivityRegularization Add AdditiveAttention AlphaDropout Attention
    AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveMaxPooling1D AdaptiveMaxPooling2D
    Average AveragePooling1D AveragePooling2D AveragePooling3D BatchNormalization CenterCrop
    Concatenate Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D Cropping1D Cropping2D
    Dense DepthwiseConv1D DepthwiseConv2D Dot Dropout ELU EinsumDense Embedding Flatten GRU
    GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D
    GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D
    GroupNormalization GroupQueryAttention Identity InputLayer LSTM LayerNormalization LeakyReLU
    MaxPooling1D MaxPooling2D MaxPooling3D Maximum Minimum MultiHeadAttention Multiply
    Normalization PReLU Permute RMSNormalization RandomBrightness RandomContrast RandomCrop
    RandomErasing RandomFlip RandomRotation RandomShear RandomTranslation RandomZoom ReLU
    RepeatVector Rescaling Reshape Resizing SeparableConv1D SeparableConv2D SimpleRNN Softmax
    SpatialDropout1D SpatialDropout2D Subtract UnitNormalization UpSampling1D UpSampling2D
    ZeroPadding1D ZeroPadding2D
"""
# Arithmetic between layers, as in ``x + y``.
_ARITHMETIC = """
    Absolute Add Clip Concatenate Divide Exp ExpandDims GetItem Log Max Maximum Mean Min Minimum
    Multiply Negative Power Reshape Sqrt Square Squeeze Subtract Sum Tanh Transpose TrueDivide
"""
_ACTIVATIONS = """
    Elu Gelu HardSigmoid HardSilu LeakyRelu LogSoftmax Relu Relu6 Selu Sigmoid Silu Softmax Softplus
"""
_LISTED = {
    "keras.layers": set(_LAYERS.split()),
    "keras.src.ops.numpy": set(_ARITHMETIC.split()),
    "keras.src.ops.nn": set(_ACTIVATIONS.split()),
    "keras": {"DTypePolicy", "FloatDTypePolicy", "Functional", "Model", "Sequential"},
    "keras.src.models.functional": {"Functional"},
    "keras.src.models.sequential": {"Sequential"},
}
_POLICIES = {"DTypePolicy", "FloatDTypePolicy"}
_VALUES = {"__keras_tensor__", "__slice__", "__ellipsis__"}
_PARTS = ("keras.initializers", "keras.regularizers", "keras.constraints")
_COMPILED = ("keras.optimizers", "keras.optimizers.schedules", "keras.losses", "keras.metrics")


def check_network(name, state):
    """Check that a fitted classifier's weights are those of its network.

    Parameters
    ----------
    name : str
        Of its class.
    state : dict
        Its attributes; of `_recipe` nothing is known yet but that it is plain.

    Returns
    -------
    dict
        Of a `KerasImageClassifier`: `key`, `rates` and `shapes` of its network, which a
        file can't be believed on: programs and finished fits are found by them.

    Raises
    ------
    ModelFileError
        If the network isn't Keras' own, can't be built, or the weights are others.
    """
    recipe = state["_recipe"]
    for stage in recipe["stages"]:
        _check_config(stage["compile"], _is_compiled)
    if name in _NETWORKS:
        make, wanted = _ready(name, recipe["stages"]), state["image_shape_"]
    else:
        config = recipe["network"]["config"]
        counted = _check_config(config, _is_layer)
        if counted > _MAX_LAYERS:
            raise ModelFileError(f"its network has {counted:,} layers, and 2,000 are allowed")
        make, wanted = lambda: network_of(config), state["image_shape_"]
    found = _measure(make)
    _compare(found, state, wanted)
    if name in _NETWORKS:
        return {}
    return {part: found[part] for part in ("key", "rates", "shapes")}


def _ready(name, stages):
    """Return a function that builds the network of one of the ready classifiers."""
    function = _NETWORKS[name]
    first, *others = ({**stage["parameters"]} for stage in stages)
    unfreeze_from = first.pop("model__unfreeze_from", None)
    for other in others:
        unfreeze_from = other.pop("model__unfreeze_from", None)
        if other != first:
            raise ModelFileError("its phases train networks of different sizes")
    known = {f"model__{parameter}" for parameter in inspect.signature(function).parameters}
    for parameter, value in first.items():
        parts = value if isinstance(value, tuple) else (value,)
        if parameter not in known or len(parts) > _MAX_DEPTH or not all(map(_is_moderate, parts)):
            raise ModelFileError(f"its network has {parameter[:60]}={str(value)[:60]}")
    blocks = first.get("model__convs_per_block", 1), first.get("model__filters", ())
    if not (isinstance(blocks[0], int) and blocks[0] * len(blocks[1]) <= _MAX_DEPTH):
        raise ModelFileError(f"its network has more than {_MAX_DEPTH} convolutions")
    arguments = {parameter.removeprefix("model__"): value for parameter, value in first.items()}
    if name == "MobileNetFineTuner":
        arguments["unfreeze_from"] = unfreeze_from
    return lambda: function(**arguments)


def _is_moderate(value):
    if isinstance(value, str):
        return len(value) <= 100
    return value is None or (isinstance(value, (bool, int, float)) and abs(value) < 1 << 31)


def _measure(make):
    """Build a network in which variables have shapes and no values, and measure it.

    In a thread of its own: Keras keeps a list of variables that wait for their values by
    thread, and would fill them all in at the next chance.
    """
    found = {}

    def measure():
        try:
            with build_scope(0), keras.StatelessScope(initialize_variables=False):
                network = make()
                found["shapes"] = [list(w.shape) for w in network.weights]
                found["sides"] = [_largest(layer) for layer in network.layers]
                found["input"], found["output"] = network.input_shape, network.output_shape
                found["key"] = config_key(network, rates=False)
                found["rates"] = [layer.rate for layer in dropout_layers(network)]
        # Whatever Keras and its backend say of a network that can't be.
        except Exception as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            found["error"] = lines[0][:200]

    thread = threading.Thread(target=measure, name="skfashion-measure")
    thread.start()
    thread.join()
    if "error" in found:
        raise ModelFileError(f"its network can't be built ({found['error']})")
    return found


def _largest(layer):
    """Return the most values that a layer returns for one image."""
    if isinstance(layer, keras.Model):
        return max((_largest(inner) for inner in layer.layers), default=0)
    outputs = keras.tree.flatten(layer.output)
    return max(math.prod(side or 1 for side in output.shape) for output in outputs)


def _compare(found, state, wanted):
    if max(found["sides"], default=0) > MAX_VALUES:
        raise ModelFileError(
            f"its network makes {max(found['sides']):,} values of one image, and "
            f"{MAX_VALUES:,} are allowed"
        )
    weights = state["_weights"]
    shapes = [list(w.shape) if isinstance(w, Stored) else None for w in weights]
    if shapes != found["shapes"]:
        raise ModelFileError(
            f"its network has {len(found['shapes'])} arrays of weights and the file {len(shapes)}"
            if len(shapes) != len(found["shapes"])
            else "its weights have other shapes than those of its network: "
            + next(
                f"{given} and not {wanted}"
                for given, wanted in zip(shapes, found["shapes"], strict=True)
                if given != wanted
            )
        )
    if any(w.dtype.lstrip("<>|")[0] not in "biuf" for w in weights):
        raise ModelFileError("its weights are no numbers")
    n_classes = state["classes_"].shape[0]
    outputs = {(None, n_classes), (None, 1)} if n_classes == 2 else {(None, n_classes)}
    fits = len(found["input"]) == len(wanted) + 1 and all(
        side in (None, given) for side, given in zip(found["input"][1:], wanted, strict=True)
    )
    if not fits or tuple(found["output"]) not in outputs:
        raise ModelFileError(
            f"its network turns {found['input'][1:]} into {found['output'][1:]}, and it was "
            f"fitted on images of shape {tuple(wanted)} and {n_classes} classes"
        )


def _check_config(value, allowed):
    """Check every object that Keras would make of a configuration; return how many."""
    if isinstance(value, dict):
        counted = 0
        if "class_name" in value:
            _check_object(value, allowed)
            counted = 1
        return counted + sum(_check_config(part, allowed) for part in value.values())
    if isinstance(value, (list, tuple)):
        return sum(_check_config(part, allowed) for part in value)
    return 0


def _check_object(value, allowed):
    name, module = value["class_name"], value.get("module")
    registered = value.get("registered_name")
    known = isinstance(name, str) and (
        (module is None and name in _VALUES)
        or (isinstance(module, str) and registered in (None, name) and allowed(module, name, value))
    )
    if not known:
        raise ModelFileError(
            f"its network has {str(module)[:60]}.{str(name)[:60]}, which isn't one of the layers "
            "and functions of Keras' own that load builds"
        )


def _is_layer(module, name, value):
    if (module, name) == ("builtins", "function"):
        return value.get("config") in _types.public_members("keras.activations")
    if module in _PARTS:
        return name in _types.public_members(module)
    return name in _LISTED.get(module, ())


def _is_compiled(module, name, value):
    if (module, name) == ("builtins", "function"):
        return any(
            value.get("config") in _types.public_members(public)
            for public in ("keras.losses", "keras.metrics")
        )
    if module in _COMPILED:
        return name in _types.public_members(module)
    return module == "keras" and name in _POLICIES
