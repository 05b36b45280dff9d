"""What a trained network is asked for: predictions, and itself."""

import numpy as np

from skfashion._training import features
from skfashion._training.loops import memory_errors, retried
from skfashion._training.plan import array_digest, digest
from skfashion._training.programs import program_of
from skfashion._training.seeding import build_scope, derive
from skfashion.networks._layers import with_plain_layers

_PREDICT_BATCH = 1024
_KEPT_FROM = 64  # images; fewer are predicted sooner than a file is written
_OUTPUTS = "outputs"


def predict(plan, weights, X, build, *, store=None, run_key=None):
    """Return the network's output for each image.

    What the run that trained the network predicted for the same images before is read
    back: a search that is run again scores its candidates without building a network.
    Whole calls are kept and not single images, so that what is read is what was computed
    bit for bit, in whatever batches that was.

    Parameters
    ----------
    plan : Plan
        The one it was trained by.
    weights : list of ndarray
        Of the whole network.
    X : ndarray of shape (n, ...)
    build : callable
        As for `run`.
    store : Store or None
        Where rows of the frozen part are read; none are written.
    run_key : str or None
        `Outcome.key` of the run that the weights come from, if its outputs are to be kept.

    Returns
    -------
    ndarray of shape (n, ...)
    """
    if store is None or run_key is None or len(X) < _KEPT_FROM:
        return _computed(plan, weights, X, build, store)
    key = digest(run_key, array_digest(X))
    known = store.get(_OUTPUTS, key)
    if known is not None:
        return known.arrays[_OUTPUTS]
    outputs = _computed(plan, weights, X, build, store)
    store.put(_OUTPUTS, key, {}, {_OUTPUTS: outputs})
    return outputs


@retried("predicting")
def _computed(plan, weights, X, build, store):
    phase = plan.phases[-1]
    outputs = []
    with program_of(plan, phase, build, cut=True) as program:
        program.carry(weights)
        for i in range(0, len(X), _PREDICT_BATCH):
            batch = X[i : i + _PREDICT_BATCH]
            if program.parts.lower is not None:
                segments = program.parts.segments
                batch = features.rows(batch, segments, weights, store=store, write=False)
            with memory_errors("predicting"):
                outputs.append(program.loop.predict(batch))
    return outputs[0] if len(outputs) == 1 else np.concatenate(outputs)


@retried("building the network")
def export(plan, weights, build):
    """Return the whole network as a Keras model of Keras' own layers, compiled.

    Parameters
    ----------
    plan, weights, build
        As for `predict`.

    Returns
    -------
    keras.Model
        Nobody else's.
    """
    with build_scope(derive(plan.seed, "export"), plan.dtype_policy):
        network, arguments = build(plan.phases[-1])
        network = with_plain_layers(network)
        network.set_weights(weights)
        network.compile(**arguments)
        # Built, it can be saved and loaded without a warning.
        network.optimizer.build(network.trainable_variables)
    return network
