"""Twelve images, and classifiers of one epoch, for tests of what is refused."""

import numpy as np
from estimators import small_network

from skfashion import DenseClassifier, KerasImageClassifier, MobileNetFineTuner

rng = np.random.default_rng(0)
X = rng.integers(0, 256, (12, 8, 8)).astype("uint8")
y = np.arange(12) % 3
NAN = np.where(np.arange(64).reshape(8, 8) == 5, np.nan, X)
WEIGHT = np.ones(12)


def dense(**parameters):
    return DenseClassifier(
        **{"hidden_layer_sizes": 4, "epochs": 1, "random_state": 0, **parameters}
    )


def mobile(**parameters):
    defaults = {"weights": None, "alpha": 0.35, "epochs": 1, "random_state": 0}
    return MobileNetFineTuner(**{**defaults, **parameters})


def custom(model=small_network, **parameters):
    return KerasImageClassifier(model, **{"epochs": 1, "random_state": 0, **parameters})
