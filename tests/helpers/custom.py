"""A network of one's own, as a user writes it, and classifiers made of it."""

import keras
from estimators import sequential

from skfashion import KerasImageClassifier

CALLS = []  # what the function was asked for


def network(units=8, rate=0.0, activation="relu", outputs=None, last="softmax", meta=None):
    CALLS.append((units, rate))
    layers = [
        keras.layers.Rescaling(1 / 255),
        keras.layers.Flatten(),
        keras.layers.Dense(units, activation=activation),
        keras.layers.Dropout(rate),
    ]
    return sequential(meta, *layers, outputs=outputs, last=last)


def custom(model=network, **parameters):
    return KerasImageClassifier(model, **{"epochs": 2, "random_state": 0, **parameters})


def learner(model=network, **parameters):
    defaults = {"epochs": 40, "optimizer__learning_rate": 1e-2}
    return custom(model, **{**defaults, **parameters})
