"""The networks of ours, compiled for a bare Keras loop as anybody would."""

SCALES = {"dense": (1 / 255, 0.0), "conv": (1 / 255, 0.0), "mobilenet": (1 / 127.5, -1.0)}
RATE, FINE_TUNE_RATE = 1e-3, 1e-4
LOSS = "sparse_categorical_crossentropy"
# Layer 116 is where block 13 begins.
UNFREEZE = "block_13_expand"


def stages(classifier):
    """Return what differs between the trainings of a fit, one after the other."""
    found = [{"rate": RATE}]
    if classifier == "mobilenet":
        found.append({"rate": FINE_TUNE_RATE, "unfreeze_from": UNFREEZE})
    return found


def network(classifier, X, n_classes, stage, *, pretrained=None, weights=None):
    """Build the network that ours builds, and compile it.

    Parameters
    ----------
    classifier : {"dense", "conv", "mobilenet"}
    X : ndarray
        Images, for their shape.
    n_classes : int
    stage : dict
        One of `stages`.
    pretrained : list of ndarray or None
        Weights of the backbone.
    weights : list of ndarray or None
        Of the whole network.

    Returns
    -------
    keras.Model
    """
    from benchmarks import problems
    from skfashion import networks

    shape = (*X.shape[1:], 1) if X.ndim == 3 else X.shape[1:]
    settings = {"rescaling": SCALES[classifier]}
    if classifier == "mobilenet":
        settings |= {"alpha": problems.ALPHA, "unfreeze_from": stage.get("unfreeze_from")}
    model = getattr(networks, classifier)(shape, n_classes, **settings)
    if weights is None and pretrained is not None:
        weights = [*pretrained, *model.get_weights()[-2:]]
    if weights is not None:
        model.set_weights(weights)
    return compiled(model, stage["rate"])


def compiled(model, rate):
    """Compile a network with Adam; return it."""
    import keras

    model.compile(optimizer=keras.optimizers.Adam(rate), loss=LOSS, metrics=["accuracy"])
    return model
