"""The frozen part's output, kept for each image by the image's content.

Sharing frozen layers over model selection: Nakandala and Kumar, "Nautilus: an optimized
system for deep transfer learning over evolving training datasets", SIGMOD 2022.
"""

import math
import threading
import time
from contextlib import closing, nullcontext
from hashlib import blake2b

import keras
import numpy as np

from skfashion._training.keys import digest, keras_settings, weights_digest
from skfashion._training.processes import on_all_cores
from skfashion._training.programs import Extractor, pooled
from skfashion._utils.cache import Cache
from skfashion._utils.config import get_config
from skfashion._utils.lazy_images import LazyImages, rows_of

_BATCH = 128  # of images; the output for an image doesn't depend on it
_ALIGNMENT = 64  # bytes
_SAVE_SECONDS = 5.0
_AT_WORK = threading.RLock()  # held while rows are computed

_CACHE = Cache("features", max_bytes=lambda: get_config()["feature_cache_bytes"])
_COUNTS = {"computed": 0, "from_memory": 0, "from_disk": 0}
_DIGESTS = Cache("digests", max_entries=8)  # ids of arrays -> (arrays, digest)


def rows(X, parts, weights, *, store=None, write=True, shared=False):
    """Return the output of the lower part of a `Split` for each image, computing each one once.

    `weights` are the whole network's. Rows are read from the store, and written if `write`. If
    `shared`, most are the very memory of those in the cache, and can't be written to.
    """
    own = [weights[i] for i in parts.lower_weights]
    program = ("lower", parts.key, keras_settings(), _device())
    namespace = digest(program, _digest_of(own), X.dtype.str, X.shape[1:])
    if isinstance(X, LazyImages):
        names, keys = X.names(), X.row_keys(store, read=False)
    else:
        names = keys = [blake2b(row, digest_size=16).digest() for row in np.ascontiguousarray(X)]
    names, keys = np.array(names, object), np.array(keys, object)
    shape, dtype = parts.lower.output_shape[1:], np.dtype(parts.lower.outputs[0].dtype)
    found = _Found(namespace, keys, _aligned((len(X), *shape), dtype))
    missing = found.in_memory(range(len(X)))
    if store is not None and (missing or write):
        found.on_disk = store.rows("features", namespace, shape=shape, dtype=dtype)
    # Fits side by side want the same images: one computes them, on all cores, and the others wait.
    with _AT_WORK if missing else nullcontext():
        missing = found.anywhere(missing)
        if missing:
            # The same image may be in X more than once.
            first = {names[i]: i for i in reversed(missing)}
            with pooled(program, lambda: Extractor(parts)) as extractor:
                by_shape, predict = extractor.loop.by_shape, extractor.predictor(own)
                _compute(
                    predict, X, found, list(first.values()), store if write else None, by_shape
                )
            for i in missing:
                place = first[names[i]]
                found.rows[i], keys[i] = found.rows[place], keys[place]
        # A view keeps all of its array alive.
        found.keep(copy=not shared or 2 * len(found.new) < len(X))
    if found.on_disk is not None and write:
        # All of them: what a prediction computed before is in memory, and not yet there.
        found.save(X, store)
    found.rows.flags.writeable = not shared
    return found.rows


def inputs(X, parts, weights, store):
    """Return rows to train on; of too many for memory what reads them from the store by batch."""
    if not is_by_batch(X, store) or fits(parts, len(X)):
        return rows(X, parts, weights, store=store, shared=True)
    source = _RowsOnDisk(X, parts, weights, store)
    for places in rows_of(X):
        source.read(places)
    return LazyImages(source)


def is_by_batch(X, store):
    """Tell whether rows of images may stay on disk: where images do, and there is a store."""
    return isinstance(X, LazyImages) and store is not None and get_config()["feature_cache_bytes"]


class _RowsOnDisk:
    """Rows that are read from the store, or computed again: a source of `LazyImages`."""

    limits = None

    def __init__(self, X, parts, weights, store):
        self._X, self._how, self._store = X, (parts, weights), store
        self.keys = X.names()
        self.shape, self.dtype = parts.lower.output_shape[1:], parts.lower.outputs[0].dtype

    def read(self, places):
        """Return rows at some places."""
        return rows(self._X[places], *self._how, store=self._store)


class _Found:
    """Rows of images as they are found: in the cache, on disk, or computed."""

    def __init__(self, namespace, keys, rows):
        self._namespace = namespace
        self.keys, self.rows = keys, rows  # None of an image that nobody has read yet
        self.on_disk = None
        self.new = []  # places whose rows are not in the cache

    def in_memory(self, places):
        """Fill rows from the cache; return the places left."""
        left = _CACHE.fill(self.rows, {i: (self._namespace, self.keys[i]) for i in places}, places)
        _COUNTS["from_memory"] += len(places) - len(left)
        return left

    def anywhere(self, places):
        """Fill rows from the cache and from disk; return the places left."""
        left = self.in_memory(places)
        known = [i for i in left if self.keys[i] is not None]
        if not known or self.on_disk is None:
            return left
        found = self.on_disk.get(self.keys[known])
        on_disk = {known[position]: row for position, row in found.items()}
        for i, row in on_disk.items():
            self.rows[i] = row
        self.new += on_disk
        _COUNTS["from_disk"] += len(on_disk)
        return [i for i in left if i not in on_disk]

    def keep(self, *, copy):
        """Put what is new into the cache."""
        named = [(self._namespace, self.keys[i]) for i in self.new]
        _CACHE.put_rows(named, map(self.rows.__getitem__, self.new), copy=copy)

    def save(self, X, store, places=slice(None)):
        """Write rows to the store, and which images they are of."""
        keys = self.keys[places].tolist()
        self.on_disk.put(keys, self.rows[places])
        if isinstance(X, LazyImages):
            X[places].keep_keys(store, keys)


def _compute(predict, X, found, places, store, by_shape):
    """Fill rows, and save them now and then: a kill costs no long extraction."""
    batches = [places[start : start + _BATCH] for start in range(0, len(places), _BATCH)]

    def missing():
        """Yield places and images; of those that were read, what is not known now."""
        if not isinstance(X, LazyImages):
            yield from ((batch, X[batch]) for batch in batches)
            return
        for batch, (images, keys) in zip(batches, X.read_with_keys(batches), strict=True):
            for i, key in zip(batch, keys, strict=True):
                found.keys[i] = key
            left = found.anywhere(batch)
            if left:
                yield left, images[np.isin(batch, left)]

    def output(given):
        batch, images = given
        if by_shape and len(places) > _BATCH:  # sooner done than another shape is compiled
            images = np.resize(images, (_BATCH, *images.shape[1:]))
        return batch, predict(images)[: len(batch)]

    saved, unsaved = time.monotonic(), []
    with closing(on_all_cores(output, missing())) as outputs:
        for batch, computed in outputs:
            found.rows[batch] = computed
            found.new += batch
            _COUNTS["computed"] += len(batch)
            unsaved += batch
            if store is not None and time.monotonic() - saved >= _SAVE_SECONDS:
                found.save(X, store, unsaved)
                saved, unsaved = time.monotonic(), []


def fits(parts, n):
    """Tell whether the rows of n images are few enough to be kept in memory."""
    shape = parts.lower.output_shape[1:]
    return n * int(np.prod(shape)) * 4 <= get_config()["feature_cache_bytes"]


def features_info():
    """Return how many rows are kept, were computed and were read."""
    return {"rows": len(_CACHE), **_COUNTS}


def _aligned(shape, dtype):
    """Return an empty array that TensorFlow takes as it is, at an address it likes."""
    n = math.prod(shape) * dtype.itemsize
    memory = np.empty(n + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + n].view(dtype).reshape(shape)


def _digest_of(weights):
    ids = tuple(map(id, weights))
    # The arrays are held with their digest, so that no other gets one of these ids.
    known = _DIGESTS.get(ids) or _DIGESTS.put(ids, (weights, weights_digest(weights)))
    return known[1]


def _device():
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return "gpu" if tf.config.list_logical_devices("GPU") else "cpu"
    if keras.backend.backend() == "torch":  # for which Keras lists no devices
        return keras.ops.zeros(()).device.type
    return keras.distribution.list_devices()[0].split(":")[0]
