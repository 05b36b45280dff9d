"""The frozen part's output, kept for each image by the image's content.

Sharing frozen layers over model selection: Nakandala and Kumar, "Nautilus: an optimized
system for deep transfer learning over evolving training datasets", SIGMOD 2022.
"""

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

_BATCH = 128  # of images; the output for an image doesn't depend on it
_SAVE_SECONDS = 5.0
_AT_WORK = threading.RLock()  # held while rows are computed

_CACHE = Cache("features", max_bytes=lambda: get_config()["feature_cache_bytes"])
_COUNTS = {"computed": 0, "from_memory": 0, "from_disk": 0}
_DIGESTS = Cache("digests", max_entries=8)  # ids of arrays -> (arrays, digest)


def rows(X, parts, weights, *, store=None, write=True):
    """Return the output of the lower part of a `Split` for each image, computing each one once.

    `weights` are the whole network's. Rows are read from the store, and written if `write`.
    """
    own = [weights[i] for i in parts.lower_weights]
    program = ("lower", parts.key, keras_settings(), _device())
    namespace = digest(program, _digest_of(own), X.dtype.str, X.shape[1:])
    keys = [blake2b(image, digest_size=16).digest() for image in np.ascontiguousarray(X)]
    shape, dtype = parts.lower.output_shape[1:], parts.lower.outputs[0].dtype
    out = np.empty((len(X), *shape), dtype)
    named = [(namespace, key) for key in keys]
    missing = _CACHE.fill(out, named, range(len(keys)))
    on_disk = None
    if store is not None and (missing or write):
        on_disk = store.rows("features", namespace, shape=shape, dtype=out.dtype)
    # Fits side by side want the same images: one computes them, on all cores, and the others wait.
    with _AT_WORK if missing else nullcontext():
        missing = _CACHE.fill(out, named, missing)
        _COUNTS["from_memory"] += len(keys) - len(missing)
        if missing and on_disk is not None:
            found = on_disk.get([keys[i] for i in missing])
            for position, row in found.items():
                out[missing[position]] = row
            places = [missing[position] for position in found]
            _COUNTS["from_disk"] += len(places)
            _keep(namespace, keys, out, places)
            missing = [i for position, i in enumerate(missing) if position not in found]
        if missing:
            # The same image may be in X more than once.
            first = {keys[i]: i for i in reversed(missing)}
            new = list(first.values())
            with pooled(program, lambda: Extractor(parts)) as extractor:
                predict = extractor.predictor(own)
                by_shape = extractor.loop.by_shape
                _compute(predict, X, keys, new, out, on_disk if write else None, by_shape)
            _COUNTS["computed"] += len(new)
            for i in missing:
                if first[keys[i]] != i:
                    out[i] = out[first[keys[i]]]
            _keep(namespace, keys, out, new)
    if on_disk is not None and write:
        # All of them: what a prediction computed before is in memory, and not yet there.
        on_disk.put(keys, out)
    return out


def _compute(predict, X, keys, places, out, on_disk, by_shape):
    """Fill rows of `out`, and keep them now and then: a kill costs no long extraction."""
    kept, saved = 0, time.monotonic()
    batches = [places[start : start + _BATCH] for start in range(0, len(places), _BATCH)]
    if by_shape:  # some images twice are sooner done than another shape is compiled
        batches[-1] = places[-_BATCH:]
    with closing(on_all_cores(lambda batch: predict(X[batch]), batches)) as outputs:
        for i, (batch, computed) in enumerate(zip(batches, outputs, strict=True), start=1):
            out[batch] = computed
            if on_disk is not None and time.monotonic() - saved >= _SAVE_SECONDS:
                part = places[kept : i * _BATCH]
                on_disk.put([keys[place] for place in part], out[part])
                kept, saved = i * _BATCH, time.monotonic()


def fits(parts, n):
    """Tell whether the rows of n images are few enough to be kept in memory."""
    shape = parts.lower.output_shape[1:]
    return n * int(np.prod(shape)) * 4 <= get_config()["feature_cache_bytes"]


def features_info():
    """Return how many rows are kept, were computed and were read."""
    return {"rows": len(_CACHE), **_COUNTS}


def _keep(namespace, keys, out, places):
    if places:
        _CACHE.put_rows([(namespace, keys[i]) for i in places], out[places])


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
