"""TensorFlow on a GPU: the steps of an epoch as one program that XLA compiles."""

from functools import partial

import tensorflow as tf

from skfashion._training.graph import GraphLoop
from skfashion._training.loops import Rows, batches, segments


class XlaLoop(GraphLoop):
    """Training and evaluation compiled by XLA, with shapes that are all known beforehand.

    With open shapes XLA computes other gradients, and says nothing. So full batches are one
    program and the last, shorter batch is another, on arrays filled up to a few lengths. A
    prediction is a plain graph.
    """

    compiles = True

    def _put(self, array):
        return Rows(array, tf.constant)

    def train_epoch(self, held, data, order, batch_size):
        """Train one epoch on resident arrays in the given order; return the metrics."""
        rate = None
        for part, rows in segments(self.resident, data, order, batch_size):
            arrays = [a.array for a in part]
            held = self._with_metrics(held, *arrays) if rate is None else held
            arrays.append(Rows(rows, tf.constant).array)
            for size, start, n in batches(len(rows), batch_size):
                first = rate is None
                steps = partial(self._train_steps, size, first)
                place = tf.constant(start), tf.constant(n)
                logs = self._call(steps, held, *arrays, *place, xla=(size, first))
                rate = logs["learning_rate"] if first else rate
        return {name: float(value) for name, value in {**logs, "learning_rate": rate}.items()}

    def evaluate(self, held, data, batch_size):
        """Return the metrics on resident arrays."""
        logs = None
        for part, _ in segments(self.resident, data, None, batch_size):
            arrays = [rows.array for rows in part]
            held = self._with_metrics(held, *arrays) if logs is None else held
            for size, start, n in batches(len(part[0]), batch_size):
                first = logs is None
                steps = partial(self._evaluate_steps, size, first)
                place = tf.constant(start), tf.constant(n)
                logs = self._call(steps, held, *arrays, *place, xla=(size, first))
        return {name: float(value) for name, value in logs.items()}

    def _train_steps(self, size, is_first, X, y, weight, order, start, n):
        rate = tf.cast(self._model.optimizer.learning_rate, "float32")

        def step(first):
            rows = tf.slice(order, [first], [size])
            self._model.train_step(tuple(tf.gather(a, rows) for a in (X, y, weight)))

        return {"learning_rate": rate, **self._repeated(step, size, is_first, start, n)}

    def _evaluate_steps(self, size, is_first, X, y, start, n):
        def step(first):
            rows = first + tf.range(size)
            self._model.test_step(tuple(tf.gather(a, rows) for a in (X, y)))

        return self._repeated(step, size, is_first, start, n)

    def _repeated(self, step, size, is_first, start, n):
        """Do the steps from a row on; return the metrics, begun anew with the first."""
        self.traces += 1
        if is_first:
            self._model.reset_metrics()

        def body(i):
            step(start + i * size)
            return [i + 1]

        tf.while_loop(lambda i: i < n, body, [tf.constant(0)], parallel_iterations=1)
        return self._model.get_metrics_result()
