"""Backbones of `keras.applications`: what each wants, its layers, and its weights."""

import json
import re
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import keras
import numpy as np
from keras import layers

from skfashion._utils.cache import Cache
from skfashion._utils.config import get_config
from skfashion.networks._config import beyond_config, config_of
from skfashion.networks._layers import FixedBatchNormalization

_NOISE_SEED = 20_260  # any number, as long as it stays the same


@dataclass(frozen=True)
class Backbone:
    """An image model of `keras.applications`, and what it is given."""

    model: str  # its name there
    megabytes: int  # of its ImageNet weights, without the last layer
    licence: str  # of these weights
    black_and_white: tuple = (0.0, 255.0)  # pixels; these, where it scales them itself
    smallest: int = 32  # height and width of an image, pixels
    widths: tuple = ()  # values of alpha that have ImageNet weights, if it takes alpha
    standardized: bool = False  # by us, as torchvision does
    pools: bool = False  # itself, below a last normalisation


_SYMMETRIC = (-1.0, 1.0)
BACKBONES = {
    "mobilenet_v1": Backbone(
        "MobileNet", 13, "Apache-2.0", _SYMMETRIC, widths=(0.25, 0.5, 0.75, 1.0)
    ),
    "mobilenet_v2": Backbone(
        "MobileNetV2", 9, "Apache-2.0", _SYMMETRIC, widths=(0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
    ),
    "mobilenet_v3_small": Backbone("MobileNetV3Small", 4, "Apache-2.0", widths=(0.75, 1.0)),
    "mobilenet_v3_large": Backbone("MobileNetV3Large", 12, "Apache-2.0", widths=(0.75, 1.0)),
    "efficientnet_v2_b0": Backbone("EfficientNetV2B0", 24, "Apache-2.0"),
    "efficientnet_v2_b1": Backbone("EfficientNetV2B1", 28, "Apache-2.0"),
    "efficientnet_v2_b2": Backbone("EfficientNetV2B2", 35, "Apache-2.0"),
    "efficientnet_v2_b3": Backbone("EfficientNetV2B3", 52, "Apache-2.0"),
    "resnet50_v2": Backbone("ResNet50V2", 94, "BSD", _SYMMETRIC),
    "convnext_tiny": Backbone("ConvNeXtTiny", 111, "MIT", pools=True),
    "densenet121": Backbone("DenseNet121", 28, "BSD-3-Clause", (0.0, 1.0), standardized=True),
    "xception": Backbone("Xception", 83, "MIT", _SYMMETRIC, smallest=71),
}
# Of a function of the user's: it is given pixels from 0 to 255, as Keras' newer models are.
_OWN = Backbone("", 0, "")

# A block in the names of layers, of any of these families and of most others.
_BLOCK = re.compile(
    r"((?:.*stage_\d+_block|block|expanded_conv|conv_dw|conv_pw)_\d+"
    r"|conv\d+_block\d+|block\d+[a-z]?)(?=_|$)"
)


def known(backbone):
    """Return what is known of a backbone: a name of `BACKBONES`, or text of `described`."""
    return BACKBONES.get(backbone, _OWN)


def described(function, size, write_down):
    """Return text that stands for the network that a function of the user's makes, and its weights.

    `write_down` lets the configuration say what the network has learnt, and returns ids of weights
    that it says so.
    """
    if isinstance(function, keras.Layer):
        raise TypeError(
            f"backbone is a {type(function).__name__}: give a function that is called with "
            "input_shape=(height, width, 3) and returns one."
        )
    model = function(input_shape=(*size, 3))
    if not isinstance(model, (keras.Sequential, keras.Model)) or not model.built:
        raise TypeError(
            f"backbone must return a built keras.Model, it returned {type(model).__name__}."
        )
    shapes = getattr(model, "input_shape", None), getattr(model, "output_shape", None)
    if not all(isinstance(s, tuple) and s[:1] == (None,) for s in shapes) or not (
        len(shapes[0]) == 4
        and shapes[0][3] == 3
        and len(shapes[1]) in (2, 4)
        # In a dict a single output has this shape, too.
        and (isinstance(model, keras.Sequential) or hasattr(model.output, "shape"))
    ):
        raise ValueError(
            f"backbone returned a network from {shapes[0]} to {shapes[1]}: give one from images "
            f"{(None, *size, 3)} to one tensor of features, (None, height, width, channels) or "
            "(None, features)."
        )
    learnt = write_down(model)
    foreign = next((part for layer in model.layers for part in beyond_config(layer)), None)
    if foreign is not None:
        raise ValueError(
            f"backbone returned a network with {getattr(foreign, '__name__', foreign)}, which "
            "isn't of Keras' own layers alone: what it computes can't be kept. Give the whole "
            "network to KerasImageClassifier."
        )
    return json.dumps(config_of(model)), [w for w in model.weights if id(w) not in learnt]


def standalone(backbone, alpha, **options):
    """Return the Keras model of a backbone without its last layer."""
    if backbone not in BACKBONES:
        return keras.saving.deserialize_keras_object(json.loads(backbone), safe_mode=True)
    spec = BACKBONES[backbone]
    if spec.widths:
        options["alpha"] = alpha
    options = {"input_shape": (spec.smallest, spec.smallest, 3), "weights": None, **options}
    return getattr(keras.applications, spec.model)(include_top=False, **options)


def put_on(x, backbone, alpha, pooling):
    """Build a backbone on a tensor; return its layers and its features, one vector an image."""
    # Not called as one layer: what is frozen can be cut off anywhere.
    spec = known(backbone)
    if spec.standardized:
        mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        variance = [value**2 for value in deviation]
        x = layers.Normalization(mean=list(mean), variance=variance, name="standardize")(x)
    if spec is _OWN:
        own = standalone(backbone, alpha)
        body, x = _without_input(own), own.call(x)
    else:
        source = keras.utils.get_source_inputs(x)[0]
        # Below 3.13 Keras makes no model of an input alone.
        n_ours = 1 if source is x else len(keras.Model(source, x).layers)
        options = {"input_tensor": x, "input_shape": tuple(x.shape[1:])}
        built = standalone(backbone, alpha, **options, pooling=pooling if spec.pools else None)
        body, x = built.layers[n_ours:], built.output
    if len(x.shape) == 4:
        pool = {"avg": layers.GlobalAveragePooling2D, "max": layers.GlobalMaxPooling2D}[pooling]
        x = pool(name="average")(x)
    return body, x


def _without_input(model):
    return [layer for layer in model.layers if not isinstance(layer, layers.InputLayer)]


def freeze(body, first):
    """Freeze the layers of a backbone below an index, its input being 0; None freezes all."""
    # Normalisation runs on its moving statistics everywhere, and below no dropout runs.
    for index, layer in enumerate(body, 1):
        layer.trainable = first is not None and index >= first
        for part in layer._flatten_layers():
            if type(part) is layers.BatchNormalization:
                # The same variables under another rule; a clone of 150 layers takes 0.3 s.
                part.__class__ = FixedBatchNormalization
            elif type(part) is layers.Dropout and not layer.trainable:
                part.rate = 0.0
                part._seed_generators.clear()


@lru_cache
def _layers_of(backbone):
    """Return names and dropout rates of a backbone's layers, in Keras' order."""

    def build():
        with keras.StatelessScope(initialize_variables=False):
            options = {"pooling": "avg"} if known(backbone).pools else {}
            body = _without_input(standalone(backbone, 1.0, **options))
        return [(x.name, x.rate if type(x) is layers.Dropout else 0.0) for x in body]

    # In a thread of its own Keras numbers layers from the start, as it does where a network is
    # built to be trained. Its input's name has to last, too.
    with ThreadPoolExecutor(1) as pool:
        return (("input", 0.0), *pool.submit(build).result())


def backbone_layers(backbone):
    """Return the names of a backbone's layers, in Keras' order."""
    return tuple(name for name, _ in _layers_of(backbone))


def dropout_rates(backbone, unfreeze_from):
    """Return the rates of the dropout layers that run in a backbone, from a layer's name on."""
    if unfreeze_from is None:
        return ()
    first = unfreeze_index(backbone_layers(backbone), unfreeze_from)
    return tuple(rate for _, rate in _layers_of(backbone)[first:] if rate)


def last_blocks(backbone):
    """Return the names of the last, the second and the fourth last block of a backbone."""
    found = filter(None, map(block_of, backbone_layers(backbone)))
    blocks = list(dict.fromkeys(b for b in found if not b.startswith("conv_pw")))
    return tuple(blocks[-i] for i in (1, 2, 4))


def backbone_size(image_shape, smallest):
    """Return the height and width, pixels, at which a backbone sees images unless it is told."""
    return max(smallest, image_shape[0]), max(smallest, image_shape[1])


def unfreeze_index(names, unfreeze_from):
    """Return the index of the first layer to train, of an index, or a layer's or block's name."""
    if unfreeze_from is None:
        return None
    n = len(names)
    if isinstance(unfreeze_from, str):
        # Some families put the network's name before, or a letter after.
        wanted = rf"(.*_(?=stage))?{re.escape(unfreeze_from)}((?<=\d)[a-z](?=_))?(_.*)?"
        for i, name in enumerate(names):
            if re.fullmatch(wanted, name):
                return i
        blocks = ", ".join(dict.fromkeys(filter(None, map(block_of, names))))
        raise ValueError(
            f"unfreeze_from={unfreeze_from[:100]!r} does not name a layer of the backbone. Take a "
            f"layer's name, an index from {-n} to {n - 1}"
            + (f", or a block: {blocks}." if blocks else f", such as {names[-1]!r}.")
        )
    if not -n <= unfreeze_from < n:
        raise ValueError(
            f"unfreeze_from={unfreeze_from} is not a layer of the backbone: it has {n} layers, "
            f"indices go from {-n} to {n - 1}."
        )
    return int(unfreeze_from) % n


def block_of(name):
    """Return the name of the block that a layer is in, None if it is in none."""
    found = _BLOCK.match(name)
    return found and found[1]


_WEIGHTS = Cache("pretrained weights", max_bytes=lambda: get_config()["program_cache_bytes"] // 4)


def pretrain(network, *, backbone, alpha, weights):
    """Set the weights a backbone starts from: "imagenet", a path, a list of arrays, or None."""
    # Of None normalisation is set from noise, or an untrained MobileNet is nearly constant.
    if weights is None:
        _settle(network, backbone)
        return
    if isinstance(weights, str):
        from_keras = weights == "imagenet"
        weights = (
            imagenet_weights(backbone, alpha) if from_keras else _read(backbone, alpha, weights)
        )
    for variable, array in zip(network.weights, weights, strict=False):  # the head's come last
        variable.assign(array)


def imagenet_weights(backbone, alpha):
    """Return ImageNet weights; ValueError: none for this alpha, OSError: not to be had."""
    known, spec = _WEIGHTS.get((backbone, alpha)), BACKBONES[backbone]
    if known is not None:
        return known
    try:
        # A convolution doesn't know how large its image is: one file serves every size.
        source = standalone(backbone, alpha, input_shape=(224, 224, 3), weights="imagenet")
    except ValueError as error:
        raise ValueError(
            f"weights='imagenet' doesn't exist for alpha={alpha} of {spec.model} "
            f"({str(error).splitlines()[0]}): take one of {', '.join(map(str, spec.widths))}, or "
            "weights=None."
        ) from None
    except Exception as error:  # what Keras raises if it can't download
        width = f", alpha={alpha}," if spec.widths else ""
        raise OSError(
            f"the ImageNet weights of {spec.model}{width} (up to {spec.megabytes} MB) are not in "
            f"Keras' cache (folder models of KERAS_HOME or ~/.keras) and couldn't be downloaded "
            f"({error}). Put the file there, or set weights=None."
        ) from None
    return _WEIGHTS.put((backbone, alpha), source.get_weights())


def _read(backbone, alpha, path):
    source = standalone(backbone, alpha)
    # Keras leaves out what it doesn't find; so what is left out has to be seen.
    source.set_weights([np.full(w.shape, np.nan, w.dtype) for w in source.weights])
    reason = "some layers have none"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one for each part of a model that has no weights
            source.load_weights(path)
        arrays = source.get_weights()
        if not any(np.isnan(array).any() for array in arrays):
            return arrays
    except Exception as error:  # h5py, zipfile and Keras each have their own
        reason = str(error).splitlines()[0]
    spec = known(backbone)
    width = f" of alpha={alpha}" if spec.widths else ""
    raise ValueError(
        f"weights={path!r} holds no weights of {spec.model or 'this backbone'}{width} without its "
        f"top ({reason}): give a file that keras.Model.save_weights wrote for the same network."
    )


def _settle(network, backbone):
    """Set the moving statistics from one batch of noise, the same in every process."""
    norms = [layer for layer in network.layers if isinstance(layer, layers.BatchNormalization)]
    if not norms:
        return
    names = backbone_layers(backbone)
    first, last = network.get_layer(names[1]), network.get_layer(names[-1])
    noise = np.random.RandomState(_NOISE_SEED)
    shape = (16, *first.input.shape[1:])
    x = noise.uniform(*known(backbone).black_and_white, shape).astype("float32")
    before = [(norm.momentum, norm.trainable) for norm in norms]
    for norm in norms:
        norm.__class__, norm.momentum, norm.trainable = layers.BatchNormalization, 0.0, True
    keras.Model(first.input, last.output)(x, training=True)
    for norm, (momentum, trainable) in zip(norms, before, strict=True):
        norm.__class__, norm.momentum, norm.trainable = FixedBatchNormalization, momentum, trainable
