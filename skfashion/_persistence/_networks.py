"""Whether a saved classifier's weights are those of its network, measured without memory.

A stranger chose the numbers: nothing is allocated until they are known to fit.
"""

import json
import math
import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import keras
import numpy as np
from keras.src.backend.common import global_state
from sklearn.base import ClassifierMixin

from skfashion._persistence._archive import ModelFileError, Stored, refuse_if
from skfashion._persistence._estimators import leaves, public_members
from skfashion._training import Plan, build_scope, network_of, structure_of
from skfashion._training.keys import config_key
from skfashion.networks._layers import dropout_layers

# Values of one image inside the network: 1 GiB as float32.
MAX_VALUES = 1 << 28
_MAX_LAYERS = 2000
_MAX_SIDES = 300  # numbers in one parameter of a network
_MAX_PHASES = 1000
_TEXT = re.compile(r"[\w+ -]{0,100}", re.ASCII)  # nothing that could lead to a file elsewhere

_DESCRIBED = {"key", "config", "image_data_format", "rates"}
_POSITION = {"phase", "epoch", "slots", "seeds"}
_DATA_FORMATS = ("channels_last", "channels_first")
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


def _public(*modules):
    """Return module and name of all that is public in modules of Keras."""
    return {(module, name) for module in modules for name in public_members(module)}


# What may be in the configuration of a network, and of what it is compiled with.
_POLICIES = {("keras", "DTypePolicy"), ("keras", "FloatDTypePolicy")}
_LISTED = {
    *_POLICIES,
    *(("keras.layers", name) for name in _LAYERS.split()),
    *(("keras.src.ops.numpy", name) for name in _ARITHMETIC.split()),
    *(("keras.src.ops.nn", name) for name in _ACTIVATIONS.split()),
    *(("keras", name) for name in ("Functional", "Model", "Sequential")),
    *(("keras.src.models.functional", "Functional"), ("keras.src.models.sequential", "Sequential")),
    ("keras.src.applications.convnext", "LayerScale"),
    *((None, name) for name in ("__keras_tensor__", "__slice__", "__ellipsis__")),
    *_public("keras.initializers", "keras.regularizers", "keras.constraints"),
}
_COMPILED = _POLICIES | _public(
    "keras.optimizers.schedules", "keras.optimizers", "keras.losses", "keras.metrics"
)


def check_fitted(cls, state):
    """Check a classifier's network and weights, and write into `state` what its key really is."""
    # By that key programs and finished fits are found: a file can't be believed on it.
    if not state.keys() & {"_plan", "_weights"}:
        return
    # Either a function of ours builds the network, or it is described as data.
    is_described = isinstance(cls._network, property)
    is_classifier = issubclass(cls, ClassifierMixin)
    plan, weights, position = state.get("_plan"), state.get("_weights"), state.get("_position", {})
    classes, shape, n_features = map(state.get, ("classes_", "image_shape_", "n_features_in_"))
    right = {
        "_plan": _is_plan(plan, is_described),
        "_weights": isinstance(weights, list)
        and all(isinstance(w, Stored) and w.dtype.kind in "biuf" for w in weights),
        "_position": isinstance(position, dict) and position.keys() <= _POSITION,
        "classes_": not is_classifier
        or (isinstance(classes, (Stored, np.ndarray)) and len(classes.shape) == 1),
        "image_shape_": isinstance(shape, tuple) and math.prod(shape) == n_features,
    }
    for name in right:
        refuse_if(not right[name], f"its {cls.__name__} has a {name} that fit doesn't leave")
    phases = plan["phases"]
    functions = public_members("keras.losses") | public_members("keras.metrics")
    for phase in phases:
        _check_config(phase["compile"], _COMPILED, functions)
    if is_described:
        described = phases[0]["network"]
        _check_layers(described["config"])
        found = _measure(partial(network_of, described["config"]), phases[0], len(weights))
        described.update(key=found["key"], rates=list(found["rates"]))
    else:
        _check_arguments([phase["network"] for phase in phases])
        make = partial(cls._network, **phases[-1]["network"])
        found = _measure(make, phases[0], len(weights))
    _compare(found, weights, shape, classes.shape[0] if is_classifier else None)
    for phase in phases:
        key, rates = found["key"], found["rates"]
        if not is_described:
            key, rates = structure_of(cls._network, phase["network"], plan["dtype_policy"])
        phase.update(network_key=key, dropout_rates=rates)


def _is_plan(plan, is_described):
    """Tell whether a plan can be made of data, in which all is plain."""
    plain = (bool, int, float, str, type(None))
    try:
        watched = Plan.from_data(plan).watched
        phases, networks = plan["phases"], [phase["network"] for phase in plan["phases"]]
        return (
            all(isinstance(part, plain) for part in leaves(plan))
            and isinstance(watched, (str, type(None)))
            and _is_policy(plan["dtype_policy"])
            and 0 < len(phases) <= (1 if is_described else _MAX_PHASES)
            and all(isinstance(part, dict) for part in networks)
            and all(isinstance(phase["compile"], dict) for phase in phases)
            and all(phase["image_data_format"] in _DATA_FORMATS for phase in phases)
            and (not is_described or networks[0].keys() == _DESCRIBED)
        )
    except (LookupError, TypeError, ValueError):
        return False


def _is_policy(text):
    """Tell whether it is a policy of number formats, or a map of such as JSON."""
    # Keras takes its paths for regular expressions, which may never end: plain ones only.
    named = json.loads(text) if str(text).startswith("{") else {"": text or "float32"}
    return "" in named and all(
        name in _NUMBERS and re.fullmatch(r"[\w/]*", path) for path, name in named.items()
    )


def _check_layers(config):
    n = _check_config(config, _LISTED, public_members("keras.activations"))
    refuse_if(n > _MAX_LAYERS, f"its network has {n:,} layers, and {_MAX_LAYERS:,} are allowed")


def _check_arguments(found):
    """Check what a network function is called with; phases differ in what they train only."""
    for name, value in (item for each in found for item in each.items()):
        if name == "backbone" and str(value).startswith("{"):
            _check_layers(json.loads(value))
            continue
        sides = value if isinstance(value, tuple) else (value,)
        absurd = len(sides) > _MAX_SIDES or not all(map(_is_moderate, sides))
        refuse_if(absurd, f"its network has {name[:60]}={str(value)[:60]}")
    sizes = [{**each, "unfreeze_from": None} for each in found]
    different = any(each != sizes[0] for each in sizes)
    refuse_if(different, "its phases train networks of different sizes")


def _is_moderate(value):
    if isinstance(value, str):
        return _TEXT.fullmatch(value) is not None
    return value is None or (isinstance(value, (bool, int, float)) and abs(value) < 1 << 31)


def _measure(make, phase, n_weights):
    """Build a network in which variables have shapes and no values, and measure it."""
    # In a thread of its own: Keras keeps a list of variables that wait for their values by
    # thread, and would fill them all in at the next chance.
    with ThreadPoolExecutor(1, "skfashion-measure") as pool:
        try:
            return pool.submit(_measured, make, phase["image_data_format"], n_weights).result()
        # Whatever Keras and its backend say of a network that can't be.
        except Exception as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
            raise ModelFileError(f"its network can't be built ({reason})") from None


def _measured(make, data_format, n_weights):
    # Beside weights there are states of random layers.
    variables = _AtMost(2 * n_weights + _MAX_SIDES)
    global_state.set_global_attribute("uninitialized_variables", variables)
    with build_scope(0, None, data_format), keras.StatelessScope(initialize_variables=False):
        network = make()
        return {
            "shapes": [list(w.shape) for w in network.weights],
            "most": _largest(network),
            "input": network.input_shape[1:],
            "output": network.output_shape[1:],
            "key": config_key(network, rates=False),
            "rates": tuple(float(x.rate) for x in dropout_layers(network)),
        }


class _AtMost(list):
    """List of a network's variables that ends a construction which would go on for ever."""

    def __init__(self, most):
        super().__init__()
        self._most = most

    def append(self, variable):
        if len(self) >= self._most:
            raise ValueError(f"it has more than {self._most} variables")
        super().append(variable)


def _largest(layer):
    """Return the most values that a layer returns for one image."""
    if isinstance(layer, keras.Model):
        return max((_largest(inner) for inner in layer.layers), default=0)
    outputs = keras.tree.flatten(layer.output)
    return max(math.prod(side or 1 for side in output.shape) for output in outputs)


def _compare(found, weights, image_shape, n_classes):
    refuse_if(
        found["most"] > MAX_VALUES,
        f"its network makes {found['most']:,} values of one image, and {MAX_VALUES:,} are allowed",
    )
    shapes = [list(w.shape) for w in weights]
    refuse_if(
        shapes != found["shapes"],
        f"its weights have other shapes than those of its network: {str(shapes)[:60]}, and not "
        f"{str(found['shapes'])[:60]}",
    )
    fits = len(found["input"]) == len(image_shape) and all(
        side in (None, given) for side, given in zip(found["input"], image_shape, strict=True)
    )
    wanted = {(n_classes,), (1,)} if n_classes == 2 else {(n_classes,)}
    refuse_if(
        not fits or (n_classes is not None and found["output"] not in wanted),
        f"its network turns {found['input']} into {found['output']}, and it was fitted "
        f"on images of shape {image_shape} and {n_classes} classes",
    )


def _check_config(value, objects, functions):
    """Check every object that Keras would make of a configuration; return how many."""
    n = 0
    if isinstance(value, dict):
        if "class_name" in value:
            n, name, module = 1, value["class_name"], value.get("module")
            is_function = (module, name) == ("builtins", "function")
            told = [value.get("config")] if is_function else [module, name]
            known = all(isinstance(part, (str, type(None))) for part in told) and (
                told[0] in functions if is_function else tuple(told) in objects
            )
            refuse_if(
                not known or value.get("registered_name") not in (None, name),
                f"its network has {str(told)[:120]}, which isn't one of the layers and functions "
                "of Keras' own that load builds",
            )
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        n += sum(_check_config(part, objects, functions) for part in value)
    return n
