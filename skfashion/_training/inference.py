"""What a trained network is asked for: predictions, and itself."""

import numpy as np

from skfashion._layers import with_plain_layers
from skfashion._training.lending import lent, rows_of
from skfashion._training.loops import memory_errors
from skfashion._training.seeding import build_scope, derive

_PREDICT_BATCH = 1024


def predict(plan, weights, X, build, *, store=None):
    """Return the network's output for each image.

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

    Returns
    -------
    ndarray of shape (n, ...)
    """
    phase = plan.phases[-1]
    outputs = []
    with lent(plan, phase, build, cut=True) as program:
        program.carry(weights)
        for i in range(0, len(X), _PREDICT_BATCH):
            batch = X[i : i + _PREDICT_BATCH]
            if program.parts.lower is not None:
                batch = rows_of(program, batch, weights, store, write=False)
            with memory_errors("predicting"):
                outputs.append(program.loop.predict(batch))
    return outputs[0] if len(outputs) == 1 else np.concatenate(outputs)


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
