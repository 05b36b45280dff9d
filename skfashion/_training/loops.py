"""The loop over the batches of one epoch, for the backend at hand."""

from contextlib import contextmanager

import keras
import numpy as np

# TensorFlow's words, and those of oneDNN, whose status 1 is "out of memory".
_NO_MEMORY = ("RESOURCE_EXHAUSTED", "Status: 1, message: could not")


def make_loop(model):
    """Return the fastest loop for a compiled model on this backend.

    Parameters
    ----------
    model : keras.Model

    Returns
    -------
    KerasLoop or skfashion._training.graph.GraphLoop
    """
    if keras.backend.backend() == "tensorflow" and not model.run_eagerly:
        from skfashion._training.graph import GraphLoop

        return GraphLoop(model)
    return KerasLoop(model)


def to_numpy(variable):
    """Return a copy of the value of a Keras variable, or of a tensor."""
    value = getattr(variable, "value", variable)
    if hasattr(value, "numpy") and keras.backend.backend() == "tensorflow":
        return value.numpy()  # Keras' own way warns under NumPy 2
    return keras.ops.convert_to_numpy(value)


class KerasLoop:
    """Keras' own `fit`, an epoch a call: for every backend, and for batch hooks.

    Parameters
    ----------
    model : keras.Model
        Compiled.
    callbacks : list of keras.callbacks.Callback
        Whose batch hooks are called.
    """

    def __init__(self, model, callbacks=()):
        self._model = model
        self._callbacks = list(callbacks)
        self.traces = 0

    def train_epoch(self, data, order, batch_size):
        """Train one epoch in the given order; return the metrics."""
        X, y, weight = (a[order] for a in data)
        self._model.fit(
            X,
            y,
            sample_weight=weight,
            batch_size=int(batch_size),
            shuffle=False,
            verbose=0,
            callbacks=[_BatchHooks(self._callbacks)] if self._callbacks else None,
        )
        return {name: float(v) for name, v in self._model.get_metrics_result().items()}

    def evaluate(self, data, batch_size):
        """Return the metrics."""
        logs = self._model.evaluate(*data, batch_size=batch_size, verbose=0, return_dict=True)
        return {name: float(value) for name, value in logs.items()}

    def predict(self, X):
        """Return the output for an array of at most a batch."""
        n = len(X)
        # Filled up to a power of two: a backend that compiles for each shape compiles a
        # handful of times and not once for every size of a fold.
        full = 1 << max(0, n - 1).bit_length()
        X = np.concatenate([X, np.repeat(X[-1:], full - n, axis=0)]) if full > n else X
        return np.asarray(self._model.predict_on_batch(X))[:n]

    def resident(self, *arrays):
        """Return the arrays: they stay in NumPy."""
        return list(arrays)


class _BatchHooks(keras.callbacks.Callback):
    """Hand on the hooks of batches; those of epochs belong to the loop above.

    Parameters
    ----------
    callbacks : list of keras.callbacks.Callback
    """

    def __init__(self, callbacks):
        super().__init__()
        self._callbacks = callbacks

    def on_train_batch_begin(self, batch, logs=None):
        for callback in self._callbacks:
            callback.on_train_batch_begin(batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        for callback in self._callbacks:
            callback.on_train_batch_end(batch, logs)


def has_batch_hooks(callback):
    """Tell whether a Keras callback wants to hear of every batch."""
    base = keras.callbacks.Callback
    return any(
        getattr(type(callback), name) is not getattr(base, name)
        for name in (
            "on_batch_begin",
            "on_batch_end",
            "on_train_batch_begin",
            "on_train_batch_end",
        )
    )


@contextmanager
def memory_errors(doing):
    """Turn the backend's way of running out of memory into a `MemoryError`.

    The frames of the original would keep its tensors alive as long as somebody holds
    the exception.

    Parameters
    ----------
    doing : str
        What failed, for the message.
    """
    message = None
    try:
        yield
    except Exception as error:
        if type(error) is MemoryError and error.args:
            raise  # one of ours, from further in
        if (
            isinstance(error, MemoryError)  # NumPy's
            or any(words in str(error) for words in _NO_MEMORY)
            or type(error).__name__ in ("ResourceExhaustedError", "OutOfMemoryError")
        ):
            told = str(error).splitlines() or [type(error).__name__]
            message = (
                f"out of memory while {doing}: {told[0][:200]}. Take a smaller batch_size, "
                "image_size or network."
            )
        else:
            raise
    if message:
        failure = MemoryError(message)
        try:
            raise failure
        except MemoryError:
            failure.__context__ = None  # Python keeps the original there, frames and all
            raise
