"""File names in, pixels out."""

import hashlib
import os
from functools import partial
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
import PIL
from joblib import Memory, Parallel, delayed
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skfashion._store import open_store
from skfashion._utils import image_files
from skfashion._utils.cache import Cache
from skfashion._utils.config import SettingsMixin, get_config, in_settings
from skfashion._utils.image_files import decode_image, listed, reasons, shown_name, span_of
from skfashion._utils.images import size_of
from skfashion._utils.messages import shown
from skfashion._utils.typing import Array, MemoryLike, NDArray, Self, Size
from skfashion._utils.validation import Interval, StrOptions, _fit_context
from skfashion._utils.version_mixin import VersionMixin
from skfashion._utils.warnings import warn

# To be raised when other pixels come out of the same file and settings.
_VERSION = 2

# Images are decoded, kept and written in batches of about this many bytes.
_BATCH_BYTES = 1 << 26

# No pixel of a picture is brighter whose values all lie far below what is white at its depth.
_DARK = 64
# Values so many times as large as the largest that `fit` found are others than it knew.
_BEYOND = 2

# Of all readers of this process: over 7,000 images of 224 x 224 in colour.
_CACHE = Cache("images", max_bytes=lambda: get_config()["image_cache_bytes"])


class ImageReader(
    TransformerMixin, SettingsMixin, VersionMixin, BaseEstimator, auto_wrap_output_keys=None
):
    """Read image files into one uint8 array of equally large RGB images.

    JPEG, PNG, WebP, GIF (its first frame), BMP and TIFF, recognised by their content. What comes
    out is what a person sees: CMYK, grey, palette and 16-bit pictures become RGB, transparent ones
    lie on white, and pictures are turned as the camera noted down (EXIF).

    A file is decoded once, until it is edited, however many candidates and folds ask for it: it
    is kept in memory (``image_cache_bytes`` of `skfashion.set_config`) and, with `memory`, on disk.

    Parameters
    ----------
    size : int or (int, int), default=96
        Side of the square images, or height and width, in pixels.
    resize : {"stretch", "crop", "pad"}, default="stretch"
        How pictures get other proportions: ``"stretch"`` distorts them, ``"crop"`` cuts
        the longer side on both ends, ``"pad"`` adds black.
    memory : str, path-like, joblib.Memory or None, default=None
        Folder for decoded images, shared between processes and runs; None for none.
    n_jobs : int, default=None
        Number of threads that decode. `None` means 1 unless in a
        :func:`joblib.parallel_config` context, -1 means all processors.
    white : float, "auto" or None, default=None
        Value of white in files of more than 8 bits, such as 4095 for 12 bits; black is 0, and
        what is brighter is white as well. ``"auto"``: the largest value in the files that `fit`
        gets. `None`: the depth of each file decides, with 16 bits 65,535. Integers of 32 bits
        are read as if they had 16, floats as 0 to 1; an error asks for `white` where others
        come, and a warning where files come out nearly black.

    Attributes
    ----------
    white_ : float or None
        Largest value that `fit` found, with ``white="auto"`` only; `None`, so that the depth
        decides, if it got no file of more than 8 bits.

    See Also
    --------
    skfashion.datasets.load_image_folder : Lists the files of a folder with labels.
    ImageResizer : Resizes images that are arrays already.

    Notes
    -----
    Stateless unless ``white="auto"``: `transform` works without `fit`. Embedded colour profiles
    aren't applied. JPEGs much larger than `size` are decoded at a half, a quarter or an eighth,
    never below twice `size`.

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
        "white": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"}), None],
    }

    def __init__(
        self,
        size: Size = 96,
        *,
        resize: Literal["stretch", "crop", "pad"] = "stretch",
        memory: MemoryLike = None,
        n_jobs: int | None = None,
        white: float | Literal["auto"] | None = None,
    ) -> None:
        self.size = size
        self.resize = resize
        self.memory = memory
        self.n_jobs = n_jobs
        self.white = white

    @in_settings
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Array, y: Any = None) -> Self:
        """Check the parameters and file names; open files only to learn what is white.

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

        Raises
        ------
        FileNotFoundError, ValueError
            As `transform`, if files are opened.
        """
        size_of(self.size)
        names = _file_names(X)
        if self._learns():
            largest = float(self._spans(names)[:, 0].max())
            self.white_ = largest if largest > 0 else None
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
        FileNotFoundError, ValueError
            If files don't exist, can't be decoded or exceed Pillow's limit; the message lists them.
        NotFittedError
            If ``white="auto"`` and `fit` wasn't called.

        Warns
        -----
        UserWarning
            If files come out nearly black because nothing says what is white.
        """
        self._validate_params()
        check_is_fitted(self)
        height, width = size = size_of(self.size)
        names = _file_names(X)
        white = self.white_ if self._learns() else self.white
        white = None if white is None else float(white)
        read = partial(decode_image, size=size, resize=self.resize, white=white)
        what = f"reader-{self.resize}-{height}x{width}"
        images = self._read(names, what, (*size, 3), np.uint8, read, white)
        if white is None or self._learns():
            self._warn_of_extremes(names, images, white)
        return images

    def set_output(self, *, transform: str | None = None) -> Self:
        """Do nothing: images stay arrays, whatever the steps after them return.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"} or None, default=None
            What a Pipeline sets for all of its steps.

        Returns
        -------
        self : ImageReader
            The same reader.
        """
        return self

    def _learns(self):
        return isinstance(self.white, str)

    def _spans(self, names):
        return self._read(names, "reader-spans", (2,), np.float64, span_of)

    def _warn_of_extremes(self, names, images, white):
        """Warn of deep files that come out nearly black, or nearly white beside those of `fit`."""
        brightest = images.max(axis=(1, 2, 3))
        suspects = np.flatnonzero(brightest <= _DARK if white is None else brightest == 255)
        if not len(suspects):
            return
        largest, depth = self._spans([names[i] for i in suspects]).T
        dark = image_files.is_far_below(largest, depth)
        far = dark if white is None else largest > _BEYOND * white
        if not far.any():
            return
        at = far.argmax()
        extreme, read_as = ("black", depth[at]) if white is None else ("white", white)
        warn(
            f"{far.sum()} of {len(names)} files come out nearly {extreme}, such as "
            f"{shown_name(names[suspects[at]])}: its largest value is {largest[at]:g}, and "
            f"{read_as:g} was read as white. Say what is white in all files, as in "
            f'ImageReader(white={largest[at]:g}), or give fit such files with white="auto"; '
            f"white={read_as:g} reads them as now, without this warning."
        )

    def _read(self, names, what, shape, dtype, read, white=None):
        """Return an array with what `read` makes of each file, or has made before."""
        # A bootstrap sample, or a file of two folds, names a file more than once.
        once = list(dict.fromkeys(names))
        keys = _keys(once, f"{what} {white}")
        values = np.empty((len(once), *shape), dtype)
        store = open_store(self.memory)
        rows = None if store is None else store.rows("images", what, shape=shape, dtype=dtype)
        failed = {}
        step = max(1, _BATCH_BYTES // values[:1].nbytes)
        with Parallel(n_jobs=self.n_jobs, require="sharedmem") as parallel:
            for start in range(0, len(once), step):
                part = slice(start, start + step)
                failed |= _fill(values[part], once[part], keys[part], rows, parallel, read)
        if failed:
            _refuse(failed, len(once))
        if len(once) == len(names):
            return values
        place = {name: position for position, name in enumerate(once)}
        return values[[place[name] for name in names]]

    def __sklearn_is_fitted__(self):
        return not self._learns() or hasattr(self, "white_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.requires_fit = self._learns()
        tags.transformer_tags.preserves_dtype = []
        return tags


def _file_names(X):
    if isinstance(X, (str, bytes, os.PathLike)):
        raise ValueError(
            f"Expected an array of file names, got a single one: {shown(X)}. Use [{shown(X)}]."
        )
    # Lists become arrays of objects: a Path, or a None, would be lost in an array of str.
    names = np.asarray(X) if hasattr(X, "dtype") else np.asarray(X, dtype=object)
    if names.ndim == 2 and names.shape[1] == 1:
        names = names[:, 0]
    if names.ndim != 1:
        raise ValueError(
            f"Expected file names of shape (n_samples,) or (n_samples, 1), got an array of shape "
            f"{names.shape}. "
            + (
                "Images that are arrays already need no reader: drop this step or use ImageResizer."
                if names.dtype.kind in "uif"
                else "Select the column that holds the names."
            )
        )
    if len(names) == 0:
        raise ValueError("Found array with 0 sample(s): at least one file name is required.")
    for position, name in enumerate(names):
        text = os.fspath(name) if isinstance(name, (str, os.PathLike)) else None
        if not isinstance(text, str) or not text:
            raise TypeError(
                f"Expected file names as str or path-like, got {shown(name)} "
                f"({type(name).__name__}) at position {position}. Leave such rows out, or convert "
                "them to str."
            )
    # Text of NumPy is a subclass of str whose repr differs.
    return [str(os.fspath(name)) for name in names]


def _keys(names, settings):
    """Return a key of 16 bytes per file: of the settings, its name, size and time of change."""
    settings = f"{settings} {_VERSION} {PIL.__version__}"
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
        raise FileNotFoundError(
            f"{len(missing)} of {len(names)} files don't exist or can't be reached (looked for "
            f"them from {os.getcwd()!r}):\n{listed(map(shown_name, missing))}\nCorrect the names, "
            "or list the folder again with skfashion.datasets.load_image_folder."
        )
    return keys


def _fill(values, names, keys, rows, parallel, read):
    """Fill `values` from memory, disk or files, in this order; return the errors by name."""
    left = _CACHE.fill(values, keys, range(len(keys)))
    stored = {} if rows is None or not left else rows.get([keys[position] for position in left])
    for index, value in stored.items():
        values[left[index]] = value
    _CACHE.put_rows([keys[left[index]] for index in stored], stored.values())
    left = [position for index, position in enumerate(left) if index not in stored]
    errors = parallel(delayed(_read_into)(values, p, names[p], read) for p in left)
    failed = {p: error for p, error in zip(left, errors, strict=True) if error is not None}
    new = [position for position in left if position not in failed]
    _CACHE.put_rows([keys[position] for position in new], values[new])
    if rows is not None and new:
        rows.put([keys[position] for position in new], values[new])
    return {names[position]: error for position, error in failed.items()}


def _read_into(values, position, name, read):
    """Read one file into its place; return what is wrong with it, or `None`."""
    try:
        values[position] = read(name)
    except image_files.UnreadableImageError as error:
        # Alone: its traceback would keep all pixels of the file alive.
        return type(error)(str(error))
    return None


def _refuse(failed, n_files):
    remedy = (
        "Repair them or leave them out; "
        'skfashion.datasets.load_image_folder(..., on_error="skip") does so.'
    )
    if all(isinstance(error, image_files.NoWhiteError) for error in failed.values()):
        remedy = 'Say what is white in all files: white=, a number, or "auto" to learn it in fit.'
    raise ValueError(
        f"{len(failed)} of {n_files} files can't be read as images:\n{reasons(failed.items())}\n"
        f"{remedy}"
    )
