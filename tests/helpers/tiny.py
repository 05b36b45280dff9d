"""Twelve images, and classifiers of one epoch, for tests of what is refused."""

from functools import partial

import estimators
import numpy as np
from estimators import mobile as mobile
from estimators import small_network

from skfashion import KerasImageClassifier

rng = np.random.default_rng(0)
X = rng.integers(0, 256, (12, 8, 8)).astype("uint8")
y = np.arange(12) % 3
NAN = np.where(np.arange(64).reshape(8, 8) == 5, np.nan, X)
WEIGHT = np.ones(12)

dense = partial(estimators.dense, hidden_layer_sizes=4, epochs=1)
custom = partial(KerasImageClassifier, model=small_network, epochs=1, random_state=0)
