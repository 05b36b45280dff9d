"""One `fit` of each classifier against `keras.Model.fit` on the same network."""

import numpy as np

from benchmarks import problems
from benchmarks.by_hand import FINE_TUNE_RATE, RATE, UNFREEZE, network, stages

_N_CLASSES = {"dense": 10, "conv": 10, "mobilenet": 6}


def skfashion(classifier, n, epochs, fused=True):
    """Ours: `fit` with one network."""
    from benchmarks import spy

    spy.start_ours(fused=fused)
    X, y = _data(classifier, n)
    estimator = _estimator(classifier, epochs)

    def run():
        estimator.fit(X, y)
        return {**spy.step_of_ours(), "losses": estimator.history_["loss"]}

    return run


def keras(classifier, n, epochs):
    """Build, compile, `Model.fit` and, for MobileNet, once more with the top unfrozen."""
    from benchmarks import spy

    spy.start_ours()
    X, y = _data(classifier, n)
    pretrained = _pretrained(classifier)

    def run():
        losses, weights = [], None
        for stage in stages(classifier):
            given = {"pretrained": pretrained, "weights": weights}
            model = network(classifier, X, _N_CLASSES[classifier], stage, **given)
            history = model.fit(X, y, epochs=epochs, batch_size=32, verbose=0)
            losses += history.history["loss"]
            weights = model.get_weights()
        return {"losses": losses}

    return run


def curves(classifier, n, epochs, fused):
    """Train by us, then by Keras from the same weights in the same order; not timed."""
    from benchmarks import spy

    spy.start_ours(fused=fused)
    X, y = _data(classifier, n)
    estimator = _estimator(classifier, epochs)
    work = spy.watch(keep=True)

    def run():
        estimator.fit(X, y)
        weights, orders, losses = work.starts[0], iter(work.orders), []
        for stage in stages(classifier):
            model = network(classifier, X, _N_CLASSES[classifier], stage, weights=weights)
            for _ in range(epochs):
                order = next(orders)
                history = model.fit(
                    X[order], y[order], epochs=1, batch_size=32, shuffle=False, verbose=0
                )
                losses += history.history["loss"]
            weights = model.get_weights()
        ours = estimator.history_["loss"]
        difference = np.max(np.abs(np.subtract(ours, losses)) / np.abs(losses))
        return {**spy.step_of_ours(), "ours": ours, "keras": losses, "difference": difference}

    return run


def memory(n, image_size):
    """One head epoch of MobileNet on many images: what counts is the peak of memory."""
    from benchmarks import spy
    from benchmarks.data import fashion
    from skfashion import MobileNetFineTuner

    spy.start_ours()
    X, y = fashion(n)
    estimator = MobileNetFineTuner(
        alpha=problems.ALPHA, image_size=image_size, epochs=1, random_state=0
    )
    work = spy.watch()

    def run():
        estimator.fit(X, y)
        return {**spy.step_of_ours(), **work.counts(), "losses": estimator.history_["loss"]}

    return run


def _data(classifier, n):
    from benchmarks.data import fashion, scenes

    if classifier == "mobilenet":
        X, labels = scenes(n, 96)
        return X, np.unique(labels, return_inverse=True)[1]
    return fashion(n)


def _estimator(classifier, epochs):
    import skfashion as ours

    settings = {"epochs": epochs, "batch_size": 32, "learning_rate": RATE, "random_state": 0}
    if classifier == "dense":
        return ours.DenseClassifier(hidden_layer_sizes=128, **settings)
    if classifier == "conv":
        return ours.ConvClassifier(**settings)
    return ours.MobileNetFineTuner(
        alpha=problems.ALPHA,
        unfreeze_from=UNFREEZE,
        fine_tune_epochs=epochs,
        fine_tune_learning_rate=FINE_TUNE_RATE,
        schedule="constant",  # as the loop by hand
        **settings,
    )


def _pretrained(classifier):
    from benchmarks.peers import imagenet

    return imagenet(problems.ALPHA) if classifier == "mobilenet" else None
