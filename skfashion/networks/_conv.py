"""Convolutional network."""

import keras
from keras import layers

from skfashion.networks import _layers as parts


@parts.dropout_rates_by(parts.one_rate)
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
    multilabel=False,
):
    """Build a convolutional network: blocks that halve the image, then a dense layer, if any."""
    inputs = keras.Input(image_shape, name="pixels")
    x = parts.augmented(parts.rescaled(inputs, *rescaling), augmentation)
    for block, n_filters in enumerate(filters, 1):
        for i in range(1, convs_per_block + 1):
            name = f"block_{block}_conv_{i}"
            x = layers.Conv2D(
                n_filters, kernel_size, padding="same", use_bias=not batch_norm, name=name
            )(x)
            if batch_norm:
                x = parts.normalised(f"{name}_norm")(x)
            x = layers.Activation("relu", name=f"{name}_relu")(x)
        # "same": an image smaller than the blocks would make it stays one pixel.
        x = layers.MaxPooling2D(padding="same", name=f"block_{block}_pool")(x)
        x = parts.dropped(x, dropout, f"block_{block}_dropout")
    x = layers.Flatten(name="flatten")(x)
    if dense_units:
        x = layers.Dense(dense_units, activation="relu", name="hidden")(x)
        x = parts.dropped(x, dropout, "hidden_dropout")
    return keras.Model(inputs, parts.probabilities(x, n_classes, multilabel), name="conv")
