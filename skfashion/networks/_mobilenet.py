"""MobileNet with a new head: its layers, its weights, and where to unfreeze it."""

import warnings
from functools import lru_cache

import keras
import numpy as np
from keras import layers

from skfashion._utils.cache import Cache
from skfashion._utils.config import get_config
from skfashion.networks._layers import (
    FixedBatchNormalization,
    augmented,
    dropped,
    one_dropout_rate,
    rescaled,
    softmax,
)

_NOISE_SEED = 20_260  # any number, as long as it stays the same


@one_dropout_rate
def mobilenet(
    image_shape,
    n_classes,
    *,
    rescaling=(1.0, 0.0),
    augmentation=(),
    version="v2",
    alpha=1.0,
    image_size=None,
    unfreeze_from=None,
    dropout=0.0,
):
    """Build a MobileNet with a new head, frozen below `unfreeze_from`.

    Batch normalisation of the backbone runs on its moving statistics, whatever is
    trained. `pretrain` gives it weights to start from.

    Parameters
    ----------
    image_shape, n_classes, rescaling, augmentation
        As for `dense`; 1, 3 or 4 channels.
    version : {"v1", "v2"}
        Howard et al. 2017 or Sandler et al. 2018.
    alpha : float
        Width of the backbone.
    image_size : int, pair of int or None
        Height and width, pixels, that images are resized to. None: as given, at least 32.
    unfreeze_from : int, str or None
        See `unfreeze_index`.
    dropout : float
        Share of features dropped before the softmax.

    Returns
    -------
    keras.Model

    Raises
    ------
    ValueError
        If no layer is called `unfreeze_from`.
    """
    height, width = backbone_size(image_shape, image_size)
    if image_shape[2] == 4:
        raise ValueError(
            "a MobileNet sees 3 channels and these images have 4: drop the last one, X[..., :3]."
        )
    inputs = keras.Input(image_shape, name="pixels")
    x = augmented(rescaled(inputs, *rescaling), augmentation)
    if image_shape[2] == 1:
        x = layers.Concatenate(name="grey_to_rgb")([x, x, x])
    if (height, width) != tuple(image_shape[:2]):
        x = layers.Resizing(height, width, name="resize")(x)
    n_ours = len(keras.Model(inputs, x).layers)
    # Built on our tensor, not called as one layer: what is frozen can be cut off anywhere.
    backbone = application(version)(
        input_shape=(height, width, 3),
        input_tensor=x,
        alpha=alpha,
        include_top=False,
        weights=None,
    )
    body = backbone.layers[n_ours:]
    first = unfreeze_index(["input", *(layer.name for layer in body)], unfreeze_from)
    for index, layer in enumerate(body, 1):
        layer.trainable = first is not None and index >= first
        if isinstance(layer, layers.BatchNormalization):
            # The same variables under another rule; a clone of 150 layers takes 0.3 s.
            layer.__class__ = FixedBatchNormalization
    x = layers.GlobalAveragePooling2D(name="average")(backbone.output)
    x = dropped(x, dropout, "average_dropout")
    return keras.Model(inputs, softmax(x, n_classes), name=f"mobilenet_{version}")


def application(version):
    """Return the Keras function that builds a backbone of that version."""
    return {"v1": keras.applications.MobileNet, "v2": keras.applications.MobileNetV2}[version]


def pretrain(network, *, version, alpha, weights):
    """Set the weights that the backbone of a `mobilenet` starts from.

    None: normalisation from a batch of noise, or an untrained one is nearly constant.
    """
    average = network.get_layer("average")
    names = [layer.name for layer in network.layers]
    first = network.layers[names.index(_first_layer(version))]
    body = keras.Model(first.input, average.input)
    if weights == "imagenet":
        body.set_weights(imagenet_weights(version, alpha))
    elif weights is not None:
        shape = (*first.input.shape[1:3], 3)
        body.set_weights(_file_weights(version, alpha, shape, weights))
    else:
        _settle(body)


def backbone_size(image_shape, image_size):
    """Return the height and width, pixels, at which a backbone sees its images."""
    if image_size is None:
        return max(32, image_shape[0]), max(32, image_shape[1])
    if isinstance(image_size, (int, np.integer)):
        return int(image_size), int(image_size)
    return tuple(int(side) for side in image_size)


def unfreeze_index(names, unfreeze_from):
    """Return the index of the first layer to train, None for none.

    `unfreeze_from` is an index, the name of a layer, or of a block: then its first layer.
    """
    if unfreeze_from is None:
        return None
    n = len(names)
    if isinstance(unfreeze_from, str):
        for i, name in enumerate(names):
            if name == unfreeze_from or name.startswith(unfreeze_from + "_"):
                return i
        blocks = sorted({_block(name) for name in names} - {None}, key=_natural)
        raise ValueError(
            f"unfreeze_from={unfreeze_from[:100]!r} does not name a layer of the backbone. Take a "
            f"layer's name, an index from {-n} to {n - 1}, or a block: {', '.join(blocks)}."
        )
    if not -n <= unfreeze_from < n:
        raise ValueError(
            f"unfreeze_from={unfreeze_from} is not a layer of the backbone: it has {n} layers, "
            f"indices go from {-n} to {n - 1}."
        )
    return int(unfreeze_from) % n


_WEIGHTS = Cache("pretrained weights", max_bytes=lambda: get_config()["program_cache_bytes"] // 4)


@lru_cache
def backbone_layers(version):
    """Return the names of a backbone's layers, in Keras' order."""
    smallest = {"v1": 0.25, "v2": 0.35}[version]
    backbone = application(version)(
        input_shape=(32, 32, 3), alpha=smallest, include_top=False, weights=None
    )
    # Keras numbers its input layers through the process; this one's name has to last.
    return ("input", *(layer.name for layer in backbone.layers[1:]))


def imagenet_weights(version, alpha):
    """Return ImageNet weights of a backbone, from memory, Keras' folder or the network.

    A ValueError tells that there are none for this alpha, an OSError that they are not to be had.
    """
    known = _WEIGHTS.get((version, alpha))
    return _WEIGHTS.put((version, alpha), _fetched(version, alpha)) if known is None else known


def _fetched(version, alpha):
    # A convolution doesn't know how large its image is: one file serves every size.
    shape = (224, 224, 3)
    build = application(version)
    try:
        source = build(input_shape=shape, alpha=alpha, include_top=False, weights="imagenet")
    except ValueError as error:
        raise ValueError(
            f"weights='imagenet' doesn't exist for alpha={alpha} of version={version!r} "
            f"({str(error).splitlines()[0]}): take another alpha, or weights=None."
        ) from None
    except Exception as error:  # what Keras raises if it can't download
        raise OSError(
            f"the ImageNet weights of MobileNet {version}, alpha={alpha}, are not in Keras' "
            f"cache (folder models of KERAS_HOME or ~/.keras) and "
            f"couldn't be downloaded ({error}). Put the file there, or set weights=None."
        ) from None
    return source.get_weights()


def _file_weights(version, alpha, shape, path):
    source = application(version)(input_shape=shape, alpha=alpha, include_top=False, weights=None)
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
    raise ValueError(
        f"weights={path!r} holds no weights of a MobileNet {version} of alpha={alpha} without its "
        f"top ({reason}): give a file that keras.Model.save_weights wrote, with its version and "
        "alpha."
    )


def _settle(body):
    """Set the moving statistics from one batch of noise, the same in every process."""
    noise = np.random.RandomState(_NOISE_SEED)
    x = noise.uniform(-1, 1, (16, *body.input_shape[1:])).astype("float32")
    norms = [layer for layer in body.layers if isinstance(layer, layers.BatchNormalization)]
    before = [(norm.momentum, norm.trainable) for norm in norms]
    for norm in norms:
        norm.__class__, norm.momentum, norm.trainable = layers.BatchNormalization, 0.0, True
    body(x, training=True)
    for norm, (momentum, trainable) in zip(norms, before, strict=True):
        norm.__class__, norm.momentum, norm.trainable = FixedBatchNormalization, momentum, trainable


def _first_layer(version):
    return {"v1": "conv1", "v2": "Conv1"}[version]


def _block(name):
    parts = name.split("_")
    if parts[0] == "block" and len(parts) > 2:
        return "_".join(parts[:2])
    if parts[0] == "conv" and len(parts) > 2 and parts[1] in ("dw", "pw"):
        return "_".join(parts[:3])
    return None


def _natural(name):
    head, _, number = name.rpartition("_")
    return head, int(number) if number.isdigit() else 0
