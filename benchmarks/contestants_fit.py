"""One `fit` of each classifier against `keras.Model.fit` on the same network."""

import numpy as np

from benchmarks import problems

_LOSS = "sparse_categorical_crossentropy"
_RATE, _FINE_TUNE_RATE = 1e-3, 1e-4
_SCALES = {"dense": (1 / 255, 0.0), "conv": (1 / 255, 0.0), "mobilenet": (1 / 127.5, -1.0)}
# Layer 116 is where block 13 begins.
_UNFREEZE = "block_13_expand"


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
        for stage in _stages(classifier):
            model = _network(classifier, X, pretrained, weights, stage)
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
        for stage in _stages(classifier):
            model = _network(classifier, X, None, weights, stage)
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

    settings = {"epochs": epochs, "batch_size": 32, "learning_rate": _RATE, "random_state": 0}
    if classifier == "dense":
        return ours.DenseClassifier(hidden_layer_sizes=128, **settings)
    if classifier == "conv":
        return ours.ConvClassifier(**settings)
    return ours.MobileNetFineTuner(
        alpha=problems.ALPHA,
        unfreeze_from=_UNFREEZE,
        fine_tune_epochs=epochs,
        fine_tune_learning_rate=_FINE_TUNE_RATE,
        **settings,
    )


def _stages(classifier):
    stages = [{"rate": _RATE}]
    if classifier == "mobilenet":
        stages.append({"rate": _FINE_TUNE_RATE, "unfreeze_from": _UNFREEZE})
    return stages


def _pretrained(classifier):
    from benchmarks.peers import imagenet

    return imagenet(problems.ALPHA) if classifier == "mobilenet" else None


def _network(classifier, X, pretrained, weights, stage):
    """Build the network that ours builds, and compile it as anybody would."""
    import keras

    from skfashion import networks

    shape = (*X.shape[1:], 1) if X.ndim == 3 else X.shape[1:]
    settings = {"rescaling": _SCALES[classifier]}
    n_classes = 10
    if classifier == "mobilenet":
        settings |= {"alpha": problems.ALPHA, "unfreeze_from": stage.get("unfreeze_from")}
        n_classes = 6
    model = getattr(networks, classifier)(shape, n_classes, **settings)
    if weights is None and pretrained is not None:
        weights = [*pretrained, *model.get_weights()[-2:]]
    if weights is not None:
        model.set_weights(weights)
    optimizer = keras.optimizers.Adam(stage["rate"])
    model.compile(optimizer=optimizer, loss=_LOSS, metrics=["accuracy"])
    return model
