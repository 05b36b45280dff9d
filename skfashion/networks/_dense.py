"""Fully connected network."""

import keras
from keras import layers

from skfashion.networks import _layers as parts


@parts.dropout_rates_by(parts.one_rate)
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
    multilabel=False,
):
    """Build a fully connected network, its hidden layers of so many units each.

    Of the six parameters of all networks: pixels are multiplied by the first number of `rescaling`
    and the second is added, `augmentation` are names as `augmented` takes them, and with
    `multilabel` outputs are sigmoids, each for a label of its own.
    """
    inputs = keras.Input(image_shape, name="pixels")
    x = parts.augmented(parts.rescaled(inputs, *rescaling), augmentation)
    x = layers.Flatten(name="flatten")(x)
    for i, units in enumerate(hidden_layer_sizes, 1):
        x = layers.Dense(units, use_bias=not batch_norm, name=f"hidden_{i}")(x)
        if batch_norm:
            x = parts.normalised(f"hidden_{i}_norm")(x)
        x = layers.Activation(activation, name=f"hidden_{i}_{activation}")(x)
        x = parts.dropped(x, dropout, f"hidden_{i}_dropout")
    return keras.Model(inputs, parts.probabilities(x, n_classes, multilabel), name="dense")
