"""Prediction: one image at a time, and ten thousand at once."""

import statistics
import time

import numpy as np

from benchmarks import problems
from benchmarks.data import fashion

_LOSS = "sparse_categorical_crossentropy"
_N_TRAIN = 256
_WARM_UP = 5


def skfashion(classifier, calls, n):
    """Ours."""
    from benchmarks import spy

    ours = spy.start_ours()
    classes = {"dense": ours.DenseClassifier, "conv": ours.ConvClassifier}
    if classifier == "mobilenet":
        settings = {"alpha": problems.ALPHA, "image_size": 96}
        estimator = ours.MobileNetFineTuner(epochs=1, random_state=0, **settings)
    else:
        estimator = classes[classifier](epochs=1, random_state=0)
    estimator.fit(*fashion(_N_TRAIN))
    return _timed(
        lambda X: estimator.predict(X), calls, n, {"step": spy.step_of_ours()["step"].split(",")[0]}
    )


def scikeras(classifier, calls, n):
    """The same network on scikeras, which predicts by `keras.Model.predict`."""
    from benchmarks.peers import imagenet, tagged_keras_classifier
    from benchmarks.spy import wake

    wake()
    if classifier == "mobilenet":
        imagenet(problems.ALPHA)
    estimator = tagged_keras_classifier()(
        model=lambda: _network(classifier),
        optimizer="adam",
        loss=_LOSS,
        epochs=1,
        batch_size=32,
        verbose=0,
    )
    X, y = fashion(_N_TRAIN)
    estimator.fit(X[..., None], y)
    return _timed(lambda X: estimator.predict(X[..., None]), calls, n)


def keras(classifier, calls, n):
    """`keras.Model.predict` in batches of 1,024."""
    from benchmarks.spy import wake

    wake()
    model = _network(classifier)

    def predict(X):
        probabilities = model.predict(X[..., None], batch_size=1024, verbose=0)
        return np.argmax(probabilities, axis=1)

    return _timed(predict, calls, n)


def _timed(predict, calls, n, more=None):
    """Return what times calls of n images each, all of them different.

    Ours would have the frozen part's output for an image it was given before.
    """
    warm_up, _ = fashion(_WARM_UP * min(n, 1024), skip=_N_TRAIN)
    X, _ = fashion(calls * n, part="t10k") if calls * n <= 10_000 else fashion(calls * n)
    for block in np.array_split(warm_up, _WARM_UP):
        predict(block)

    def run():
        times = []
        for block in np.array_split(X, calls):
            started = time.perf_counter()
            predict(block)
            times.append(time.perf_counter() - started)
        return {"seconds": statistics.median(times), "samples": times, **(more or {})}

    return run


def _network(classifier):
    """Build the same network from Keras' own layers."""
    import keras
    from keras import layers

    from benchmarks import peers

    inputs = keras.Input((28, 28, 1))
    if classifier == "mobilenet":
        x = layers.Concatenate()([inputs, inputs, inputs])
        x = layers.Resizing(96, 96)(x)
        return keras.Model(inputs, peers.mobilenet_network(96, problems.ALPHA, 10)(x))
    x = layers.Rescaling(1 / 255)(inputs)
    if classifier == "dense":
        return keras.Model(inputs, peers.dense_network(128)(layers.Flatten()(x)))
    return keras.Model(inputs, peers.conv_network("32-64-128")(x))
