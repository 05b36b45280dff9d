"""Training on what the Keras backend finds: ours, and a bare Keras loop.

Each trains twice, on images of one shape: the first time compiles, the second is timed. The
images are made up, so that this needs neither files nor a network. Nothing here imports a
backend but through Keras, and TensorFlow need not be installed for another.
"""

import math
import os
import time
from pathlib import Path

from benchmarks import by_hand, problems


def accelerator():
    """Say which accelerator Keras' backend computes on, if any."""
    from importlib.util import find_spec

    backend = os.environ["KERAS_BACKEND"]
    if find_spec(backend) is None:
        return lambda: {"backend": backend, "missing": backend, "chip": None}

    def run():
        import keras

        keras.ops.convert_to_numpy(keras.ops.zeros(1))
        return {"backend": backend, "missing": None, "chip": _CHIPS[backend]()}

    return run


def _of_tensorflow():
    import tensorflow as tf

    for device in tf.config.list_physical_devices("GPU"):
        details = tf.config.experimental.get_device_details(device)
        return details.get("device_name", device.name)
    return None


def _of_jax():
    import jax

    device = jax.devices()[0]
    return None if device.platform == "cpu" else device.device_kind


def _of_torch():
    import keras
    import torch

    kind = keras.ops.zeros(1).device.type
    if kind == "cuda":
        return torch.cuda.get_device_name(0)
    return None if kind == "cpu" else kind


_CHIPS = {"tensorflow": _of_tensorflow, "jax": _of_jax, "torch": _of_torch}


def skfashion(classifier, n, epochs, batch_size, size):
    """Ours: `fit`, and `fit` again on other images."""
    from benchmarks import spy

    spy.start_ours()
    first, second = _images(classifier, n, size)
    estimator = _estimator(classifier, epochs, batch_size)

    def run():
        cold = _timed(lambda: estimator.fit(*first))
        seconds = _timed(lambda: estimator.fit(*second))
        n_epochs = len(estimator.history_["loss"])
        rates = _rates(n, n_epochs, batch_size, seconds)
        return {**spy.step_of_ours(), **rates, "cold_seconds": cold}

    return run


def keras(classifier, n, epochs, batch_size, size):
    """`keras.Model.fit` on the same network, and again on other images."""
    from benchmarks import spy

    spy.start_ours()
    first, second = _images(classifier, n, size)
    fit = {"epochs": epochs, "batch_size": batch_size, "verbose": 0}

    def run():
        started = time.perf_counter()
        models = _networks(classifier, first[0])
        for model in models:
            model.fit(*first, **fit)
        cold = time.perf_counter() - started
        seconds = _timed(lambda: [model.fit(*second, **fit) for model in models])
        rates = _rates(n, epochs * len(models), batch_size, seconds)
        return {**rates, "cold_seconds": cold}

    return run


def search(n, epochs, batch_size, folds, stack_fits="auto"):
    """Our grid search of 18 dense fits of one shape, and one more on other images."""
    from benchmarks import spy

    spy.start_ours().set_config(stack_fits=stack_fits)
    import joblib

    first, second = _images("dense", n, 28)
    rates = [by_hand.RATE * factor for factor in range(1, 18 // folds + 1)]
    clf = _estimator("dense", epochs, batch_size)

    def grid(images):
        problem = problems.Problem(clf, {"learning_rate": rates}, *images)
        with joblib.parallel_config("skfashion", n_jobs=18):
            problems.grid_search(problem, folds).fit(*images)

    def run():
        cold, seconds = _timed(lambda: grid(first)), _timed(lambda: grid(second))
        found = _rates(n * (folds - 1) // folds, 18 * epochs, batch_size, seconds)
        return {**spy.step_of_ours(), **found, "cold_seconds": cold}

    return run


def fit_of_a_search(n, epochs, batch_size, folds):
    """One of the fits of that search."""
    return skfashion("dense", n * (folds - 1) // folds, epochs, batch_size, 28)


def _images(classifier, n, size):
    """Return n images and their labels, and n others."""
    from skfashion.datasets import make_images

    channels = 3 if classifier == "mobilenet" else 1
    settings = {"n_classes": 10, "image_size": size, "channels": channels, "random_state": 0}
    X, y = make_images(2 * n, **settings)
    return (X[:n], y[:n]), (X[n:], y[n:])


def _estimator(classifier, epochs, batch_size):
    import skfashion as ours

    settings = {"epochs": epochs, "batch_size": batch_size, "random_state": 0}
    settings["learning_rate"] = by_hand.RATE
    if classifier == "dense":
        return ours.DenseClassifier(hidden_layer_sizes=128, **settings)
    if classifier == "conv":
        return ours.ConvClassifier(**settings)
    return ours.MobileNetFineTuner(
        alpha=problems.ALPHA,
        weights="imagenet" if has_imagenet() else None,
        unfreeze_from=by_hand.UNFREEZE,
        fine_tune_epochs=epochs,
        fine_tune_learning_rate=by_hand.FINE_TUNE_RATE,
        schedule="constant",  # as the loop by hand
        **settings,
    )


def has_imagenet():
    """Tell whether Keras' cache holds the weights of MobileNetV2 0.35."""
    models = Path(os.environ.get("KERAS_HOME", ""), "models")
    return any(models.glob("mobilenet_v2*_0.35_224_no_top.h5"))


def _networks(classifier, X):
    """Return the network of each stage, compiled."""
    pretrained = None
    if classifier == "mobilenet" and has_imagenet():
        from benchmarks.peers import imagenet

        pretrained = imagenet(problems.ALPHA)
    return [
        by_hand.network(classifier, X, 10, stage, pretrained=pretrained)
        for stage in by_hand.stages(classifier)
    ]


def _timed(action):
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _rates(n, epochs, batch_size, seconds):
    return {
        "seconds": seconds,
        "images_per_second": n * epochs / seconds,
        "steps_per_second": math.ceil(n / batch_size) * epochs / seconds,
    }
