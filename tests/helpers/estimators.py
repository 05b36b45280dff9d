"""Small instances of every classifier, for tests that run on all of them."""

import keras

from skfashion import ConvClassifier, DenseClassifier, KerasImageClassifier, MobileNetFineTuner


def small_network(units=16, meta=None):
    """Build a network for `KerasImageClassifier`."""
    return keras.Sequential(
        [
            keras.Input(meta["X_shape_"][1:]),
            keras.layers.Flatten(),
            keras.layers.Dense(units, activation="relu"),
            keras.layers.Dense(meta["n_classes_"], activation="softmax"),
        ]
    )


def small(name, **parameters):
    """Return one classifier, small enough for scikit-learn's checks and able to learn."""
    settings = {
        "DenseClassifier": (
            DenseClassifier,
            {"hidden_layer_sizes": 32, "epochs": 40, "learning_rate": 1e-2},
        ),
        "ConvClassifier": (
            ConvClassifier,
            {"filters": 8, "dense_units": 16, "epochs": 30, "learning_rate": 1e-2},
        ),
        "MobileNetFineTuner": (
            MobileNetFineTuner,
            {"weights": None, "alpha": 0.35, "epochs": 60, "learning_rate": 1e-2},
        ),
        "KerasImageClassifier": (
            KerasImageClassifier,
            {"model": small_network, "epochs": 40, "optimizer__learning_rate": 1e-2},
        ),
    }
    cls, defaults = settings[name]
    return cls(**{**defaults, "random_state": 0, **parameters})


NAMES = ("DenseClassifier", "ConvClassifier", "MobileNetFineTuner", "KerasImageClassifier")
