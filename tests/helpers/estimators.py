"""Small instances of every classifier, for tests that run on all of them."""

import re

import keras
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import skfashion
from skfashion import BackboneFineTuner, DenseClassifier, MobileNetFineTuner, _training


def sequential(meta, *layers, outputs=None, last="softmax"):
    """Return a network of some layers between its input and one output a class."""
    outputs = keras.layers.Dense(outputs or meta["n_classes_"], activation=last)
    return keras.Sequential([keras.Input(meta["X_shape_"][1:]), *layers, outputs])


def small_network(units=16, meta=None):
    """Build a network for `KerasImageClassifier`."""
    hidden = keras.layers.Dense(units, activation="relu")
    return sequential(meta, keras.layers.Flatten(), hidden)


def small_backbone(input_shape, last=32, seed=0):
    """Build a backbone that is traced in no time, for `BackboneFineTuner`."""
    inputs = keras.Input(input_shape)
    start = keras.initializers.GlorotUniform(seed=seed)
    # Of any scale: the pixels of scikit-learn's checks lie around 0.
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.UnitNormalization(axis=(1, 2, 3))(x)
    x = keras.layers.Rescaling(32.0)(x)
    for block, filters in ((1, 8), (2, last)):
        name, options = f"block{block}", {"strides": 2, "kernel_initializer": start}
        x = keras.layers.Conv2D(filters, 3, **options, use_bias=False, name=f"{name}_conv")(x)
        x = keras.layers.BatchNormalization(name=f"{name}_bn")(x)
        x = keras.layers.Activation("relu", name=f"{name}_relu")(x)
        x = keras.layers.Dropout(0.25 / block, name=f"{name}_drop")(x)
    return keras.Model(inputs, x)


SMALL = {
    "DenseClassifier": {"hidden_layer_sizes": 32, "epochs": 40, "learning_rate": 1e-2},
    "ConvClassifier": {"filters": 8, "dense_units": 16, "epochs": 30, "learning_rate": 1e-2},
    "BackboneFineTuner": {
        "backbone": small_backbone,
        "weights": None,
        "epochs": 60,
        "learning_rate": 3e-2,
        "schedule": "constant",  # as `partial_fit` leaves it
    },
    "KerasImageClassifier": {
        "model": small_network,
        "epochs": 40,
        "optimizer__learning_rate": 1e-2,
    },
    "MobileNetFineTuner": {"weights": None, "alpha": 0.35, "epochs": 60, "learning_rate": 1e-2},
}
NAMES = tuple(SMALL)
# MobileNetFineTuner is BackboneFineTuner (test_backbone.py), and takes seconds to trace.
KINDS = tuple(name for name in NAMES if name != "MobileNetFineTuner")
READY = tuple(name for name in KINDS if name != "KerasImageClassifier")  # with their network


def on_small_backbone(**parameters):
    """Return a fine-tuner on a small backbone, with one epoch a phase."""
    defaults = {"weights": None, "epochs": 1, "fine_tune_epochs": 1, "random_state": 0}
    return BackboneFineTuner(**{"backbone": small_backbone, **defaults, **parameters})


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


def scikit_learns_checks(estimators, **options):
    """Run a test once a check, under names without addresses: pytest-xdist compares them."""
    marked = parametrize_with_checks(estimators, **options)
    name = marked.kwargs["ids"]
    return pytest.mark.parametrize(
        *marked.args, ids=lambda value: re.sub("at0x[0-9a-f]+", "", name(value))
    )


def computed():
    """Return how many rows of frozen parts this process has computed."""
    return _training.features_info()["computed"]
