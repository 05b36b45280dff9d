"""What a trained network is asked for: predictions, and itself."""

from contextvars import ContextVar

import keras
import numpy as np

from skfashion._training import features
from skfashion._training.compile_config import revived
from skfashion._training.keys import array_digest
from skfashion._training.loops import to_numpy
from skfashion._training.memory import in_crew, retried
from skfashion._training.processes import on_all_cores
from skfashion._training.programs import frozen_part, program_of
from skfashion._training.seeding import build_scope, derive
from skfashion._utils.config import get_config
from skfashion._utils.context import holding
from skfashion._utils.lazy_images import is_unread, read_ahead
from skfashion.networks._layers import for_inference

_PREDICT_BATCH = 1024
_KEPT_FROM = 64  # images; fewer are predicted sooner than a file is written
_OUTPUTS = "outputs"
_UNTRACED_UP_TO = 32  # images; more are predicted sooner with a graph
_UNTRACED = ContextVar("untraced", default=False)


def untraced():
    """In the block, predict a few images without compiling the network, which takes longer.

    For a process that predicts once: nothing is kept, and last digits are not those of a graph.
    """
    return holding(_UNTRACED, True)


def predict(plan, weights, X, build, *, store=None, run_key=None):
    """Return the network's output for each image, or what its run predicted for them before.

    Rows of the frozen part are read from the store and not written.
    """
    # Whole calls and not single images: what is read is what was computed bit for bit, in whatever
    # batches that was. So a search that is run again scores without building a network.
    n_kept = get_config()["kept_predictions"]
    if store is None or run_key is None or len(X) < _KEPT_FROM or not n_kept:
        return _computed(plan, weights, X, build, store)
    if is_unread(X, store):
        # To look for them every image would have to be read, and once more to predict it.
        return _computed(plan, weights, X, build, store)
    key = run_key + array_digest(X, store)
    known = store.get(_OUTPUTS, key)
    if known is not None:
        return known.arrays[_OUTPUTS]
    outputs = _computed(plan, weights, X, build, store)
    store.put(_OUTPUTS, key, {}, {_OUTPUTS: outputs})
    store.trim(_OUTPUTS, run_key, n_kept)
    return outputs


@retried("predicting")
def _computed(plan, weights, X, build, store):
    phase = plan.phases[-1]
    if _UNTRACED.get() and len(X) <= _UNTRACED_UP_TO:
        with build_scope(0, *plan.formats):
            network = build(phase.network)
        network.set_weights(weights)
        return to_numpy(network(keras.ops.convert_to_tensor(np.asarray(X)), training=False))
    batches = [slice(i, i + _PREDICT_BATCH) for i in range(0, len(X), _PREDICT_BATCH)]
    with program_of(plan, phase, build, cut=True) as program:
        predict_batch = program.predictor(weights)
        if program.parts.lower is None:
            outputs_of, inputs = predict_batch, read_ahead(X, batches)
        else:

            def outputs_of(batch):
                rows = features.rows(batch, program.parts, weights, store=store, write=False)
                return predict_batch(rows)

            inputs = (X[batch] for batch in batches)
        # Fits side by side have a core each.
        outputs = list((map if in_crew() else on_all_cores)(outputs_of, inputs))
    return outputs[0] if len(outputs) == 1 else np.concatenate(outputs)


@retried("computing features")
def frozen_rows(plan, weights, X, build, store=None):
    """Return what the frozen part of a network makes of each image, computing each one once.

    Rows are read from the store and written to it.
    """
    with frozen_part(plan, build) as extractor:
        return features.rows(X, extractor.parts, weights, store=store)


def n_frozen(plan, build):
    """Return how many values a row of the frozen part has."""
    with frozen_part(plan, build) as extractor:
        return extractor.parts.lower.output_shape[1]


@retried("building the network")
def export(plan, weights, build):
    """Return the whole network as a Keras model that predicts when it is called; nobody else's."""
    with build_scope(derive(plan.seed, "export"), *plan.formats):
        phase = plan.phases[-1]
        network = build(phase.network)
        network.set_weights(weights)
        network = for_inference(network)
        network.compile(**revived(phase.compile))
        # Built, it can be saved and loaded without a warning.
        network.optimizer.build(network.trainable_variables)
        if hasattr(network, "inputs"):
            network(network.inputs[0])  # Keras exports to ONNX what has been called
    return network
