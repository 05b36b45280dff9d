"""File names in, pixels out."""

import hashlib
import os
from numbers import Integral
from typing import Any, Literal

import numpy as np
import PIL
from joblib import Memory, Parallel, delayed
from sklearn.base import BaseEstimator, TransformerMixin

from skfashion._store import open_store
from skfashion._utils.cache import Cache
from skfashion._utils.config import SettingsMixin, get_config, in_settings
from skfashion._utils.image_files import UnreadableImageError, decode_image, shown_name
from skfashion._utils.images import size_of
from skfashion._utils.typing import Array, MemoryLike, NDArray, Self, Size
from skfashion._utils.validation import Interval, StrOptions, _fit_context
from skfashion._utils.version_mixin import VersionMixin

from ._names import file_names

# To be raised when other pixels come out of the same file and settings.
_VERSION = 1

# Images are decoded, kept and written in batches of about this many bytes.
_BATCH_BYTES = 1 << 26

_SHOWN = 10

# Of all readers of this process: over 7,000 images of 224 x 224 in colour.
_CACHE = Cache("images", max_bytes=lambda: get_config()["image_cache_bytes"])
_COUNTS = {"decoded": 0}


class ImageReader(
    TransformerMixin, SettingsMixin, VersionMixin, BaseEstimator, auto_wrap_output_keys=None
):
    """Read image files into one uint8 array of equally large RGB images.

    JPEG, PNG, WebP, GIF (its first frame), BMP and TIFF, recognised by what is in
    the file rather than by its name. What comes out is what a person sees: CMYK,
    grey, palette and 16-bit pictures become RGB, transparent ones lie on white, and
    the rotation a camera noted down (EXIF) is carried out.

    A file is decoded once, however many candidates and folds ask for it: images
    are kept in memory (up to ``image_cache_bytes`` of `skfashion.set_config` in a
    process, 1 GiB at start, which is 7,000 images at 224) and, with `memory`, on disk.
    They are known by path, size and time of change, so an edited file is read again.

    Parameters
    ----------
    size : int or (int, int), default=96
        Side of the square images, or height and width, in pixels.

    resize : {"stretch", "crop", "pad"}, default="stretch"
        What becomes of pictures of other proportions. ``"stretch"`` distorts them,
        ``"crop"`` cuts the longer side off on both ends, ``"pad"`` adds black.

    memory : str, path-like, joblib.Memory or None, default=None
        Folder for decoded images, shared between processes and runs. `None` writes
        nothing to disk.

    n_jobs : int, default=None
        How many threads decode. `None` means 1 unless in a
        :func:`joblib.parallel_config` context, -1 means all processors.

    See Also
    --------
    skfashion.datasets.load_image_folder : Lists the files of a folder with labels.
    ImageResizer : Resizes images that are arrays already.

    Notes
    -----
    Stateless: `transform` works without `fit`. `set_output` is accepted and has no
    effect, because images are no table.

    Embedded colour profiles aren't applied. JPEGs much larger than `size` are
    decoded at a half, a quarter or an eighth, never below twice `size`.

    Examples
    --------
    >>> import os, tempfile
    >>> from PIL import Image
    >>> from skfashion.preprocessing import ImageReader
    >>> folder = tempfile.TemporaryDirectory()
    >>> name = os.path.join(folder.name, "red.png")
    >>> Image.new("RGB", (40, 30), "red").save(name)
    >>> X = ImageReader(size=8).fit_transform([name])
    >>> X.shape, X.dtype, X[0, 0, 0].tolist()
    ((1, 8, 8, 3), dtype('uint8'), [255, 0, 0])
    >>> folder.cleanup()
    """

    _parameter_constraints = {
        "size": [Interval(Integral, 1, None, closed="left"), "array-like"],
        "resize": [StrOptions({"stretch", "crop", "pad"})],
        "memory": [str, os.PathLike, Memory, None],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        size: Size = 96,
        *,
        resize: Literal["stretch", "crop", "pad"] = "stretch",
        memory: MemoryLike = None,
        n_jobs: int | None = None,
    ) -> None:
        self.size = size
        self.resize = resize
        self.memory = memory
        self.n_jobs = n_jobs

    @in_settings
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Array, y: Any = None) -> Self:
        """Check the parameters and that X holds file names; no file is opened.

        Parameters
        ----------
        X : array-like of str or path-like, shape (n_samples,) or (n_samples, 1)
            File names.

        y : ignored
            Present by convention.

        Returns
        -------
        self : ImageReader
            The same reader.
        """
        size_of(self.size)
        file_names(X)
        return self

    @in_settings
    def transform(self, X: Array) -> NDArray:
        """Read files.

        Parameters
        ----------
        X : array-like of str or path-like, shape (n_samples,) or (n_samples, 1)
            File names: a list, an array or a pandas Series.

        Returns
        -------
        images : ndarray of shape (n_samples, height, width, 3), dtype uint8
            Red, green and blue.

        Raises
        ------
        FileNotFoundError
            If there are no such files. The message lists them.
        ValueError
            If files can't be decoded or are larger than Pillow's limit. The
            message lists them with the reasons.
        """
        self._validate_params()
        size = size_of(self.size)
        names = file_names(X)
        keys = self._keys(names, size)
        # A bootstrap sample, or a file of two folds, names a file more than once.
        first_at, place = {}, np.empty(len(keys), np.intp)
        for position, key in enumerate(keys):
            place[position] = first_at.setdefault(key, len(first_at))
        once = list(first_at)
        name_of = dict(zip(keys, names, strict=True))
        images = np.empty((len(once), *size, 3), np.uint8)
        self._fill(images, [name_of[key] for key in once], once)
        return images if len(once) == len(names) else images[place]

    def set_output(self, *, transform: str | None = None) -> Self:
        """Do nothing: images stay arrays, whatever the steps after them return.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"} or None, default=None
            Accepted, so that a Pipeline can set it for all of its steps.

        Returns
        -------
        self : ImageReader
            The same reader.
        """
        return self

    def _keys(self, names, size):
        """Return a key of 16 bytes a file, of all that its pixels depend on."""
        settings = f"{self.resize} {size} {_VERSION} {PIL.__version__}"
        keys, missing = [], []
        for name in names:
            try:
                status = os.stat(name)
            except (OSError, ValueError):
                missing.append(name)
                continue
            known_by = f"{settings} {status.st_size} {status.st_mtime_ns} ".encode()
            known_by += os.fsencode(os.path.abspath(name))
            keys.append(hashlib.blake2b(known_by, digest_size=16).digest())
        if missing:
            listed = _listed(map(shown_name, missing))
            raise FileNotFoundError(
                f"{len(missing)} of {len(names)} files don't exist or can't be reached (looked "
                f"for them from {os.getcwd()!r}):\n{listed}\nCorrect the names, or list the "
                "folder again with skfashion.datasets.load_image_folder."
            )
        return keys

    def _fill(self, images, names, keys):
        size = images.shape[1:3]
        store = open_store(self.memory)
        rows = None
        if store is not None:
            namespace = f"reader-{self.resize}-{size[0]}x{size[1]}"
            rows = store.rows("images", namespace, shape=images.shape[1:], dtype=np.uint8)
        failed = []
        step = max(1, _BATCH_BYTES // images[:1].nbytes)
        with Parallel(n_jobs=self.n_jobs, require="sharedmem") as parallel:
            for start in range(0, len(names), step):
                part = slice(start, start + step)
                failed += _fill_batch(
                    images[part], names[part], keys[part], rows, parallel, self.resize
                )
        if failed:
            raise ValueError(
                f"{len(failed)} of {len(names)} files can't be read as images:\n"
                f"{_listed(failed)}\nRepair them or leave them out; "
                'skfashion.datasets.load_image_folder(..., on_error="skip") does so.'
            )

    def __sklearn_is_fitted__(self):
        return True

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.requires_fit = False
        tags.transformer_tags.preserves_dtype = []
        return tags


def _fill_batch(images, names, keys, rows, parallel, resize):
    """Fill `images` from memory, disk or files, in this order; return a line for each failure."""
    left = _CACHE.fill(images, keys, range(len(keys)))
    left = _fill_from_disk(images, keys, left, rows)
    reasons = parallel(
        delayed(_decode_into)(images, position, names[position], resize) for position in left
    )
    outcome = dict(zip(left, reasons, strict=True))
    _keep(images, keys, [position for position in left if outcome[position] is None], rows)
    return [
        f"{shown_name(names[p])}: {reason}" for p, reason in outcome.items() if reason is not None
    ]


def _fill_from_disk(images, keys, wanted, rows):
    """Fill what the store has, and keep it in memory; return the positions left."""
    if rows is None or not wanted:
        return wanted
    stored = rows.get([keys[position] for position in wanted])
    for index, image in stored.items():
        images[wanted[index]] = image
    _CACHE.put_rows([keys[wanted[index]] for index in stored], stored.values())
    return [position for index, position in enumerate(wanted) if index not in stored]


def _keep(images, keys, positions, rows):
    """Keep newly decoded images in memory and in the store."""
    _COUNTS["decoded"] += len(positions)
    _CACHE.put_rows([keys[position] for position in positions], images[positions])
    if rows is not None and positions:
        rows.put([keys[position] for position in positions], images[positions])


def _decode_into(images, position, name, resize):
    """Decode one file into its place; return why it couldn't be, or `None`."""
    try:
        images[position] = decode_image(name, images.shape[1:3], resize)
    except UnreadableImageError as error:
        return str(error)
    return None


def _listed(lines):
    lines = list(lines)
    shown = [f"  {line}" for line in lines[:_SHOWN]]
    if len(lines) > _SHOWN:
        shown.append(f"  ... and {len(lines) - _SHOWN} more")
    return "\n".join(shown)
