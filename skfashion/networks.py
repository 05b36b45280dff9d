"""The networks, as functions from sizes to uncompiled Keras models.

They know nothing of scikit-learn. Initial weights come from Keras' global random state:
who calls them seeds it.
"""

from functools import partial

import keras
from keras import layers

from skfashion._backbones import application, backbone_size, unfreeze_index
from skfashion._layers import FixedBatchNormalization

AUGMENTATIONS = ("flip", "shift", "rotate", "zoom", "erase")


def dense(
    image_shape,
    n_classes,
    *,
    rescaling=(1.0, 0.0),
    augmentation=(),
    hidden_layer_sizes=(128,),
    activation="relu",
    batch_norm=False,
    dropout=0.0,
):
    """Build a fully connected network.

    Parameters
    ----------
    image_shape : tuple of int
        Height, width and channels.
    n_classes : int
        Number of softmax outputs.
    rescaling : tuple of float
        Factor and offset that turn pixels into what the network wants.
    augmentation : tuple of str
        Random changes of the training images, see `augmented`.
    hidden_layer_sizes : tuple of int
        Units of each hidden layer.
    activation : str
        Name of a Keras activation.
    batch_norm : bool
        Whether to normalise before each activation.
    dropout : float
        Share of units dropped after each hidden layer.

    Returns
    -------
    keras.Model
    """
    inputs = keras.Input(image_shape, name="pixels")
    x = augmented(rescaled(inputs, *rescaling), augmentation)
    x = layers.Flatten(name="flatten")(x)
    for i, units in enumerate(hidden_layer_sizes, 1):
        x = layers.Dense(units, use_bias=not batch_norm, name=f"hidden_{i}")(x)
        if batch_norm:
            x = _normalised(f"hidden_{i}_norm")(x)
        x = layers.Activation(activation, name=f"hidden_{i}_{activation}")(x)
        x = _dropped(x, dropout, f"hidden_{i}_dropout")
    return keras.Model(inputs, _softmax(x, n_classes), name="dense")


def conv(
    image_shape,
    n_classes,
    *,
    rescaling=(1.0, 0.0),
    augmentation=(),
    filters=(32, 64, 128),
    convs_per_block=1,
    kernel_size=3,
    dense_units=128,
    batch_norm=True,
    dropout=0.0,
):
    """Build a convolutional network: blocks that halve the image, then dense layers.

    Parameters
    ----------
    image_shape, n_classes, rescaling, augmentation
        As for `dense`.
    filters : tuple of int
        Filters of each block.
    convs_per_block : int
        Convolutions before each pooling.
    kernel_size : int
        Height and width of a convolution, pixels.
    dense_units : int
        Units of the dense layer before the softmax; 0 for none.
    batch_norm : bool
        Whether to normalise after each convolution.
    dropout : float
        Share of units dropped after each block and after the dense layer.

    Returns
    -------
    keras.Model
    """
    inputs = keras.Input(image_shape, name="pixels")
    x = augmented(rescaled(inputs, *rescaling), augmentation)
    for block, n_filters in enumerate(filters, 1):
        for i in range(1, convs_per_block + 1):
            name = f"block_{block}_conv_{i}"
            x = layers.Conv2D(
                n_filters, kernel_size, padding="same", use_bias=not batch_norm, name=name
            )(x)
            if batch_norm:
                x = _normalised(f"{name}_norm")(x)
            x = layers.Activation("relu", name=f"{name}_relu")(x)
        # "same": an image smaller than the blocks would make it stays one pixel.
        x = layers.MaxPooling2D(padding="same", name=f"block_{block}_pool")(x)
        x = _dropped(x, dropout, f"block_{block}_dropout")
    x = layers.Flatten(name="flatten")(x)
    if dense_units:
        x = layers.Dense(dense_units, activation="relu", name="hidden")(x)
        x = _dropped(x, dropout, "hidden_dropout")
    return keras.Model(inputs, _softmax(x, n_classes), name="conv")


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
    trained. `skfashion._backbones.pretrain` gives it weights to start from.

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
        See `skfashion._backbones.unfreeze_index`.
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
    x = _dropped(x, dropout, "average_dropout")
    return keras.Model(inputs, _softmax(x, n_classes), name=f"mobilenet_{version}")


def rescaled(x, factor, offset):
    """Apply ``x * factor + offset``; nothing is added to the graph where that is x.

    Parameters
    ----------
    x : keras tensor
    factor, offset : float

    Returns
    -------
    keras tensor
    """
    if (factor, offset) == (1.0, 0.0):
        return x
    return layers.Rescaling(factor, offset, name="rescale")(x)


def augmented(x, names):
    """Apply random changes, in training only.

    Parameters
    ----------
    x : keras tensor
        Images.
    names : tuple of str
        Of "flip" (left-right), "shift" (a tenth), "rotate" (18 degrees), "zoom" (a
        tenth) and "erase" (one rectangle).

    Returns
    -------
    keras tensor
    """
    # float32 whatever the policy: they compute with coordinates, and some know no float16.
    erase = {"factor": 0.5, "scale": (0.02, 0.2), "fill_value": 0.0, "value_range": (0, 1)}
    make = {
        "flip": partial(layers.RandomFlip, "horizontal"),
        "shift": partial(layers.RandomTranslation, 0.1, 0.1, fill_mode="constant"),
        "rotate": partial(layers.RandomRotation, 0.05),
        "zoom": partial(layers.RandomZoom, 0.1),
        "erase": partial(layers.RandomErasing, **erase),
    }
    for name in AUGMENTATIONS:
        if name in names:
            x = make[name](name=name, dtype="float32")(x)
    return x


def _normalised(name):
    # Keras' 0.99 needs hundreds of steps to forget where it started; a fold has few.
    return layers.BatchNormalization(momentum=0.9, name=name)


def _dropped(x, rate, name):
    return layers.Dropout(rate, name=name)(x) if rate else x


def _softmax(x, n_classes):
    # float32 whatever the policy: probabilities in half precision don't add up to one.
    return layers.Dense(n_classes, activation="softmax", dtype="float32", name="classes")(x)
