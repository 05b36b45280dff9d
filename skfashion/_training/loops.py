"""The loop over the batches of one epoch, for the backend at hand."""

import math
import weakref
from typing import Protocol

import keras
import numpy as np

from skfashion._utils.lazy_images import LazyImages, read_ahead, rows_of

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


class Held:
    """Values of a model's variables in one training or prediction."""

    def __init__(self, variables, values):
        self.variables = variables
        # What has them: of each a variable, the model's own or another, or an array.
        self._of = dict(zip(map(id, variables), values, strict=True))

    @property
    def values(self):
        """What has the values, in the order of the variables."""
        return [self._of[id(v)] for v in self.variables]

    def assign(self, variable, value):
        """Set the value that a variable of the model has here."""
        self._of[id(variable)].assign(value)

    def arrays(self, variables):
        """Return copies of the values that variables of the model have here."""
        return to_arrays(self._of[id(v)] for v in variables)

    def copies(self, variables):
        """Return copies of the values that variables of the model have here, on the device."""
        return [keras.ops.copy(self._of[id(v)]) for v in variables]


class HeldLast:
    """What holds the values that were last predicted with, as long as their arrays live.

    A server predicts image by image, and to hold hundreds of arrays takes longer than that.
    """

    def __init__(self):
        self._known = None

    def get(self, pairs, hold):
        """Return what `hold` makes of pairs of a variable and its array, or has just made."""
        arrays = [array for _, array in pairs]
        refs, held = self._known or ((), None)
        same = len(refs) == len(arrays) and all(r() is a for r, a in zip(refs, arrays, strict=True))
        if same and held is not None:
            return held
        held = hold(pairs)
        if all(isinstance(array, np.ndarray) for array in arrays):
            self._known = [weakref.ref(array, self._forget) for array in arrays], held
        return held

    def _forget(self, _):
        self._known = None


class Loop(Protocol):
    """What carries out the epochs of one compiled model.

    A loop has graphs and nothing of a training, whose values are `Held`: one serves many
    trainings, side by side unless it is exclusive.
    """

    exclusive: bool  # whether values are held by the model itself, so for one at a time
    traces: int  # graphs traced so far
    nbytes: int  # what they hold, about; 0 where that isn't known
    compiles = False  # with XLA, where Keras' own backend has plain graphs, too
    by_shape: bool  # whether a prediction is compiled for each number of images
    stacks = 0  # of how many trainings epochs may be one program

    def hold(self, pairs, *, fixed=False):
        """Return what holds the values of all variables, in pairs given or else the model's own.

        `fixed`: for predictions, of the given ones alone.
        """

    def let_go(self, variables):
        """Free what the model has in variables that are always held; return the bytes kept."""

    def resident(self, *arrays):
        """Return arrays where they are read fastest, as a list; good for any number of epochs."""
        return [a if isinstance(a, LazyImages) else self._put(a) for a in arrays]

    def _put(self, array):
        return array

    def train_epoch(self, held, data, order, batch_size):
        """Train one epoch on resident X, y and weights; return loss and metrics, a dict of float.

        Each row of `order` once, in this order, in batches of `batch_size` of which the last may
        be shorter. A step is Keras' own `train_step`; metrics begin anew. Among the metrics is
        ``learning_rate``, that of the first step.
        """

    def evaluate(self, held, data, batch_size):
        """Return loss and metrics of resident X and y, all rows; weights stay as they are."""

    def predict(self, held, X):
        """Return the output for an array of at most a batch, as an array."""


class Rows:
    """Rows of an array where they are read fastest, filled up to one of a few lengths.

    So a program compiled for a length serves others: they differ by a sixteenth to an eighth.
    """

    def __init__(self, array, put):
        self._n = len(array)
        step = 1 << max(0, self._n.bit_length() - 4)
        filled = np.zeros((-(-self._n // step) * step, *array.shape[1:]), array.dtype)
        filled[: self._n] = array
        self.array = put(filled)

    def __len__(self):
        return self._n

    def __array__(self, dtype=None, copy=None):
        return np.array(self.array, dtype)[: self._n]


def segments(resident, data, order, batch_size):
    """Yield resident arrays and the order of their rows, None for all: one segment of an epoch.

    That is the whole epoch, but of `LazyImages` the next batches are read while some are trained.
    """
    X, *others = data
    if not isinstance(X, LazyImages):
        yield data, order
        return
    others = [np.asarray(a) for a in others]
    order = np.arange(len(X)) if order is None else order
    parts = [order[rows] for rows in rows_of(X[order], multiple=batch_size)]
    for part, images in zip(parts, read_ahead(X, parts), strict=True):
        rows = np.arange(len(part), dtype=np.int32)
        yield resident(images, *(a[part] for a in others)), rows


def batches(n, batch_size):
    """Yield size, first row and number of the full batches, and of the shorter one after them."""
    full, rest = divmod(n, int(batch_size))
    if full:
        yield int(batch_size), 0, full
    if rest:
        yield rest, n - rest, 1


def variables_of(model):
    """Return all variables of a model and of its optimizer, each once."""
    found = list(model.variables)
    if getattr(model, "optimizer", None) is not None:
        inner = vars(getattr(model.optimizer, "inner_optimizer", model.optimizer)).values()
        # Nadam has one that Keras doesn't list.
        found += [*model.optimizer.variables, *(v for v in inner if isinstance(v, keras.Variable))]
    return list({id(v): v for v in found}.values())


def as_variable(optimizer, name):
    """Return a variable of an optimizer for a number that Keras would write into the trace."""
    number = keras.initializers.Constant(getattr(optimizer, name))
    return optimizer.add_variable((), number, dtype="float32", name=name)


def to_arrays(variables):
    """Return copies of the values of variables."""
    return [to_numpy(variable) for variable in variables]


def to_numpy(variable):
    """Return a copy of the value of a variable, or of a tensor."""
    value = variable.value if isinstance(variable, keras.Variable) else variable
    if hasattr(value, "numpy") and keras.backend.backend() == "tensorflow":
        return value.numpy()  # Keras' own way warns under NumPy 2
    return keras.ops.convert_to_numpy(value)


def bytes_of(variables):
    """Return the bytes of variables, about."""
    return sum(4 * math.prod(v.shape) for v in variables)


def held_by_model(model, pairs):
    """Give a model these values, and return what holds all of its values: its own variables."""
    for variable, array in pairs:
        variable.assign(array)
    variables = variables_of(model)
    return Held(variables, variables)


class KerasLoop(Loop):
    """Keras' own `fit`, an epoch a call: for every backend, and for hooks within an epoch.

    `callbacks` is the `keras.callbacks.CallbackList` that such hooks are called of.
    """

    exclusive = by_shape = True
    nbytes = 0  # of graphs: Keras doesn't tell

    def __init__(self, model, callbacks=None):
        self._model = model
        self._callbacks = callbacks
        self.traces = 0

    def hold(self, pairs, *, fixed=False):
        """Give the model itself these values."""
        return held_by_model(self._model, pairs)

    def let_go(self, variables):
        """Keep them: they are what holds the values."""
        return bytes_of(variables)

    def train_epoch(self, held, data, order, batch_size):
        """Train one epoch in the given order; return the metrics."""
        rate = float(to_numpy(self._model.optimizer.learning_rate))
        options = {"shuffle": False, "verbose": 0, "callbacks": self._within_epoch()}
        if isinstance(data[0], LazyImages):
            n = -(-len(order) // batch_size)
            self._model.fit(_batches(data, order, batch_size), steps_per_epoch=n, **options)
        else:
            X, y, weight = (np.asarray(a)[order] for a in data)
            options |= {"sample_weight": weight, "batch_size": int(batch_size)}
            self._model.fit(X, y, **options)
        logs = self._model.get_metrics_result()
        return {"learning_rate": rate, **{name: float(value) for name, value in logs.items()}}

    def evaluate(self, held, data, batch_size):
        """Return the metrics."""
        options = {"verbose": 0, "return_dict": True, "callbacks": self._within_epoch()}
        if isinstance(data[0], LazyImages):
            n = -(-len(data[0]) // batch_size)
            logs = self._model.evaluate(_batches(data, None, batch_size), steps=n, **options)
        else:
            logs = self._model.evaluate(*map(np.asarray, data), batch_size=batch_size, **options)
        return {name: float(value) for name, value in logs.items()}

    def predict(self, held, X):
        """Return the output for an array of at most a batch."""
        n = len(X)
        # Filled up to a power of two: a backend that compiles for each shape compiles a
        # handful of times and not once for every size of a fold.
        full = 1 << max(0, n - 1).bit_length()
        X = np.concatenate([X, np.repeat(X[-1:], full - n, axis=0)]) if full > n else X
        return np.asarray(self._model.predict_on_batch(X))[:n]

    def _within_epoch(self):
        return None if self._callbacks is None else _WithinEpoch(self._callbacks, self._model)


def _batches(data, order, batch_size):
    """Yield the batches of an epoch on `LazyImages`, as Keras takes them."""
    for (X, *others), _ in segments(lambda *arrays: arrays, data, order, batch_size):
        for start in range(0, len(X), batch_size):
            yield tuple(a[start : start + batch_size] for a in (X, *others))


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
