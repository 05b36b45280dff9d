"""Layers that Keras lacks, and the parts that all networks share."""

import inspect
from functools import partial

import keras
from keras import layers

from skfashion.networks._config import is_in_config

AUGMENTATIONS = ("flip", "shift", "rotate", "zoom", "erase")
# Network functions -> functions of their parameters that return rates, and what else enters keys.
DROPOUT_RATES = {}


@keras.saving.register_keras_serializable("skfashion")
class FixedBatchNormalization(keras.layers.BatchNormalization):
    """Batch normalisation that always runs on its moving statistics.

    Keras 3.15 hands a ``training=True`` of the whole network on to its layers, over what they were
    called with, and the statistics of a small new data set would replace ImageNet's.
    """

    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training=False, mask=mask)


class VariableDropout(keras.layers.Layer):
    """Dropout whose rate is a variable: Keras' own is a constant, wrong for the next candidate."""

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


def with_variable_rates(model):
    """Return the model, if it can be rebuilt, with each `Dropout` as a `VariableDropout`."""
    dropped = {id(layer) for layer in dropout_layers(model)}
    if not dropped or not is_in_config(model):
        return model
    return keras.models.clone_model(
        model,
        clone_function=lambda layer: (
            VariableDropout(layer) if id(layer) in dropped else _copy(layer, type(layer))
        ),
    )


def dropout_layers(model):
    """Return the layers whose rates are variables: 0 costs nothing, and is another structure."""
    return [x for x in model.layers if type(x) is keras.layers.Dropout and x.rate > 0]


def for_inference(model):
    """Return a network that predicts whenever it is called: without random layers of ours."""
    # Every other layer is told so: image layers take `training=True` where nobody says.
    if not any(map(_needs_telling, model._flatten_layers())):
        return model
    if not type(model).__module__.startswith("keras."):
        (given,) = keras.tree.flatten(model.input)
        inputs = keras.Input(given.shape[1:], dtype=given.dtype)
        return keras.Model(inputs, model(inputs, training=False), name=model.name)
    copies = []

    def copied(layer):
        kind = keras.layers.BatchNormalization if _is_ours(layer) else type(layer)
        copies.append((layer, layer if _is_left_out(layer) else _copy(layer, kind)))
        return copies[-1][1]

    def called(layer, *args, **kwargs):
        if _is_left_out(layer):
            return args[0]
        if "training" in inspect.signature(layer.call).parameters:
            kwargs["training"] = False
        return layer(*args, **kwargs)

    if isinstance(model, keras.Sequential):  # it can't say how its layers are called
        model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    network = keras.models.clone_model(model, clone_function=copied, call_function=called)
    for layer, copy in copies:
        if isinstance(layer, keras.Layer) and copy is not layer:
            for old, new in zip(layer.weights, copy.weights, strict=True):
                new.assign(old.value)
    return network


def _needs_telling(layer):
    if _is_left_out(layer) or _is_ours(layer):
        return True
    told = inspect.signature(layer.call).parameters.get("training")
    trains_untold = told is not None and told.default is True
    return trains_untold or any(n.arguments.kwargs.get("training") for n in layer._inbound_nodes)


def _is_left_out(layer):
    return getattr(layer, "training_only", False)


def _is_ours(layer):
    return type(layer) is FixedBatchNormalization


def _copy(layer, kind):
    """Return a new layer of the same configuration; the same, where that doesn't say all."""
    return kind.from_config(layer.get_config()) if is_in_config(layer) else layer


def rescaled(x, factor, offset):
    """Return ``x * factor + offset``; nothing is added to the graph where that is x."""
    if (factor, offset) == (1.0, 0.0):
        return x
    # float32 whatever the policy: half precision ends at 65504, and pixels don't.
    return layers.Rescaling(factor, offset, name="rescale", dtype="float32")(x)


def augmented(x, names):
    """Change images at random, in training only, as names of `AUGMENTATIONS` say."""
    # Shifts and zooms go to a tenth, turns to 18 degrees; in half of them a part is erased.
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
            x = _training_only(make[name](name=name, dtype="float32"))(x)
    return x


def _training_only(layer):
    layer.training_only = True
    return layer


def normalised(name):
    # Keras' 0.99 needs hundreds of steps to forget where it started; a fold has few.
    return layers.BatchNormalization(momentum=0.9, name=name)


def one_rate(parameters):
    """Return `dropout`: the rate of every dropout layer of a network, and of nothing else."""
    return (parameters.get("dropout", 0.0),)


def dropout_rates_by(rates, since=()):
    """Declare which rates a network's dropout layers have, by a function of its parameters.

    `since` enters keys: results of before it was there are computed anew.
    """

    def declare(function):
        DROPOUT_RATES[function] = rates, since
        return function

    return declare


def dropped(x, rate, name):
    return _training_only(layers.Dropout(rate, name=name))(x) if rate else x


def probabilities(x, n_classes, multilabel, **options):
    # float32 whatever the policy: probabilities in half precision don't add up to one.
    kind = "sigmoid" if multilabel else "softmax"
    return layers.Dense(n_classes, activation=kind, dtype="float32", name="classes", **options)(x)
