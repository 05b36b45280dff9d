"""TensorFlow only: a whole epoch in one graph, and the fused optimizer kernels."""

import threading
from contextlib import contextmanager

import keras
import tensorflow as tf
from tensorflow.python.eager import cancellation, context
from tensorflow.python.framework import ops

from skfashion._training.loops import (
    Held,
    HeldLast,
    Loop,
    as_variable,
    bytes_of,
    held_by_model,
    segments,
    variables_of,
)

# What the process grows by for each operation of a graph: 9 to 10.5 kB, from small dense
# networks (300 operations to train) to a whole MobileNetV2 (8,000).
_OPERATION_BYTES = 10_000


class GraphLoop(Loop):
    """Training, evaluation and prediction of one compiled model, each one graph call.

    The arrays stay where TensorFlow computes and each batch is gathered from them inside
    the graph, so that Python is entered once an epoch and not once a batch. A step is
    Keras' own `train_step`; shapes of batches are open, so the last batch, another fold
    and another batch size need no second trace. Nor does another training: graphs are given
    its variables, which stood in for the model's own in the trace.

    `exclusive`: a user's callback sees the model, so that its own variables are trained.
    """

    by_shape = False

    def __init__(self, model, *, exclusive=False):
        self._model = model
        self.exclusive = exclusive
        if model.compiled and not tf.distribute.has_strategy():
            _adapt(model.optimizer)
        self._variables = variables_of(model)
        self._metrics = None
        self._traced = {}
        self._last = HeldLast()
        self._lock = threading.RLock()
        self.traces = self.nbytes = 0

    def hold(self, pairs, *, fixed=False):
        """Return new variables with these values, or tensors if they are fixed."""
        if self.exclusive:
            held = held_by_model(self._model, pairs)
            return Held(held.variables, [v._value for v in held.variables])
        if fixed:
            return self._last.get(pairs, _as_tensors)
        given = {id(v): array for v, array in pairs}
        values = [
            tf.Variable(tf.cast(given.get(id(v), v._value), v.dtype), trainable=v.trainable)
            for v in self._variables
        ]
        return Held(self._variables, values)

    def let_go(self, variables):
        """Free what the model has: in traces other variables stand in for these."""
        if self.exclusive:
            return bytes_of(variables)
        for variable in variables:
            variable._value = None
        return 0

    def train_epoch(self, held, data, order, batch_size):
        """Train one epoch on resident arrays in the given order; return the metrics."""
        rate = None
        for arrays, rows in segments(self.resident, data, order, batch_size):
            first = rate is None
            held = self._with_metrics(held, *arrays) if first else held
            place = (rows, batch_size, first)
            logs = self._call(self._train, held, *arrays, *map(tf.constant, place))
            rate = logs["learning_rate"] if first else rate
        return {name: float(value) for name, value in {**logs, "learning_rate": rate}.items()}

    def evaluate(self, held, data, batch_size):
        """Return the metrics on resident arrays."""
        logs = None
        for arrays, _ in segments(self.resident, data, None, batch_size):
            first = logs is None
            held = self._with_metrics(held, *arrays) if first else held
            place = (batch_size, first)
            logs = self._call(self._evaluate, held, *arrays, *map(tf.constant, place))
        return {name: float(value) for name, value in logs.items()}

    def predict(self, held, X):
        """Return the output for an array of at most a batch."""
        return self._call(self._predict, held, tf.constant(X)).numpy()

    def _put(self, array):
        """Put an array where the graph reads it; one that nobody can change stays in place."""
        if array.flags.writeable:
            return tf.constant(array)
        context.context().ensure_initialized()
        return ops.EagerTensor(array, context.context().device_name, None)

    def _with_metrics(self, held, X, y, weight=None):
        """Return what is held and variables of the metrics, made with a prediction of one image.

        Made within a trace they would cost a second one, and the first is never freed.
        """
        with self._lock:
            outputs = getattr(self._model, "outputs", None)  # a subclass of Model has none
            if self._metrics is None and outputs and len(X):
                prediction = tf.zeros((1, *outputs[0].shape[1:]), outputs[0].dtype)
                weight = None if weight is None else weight[:1]
                self._model.compute_metrics(X[:1], y[:1], prediction, weight)
                self._model.reset_metrics()
                known = set(map(id, self._variables))
                metrics = self._model.metrics_variables
                self._metrics = [v for v in metrics if id(v) not in known]
            # Under the lock: in a trace symbols stand in for their values.
            metrics = self._metrics or []
            values = [v._value if self.exclusive else tf.Variable(v._value) for v in metrics]
        return Held([*held.variables, *metrics], [*held.values, *values])

    def _call(self, function, held, *tensors, xla=None):
        """Call a function as a graph, traced once for all lengths of its arrays.

        XLA compiles for these lengths: then `xla` tells one function of a name from another.
        """
        static = xla is not None
        specs = [
            tf.TensorSpec(t.shape if static or not t.shape.rank else (None, *t.shape[1:]), t.dtype)
            for t in tensors
        ]
        key = (getattr(function, "func", function).__name__, xla, *specs)
        variables = held.variables

        def call(values, *tensors):
            with _standing_in(variables, values):
                return function(*tensors)

        return self._graph(key, call, held.values, *specs, static=static)(held.values, *tensors)

    def _graph(self, key, function, *given, static=False):
        """Return the graph of a key, traced of a function where there is none."""
        with self._lock:
            if key not in self._traced:
                graph = tf.function(function, autograph=False, jit_compile=static)
                self._traced[key] = graph.get_concrete_function(*given)
                self.nbytes += _OPERATION_BYTES * _n_operations(self._traced[key].graph)
            return self._traced[key]

    def _reset_metrics(self, first):
        def reset():
            self._model.reset_metrics()
            return first

        tf.cond(first, reset, lambda: first)

    def _train(self, X, y, weight, order, batch_size, first):
        self.traces += 1
        self._reset_metrics(first)
        rate = tf.cast(self._model.optimizer.learning_rate, "float32")
        n = tf.shape(order)[0]

        def step(start):
            rows = order[start : start + batch_size]
            batch = [tf.gather(a, rows) for a in (X, y, weight)]
            self._model.train_step(tuple(batch))
            return [start + batch_size]

        tf.while_loop(lambda start: start < n, step, [tf.constant(0)], parallel_iterations=1)
        return {"learning_rate": rate, **self._model.get_metrics_result()}

    def _evaluate(self, X, y, batch_size, first):
        self.traces += 1
        self._reset_metrics(first)
        n = tf.shape(X)[0]

        def step(start):
            end = tf.minimum(start + batch_size, n)
            self._model.test_step((X[start:end], y[start:end]))
            return [end]

        tf.while_loop(lambda start: start < n, step, [tf.constant(0)], parallel_iterations=1)
        return self._model.get_metrics_result()

    def _predict(self, X):
        self.traces += 1
        return self._model(X, training=False)


def _as_tensors(pairs):
    return Held([v for v, _ in pairs], [tf.cast(array, v.dtype) for v, array in pairs])


def _n_operations(graph):
    """Count the operations of a graph, those of the functions it calls included."""
    graph = graph.as_graph_def()
    return len(graph.node) + sum(len(f.node_def) for f in graph.library.function)


@contextmanager
def cancellable():
    """Yield a function that ends the graphs that run in the block, in whatever thread."""
    manager = cancellation.CancellationManager()
    with cancellation.CancellationManagerContext(manager):
        yield manager.start_cancel


def forget_kernels():
    """Let go of the kernels of single operations, as `keras.utils.clear_session` does.

    TensorFlow keeps one for each shape and name of a variable, some 0.7 MB for a small network.
    """
    context.context().clear_kernel_cache()


@contextmanager
def _standing_in(variables, values):
    """Let values stand in for a model's own variables in a trace."""
    own = [v._value for v in variables]
    try:
        for variable, value in zip(variables, values, strict=True):
            variable._value = value
        yield
    finally:
        for variable, value in zip(variables, own, strict=True):
            variable._value = value


def _adapt(optimizer):
    """Let a built optimizer take variables that stand in for its own, and sum no replicas."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)  # below a loss scale
    for each in {id(o): o for o in (optimizer, inner)}.values():
        _know_by_place(each)
    # For that sum TensorFlow registers a gradient, which keeps the graph for the life of the
    # process: several megabytes for each shape of network that is trained.
    name = "_backend_update_step"
    theirs = getattr(keras.optimizers.Optimizer, name, None)
    if theirs is None or getattr(type(inner), name, None) is not theirs:
        return

    def update(gradients, variables, learning_rate):
        for gradient, variable in zip(gradients, variables, strict=True):
            inner.update_step(gradient, getattr(variable, "value", variable), learning_rate)

    setattr(inner, name, update)


def _know_by_place(optimizer):
    """Let an optimizer know its variables by themselves or by what they hold, not by a name."""
    variables = optimizer._trainable_variables

    def key(variable):
        same = (v for v in variables if v is variable or v._value is variable)
        return str(id(next(same, variable)))

    optimizer._var_key = key
    optimizer._trainable_variables_indices = {key(v): i for i, v in enumerate(variables)}


def fused(optimizer):
    """Return an optimizer that does the same steps with one kernel a variable.

    It is given one of a class in `FUSED`, without unusual options and not yet built.
    """
    config = optimizer.get_config()
    if isinstance(config["learning_rate"], dict):
        config["learning_rate"] = optimizer._learning_rate  # a schedule, maybe of the user's code
    return FUSED[type(optimizer)].from_config(config)


def _apply_adam(self, gradient, variable, learning_rate):
    i = self._get_variable_index(variable)
    step = tf.cast(self.iterations + 1, variable.dtype)
    tf.raw_ops.ResourceApplyAdam(
        var=variable.handle,
        m=self._momentums[i].value.handle,
        v=self._velocities[i].value.handle,
        beta1_power=tf.pow(tf.cast(self.beta_1, variable.dtype), step),
        beta2_power=tf.pow(tf.cast(self.beta_2, variable.dtype), step),
        lr=tf.cast(learning_rate, variable.dtype),
        beta1=self.beta_1,
        beta2=self.beta_2,
        epsilon=self.epsilon,
        grad=gradient,
    )


class _Adam(keras.optimizers.Adam):
    update_step = _apply_adam


class _AdamW(keras.optimizers.AdamW):
    update_step = _apply_adam


class _RMSprop(keras.optimizers.RMSprop):
    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        if not self.momentum:  # the kernel wants the slot all the same
            self._momentums = self.add_optimizer_variables(variables, "momentum")
        self.momentum = as_variable(self, "momentum")

    def update_step(self, gradient, variable, learning_rate):
        i = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyRMSProp(
            var=variable.handle,
            ms=self._velocities[i].value.handle,
            mom=self._momentums[i].value.handle,
            lr=tf.cast(learning_rate, variable.dtype),
            rho=self.rho,
            momentum=tf.cast(self.momentum, variable.dtype),
            epsilon=self.epsilon,
            grad=gradient,
        )


class _SGD(keras.optimizers.SGD):
    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.momentum = as_variable(self, "momentum")

    def update_step(self, gradient, variable, learning_rate):
        learning_rate = tf.cast(learning_rate, variable.dtype)
        if not self.momentums:
            tf.raw_ops.ResourceApplyGradientDescent(
                var=variable.handle, alpha=learning_rate, delta=gradient
            )
            return
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=self.momentums[self._get_variable_index(variable)].value.handle,
            lr=learning_rate,
            grad=gradient,
            momentum=tf.cast(self.momentum, variable.dtype),
            use_nesterov=self.nesterov,
        )


FUSED = {
    keras.optimizers.Adam: _Adam,
    keras.optimizers.AdamW: _AdamW,
    keras.optimizers.RMSprop: _RMSprop,
    keras.optimizers.SGD: _SGD,
}
