"""Where in its last feature map a trained network finds a class: Grad-CAM."""

from functools import partial

import keras
import numpy as np
from keras import layers, ops

from skfashion._training.inference import export
from skfashion._training.loops import to_numpy
from skfashion._training.memory import retried

_BATCH = 32  # images
_SQUASHING = (keras.activations.softmax, keras.activations.sigmoid)
_CONVOLUTIONS = (
    layers.Conv2D,
    layers.Conv2DTranspose,
    layers.DepthwiseConv2D,
    layers.SeparableConv2D,
)


@retried("computing heat")
def heat(plan, weights, X, columns, build):
    """Return how much each place of the last feature map speaks for a class, of each image.

    `columns` are the classes' numbers. An array of shape (n, height, width), or None of a
    network without a convolution.
    """
    planar = plan.formats[1] == "channels_first"
    taps = _Taps(export(plan, weights, build), (2, 3) if planar else (1, 2))
    if not taps.find(X[:1]):
        return None
    starts = range(0, len(X), _BATCH)
    return np.concatenate([taps.heat(X[i : i + _BATCH], columns[i : i + _BATCH]) for i in starts])


class _Taps:
    """What the layers of a network put out when it is called, one of them to be changed.

    Not a second model from the images to a layer's output: Keras finds no way to a layer inside
    a model that is a layer itself, and code of a user's has no graph at all.
    """

    def __init__(self, network, axes):
        self._network, self._axes = network, axes
        self._seen = []  # layer and shape of each output, in the order of the calls
        self._place = self._shape = None  # of the map to look at, among them
        self._delta = self._features = None
        for layer in network._flatten_layers():
            if not isinstance(layer, keras.Model):
                layer.call = partial(self._called, layer, layer.call)

    def find(self, X):
        """Find the map to look at, from an image; tell whether there is one."""
        self._scores(X, np.zeros(1, int))
        maps = [self._sides(shape) for _, shape in self._seen]
        for i, (layer, _) in enumerate(self._seen):
            if isinstance(layer, _CONVOLUTIONS) and np.prod(maps[i]) > 1:
                # The last of its size: what normalisation and activation made of it.
                self._place = max(j for j, sides in enumerate(maps) if j >= i and sides == maps[i])
        if self._place is None:
            return False
        self._shape = self._seen[self._place][1]
        _without_softmax(self._seen[-1][0])
        return True

    def heat(self, X, columns):
        """Return the heat of a batch of images."""
        zeros = ops.zeros((len(X), *self._shape[1:]))
        gradient = to_numpy(_gradient(partial(self._scores, X, columns), zeros))
        weights = gradient.mean(axis=self._axes, keepdims=True)
        (channels,) = {1, 2, 3} - set(self._axes)
        return np.maximum(0, (weights * to_numpy(self._features)).sum(axis=channels))

    def _scores(self, X, columns, delta=None):
        """Return the sum of the classes' scores, with something added to the map."""
        self._delta, self._seen = delta, []
        outputs = ops.cast(self._network(ops.convert_to_tensor(X), training=False), "float32")
        if len(outputs.shape) == 1 or outputs.shape[1] == 1:
            return ops.sum(ops.reshape(outputs, (-1,)) * (2.0 * np.float32(columns) - 1))
        return ops.sum(outputs * np.eye(outputs.shape[1], dtype=np.float32)[columns])

    def _called(self, layer, call, *args, **kwargs):
        outputs = call(*args, **kwargs)
        place = len(self._seen)
        self._seen.append((layer, tuple(getattr(outputs, "shape", ()))))
        if self._delta is not None and place == self._place:
            self._features = outputs
            outputs = outputs + ops.cast(self._delta, outputs.dtype)
        return outputs

    def _sides(self, shape):
        return tuple(shape[axis] for axis in self._axes) if len(shape) == 4 else (0, 0)


def _without_softmax(layer):
    """Let the last layer return logits: where it is sure, a probability has no slope."""
    if isinstance(layer, layers.Softmax):
        layer.call = lambda inputs, mask=None: inputs
    elif getattr(layer, "activation", None) in _SQUASHING:
        layer.activation = keras.activations.linear


def _gradient(function, at):
    """Return the gradient of a function of one tensor."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.grad(function)(at)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(at)
            value = function(at)
        return tape.gradient(value, at)
    raise NotImplementedError(
        "Heat is computed on the backends tensorflow and jax, and Keras runs on "
        f"{keras.backend.backend()} here: KERAS_BACKEND chooses another."
    )
