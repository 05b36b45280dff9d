"""Files as they were when they were listed, for images that are read when they are needed."""

import copy
import os

import numpy as np
from joblib import effective_n_jobs

from skfashion._store import open_store
from skfashion._utils.config import get_config
from skfashion._utils.image_files import listed, shown_name

from ._sources import keys_of, refuse_missing

_MISSING = bytes(16)


class ListedFiles:
    """A source of `LazyImages`: names of files, keys of what they were, and a reader's settings.

    `blank` gets what is wrong with files that come out black, by position, as they are read.
    """

    dtype = np.uint8
    limits = (0.0, 255.0)

    def __init__(self, reader, names, settings, shape, how):
        self.shape, self.blank = shape, {}
        self._names = [os.path.abspath(n) if isinstance(n, str) else n for n in names]
        self._settings, self._how = settings, how
        self._reader = copy.copy(reader)
        store = open_store(reader.memory)
        self._reader.memory = None if store is None else str(store.path)
        self._reader.n_jobs = effective_n_jobs(-1 if reader.n_jobs is None else reader.n_jobs)
        self.keys = np.array(self._keys_now(self._names), object)

    def read(self, places):
        """Return the images at some places; an error names files that are not what they were."""
        names = [self._names[place] for place in places]
        keys = zip(names, self._keys_now(names), self.keys[places], strict=True)
        changed = dict.fromkeys(name for name, now, then in keys if now != then)
        if changed:
            raise ValueError(
                f"{len(changed)} of {len(self._names)} files have changed since they were listed:\n"
                f"{listed(map(shown_name, changed))}\nCall transform of ImageReader again, or fit "
                "the Pipeline again; what was computed of the others is kept."
            )
        # Of more than the cache holds none would be left when it is asked for again.
        whole = len(self._names) * np.prod(self.shape) <= get_config()["image_cache_bytes"]
        images, blank = self._reader._images(names, {**self._how, "cache": whole})
        self.blank.update({int(places[i]): why for i, why in blank.items()})
        return images

    def part(self, places):
        """Return those at some places."""
        part = copy.copy(self)
        part._names, part.keys = [self._names[place] for place in places], self.keys[places]
        return part

    def _keys_now(self, names):
        keys = keys_of(names, self._settings)
        missing = [name for name in names if name not in keys]
        if missing and not self._how.get("blank"):
            refuse_missing(missing, len(self._names))
        return [keys.get(name, _MISSING) for name in names]
