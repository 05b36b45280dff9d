"""Initial weights that depend on the seed of the fit, and on nothing else in the process."""

import keras
import numpy as np

from skfashion._training.loops import to_numpy
from skfashion._training.seeding import derive


def redraw(network, seed):
    """Draw again, with seeds of our own, what initializers without a seed have drawn.

    Keras takes the seeds of initializers from Python's global generator. Seeding that
    one before a network is built is not enough: any other thread (Dask's workers have
    several) may draw from it meanwhile.

    Parameters
    ----------
    network : keras.Model
        Just built; changed in place. Weights that were set since, to pretrained ones
        for instance, stay as they are.
    seed : int
        Of the fit.
    """
    for i, (weight, initializer) in enumerate(_initialized(network)):
        drawn = initializer(weight.shape, dtype=weight.dtype)
        if np.array_equal(keras.ops.convert_to_numpy(drawn), to_numpy(weight)):
            config = {**initializer.get_config(), "seed": derive(seed, "weight", i)}
            again = type(initializer).from_config(config)
            weight.assign(again(weight.shape, dtype=weight.dtype))


def _initialized(network):
    """Yield weights and their random initializers, those whose seed nobody chose."""
    for layer in network._flatten_layers(include_self=False):
        for weight in layer._trainable_variables + layer._non_trainable_variables:
            initializer = getattr(layer, f"{weight.name}_initializer", None)
            if isinstance(initializer, keras.initializers.Initializer):
                unseeded = initializer.get_config().get("seed", 0) is None
                if unseeded:
                    yield weight, initializer
