"""The frozen part's output, kept for each image by the image's content.

Sharing frozen layers over model selection: Nakandala and Kumar, "Nautilus: an optimized
system for deep transfer learning over evolving training datasets", SIGMOD 2022.
"""

import math
import threading
import time
from contextlib import closing

import numpy as np

from skfashion._training.keys import digest, keras_settings, weights_digest
from skfashion._training.processes import device_kind, on_all_cores
from skfashion._training.programs import Extractor, pooled
from skfashion._utils.cache import Cache
from skfashion._utils.config import get_config
from skfashion._utils.lazy_images import (
    LazyImages,
    digests_of,
    each_once,
    read_with_digests,
    slices,
)

_BATCH = 128  # of images; the output for an image doesn't depend on it
_IN_CACHES = 32  # of them at a time, on a CPU: what lies between layers stays in its caches
_ALIGNMENT = 64  # bytes
_SAVE_SECONDS = 5.0
_COPIED = 1 << 25  # bytes; more rows are not copied for a fit
_AT_WORK = threading.RLock()  # held while rows are computed

# Digests of a frozen part -> a table.
_CACHE = Cache("features", max_bytes=lambda: get_config()["feature_cache_bytes"])
_COUNTS = {"computed": 0, "from_memory": 0, "from_disk": 0}
_DIGESTS = Cache("digests", max_entries=8)  # ids of arrays -> (arrays, digest)


def rows(X, parts, weights, *, store=None, write=True):
    """Return the output of the lower part of a `Split` for each image, computing each one once.

    `weights` are the whole network's. Rows are read from the store, and written if `write`.
    """
    out = np.empty((len(X), *parts.lower.output_shape[1:]), parts.lower.outputs[0].dtype)
    for part in _in_turn(X, parts):
        table, places = _found(X[part], parts, weights, store, write=write)
        np.take(table.array, places, axis=0, out=out[part], mode="clip")  # with "raise" it copies
    return out


def inputs(X, parts, weights, store):
    """Return rows to train on; of many what gathers them by batch, from the cache or the store."""
    if is_by_batch(X, store) and not fits(parts, len(X)):
        for part in _in_turn(X, parts):
            _found(X[part], parts, weights, store)
        return LazyImages(_RowsOnDisk(X, parts, weights, store))
    source = _RowsInMemory(*_found(X, parts, weights, store))
    gathered = LazyImages(source)
    # On a device all of them are sooner read.
    if device_kind() == "cpu" and gathered.nbytes > _COPIED:
        return gathered
    return source.read(slice(None))


def is_by_batch(X, store):
    """Tell whether rows of images may stay on disk: where images do, and there is a store."""
    return isinstance(X, LazyImages) and store is not None and get_config()["feature_cache_bytes"]


def fits(parts, n):
    """Tell whether the rows of n images are few enough to be kept in memory."""
    return n <= _most(parts)


def features_info():
    """Return how many rows were computed, and how many were read."""
    return dict(_COUNTS)


class _Table:
    """Rows by key, in one array: it may be read while more are added behind them."""

    def __init__(self, shape, dtype):
        self.array = _aligned((0, *shape), dtype)
        self._places = {}

    def __len__(self):
        return len(self._places)

    def __contains__(self, key):
        return key in self._places

    @property
    def nbytes(self):
        """Bytes of its rows; memory behind them is taken when it is written to."""
        return self.array[: len(self)].nbytes

    def make_room(self, n, most):
        """Have room for n rows more, and some to spare, for at most so many in all."""
        n += len(self)
        if n > len(self.array):
            shape = (max(n, min(2 * n, most)), *self.array.shape[1:])
            array = _aligned(shape, self.array.dtype)
            array[: len(self)] = self.array[: len(self)]
            self.array = array

    def add(self, keys, rows):
        """Put rows that are new behind the others."""
        new = {key: i for i, key in enumerate(keys) if key not in self}
        for place, i in enumerate(new.values(), len(self)):
            self.array[place] = rows[i]
        self._places.update(zip(new, range(len(self), len(self) + len(new)), strict=True))

    def places(self, keys):
        """Return where rows are; `array`, asked for after this, has them there."""
        return np.array([self._places[key] for key in keys], np.intp)


class _RowsInMemory:
    """Rows of a table: a source of `LazyImages`."""

    limits = None

    def __init__(self, table, places):
        self.keys, self._array = places, table.array
        self.shape, self.dtype = self._array.shape[1:], self._array.dtype

    def read(self, places):
        """Return rows at some places, which TensorFlow takes as they are."""
        wanted = self.keys[places]
        out = _aligned((len(wanted), *self.shape), self.dtype)
        np.take(self._array, wanted, axis=0, out=out, mode="clip")
        out.flags.writeable = False
        return out


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


def _found(X, parts, weights, store, *, write=True):
    """Return a table that has the row of each image, and the places of these in it."""
    own = [weights[i] for i in parts.lower_weights]
    program = ("lower", parts.key, keras_settings(), device_kind())
    namespace = digest(program, _digest_of(own), X.dtype.str, X.shape[1:])
    shape, dtype = parts.lower.output_shape[1:], np.dtype(parts.lower.outputs[0].dtype)
    keys, table = digests_of(X, store), _CACHE.get(namespace)
    is_there = table is not None and all(key in table for key in keys)
    on_disk = None
    if store is not None and (write or not is_there):
        on_disk = store.rows("features", namespace, shape=shape, dtype=dtype)
    if is_there:
        _COUNTS["from_memory"] += len(X)
    else:
        # Fits side by side want the same images: one computes them, on all cores, others wait.
        with _AT_WORK:
            table = _with_room(_CACHE.get(namespace) or _Table(shape, dtype), keys, _most(parts))
            search = _Search(X, keys, table, on_disk, store)
            missing = search.left(range(len(X)))
            if missing:
                with pooled(program, lambda: Extractor(parts)) as extractor:
                    _compute(extractor, own, search, missing, write and store is not None)
            _CACHE.put(namespace, table)
    if on_disk is not None and write:
        # All of them: what a prediction computed before is in memory, and not yet there.
        _Search(X, keys, table, on_disk, store).save(range(len(X)))
    return table, table.places(keys)


def _with_room(table, keys, most):
    """Return a table that has room for more keys: another where it would become too large."""
    n_new = sum(key not in table for key in keys)
    if not len(table) or len(table) + n_new <= most:
        table.make_room(n_new, most)
        return table
    new, known = _Table(table.array.shape[1:], table.array.dtype), [k for k in keys if k in table]
    new.make_room(len(keys), most)
    new.add(known, table.array[table.places(known)])
    return new


class _Search:
    """Rows of images, looked for in a table and on disk; None is the key of one nobody has read."""

    def __init__(self, X, keys, table, on_disk, store):
        self.X, self.keys, self.table = X, keys, table
        self._on_disk, self._store = on_disk, store

    def left(self, places):
        """Return the places of rows that are nowhere; those on disk come into the table."""
        left = [i for i in places if self.keys[i] not in self.table]
        _COUNTS["from_memory"] += len(places) - len(left)
        known = [self.keys[i] for i in left if self.keys[i] is not None]
        if self._on_disk is None or not known:
            return left
        for part in self._parts(len(known)):
            found = self._on_disk.get(known[part])
            self.table.add([known[part][i] for i in found], list(found.values()))
            _COUNTS["from_disk"] += len(found)
        return [i for i in left if self.keys[i] not in self.table]

    def save(self, places):
        """Write rows to the store that it lacks, and which images they are of."""
        keys = [self.keys[i] for i in places]
        new = self._on_disk.unknown(keys)
        for part in self._parts(len(new)):
            self._on_disk.put(new[part], self.table.array[self.table.places(new[part])])
        if isinstance(self.X, LazyImages):
            self.X[places].keep_keys(self._store, keys)

    def _parts(self, n):
        return slices(n, max(1, _COPIED // self.table.array[:1].nbytes))


def _compute(extractor, weights, search, places, save):
    """Compute rows, and save them now and then: a kill costs no long extraction."""
    predict, by_shape = extractor.predictor(weights), extractor.loop.by_shape
    X, keys = search.X, search.keys
    todo, image_of = each_once(X, keys, places)
    batches = [todo[batch] for batch in slices(len(todo), _BATCH)]
    size = _BATCH if by_shape or device_kind() != "cpu" else _IN_CACHES

    def missing():
        """Yield places and images; of those that were read, what is not known now."""
        for batch, (images, digests) in zip(
            batches, read_with_digests(X, keys, batches), strict=True
        ):
            for i, key in zip(batch, digests, strict=True):
                keys[i] = key
            left = search.left(batch)
            if left:
                yield left, images if len(left) == len(batch) else images[np.isin(batch, left)]

    def output(given):
        batch, images = given
        if by_shape and len(todo) > _BATCH:  # sooner done than another shape is compiled
            images = np.resize(images, (_BATCH, *images.shape[1:]))
        return batch, np.concatenate([predict(images[part]) for part in slices(len(images), size)])

    saved, unsaved = time.monotonic(), []
    with closing(on_all_cores(output, missing())) as outputs:
        for batch, computed in outputs:
            search.table.add([keys[i] for i in batch], computed)  # not what fills them up
            _COUNTS["computed"] += len(batch)
            unsaved += batch
            if save and time.monotonic() - saved >= _SAVE_SECONDS:
                search.save(unsaved)
                saved, unsaved = time.monotonic(), []
    for i, image in zip(places, image_of, strict=True):
        keys[i] = keys[image]


def _in_turn(X, parts):
    """Return slices of images whose rows are few enough to be kept in memory."""
    return slices(len(X), max(1024, _most(parts)))


def _most(parts):
    """Return how many rows are kept in memory at most."""
    shape = parts.lower.output_shape[1:]
    return get_config()["feature_cache_bytes"] // (4 * math.prod(shape))


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
