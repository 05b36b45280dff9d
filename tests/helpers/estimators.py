"""Small instances of every classifier, for tests that run on all of them."""

import keras

import skfashion
from skfashion import DenseClassifier, MobileNetFineTuner


def sequential(meta, *layers, outputs=None, last="softmax"):
    """Return a network of some layers between its input and one output a class."""
    outputs = keras.layers.Dense(outputs or meta["n_classes_"], activation=last)
    return keras.Sequential([keras.Input(meta["X_shape_"][1:]), *layers, outputs])


def small_network(units=16, meta=None):
    """Build a network for `KerasImageClassifier`."""
    hidden = keras.layers.Dense(units, activation="relu")
    return sequential(meta, keras.layers.Flatten(), hidden)


SMALL = {
    "DenseClassifier": {"hidden_layer_sizes": 32, "epochs": 40, "learning_rate": 1e-2},
    "ConvClassifier": {"filters": 8, "dense_units": 16, "epochs": 30, "learning_rate": 1e-2},
    "MobileNetFineTuner": {"weights": None, "alpha": 0.35, "epochs": 60, "learning_rate": 1e-2},
    "KerasImageClassifier": {
        "model": small_network,
        "epochs": 40,
        "optimizer__learning_rate": 1e-2,
    },
}
NAMES = tuple(SMALL)
READY = NAMES[:3]  # which bring their network


def dense(**parameters):
    """Return a classifier of three epochs."""
    return DenseClassifier(
        **{"hidden_layer_sizes": 16, "epochs": 3, "random_state": 0, **parameters}
    )


def mobile(**parameters):
    """Return a classifier on the smallest backbone, with one epoch a phase."""
    defaults = {"weights": None, "alpha": 0.35, "epochs": 1, "fine_tune_epochs": 1}
    return MobileNetFineTuner(**{**defaults, "random_state": 0, **parameters})


def small(name, **parameters):
    """Return one classifier, small enough for scikit-learn's checks and able to learn."""
    return getattr(skfashion, name)(**{**SMALL[name], "random_state": 0, **parameters})
