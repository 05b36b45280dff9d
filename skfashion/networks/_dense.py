"""Fully connected network."""

import keras
from keras import layers

from skfashion.networks._layers import (
    augmented,
    dropped,
    normalised,
    one_dropout_rate,
    probabilities,
    rescaled,
)


@one_dropout_rate
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
    """Build a fully connected network.

    Parameters
    ----------
    image_shape : tuple of int
        Height, width and channels.
    n_classes : int
        Number of outputs.
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
    multilabel : bool
        Whether outputs are sigmoids, each for a label of its own, and not a softmax.

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
            x = normalised(f"hidden_{i}_norm")(x)
        x = layers.Activation(activation, name=f"hidden_{i}_{activation}")(x)
        x = dropped(x, dropout, f"hidden_{i}_dropout")
    return keras.Model(inputs, probabilities(x, n_classes, multilabel), name="dense")
