"""The frozen part's output, kept for each image by the image's content.

Sharing frozen layers over model selection: Nakandala and Kumar, "Nautilus: an optimized
system for deep transfer learning over evolving training datasets", SIGMOD 2022.
"""

import threading
from collections import OrderedDict
from hashlib import blake2b

import keras
import numpy as np

from skfashion._config import get_config
from skfashion._training.loops import memory_errors
from skfashion._training.plan import digest, weights_digest

_BATCH = 128  # of images; the output for an image doesn't depend on it


class _Cache:
    """Rows in memory, the oldest block leaving first when a bound is passed."""

    def __init__(self):
        self._lock = threading.Lock()
        self._blocks = OrderedDict()  # number -> (namespace, keys, rows)
        self._places = {}  # (namespace, key) -> (number, row)
        self._nbytes = self._next = 0
        self.counts = {"computed": 0, "from_memory": 0, "from_disk": 0}

    def get(self, namespace, keys, out):
        """Fill rows of `out` that are here; return the positions of those that are not."""
        with self._lock:
            found, missing = {}, []
            for i, key in enumerate(keys):
                place = self._places.get((namespace, key))
                if place is None:
                    missing.append(i)
                else:
                    found.setdefault(place[0], []).append((i, place[1]))
            for number, pairs in found.items():
                self._blocks.move_to_end(number)
                to, of = np.array(pairs).T
                out[to] = self._blocks[number][2][of]
            self.counts["from_memory"] += len(keys) - len(missing)
            return missing

    def put(self, namespace, keys, rows):
        bound = get_config()["feature_cache_bytes"]
        if rows.nbytes > bound:
            return
        with self._lock:
            self._blocks[self._next] = (namespace, keys, rows)
            for i, key in enumerate(keys):
                self._places[namespace, key] = (self._next, i)
            self._next += 1
            self._nbytes += rows.nbytes
            while self._nbytes > bound:
                number, (space, old, block) = self._blocks.popitem(last=False)
                self._nbytes -= block.nbytes
                for key in old:
                    if self._places.get((space, key), (None,))[0] == number:
                        del self._places[space, key]

    def clear(self):
        with self._lock:
            self._blocks.clear()
            self._places.clear()
            self._nbytes = 0

    def info(self):
        with self._lock:
            return {"rows": len(self._places), "nbytes": self._nbytes, **self.counts}


_CACHE = _Cache()
_DIGESTS = OrderedDict()  # ids of arrays -> (arrays, digest)


def rows(X, extractor, weights, lower_key, *, store=None, write=True):
    """Return the lower part's output for each image, computing each one once.

    Parameters
    ----------
    X : ndarray of shape (n, ...)
        Images.
    extractor : skfashion._training.programs.Extractor
    weights : list of ndarray
        Of the lower part.
    lower_key : str
        Digest of its configuration.
    store : Store or None
        Where rows are kept on disk.
    write : bool
        Whether to put new ones there.

    Returns
    -------
    ndarray of shape (n, ...)
    """
    shape = tuple(extractor.model.output_shape[1:])
    dtype = np.dtype(keras.backend.standardize_dtype(extractor.model.outputs[0].dtype))
    namespace = digest(
        lower_key,
        _digest_of(weights),
        X.dtype.str,
        X.shape[1:],
        keras.__version__,
        keras.backend.backend(),
        _device(),
    )
    keys = [blake2b(image, digest_size=16).digest() for image in np.ascontiguousarray(X)]
    out = np.empty((len(X), *shape), dtype)
    missing = _CACHE.get(namespace, keys, out)
    on_disk = None
    if store is not None and (missing or write):
        on_disk = store.rows("features", namespace, shape=shape, dtype=dtype)
    if missing and on_disk is not None:
        found = on_disk.get([keys[i] for i in missing])
        for position, row in found.items():
            out[missing[position]] = row
        places = [missing[position] for position in found]
        _CACHE.counts["from_disk"] += len(places)
        _keep(namespace, keys, out, places)
        missing = [i for position, i in enumerate(missing) if position not in found]
    if missing:
        # The same image may be in X more than once.
        first = {keys[i]: i for i in reversed(missing)}
        new = list(first.values())
        extractor.carry(weights)
        with memory_errors("computing the frozen part of the network"):
            for start in range(0, len(new), _BATCH):
                batch = new[start : start + _BATCH]
                out[batch] = extractor.loop.predict(X[batch])
        _CACHE.counts["computed"] += len(new)
        for i in missing:
            if first[keys[i]] != i:
                out[i] = out[first[keys[i]]]
        _keep(namespace, keys, out, new)
    if on_disk is not None and write:
        # All of them: what a prediction computed before is in memory, and not yet there.
        on_disk.put(keys, out)
    return out


def fits(parts, n):
    """Tell whether the rows of n images are few enough to be kept in memory."""
    shape = parts.lower.output_shape[1:]
    return n * int(np.prod(shape)) * 4 <= get_config()["feature_cache_bytes"]


def clear_features():
    """Forget all rows in memory."""
    _CACHE.clear()


def features_info():
    """Return what is kept, and how many rows were computed and read."""
    return _CACHE.info()


def _keep(namespace, keys, out, places):
    if places:
        _CACHE.put(namespace, [keys[i] for i in places], out[places])


def _digest_of(weights):
    ids = tuple(map(id, weights))
    if ids not in _DIGESTS:
        # The arrays are held with their digest, so that no other gets one of these ids.
        _DIGESTS[ids] = (weights, weights_digest(weights))
        while len(_DIGESTS) > 8:
            _DIGESTS.popitem(last=False)
    return _DIGESTS[ids][1]


def _device():
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return "gpu" if tf.config.list_logical_devices("GPU") else "cpu"
    return keras.distribution.list_devices()[0].split(":")[0]
