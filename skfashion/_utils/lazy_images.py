"""Images that are read when they are needed: shape and indexing of an array, without pixels."""

import math
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b

import joblib
import numpy as np

from skfashion._utils.cache import Cache
from skfashion._utils.config import config_context, get_config

_PART_BYTES = 1 << 25  # of images that are read at a time

# Names of rows -> digests of their bytes.
_DIGESTS = Cache("image digests", max_bytes=1 << 27)


class LazyImages:
    """Images of a source, each changed by the same steps when it is read.

    A source knows `shape` and `dtype` of an image and the `limits` of its pixels, black and white
    or None; `keys`, an array of objects, 16 bytes each, that say all its pixels depend on; how to
    `read` some places as an array; and its `part` at some places, to be pickled.
    """

    def __init__(self, source):
        self._source = source
        self._places = np.arange(len(source.keys))
        self._steps, self._digest = (), ""
        self.limits = source.limits
        self.dtype = np.dtype(source.dtype)
        self.shape = (len(self._places), *source.shape)

    @property
    def ndim(self):
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self):
        """Number of values."""
        return math.prod(self.shape)

    @property
    def nbytes(self):
        """Bytes of the array."""
        return self.size * self.dtype.itemsize

    def __len__(self):
        return self.shape[0]

    def __sizeof__(self):
        # About that of names: Dask sends once, and not with each fit, what it takes for large.
        return 128 * len(self)

    def __repr__(self):
        return f"<{len(self)} images of shape {self.shape[1:]}, {self.dtype}, not read yet>"

    def __getitem__(self, key):
        first, *rest = key if isinstance(key, tuple) else (key,)
        is_odd = first is Ellipsis or first is None or isinstance(first, bool)
        if is_odd or np.ndim(first) > 1 or any(map(np.ndim, rest)):
            return np.asarray(self)[key]
        rows, rest = self._places[first], tuple(rest)
        if rows.ndim == 0:
            return self._read(rows[np.newaxis])[0][rest]
        taken = self._with(_places=rows, shape=(len(rows), *self.shape[1:]))
        return taken if rest in ((), (Ellipsis,)) else np.asarray(taken)[(slice(None), *rest)]

    def __array__(self, dtype=None, copy=None):
        bound = get_config()["image_memory_bytes"]
        if self.nbytes > bound:
            raise ValueError(
                f"These {len(self):,} images of shape {self.shape[1:]} would be an array of "
                f"{self.nbytes / 2**30:.3g} GiB, more than image_memory_bytes of "
                f"skfashion.set_config ({bound / 2**30:.3g} GiB). The estimators of skfashion read "
                "them batch by batch; for others raise image_memory_bytes, take smaller images, or "
                "ImageReader(lazy=False)."
            )
        if copy is False:
            raise ValueError("Images that are read anew can't be had without a copy.")
        array, start = np.empty(self.shape, self.dtype), 0
        for images in self.parts():
            array[start : start + len(images)] = images
            start += len(images)
        return array if dtype is None else array.astype(dtype, copy=False)

    def __getstate__(self):
        places, inverse = np.unique(self._places, return_inverse=True)
        return {**vars(self), "_source": self._source.part(places), "_places": inverse}

    def then(self, step, limits="same"):
        """Return what a step, a function of an array of images, makes of each; nothing is read."""
        like = step(np.zeros((1, *self.shape[1:]), self.dtype))
        return self._with(
            _steps=(*self._steps, step),
            _digest=joblib.hash((self._digest, step)),
            limits=self.limits if limits == "same" else limits,
            dtype=like.dtype,
            shape=(len(self), *like.shape[1:]),
        )

    def parts(self):
        """Yield successive arrays."""
        return read_ahead(self, rows_of(self))

    def names(self):
        """Return 16 bytes an image, an array of objects, that say all its pixels depend on."""
        names = self._source.keys[self._places]
        if self._steps:
            told = self._digest.encode()
            names[:] = [blake2b(name + told, digest_size=16).digest() for name in names]
        return names

    def row_keys(self, store=None, *, read=True):
        """Return digests of the images' bytes, 16 bytes each, those that an array's rows have.

        They are known in this process or in the store. Of others images are read, and they are
        written to the store; or they are None if `read` is not true.
        """
        names = self.names()
        known = {name: _DIGESTS.get(name) for name in names}
        unknown = [name for name, digest in known.items() if digest is None]
        if unknown and store is not None:
            for position, row in _rows_in(store).get(unknown).items():
                name = unknown[position]
                known[name] = _DIGESTS.put(name, row.tobytes())
            unknown = [name for name in unknown if known[name] is None]
        if unknown and read:
            where = {name: row for row, name in enumerate(names)}
            images = self[[where[name] for name in unknown]]
            batches = rows_of(images)
            for rows, (_, keys) in zip(batches, images.read_with_keys(batches), strict=True):
                known.update(zip(unknown[rows], keys, strict=True))
                if store is not None:
                    images[rows].keep_keys(store, keys)
        return [known[name] for name in names]

    def keep_keys(self, store, keys):
        """Write what `row_keys` returns to a store."""
        rows = np.frombuffer(b"".join(keys), np.uint8).reshape(-1, 16)
        _rows_in(store).put(self.names(), rows)

    def read_with_keys(self, batches):
        """Yield images and digests of successive batches of rows, the next read meanwhile."""
        names = self.names()

        def read(rows):
            images = self._read(self._places[rows])
            pairs = zip(names[rows], images, strict=True)
            return images, [_DIGESTS.get(name) or _noted(name, image) for name, image in pairs]

        return ahead(read, batches)

    def _read(self, places):
        return self._changed(self._source.read(places))

    def _changed(self, images):
        for step in self._steps:
            images = step(images)
        return np.ascontiguousarray(images)

    def _with(self, **changed):
        new = object.__new__(LazyImages)
        vars(new).update(vars(self), **changed)
        return new


class _Joined:
    """Several images of one form, one after the other, as a source; what is shared is read once."""

    def __init__(self, several):
        self._several = several
        self.shape, self.dtype, self.limits = several[0].shape[1:], several[0].dtype, None
        self.keys = np.concatenate([images.names() for images in several])
        self.at = np.concatenate([images._places for images in several])
        self._whose = np.repeat(np.arange(len(several)), [len(images) for images in several])

    def read(self, places):
        out, whose = np.empty((len(places), *self.shape), self.dtype), self._whose[places]
        sources = [images._source for images in self._several]
        for source in set(sources):
            here = np.array([sources[i] is source for i in whose])
            at, back = np.unique(self.at[places[here]], return_inverse=True)
            images = source.read(at)[back]
            for i in np.unique(whose[here]):
                out[whose == i] = self._several[i]._changed(images[whose[here] == i])
        return out


def concatenate(several):
    """Return arrays, or images that are read when they are needed, one after the other."""
    several = together(several)
    return several[0] if len(several) == 1 else np.concatenate(several)


def together(several):
    """Return a list of images to go through: those to be read as one, so that each is read once."""
    lazy = len(several) > 1 and isinstance(several[0], LazyImages)
    return [LazyImages(_Joined(several))] if lazy else several


def read_ahead(X, batches):
    """Yield arrays of batches of rows; of images that are not there the next is read meanwhile."""
    if isinstance(X, LazyImages):
        return ahead(lambda rows: X._read(X._places[rows]), batches)
    return (X[rows] for rows in batches)


def rows_of(X, nbytes=None, multiple=1):
    """Return slices of rows of about so many bytes each, of a multiple of some rows."""
    nbytes = nbytes or _PART_BYTES
    step = multiple * max(1, nbytes * len(X) // (max(1, X.nbytes) * multiple))
    return slices(len(X), step)


def slices(n, step):
    """Return slices of n rows, so many rows each."""
    return [slice(start, min(start + step, n)) for start in range(0, n, step)]


def digests_of(X, store=None):
    """Return the digest of each image's bytes, or None of an image that nobody has read yet."""
    if isinstance(X, LazyImages):
        return X.row_keys(store, read=False)
    return [blake2b(row, digest_size=16).digest() for row in np.ascontiguousarray(X)]


def is_unread(X, store):
    """Tell whether digests of images are known after they are read, and not before."""
    return isinstance(X, LazyImages) and None in X.row_keys(store, read=False)


def each_once(X, digests, rows):
    """Return rows of different images, in an order to read them, and the one of each row given."""
    lazy = isinstance(X, LazyImages)
    names = X.names() if lazy else np.array(digests, object)
    _, first, same = np.unique(names[rows], return_index=True, return_inverse=True)
    once = np.asarray(rows)[first]
    at = getattr(X._source, "at", None) if lazy else None
    order = np.argsort(once if at is None else at[X._places[once]], kind="stable")
    return once[order].tolist(), once[same]


def read_with_digests(X, digests, batches):
    """Yield images and digests of successive batches of rows."""
    if isinstance(X, LazyImages):
        return X.read_with_keys(batches)
    return ((X[rows], [digests[i] for i in rows]) for rows in batches)


def ahead(function, items, n_threads=1):
    """Yield what a function returns for each item, in order, so many items in work meanwhile."""
    settings = get_config()

    def call(item):
        with config_context(**settings):
            return function(item)

    pool, waiting = ThreadPoolExecutor(n_threads), deque()
    try:
        for item in items:
            waiting.append(pool.submit(call, item))
            if len(waiting) > n_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _noted(name, image):
    return _DIGESTS.put(name, blake2b(image, digest_size=16).digest())


def _rows_in(store):
    return store.rows("digests", "pixels", shape=(16,), dtype=np.uint8)
