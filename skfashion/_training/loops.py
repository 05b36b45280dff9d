"""The loop over the batches of one epoch, for the backend at hand."""

import functools
import gc
import traceback
from contextlib import contextmanager
from typing import Protocol

import keras
import numpy as np

from skfashion._utils.cache import clear_caches

_IN_EPOCHS = (  # hooks of Keras' callbacks
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_begin",
    "on_test_batch_begin",
    "on_test_batch_end",
    "on_test_end",
)
# TensorFlow's words, and those of oneDNN, whose status 1 is "out of memory".
_NO_MEMORY = ("RESOURCE_EXHAUSTED", "Status: 1, message: could not")


class Loop(Protocol):
    """What carries out the epochs of one compiled model.

    Weights, optimizer state and metrics are the model's own variables, read and set by others
    between calls. A loop holds graphs and nothing of a training, so that one serves many.
    """

    traces: int  # graphs traced so far
    nbytes: int  # what they hold, about; 0 where that isn't known

    def resident(self, *arrays):
        """Return arrays where they are read fastest, as a list; good for any number of epochs."""

    def train_epoch(self, data, order, batch_size):
        """Train one epoch on resident X, y and weights; return loss and metrics, a dict of float.

        Each row of `order` once, in this order, in batches of `batch_size` of which the last may
        be shorter. A step is Keras' own `train_step`; metrics begin anew.
        """

    def evaluate(self, data, batch_size):
        """Return loss and metrics of resident X and y, all rows; weights stay as they are."""

    def predict(self, X):
        """Return the output for an array of at most a batch, as an array."""


def make_loop(model):
    """Return the fastest loop for a compiled model on this backend."""
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


class KerasLoop(Loop):
    """Keras' own `fit`, an epoch a call: for every backend, and for hooks within an epoch.

    `callbacks` is the `keras.callbacks.CallbackList` that such hooks are called of.
    """

    nbytes = 0  # of graphs: Keras doesn't tell

    def __init__(self, model, callbacks=None):
        self._model = model
        self._callbacks = callbacks
        self.traces = 0

    def train_epoch(self, data, order, batch_size):
        """Train one epoch in the given order; return the metrics."""
        X, y, weight = (np.asarray(a)[order] for a in data)
        self._model.fit(
            X,
            y,
            sample_weight=weight,
            batch_size=int(batch_size),
            shuffle=False,
            verbose=0,
            callbacks=self._within_epoch(),
        )
        return {name: float(v) for name, v in self._model.get_metrics_result().items()}

    def evaluate(self, data, batch_size):
        """Return the metrics."""
        logs = self._model.evaluate(
            *data,
            batch_size=batch_size,
            verbose=0,
            return_dict=True,
            callbacks=self._within_epoch(),
        )
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

    def _within_epoch(self):
        return None if self._callbacks is None else _WithinEpoch(self._callbacks, self._model)


class _WithinEpoch(keras.callbacks.CallbackList):
    """Hands on hooks within an epoch; those of trainings and epochs belong to the loop above."""

    def __init__(self, callbacks, model):
        super().__init__()
        self._watched = model
        self._stop = model.stop_training  # as a callback has set it: `fit` sets it back
        for name in _IN_EPOCHS:
            setattr(self, name, getattr(callbacks, name))

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self._watched.stop_training = self._stop


def has_hooks_in_epochs(callbacks):
    """Tell whether one of these Keras callbacks wants to hear of batches or evaluations."""
    return any(_is_set(callback, name) for callback in callbacks for name in _IN_EPOCHS)


def _is_set(callback, name):
    """Tell whether a hook is not Keras' empty one: of its class, or of the instance alone."""
    hook = getattr(callback, name)
    return getattr(hook, "__func__", hook) is not getattr(keras.callbacks.Callback, name)


@contextmanager
def memory_errors(doing):
    """Turn the backend's way of running out of memory into a `MemoryError`.

    The frames of the original would keep its tensors alive as long as somebody holds
    the exception. `doing` says what failed.
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


def retried(doing):
    """Let a function that runs out of memory run once more, with nothing kept in the caches.

    What they hold may be what was lacking. They are empty after a second failure as well.
    """

    def decorate(function):
        @functools.wraps(function)
        def call(*args, **kwargs):
            for last in (False, True):
                try:
                    with memory_errors(doing):
                        return function(*args, **kwargs)
                except MemoryError as error:
                    clear_caches()
                    traceback.clear_frames(error.__traceback__)  # they hold what failed
                    gc.collect()
                    if last:
                        raise

        return call

    return decorate
