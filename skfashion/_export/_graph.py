"""A fitted Pipeline as one Keras model, made of Keras' own operations: pixels to probabilities."""

import itertools
import math
from functools import partial

import joblib
import keras
import numpy as np
from keras import ops
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler

from skfashion import _training
from skfashion._export._resize import resized
from skfashion._training.cut import split
from skfashion._utils.image_files import shown_name
from skfashion._utils.images import as_images, is_planar, size_of
from skfashion.classifiers._base import ROUNDING, BaseImageClassifier
from skfashion.model_selection._ensemble import members_of
from skfashion.preprocessing import (
    GrayscaleToRGB,
    ImageFlattener,
    ImageReader,
    ImageResizer,
    PixelScaler,
)


class Graph:
    """What is exported: a Keras model, the reader of files before it or None, and the labels."""

    def __init__(self, fitted, *, exact=True, float32=False):
        members = list(members_of(fitted))
        for _, steps in members:
            _check_end(steps[-1][1])
        self.reader = _reader_of([steps[0] for _, steps in members])
        self.labels = [shown_name(label) for label in fitted.classes_]
        paths = [steps[self.reader is not None :] for _, steps in members]
        # Where one member takes rows the others make images of them, as `predict_proba` does.
        first = min(paths, key=lambda steps: hasattr(steps[0][1], "image_shape_"))
        self._first = first[0][1]
        shape, self.dtype = _input_of([step for _, step in first], self.reader)
        self._as_bytes, self._float32 = exact and self.dtype == "uint8", float32
        self._made, self._lower, self._numbers = {}, {}, itertools.count()
        pixels = keras.Input(shape, dtype=self.dtype, name="pixels")
        x = ops.cast(pixels, "float32")
        found, weights = [], []
        for (weight, _), steps in zip(members, paths, strict=True):
            views = self._probabilities(x, steps)
            found += views
            weights += [weight / len(views)] * len(views)
        self.model = keras.Model(pixels, _mean(found, weights), name="skfashion")
        self.model(pixels)  # Keras exports to ONNX what has been called
        self.shape = self.model.input_shape[1:]

    def pixels(self, X):
        """Return images, as the estimator takes them, as the graph does."""
        X = np.asarray(X) if self.reader is None else self.reader.transform(X)
        planar = self.reader is None and is_planar(getattr(self._first, "image_shape", None))
        return as_images(X, self.shape, planar).astype(self.dtype)

    def _probabilities(self, x, steps):
        """Return what a member of the mean makes of images or rows, of each view of them."""
        *before, (_, classifier) = steps
        as_bytes = self._as_bytes
        for name, step in before:
            make = partial(_transformed, name=name, step=step, as_bytes=as_bytes)
            x = self._once(x, joblib.hash(step), make)
            as_bytes = as_bytes and isinstance(step, _RESHAPING)
        form = classifier.image_shape_, classifier._planar
        x = self._once(x, form, lambda x: _as_images(x, *form))
        plan, views = classifier._plan, [x]
        if classifier._flips:
            axis = 3 if len(x.shape) == 4 and plan.formats[1] == "channels_first" else 2
            views.append(self._once(x, axis, partial(ops.flip, axis=axis)))
        network = _training.export(plan, classifier._weights, classifier._new_network)
        network = _in_float32(network) if self._float32 else network
        how = plan.gives_logits, classifier._multilabel, _ends_in_softmax(network)
        parts = self._parts(network)
        for part in parts:
            views = [self._once(view, id(part), part) for view in views]
        return [_as_probabilities(outputs, *how) for outputs in views]

    def _parts(self, network):
        """Return the parts of a network, one after the other; what is frozen is shared."""
        parts = split(network, trains=False)
        chain = [parts.upper]
        if parts.lower is not None:
            key = parts.key + _training.weights_digest(parts.lower.get_weights())
            chain.insert(0, self._lower.setdefault(key, parts.lower))
        for part in chain:
            part.name = f"network_{next(self._numbers)}"  # no two alike in one graph
        return chain

    def _once(self, x, key, make):
        """Return what is made of a tensor, the same where it was made before."""
        key = id(x), key
        if key not in self._made:
            self._made[key] = make(x)
        return self._made[key]


def _check_end(classifier):
    if not isinstance(classifier, BaseImageClassifier):
        raise TypeError(
            "Expected a fitted classifier of skfashion, a Pipeline that ends in one, a search over "
            "these, an EnsembleFromSearch or a soft vote of them, got "
            f"{type(classifier).__name__}, which can't be written as a graph."
        )


def _reader_of(starts):
    """Return the reader of files that all members begin with, or None."""
    name, first = starts[0]
    if len({_how_read(step) for _, step in starts}) > 1:
        raise TypeError(
            f"Step {name!r} of the Pipeline can't be exported: the networks of this mean don't all "
            "read files in the same way, and a graph takes images of one size."
        )
    return first if isinstance(first, ImageReader) else None


def _how_read(step):
    if not isinstance(step, ImageReader):
        return None
    return size_of(step.size), step.resize, getattr(step, "white_", step.white)


def _mean(outputs, weights):
    if len(outputs) == 1:
        return outputs[0]
    return ops.sum(ops.stack(outputs, axis=-1) * np.float32(weights), axis=-1)


def _input_of(steps, reader):
    """Return shape and dtype of what these steps take: uint8, or float32 for all other dtypes."""
    if reader is not None:
        return (*size_of(reader.size), 3), "uint8"
    shape = getattr(steps[0], "image_shape_", None) or (steps[0].n_features_in_,)
    # The first step that knows what it saw, unless one before changes it.
    for step in steps:
        if not isinstance(step, _RESHAPING):
            break
    seen = getattr(step, "_dtype_in", getattr(step, "_dtype", ""))
    return shape, "uint8" if seen == np.dtype(np.uint8).str else "float32"


def _transformed(x, name, step, as_bytes):
    """Return what a fitted step makes of images (n, h, w, c) or rows."""
    if type(step) in _AFFINE:
        return _AFFINE[type(step)](x, step)
    if type(step) not in (*_RESHAPING, PixelScaler):
        raise TypeError(
            f"Step {name!r} of the Pipeline can't be exported: it is a {type(step).__name__}. "
            f"{', '.join(kind.__name__ for kind in (*_RESHAPING, PixelScaler, *_AFFINE))} can. "
            "Leave it out, or export the classifier alone and do this step before it."
        )
    was_rows = len(x.shape) == 2
    shape = getattr(step, "image_shape_", x.shape[1:])  # without state it needs no fit
    x = _as_images(x, shape, is_planar(getattr(step, "image_shape", None)))
    if isinstance(step, ImageFlattener):
        return _flat(x)
    if isinstance(step, ImageResizer):
        x = resized(x, size_of(step.size), as_bytes=as_bytes)
        seen = np.dtype(getattr(step, "_dtype_in", np.uint8))
        if seen.kind == "b":
            x = ops.cast(x >= 0.5, "float32")
        elif seen.kind in "iu" and seen != np.uint8:
            x = ops.round(x)
    elif isinstance(step, GrayscaleToRGB):
        x = ops.concatenate([x] * 3, axis=-1) if shape[-1] == 1 else x
    else:
        offset, width = (_per_pixel(part, shape) for part in step._offset_and_width())
        x = (x - offset) / width
    return _flat(x) if was_rows else x


def _as_images(x, shape, planar):
    if len(x.shape) == 2 and planar:
        x = ops.reshape(x, (-1, shape[2], *shape[:2]))
        return ops.transpose(x, (0, 2, 3, 1))
    return x if x.shape[1:] == tuple(shape) else ops.reshape(x, (-1, *shape))


def _flat(x):
    return ops.reshape(x, (-1, math.prod(x.shape[1:])))


def _per_pixel(part, shape):
    part = np.asarray(part, dtype=np.float32)
    return part.reshape(shape) if part.ndim else part


def _standardised(x, step):
    x = x - np.float32(step.mean_) if step.with_mean else x
    return x / np.float32(step.scale_) if step.with_std else x


def _between(x, step):
    x = x * np.float32(step.scale_) + np.float32(step.min_)
    return ops.clip(x, *step.feature_range) if step.clip else x


def _divided(x, step):
    x = x / np.float32(step.scale_)
    return ops.clip(x, -1, 1) if getattr(step, "clip", False) else x


_RESHAPING = (GrayscaleToRGB, ImageFlattener, ImageResizer)
_AFFINE = {StandardScaler: _standardised, MinMaxScaler: _between, MaxAbsScaler: _divided}


def _as_probabilities(outputs, logits, multilabel, softmax):
    """Return one column a class, as the classifiers' function of this name does with arrays."""
    outputs = ops.cast(outputs, "float32")
    if outputs.shape[1:] in ((), (1,)):
        outputs = ops.reshape(outputs, (-1, 1))
        outputs = ops.sigmoid(outputs) if logits else outputs
        return ops.concatenate([1 - outputs, outputs], axis=1)
    if logits or softmax:
        return ops.softmax(outputs, axis=1) if logits else outputs
    if multilabel:
        return ops.clip(outputs, 1e-7, 1 - 1e-7)
    total = ops.sum(outputs, axis=1, keepdims=True)
    off = ops.logical_and(ops.abs(total - 1) > ROUNDING, total > 0)
    return outputs / ops.where(off, total, 1.0)


def _ends_in_softmax(network):
    last = network.layers[-1] if hasattr(network, "inputs") else None
    return getattr(last, "activation", None) is keras.activations.softmax


def _in_float32(network):
    """Return a network that computes in float32, whatever the policy of its layers."""
    layers = list(network._flatten_layers(include_self=False))
    if all(layer.compute_dtype == "float32" for layer in layers):
        return network

    def copied(layer):
        return type(layer).from_config({**layer.get_config(), "dtype": "float32"})

    copy = keras.models.clone_model(network, clone_function=copied)
    copy.set_weights([np.asarray(w, np.float32) for w in network.get_weights()])
    return copy
