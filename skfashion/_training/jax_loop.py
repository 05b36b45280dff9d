"""JAX only: steps of an epoch in one compiled program, over arrays that stay on the device."""

import threading
from functools import partial

import jax
import jax.numpy as jnp
import keras
import numpy as np

from skfashion._training import stack
from skfashion._training.loops import (
    Held,
    HeldLast,
    Loop,
    Rows,
    batches,
    bytes_of,
    held_by_model,
    segments,
    variables_of,
)
from skfashion._utils.lazy_images import LazyImages

_PREDICTED = (1, 8, 32, 128, 256, 512, 1024)  # images, for which a prediction is compiled


class JaxLoop(Loop):
    """Training, evaluation and prediction of one compiled model, without Python between steps.

    A step is Keras' own stateless `train_step`, on rows gathered within the program. JAX compiles
    for shapes: full batches are one program and the last, shorter batch is another, on arrays
    filled up to a few lengths, so that other folds need no other programs. What is filled up is
    never part of a batch: dropout, BatchNorm's statistics and metrics would count it.

    `exclusive`: a user's callback sees the model, so that its own variables are trained.
    """

    by_shape = True

    def __init__(self, model, *, exclusive=False):
        self._model = model
        self.exclusive = exclusive
        self._variables = variables_of(model)
        self._last = HeldLast()
        optimizer = getattr(model, "optimizer", None)
        self._groups = (
            model.trainable_variables,
            model.non_trainable_variables,
            [] if optimizer is None else optimizer.variables,
        )
        # On a CPU XLA leaves convolutions in a loop to one slow thread: 5 times slower than alone.
        weights = model.weights
        on_cpu = jax.default_backend() == "cpu"
        has_convolutions = any(len(w.shape) > 2 for w in weights)
        self._one_by_one = on_cpu and has_convolutions
        # A device asks the host before each step of a loop whose end isn't compiled in.
        self._is_counted = not (on_cpu or has_convolutions)
        plain = type(model).train_step is keras.Model.train_step
        if plain and not (exclusive or has_convolutions):
            # A CPU's caches hold no more: nine took a third longer, each, than four.
            self.stacks = 4 if on_cpu else 64
        self._metrics = None
        self._compiled = {}
        self._lock = threading.RLock()
        self.traces = self.nbytes = 0

    def hold(self, pairs, *, fixed=False):
        """Return arrays on the device, or the model's own variables if that is exclusive."""
        if self.exclusive:
            variables = held_by_model(self._model, pairs).variables
            return _OfModel(variables, variables)
        if fixed:
            return self._last.get(pairs, _on_device)
        given = {id(v): value for v, value in pairs}
        return _Arrays(self._variables, [given.get(id(v), v._value) for v in self._variables])

    def let_go(self, variables):
        """Free what the model has: each program is given all values."""
        if self.exclusive:
            return bytes_of(variables)
        given = {id(v) for group in self._groups for v in group}
        for variable in variables:
            if id(variable) in given:
                variable._value = None
        return bytes_of(v for v in variables if id(v) not in given)

    def _put(self, array):
        return Rows(array, jnp.asarray)

    def train_epoch(self, held, data, order, batch_size):
        """Train one epoch on resident arrays in the given order; return the metrics."""
        state = [held.take(group) for group in self._groups]
        alone, carry, rate = isinstance(data[0], LazyImages), None, {}
        for part, rows in segments(self.resident, data, order, batch_size):
            carry = carry or (state, self._fresh_metrics(held, *part))
            places = list(self._pieces(len(rows), batch_size))
            arrays = [a.array for a in (*part, Rows(rows, jnp.asarray))]
            epoch = stack.Epoch(places, carry, arrays)
            if self.stacks and len(rows) >= batch_size and not alone:
                shapes = [(array.shape, array.dtype) for array in arrays]
                device = jax.config.jax_default_device
                stack.train(self._train_epochs, epoch, self.stacks, places[0], device, *shapes)
            else:
                self._train_epochs([epoch])
            carry, rate = epoch.carry, rate or {"learning_rate": epoch.logs["learning_rate"]}
        state, metrics = carry
        for group, values in zip(self._groups, state, strict=True):
            held.put(group, values)
        if self.exclusive:  # as Keras leaves them
            held.put(self._model.metrics_variables, metrics)
        return {**epoch.logs, **rate}

    def _train_epochs(self, epochs):
        """Train an epoch of several fits together."""
        stack.train_epochs(epochs, self._train_batches, jax.device_get)

    def _train_batches(self, carries, arrays, size, start, n):
        """Train batches of several fits; return what they have then, and metrics."""
        name, steps = self._steps(self._train, len(carries), size, n)
        keep = self.exclusive or len(carries) > 1  # one of several may have to go on alone
        return self._call(name, steps, carries, arrays, start, n, keep=keep)

    def evaluate(self, held, data, batch_size):
        """Return the metrics on resident arrays."""
        state = [held.take(group) for group in self._groups[:2]]
        metrics = None
        for part, _ in segments(self.resident, data, None, batch_size):
            metrics = metrics or self._fresh_metrics(held, *part)
            for size, start, n in self._pieces(len(part[0]), batch_size):
                given = metrics, *part, state, start, n
                name, steps = self._steps(self._evaluate, 1, size, n)
                metrics, logs = self._call(name, steps, *given)
        return {name: float(value) for name, value in jax.device_get(logs).items()}

    def predict(self, held, X):
        """Return the output for an array of at most a batch."""
        n = len(X)
        size = next((size for size in _PREDICTED if size >= n), n)
        X = np.concatenate([X, np.repeat(X[-1:], size - n, axis=0)]) if size > n else X
        function = partial(self._predict, held.variables)
        return np.array(self._call(("predict",), function, held.take(held.variables), X))[:n]

    def _pieces(self, n, batch_size):
        """Yield size, first row and number of the batches that one call of a program does."""
        for size, start, times in batches(n, batch_size):
            if self._one_by_one:
                yield from ((size, start + i * size, 1) for i in range(times))
            else:
                yield size, start, times

    def _steps(self, function, n_fits, size, n):
        """Return the name of a program of n steps, and what it does."""
        counted = n if self._is_counted else None
        return (function.__name__, n_fits, size, counted), partial(function, size, counted)

    def _repeated(self, step, n, carry):
        return step(0, carry) if self._one_by_one else jax.lax.fori_loop(0, n, step, carry)

    def _fresh_metrics(self, held, X, y, weight=None):
        """Return the values with which metrics begin; make their variables if there are none."""
        with self._lock:
            if self._metrics is None:
                model, variables = self._model, held.variables

                def call(values, X, y, *weight):
                    with keras.StatelessScope(zip(variables, values, strict=True)):
                        model.compute_metrics(X, y, model(X, training=False), *weight)

                batch = [a.array[:1] for a in (X, y, weight) if a is not None]
                # Variables made in a trace get their values when the scope around it ends.
                with keras.StatelessScope():
                    jax.eval_shape(call, held.take(variables), *batch)
                model.reset_metrics()
                self._metrics = [np.array(v.value) for v in model.metrics_variables]
        return self._metrics

    def _call(self, name, function, *values, keep=True):
        """Call a function as a program, compiled once for all trainings with arrays this long.

        What it is given first it may write to, unless that is to be kept.
        """
        values = [v.array if isinstance(v, Rows) else v for v in values]
        shapes = [(v.shape, v.dtype) for v in jax.tree.leaves(values[1:]) if hasattr(v, "shape")]
        key = (*name, jax.config.jax_default_device, *shapes)
        with self._lock:  # a trace changes the model for a moment
            if key not in self._compiled:
                given = () if keep else 0
                traced = jax.jit(function, donate_argnums=given).lower(*values)
                self._compiled[key] = traced.compile()
                self.traces += 1
        return self._compiled[key](*values)

    def _train(self, size, counted, carries, data, start, n):
        """Do steps of several fits at once, each of which is what it is alone."""
        each = jax.vmap if len(carries) > 1 else lambda function: function

        def step(i, carry):
            state, metrics = carry
            batches = []
            for *arrays, order in data:
                rows = jax.lax.dynamic_slice_in_dim(order, start + i * size, size)
                batches.append([jnp.take(a, rows, axis=0, mode="clip") for a in arrays])
            train_step = each(self._model.train_step)
            _, (*state, metrics) = train_step((*state, metrics), tuple(_stacked(batches)))
            return state, metrics

        state, metrics = _stacked(carries)
        rate = each(self._learning_rate)(state[2])
        carry = self._repeated(step, counted or n, (state, metrics))
        logs = {"learning_rate": rate, **each(self._results)(carry[1])}
        return _parted(carry, len(carries)), logs

    def _learning_rate(self, values):
        optimizer = self._model.optimizer
        with keras.StatelessScope(zip(optimizer.variables, values, strict=True)):
            return jnp.asarray(optimizer.learning_rate, "float32")

    def _evaluate(self, size, counted, metrics, X, y, state, start, n):
        def step(i, metrics):
            batch = [jax.lax.dynamic_slice_in_dim(a, start + i * size, size) for a in (X, y)]
            _, (*_, metrics) = self._model.test_step((*state, metrics), tuple(batch))
            return metrics

        metrics = self._repeated(step, counted or n, metrics)
        return metrics, self._results(metrics)

    def _predict(self, variables, values, X):
        with keras.StatelessScope(zip(variables, values, strict=True)):
            return self._model(X, training=False)

    def _results(self, metrics):
        with keras.StatelessScope(zip(self._model.metrics_variables, metrics, strict=True)):
            return self._model.get_metrics_result()


class _Arrays(Held):
    """Values as arrays on the device; a training gives them away and gets others."""

    def __init__(self, variables, values):
        # Copies, as they are written to; one transfer, as there may be a thousand.
        arrays = [np.array(a, v.dtype) for v, a in zip(variables, values, strict=True)]
        super().__init__(variables, jax.device_put(arrays))

    def arrays(self, variables):
        return [np.array(a) for a in jax.device_get(self.take(variables))]

    def assign(self, variable, value):
        self._of[id(variable)] = jnp.array(value, variable.dtype)

    def take(self, variables):
        return [self._of[id(v)] for v in variables]

    def put(self, variables, values):
        self._of.update(zip(map(id, variables), values, strict=True))


def _on_device(pairs):
    return _Arrays([v for v, _ in pairs], [array for _, array in pairs])


class _OfModel(Held):
    """Values that a model's own variables have."""

    def take(self, variables):
        return [v.value for v in variables]

    def put(self, variables, values):
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)


def _stacked(trees):
    return trees[0] if len(trees) == 1 else jax.tree.map(lambda *a: jnp.stack(a), *trees)


def _parted(tree, n):
    return [tree] if n == 1 else [jax.tree.map(lambda a, i=i: a[i], tree) for i in range(n)]
