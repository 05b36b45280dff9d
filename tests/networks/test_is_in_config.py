"""What a configuration says all of: Keras' own code, and nothing learnt or of the user's."""

import functools

import keras
import numpy as np
import pytest

from skfashion import networks
from skfashion.networks._config import is_in_config

L = keras.layers
Schedule = keras.optimizers.schedules.LearningRateSchedule


def relu(x):  # as one of Keras' is called
    return x * x


@keras.saving.register_keras_serializable("mine")
def registered(x):
    return x * x


@keras.saving.register_keras_serializable("keras")
class Dense(L.Dense):
    """Called as one of Keras' own, and registered."""


class Activation:
    __name__ = "callable"

    def __call__(self, x):
        return x


def own(kind, *args):
    """Return an instance of a class of one's own."""
    return type("Own", (kind,), {})(*args)


def own_step(kind):
    inputs = keras.Input((4,))
    return kind(inputs, L.Dense(2)(inputs))


def patched():
    layer = L.Dense(2)
    layer.call = lambda x: x
    return layer


def adapted():
    layer = L.Normalization()
    layer.adapt(np.eye(4))
    return layer


def mapped(function):
    inputs = keras.Input((4,))
    return keras.Model(inputs, keras.ops.map(function, inputs))


def nested(layer):
    inner = keras.Sequential([keras.Input((4,)), layer])
    inputs = keras.Input((4,))
    return keras.Model(inputs, L.Dense(2)(inner(inputs)))


FOREIGN = {
    "function": lambda: L.Dense(2, activation=relu),
    "registered": lambda: L.Dense(2, activation=registered),
    "lambda": lambda: L.Dense(2, activation=lambda x: x),
    "partial": lambda: L.Dense(2, activation=functools.partial(relu)),
    "callable": lambda: L.Dense(2, activation=Activation()),
    "not an activation": lambda: L.Dense(2, activation=keras.ops.sin),
    "initializer": lambda: L.Dense(2, kernel_initializer=own(keras.initializers.GlorotUniform)),
    "initializing function": lambda: L.Dense(2, kernel_initializer=relu),
    "regularizing function": lambda: L.Dense(2, kernel_regularizer=relu),
    "constraining function": lambda: L.Dense(2, bias_constraint=relu),
    "regularizer": lambda: L.Dense(2, bias_regularizer=own(keras.regularizers.Regularizer)),
    "constraint": lambda: L.Conv2D(2, 2, kernel_constraint=own(keras.constraints.Constraint)),
    "layer": lambda: Dense(2),
    "Lambda": lambda: L.Lambda(keras.activations.relu),
    "wrapped": lambda: L.TimeDistributed(Dense(2)),
    "cell": lambda: L.RNN([L.LSTMCell(2, activation=relu), L.LSTMCell(2)]),
    "patched": patched,
    "adapted": adapted,
    "nested": lambda: nested(L.Dense(4, activation=relu)),
    "nested twice": lambda: nested(nested(Dense(4))),
    "subclassed": lambda: own(keras.Model),
    "own training step": lambda: own_step(functools.partial(own, keras.Model)),
    "mapped": lambda: mapped(lambda x: x * x),
    "loss": lambda: keras.losses.get(relu),
    "metric": lambda: keras.metrics.MeanMetricWrapper(relu),
    "schedule": lambda: keras.optimizers.SGD(own(Schedule)),
    "scaled": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(own(Schedule))),
}
OWN = {
    "dense": lambda: L.Dense(2, "relu", kernel_regularizer="l2", bias_constraint="non_neg"),
    "function": lambda: L.Activation(keras.activations.silu),
    "recurrent": lambda: L.Bidirectional(L.LSTM(2, dropout=0.1)),
    "attention": lambda: L.MultiHeadAttention(2, 2, dropout=0.1),
    "normalization": lambda: L.Normalization(mean=1.0, variance=2.0),
    "augmentation": lambda: L.Pipeline([L.RandomFlip(), L.RandAugment()]),
    "arithmetic": lambda: own_step(lambda i, o: keras.Model(i, keras.ops.relu(o * 2) + 1)),
    "nested": lambda: nested(nested(L.Dense(4, activation="relu"))),
    "ours": lambda: networks.mobilenet((32, 32, 3), 2, alpha=0.35, dropout=0.1),
    "loss": lambda: keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
    "loss function": lambda: keras.losses.mean_squared_error,
    "metric": lambda: keras.metrics.CosineSimilarity(),
    "optimizer": lambda: keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.1, 9)),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_a_configuration_does_not_say(name):
    assert not is_in_config(FOREIGN[name]())


@pytest.mark.parametrize("name", OWN)
def test_what_a_configuration_says(name):
    assert is_in_config(OWN[name]())
