"""A page on a search whose names would run if they were not escaped."""

import keras

EVIL = "</script><script>window.hacked=1</script>"
LABELS = ["<script>window.hacked=1</script>", "<img src=x onerror=window.hacked=1>", "plain & 'so'"]


def network(units=8, note="", meta=None):
    return keras.Sequential(
        [
            keras.Input(meta["X_shape_"][1:]),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(units, activation="relu"),
            keras.layers.Dense(meta["n_classes_"], activation="softmax"),
        ]
    )
