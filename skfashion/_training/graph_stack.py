"""TensorFlow only: steps of several fits in one graph, their values stacked along a new axis."""

from contextlib import contextmanager
from functools import partial
from types import MethodType

import keras
import tensorflow as tf
from keras.src.optimizers.base_optimizer import BaseOptimizer

from skfashion._training import stack
from skfashion._training.graph import GraphLoop
from skfashion._training.loops import Rows, batches
from skfashion._training.processes import device_kind
from skfashion._training.xla_loop import XlaLoop
from skfashion._utils.lazy_images import LazyImages

# What Keras' optimizers do to variables in place on TensorFlow, and on no other backend.
_IN_PLACE = ("assign", "assign_add", "assign_sub", "_apply_weight_decay", "_backend_update_step")


def can_stack(model):
    """Tell whether an epoch of a model can be one graph with others: Keras' own step, all dense."""
    if not (model.compiled and getattr(model, "outputs", None)) or tf.distribute.has_strategy():
        return False
    optimizer, step = keras.optimizers.Optimizer, "_backend_update_step"
    return (
        type(model).train_step is keras.Model.train_step
        and getattr(type(model.optimizer), step) is getattr(optimizer, step)  # Nadam has its own
        and not isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
        and not model.optimizer.gradient_accumulation_steps
        and all(len(w.shape) <= 2 for w in model.weights)
    )


class _Stacking:
    """Training of several fits at once in one graph, where they meet at an epoch.

    A step is Keras' `train_step` as a function of values, which `tf.vectorized_map` stacks. The
    size of a batch is part of the graph: with a slice of open length XLA computes on as many rows
    as there are, filled up, at every step.
    """

    def __init__(self, model):
        super().__init__(model)
        # A CPU's caches hold no more.
        self.stacks = 4 if device_kind() == "cpu" else 64

    def train_epoch(self, held, data, order, batch_size):
        """Train one epoch on resident arrays in the given order; return the metrics."""
        alone = partial(super().train_epoch, held, data, order, batch_size)
        is_short = len(order) < batch_size
        if is_short or isinstance(data[0], LazyImages) or not stack.rounds_differently():
            return alone()
        arrays = [a.array if isinstance(a, Rows) else a for a in (*data, *self.resident(order))]
        held = self._with_metrics(held, *arrays[:3])
        carry = [tf.convert_to_tensor(v) for v in held.values]
        places = list(batches(len(order), batch_size))
        epoch = stack.Epoch(places, carry, arrays, alone)
        stack.train(self._train_epochs, epoch, self.stacks, places[0], *map(self._spec, arrays))
        if epoch.carry is not carry:
            for variable, value in zip(held.values, epoch.carry, strict=True):
                variable.assign(value)
        return epoch.logs

    def _train_epochs(self, epochs):
        """Train an epoch of several fits together, or of one alone."""
        if len(epochs) == 1:
            epochs[0].logs = epochs[0].alone()
        else:
            fetch = partial(tf.nest.map_structure, lambda value: value.numpy())
            stack.train_epochs(epochs, self._train_batches, fetch)

    def _train_batches(self, values, arrays, size, start, n):
        """Train batches of several fits; return the values of their variables, and metrics."""
        fixed = tf.nest.map_structure(lambda v: tf.TensorSpec(v.shape, v.dtype), values)
        rows = tf.nest.map_structure(self._spec, arrays)
        key = ("_steps", size, len(values), *(spec for own in rows for spec in own))
        place = tf.constant(start), tf.constant(n)
        given = fixed, rows, *map(tf.TensorSpec.from_tensor, place)
        steps = self._graph(key, partial(self._steps, size), *given, static=self.compiles)
        return steps(values, arrays, *place)

    def _spec(self, array):
        """Return what arrays of a graph have in common: XLA compiles for their lengths, too."""
        shape = array.shape if self.compiles else (None, *array.shape[1:])
        return tf.TensorSpec(shape, array.dtype)

    def _steps(self, size, values, arrays, start, n):
        """Do steps of several fits at once, each of which is what it is alone."""
        self.traces += 1
        variables = [*self._variables, *self._metrics]

        def each(function, now, *given):
            """Return results and new values of all fits."""

            def one(given):
                now, given = given
                pairs = zip(variables, now, strict=True)
                with keras.StatelessScope(pairs, collect_losses=True) as scope:
                    result = function(*given)
                return result, [scope.get_current_value(v) for v in variables]

            return tf.vectorized_map(one, (now, given), warn=False)

        def step(i, now):
            batches = []
            for *data, order in arrays:
                rows = tf.slice(order, [start + i * size], [size])
                batches.append([tf.gather(a, rows) for a in data])
            batches = [tf.stack(of_all) for of_all in zip(*batches, strict=True)]
            _, now = each(self._train_step, now, *batches)
            return i + 1, now

        now = [tf.stack(of_all) for of_all in zip(*values, strict=True)]
        rate, _ = each(lambda: tf.cast(self._model.optimizer.learning_rate, "float32"), now)
        _, now = tf.while_loop(lambda i, _: i < n, step, (0, now), parallel_iterations=1)
        logs, _ = each(self._model.get_metrics_result, now)
        parted = zip(*(tf.unstack(of_all, len(values)) for of_all in now), strict=True)
        return [list(own) for own in parted], {"learning_rate": rate, **logs}

    def _train_step(self, X, y, weight):
        """Do what Keras' `train_step` does, in a stateless scope."""
        model, trainable = self._model, self._model.trainable_variables
        values = [v.value for v in trainable]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            outputs = model(X, training=True)
            compared = {"x": X, "y": y, "y_pred": outputs, "sample_weight": weight}
            loss = model._compute_loss(**compared, training=True)
            scaled = model.optimizer.scale_loss(loss)
        model._loss_tracker.update_state(loss, sample_weight=tf.shape(X)[0])
        with _not_in_place(model.optimizer):
            model.optimizer.apply(tape.gradient(scaled, values), trainable)
        model.compute_metrics(**compared)
        return loss


class StackingLoop(_Stacking, GraphLoop):
    """The same in plain graphs."""


class StackingXlaLoop(_Stacking, XlaLoop):
    """The same, compiled by XLA."""


@contextmanager
def _not_in_place(optimizer):
    """In the block, let an optimizer hand new values to the scope, as on Keras' other backends."""
    own = vars(optimizer)
    before = {name: own[name] for name in _IN_PLACE if name in own}
    own.update({name: MethodType(getattr(BaseOptimizer, name), optimizer) for name in _IN_PLACE})
    try:
        yield
    finally:
        for name in _IN_PLACE:
            del own[name]
        own.update(before)
