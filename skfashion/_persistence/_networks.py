"""Whether a saved classifier's weights are those of its network, measured without memory.

A stranger chose the numbers. So nothing is allocated until the weights in the file are known
to be those of the network that would be built.
"""

import json
import math
import re
import threading
from functools import partial

import keras
import numpy as np
from keras.src.backend.common import global_state

from skfashion._persistence._archive import ModelFileError, Stored, refuse_if
from skfashion._persistence._plain import leaves, public_members
from skfashion._training import Phase, Plan, build_scope, network_of, structure_of
from skfashion._training.network_key import config_key
from skfashion.networks._layers import dropout_layers

# Values of one image inside the network: 1 GiB as float32.
MAX_VALUES = 1 << 28
_MAX_LAYERS = 2000
_MAX_SIDES = 300  # numbers in one parameter of a network
_MAX_PHASES = 1000
_TEXT = re.compile(r"[\w+ -]{0,100}", re.ASCII)  # nothing that could lead to a file elsewhere

_PLAN, _PHASE = set(Plan.__dataclass_fields__), set(Phase.__dataclass_fields__)
_NETWORK = {"key", "config", "image_data_format", "rates"}
_DATA_FORMATS = ("channels_last", "channels_first")
_POSITION = {"phase", "epoch", "slots", "seeds"}
_NUMBERS = ("float16", "bfloat16", "float32", "float64", "mixed_float16", "mixed_bfloat16")

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


def check_fitted(cls, state):
    """Check a classifier's network, and that the weights in the file are those of it.

    What it was found to be is written into `state`: a file can't be believed on the key by
    which programs and finished fits are found.
    """
    its = f"its {cls.__name__} has"
    plan, weights = state.get("_plan"), state.get("_weights")
    if not state.keys() & {"_plan", "_weights"}:
        return
    refuse_if(not _is_plan(plan), f"{its} a _plan that isn't one")
    # Either a function of ours builds the network, or it is described as data.
    phases, is_described = plan["phases"], isinstance(cls._network, property)
    network = phases[0]["network"]
    refuse_if(
        is_described and (len(phases) > 1 or network.keys() != _NETWORK),
        f"{its} no network that is described as data",
    )
    are_arrays = isinstance(weights, list) and all(isinstance(w, Stored) for w in weights)
    refuse_if(not are_arrays, f"{its} no list of weights")
    classes, shape = state.get("classes_"), state.get("image_shape_")
    is_list = isinstance(classes, (Stored, np.ndarray)) and len(classes.shape) == 1
    refuse_if(not is_list, f"{its} no list of classes")
    fits = isinstance(shape, tuple) and state.get("n_features_in_") == math.prod(shape)
    refuse_if(not fits, f"{its} image_shape_={str(shape)[:60]}, which isn't a size")
    position = state.get("_position", {})
    is_position = isinstance(position, dict) and position.keys() <= _POSITION
    refuse_if(not is_position, f"{its} a _position that isn't one")
    for phase in phases:
        _check_config(phase["compile"], _is_compiled)
    if is_described:
        counted = _check_config(network["config"], _is_layer)
        too_many = counted > _MAX_LAYERS
        refuse_if(too_many, f"its network has {counted:,} layers, and 2,000 are allowed")
        found = _measure(lambda: network_of(network["config"]), len(weights), phases[0])
        network.update(key=found["key"], rates=list(found["rates"]))
    else:
        arguments = _arguments(phases)
        found = _measure(lambda: cls._network(**arguments[-1]), len(weights), phases[0])
    _compare(found, weights, shape, classes.shape[0])
    for phase in phases:
        key, rates = found["key"], found["rates"]
        if not is_described:
            build = partial(cls._network, **phase["network"])
            key, rates = structure_of(cls._network, phase["network"], build)
        phase.update(network_key=key, dropout_rates=rates)


def _is_plan(plan):
    return (
        isinstance(plan, dict)
        and plan.keys() == _PLAN
        and all(isinstance(part, (bool, int, float, str, type(None))) for part in leaves(plan))
        and _is_policy(plan["dtype_policy"])
        and isinstance(plan["early_stopping"], (list, type(None)))
        and len(plan["early_stopping"] or (1, 2)) == 2
        and isinstance(plan["phases"], list)
        and 0 < len(plan["phases"]) <= _MAX_PHASES
        and all(isinstance(phase, dict) and phase.keys() == _PHASE for phase in plan["phases"])
        and all(isinstance(phase["network"], dict) for phase in plan["phases"])
        and all(isinstance(phase["compile"], dict) for phase in plan["phases"])
        and all(phase["image_data_format"] in _DATA_FORMATS for phase in plan["phases"])
    )


def _is_policy(text):
    """Tell whether it is a policy of number formats, or a map of such as JSON.

    Keras takes paths for regular expressions, and a stranger's may never end: plain ones only.
    """
    try:
        named = json.loads(text) if str(text).startswith("{") else {"": text or "float32"}
    except (TypeError, ValueError):
        return False
    return "" in named and all(
        name in _NUMBERS and re.fullmatch(r"[\w/]*", path) for path, name in named.items()
    )


def _arguments(phases):
    """Return what a network function is called with; phases differ in what they train only."""
    found = [phase["network"] for phase in phases]
    for parameters in found:
        for name, value in parameters.items():
            sides = value if isinstance(value, tuple) else (value,)
            if len(sides) > _MAX_SIDES or not all(map(_is_moderate, sides)):
                raise ModelFileError(f"its network has {name[:60]}={str(value)[:60]}")
    sizes = [{k: v for k, v in each.items() if k != "unfreeze_from"} for each in found]
    different = any(each != sizes[0] for each in sizes)
    refuse_if(different, "its phases train networks of different sizes")
    return found


def _is_moderate(value):
    if isinstance(value, str):
        return _TEXT.fullmatch(value) is not None
    return value is None or (isinstance(value, (bool, int, float)) and abs(value) < 1 << 31)


class _AtMost(list):
    """List of a network's variables that ends a construction which would go on for ever."""

    def __init__(self, most):
        super().__init__()
        self._most = most

    def append(self, variable):
        if len(self) >= self._most:
            raise ValueError(f"it has more than {self._most} variables")
        super().append(variable)


def _measure(make, n_weights, phase):
    """Build a network in which variables have shapes and no values, and measure it."""
    # In a thread of its own: Keras keeps a list of variables that wait for their values by
    # thread, and would fill them all in at the next chance.
    found = {}

    def measure():
        # Beside weights there are states of random layers.
        most = _AtMost(2 * n_weights + _MAX_SIDES)
        global_state.set_global_attribute("uninitialized_variables", most)
        try:
            with (
                build_scope(0, None, phase["image_data_format"]),
                keras.StatelessScope(initialize_variables=False),
            ):
                network = make()
                found["shapes"] = [list(w.shape) for w in network.weights]
                found["sides"] = [_largest(layer) for layer in network.layers]
                found["input"], found["output"] = network.input_shape, network.output_shape
                found["key"] = config_key(network, rates=False)
                found["rates"] = tuple(float(x.rate) for x in dropout_layers(network))
        # Whatever Keras and its backend say of a network that can't be.
        except Exception as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            found["error"] = lines[0][:200]

    thread = threading.Thread(target=measure, name="skfashion-measure")
    thread.start()
    thread.join()
    refuse_if("error" in found, f"its network can't be built ({found.get('error')})")
    return found


def _largest(layer):
    """Return the most values that a layer returns for one image."""
    if isinstance(layer, keras.Model):
        return max((_largest(inner) for inner in layer.layers), default=0)
    outputs = keras.tree.flatten(layer.output)
    return max(math.prod(side or 1 for side in output.shape) for output in outputs)


def _compare(found, weights, image_shape, n_classes):
    most = max(found["sides"], default=0)
    refuse_if(
        most > MAX_VALUES,
        f"its network makes {most:,} values of one image, and {MAX_VALUES:,} are allowed",
    )
    shapes = [list(w.shape) for w in weights]
    refuse_if(
        shapes != found["shapes"],
        f"its weights have other shapes than those of its network: {str(shapes)[:60]}, and not "
        f"{str(found['shapes'])[:60]}",
    )
    are_numbers = all(w.dtype.kind in "biuf" for w in weights)
    refuse_if(not are_numbers, "its weights are not numbers")
    outputs = {(None, n_classes), (None, 1)} if n_classes == 2 else {(None, n_classes)}
    fits = len(found["input"]) == len(image_shape) + 1 and all(
        side in (None, given) for side, given in zip(found["input"][1:], image_shape, strict=True)
    )
    refuse_if(
        not fits or tuple(found["output"]) not in outputs,
        f"its network turns {found['input'][1:]} into {found['output'][1:]}, and it was fitted "
        f"on images of shape {tuple(image_shape)} and {n_classes} classes",
    )


def _check_config(value, allowed):
    """Check every object that Keras would make of a configuration; return how many."""
    counted = 0
    if isinstance(value, dict):
        if "class_name" in value:
            _check_object(value, allowed)
            counted = 1
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        counted += sum(_check_config(part, allowed) for part in value)
    return counted


def _check_object(value, allowed):
    name, module = value["class_name"], value.get("module")
    registered, config = value.get("registered_name"), value.get("config")
    known = isinstance(name, str) and (
        (module is None and name in _VALUES)
        or (
            isinstance(module, str) and registered in (None, name) and allowed(module, name, config)
        )
    )
    refuse_if(
        not known,
        f"its network has {str(module)[:60]}.{str(name)[:60]}, which isn't one of the layers and "
        "functions of Keras' own that load builds",
    )


def _is_layer(module, name, config):
    if (module, name) == ("builtins", "function"):
        return _is_public(config, "keras.activations")
    return name in _LISTED.get(module, ()) or (module in _PARTS and _is_public(name, module))


def _is_compiled(module, name, config):
    if (module, name) == ("builtins", "function"):
        return _is_public(config, "keras.losses") or _is_public(config, "keras.metrics")
    if module in _COMPILED:
        return _is_public(name, module)
    return module == "keras" and name in _POLICIES


def _is_public(name, module):
    return isinstance(name, str) and name in public_members(module)
