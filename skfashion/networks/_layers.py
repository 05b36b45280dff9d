"""Layers that Keras lacks, and the parts that all networks share."""

from functools import partial

import keras
from keras import layers

AUGMENTATIONS = ("flip", "shift", "rotate", "zoom", "erase")


@keras.saving.register_keras_serializable("skfashion")
class FixedBatchNormalization(keras.layers.BatchNormalization):
    """Batch normalisation that always runs on its moving statistics.

    The usual ``backbone(x, training=False)`` does not do it: a functional model that is
    called with ``training=True`` hands that on to its layers over what they were called
    with (Keras 3.15), and the statistics of a small new data set replace ImageNet's.
    """

    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training=False, mask=mask)


class VariableDropout(keras.layers.Layer):
    """Dropout whose rate is a variable of the graph; it never leaves a program.

    Keras writes the rate into the traced program as a constant: a program traced at 0.1
    and used again for a candidate with 0.5 would go on dropping a tenth.

    Parameters
    ----------
    dropout : keras.layers.Dropout
        The layer it stands for.
    """

    def __init__(self, dropout):
        super().__init__(name=dropout.name, dtype=dropout.dtype_policy)
        self._noise_shape = dropout.noise_shape
        self.seed_generator = keras.random.SeedGenerator(0)
        # Not cast with the inputs: it is compared with float32.
        self.variable_rate = keras.Variable(
            dropout.rate, trainable=False, name="variable_rate", autocast=False
        )
        self.supports_masking = True

    def call(self, inputs, training=False):
        if not training:
            return inputs
        # keras.random.dropout compares the rate in Python, which a variable doesn't stand.
        shape = keras.ops.shape(inputs)
        if self._noise_shape is not None:
            shape = [s if n is None else n for s, n in zip(shape, self._noise_shape, strict=True)]
        rate = keras.ops.convert_to_tensor(self.variable_rate)
        kept = keras.random.uniform(shape, dtype="float32", seed=self.seed_generator) >= rate
        scale = keras.ops.cast(1 / (1 - rate), inputs.dtype)
        return inputs * scale * keras.ops.cast(kept, inputs.dtype)


def _is_variable(layer):
    # A rate of 0 stays a plain layer: it costs nothing, and its structure differs.
    return type(layer) is keras.layers.Dropout and layer.rate > 0


def with_variable_rates(model):
    """Return the model with every `Dropout` replaced by a `VariableDropout`.

    Parameters
    ----------
    model : keras.Model
        Without dropout, or with parts that are not Keras' own, it is returned as it is.

    Returns
    -------
    keras.Model
        Its weights are new variables, in the order of the old ones.
    """
    if not all(_is_known(layer) for layer in model._flatten_layers(include_self=False)):
        return model  # a clone of a layer may lack what its configuration doesn't say
    return _replace(model, _is_variable, VariableDropout)


def _is_known(layer):
    return type(layer).__module__.split(".")[0] in ("keras", "skfashion") and not isinstance(
        layer, keras.layers.Lambda
    )


def with_plain_layers(model):
    """Return the model with `FixedBatchNormalization` replaced by Keras' own.

    What leaves the package loads anywhere; for inference the two are the same.

    Parameters
    ----------
    model : keras.Model
        Functional model; without a layer of ours it is returned as it is.

    Returns
    -------
    keras.Model
        Its weights are new variables, in the order of the old ones.
    """
    return _replace(
        model,
        lambda layer: type(layer) is FixedBatchNormalization,
        lambda layer: keras.layers.BatchNormalization.from_config(layer.get_config()),
    )


def _replace(model, wanted, replacement):
    if not any(wanted(layer) for layer in model.layers):
        return model
    return keras.models.clone_model(
        model,
        clone_function=lambda layer: (
            replacement(layer) if wanted(layer) else layer.__class__.from_config(layer.get_config())
        ),
    )


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
    # float32 whatever the policy: half precision ends at 65504, and pixels don't.
    return layers.Rescaling(factor, offset, name="rescale", dtype="float32")(x)


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


def normalised(name):
    # Keras' 0.99 needs hundreds of steps to forget where it started; a fold has few.
    return layers.BatchNormalization(momentum=0.9, name=name)


def dropped(x, rate, name):
    return layers.Dropout(rate, name=name)(x) if rate else x


def softmax(x, n_classes):
    # float32 whatever the policy: probabilities in half precision don't add up to one.
    return layers.Dense(n_classes, activation="softmax", dtype="float32", name="classes")(x)
