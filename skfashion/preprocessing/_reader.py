"""Image files in, pixels out."""

import math
import os
from functools import partial
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
from joblib import Memory, Parallel
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skfashion._store import open_store
from skfashion._utils import image_files
from skfashion._utils.config import SettingsMixin, get_config, in_settings
from skfashion._utils.image_files import decode_image, reasons, shown_name, span_of
from skfashion._utils.images import pixel_names, size_of
from skfashion._utils.lazy_images import LazyImages
from skfashion._utils.typing import Array, MemoryLike, NDArray, Self, Size
from skfashion._utils.validation import Interval, StrOptions, _fit_context
from skfashion._utils.version_mixin import VersionMixin
from skfashion._utils.warnings import warn

from ._fetch import fill, refuse_unreadable
from ._listed import ListedFiles
from ._sources import Unnamed, keys_of, refuse_missing, sources_of

_BATCH_BYTES = 1 << 26  # of images that are decoded, kept and written at once, about
# No pixel of a picture is brighter whose values all lie far below what is white at its depth.
_DARK = 64
# Values so many times as large as the largest that `fit` found are others than it knew.
_BEYOND = 2


class ImageReader(
    TransformerMixin, SettingsMixin, VersionMixin, BaseEstimator, auto_wrap_output_keys=None
):
    """Read image files into one uint8 array of equally large RGB images.

    JPEG, PNG, WebP, GIF (its first frame), BMP, TIFF, AVIF, JPEG 2000, PGM and PPM, recognised by
    their content. What comes out is what a person sees: CMYK, grey, palette and 16-bit pictures
    become RGB, transparent ones lie on white, and pictures are turned as the camera noted down
    (EXIF). Images without a name, such as uploads, are read in the same way.

    A file is decoded once, until it is edited, however many candidates and folds ask for it: it
    is kept in memory (``image_cache_bytes`` of `skfashion.set_config`) and, with `memory`, on disk.
    Images without a name are kept, by their content, where `fit_transform` reads them.

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
        Threads that decode, -1 for all processors. `None`: one unless in a
        :func:`joblib.parallel_config` context, and all for files that are listed.
    white : float, "auto" or None, default=None
        Value of white in files of more than 8 bits, such as 4095 for 12 bits; black is 0, and
        what is brighter is white as well. ``"auto"``: the largest value in the files that `fit`
        gets. `None`: the depth of each file decides, with 16 bits 65,535. Integers of 32 bits
        are read as if they had 16, floats as 0 to 1; an error asks for `white` where others
        come, and a warning where files come out nearly black.
    on_error : {"raise", "blank"}, default="raise"
        What `transform` does with files that are missing or can't be read: ``"blank"`` makes them
        black and names them in one warning. `fit_transform`, which reads what is trained on,
        always raises.
    lazy : bool or "auto", default="auto"
        Whether files are listed by `transform` and read when their pixels are needed, batch by
        batch, by the classifiers and transformers of this package. ``"auto"``: where the array
        would have more bytes than ``image_memory_bytes`` of `skfashion.set_config`.

    Attributes
    ----------
    blank_ : dict of int to str
        Positions of images that the last `transform` made black, and what was wrong with them;
        with ``on_error="blank"`` only.
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
    never below twice `size`. HEIC is read where its plugin is registered:
    ``pillow_heif.register_heif_opener()``.

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
        "on_error": [StrOptions({"raise", "blank"})],
        "lazy": ["boolean", StrOptions({"auto"})],
    }

    def __init__(
        self,
        size: Size = 96,
        *,
        resize: Literal["stretch", "crop", "pad"] = "stretch",
        memory: MemoryLike = None,
        n_jobs: int | None = None,
        white: float | Literal["auto"] | None = None,
        on_error: Literal["raise", "blank"] = "raise",
        lazy: bool | Literal["auto"] = "auto",
    ) -> None:
        self.size = size
        self.resize = resize
        self.memory = memory
        self.n_jobs = n_jobs
        self.white = white
        self.on_error = on_error
        self.lazy = lazy

    @in_settings
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Array, y: Any = None) -> Self:
        """Check the parameters and file names; open files only to learn what is white.

        Parameters
        ----------
        X : array-like of shape (n_samples,) or (n_samples, 1)
            File names, or images, as `transform` takes them.
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
        names = sources_of(X)
        if self._learns():
            largest = float(self._spans(names)[:, 0].max())
            self.white_ = largest if largest > 0 else None
        return self

    @in_settings
    def fit_transform(self, X: Array, y: Any = None) -> NDArray:
        """Read files that will be read again: those to train on.

        Parameters
        ----------
        X : array-like of shape (n_samples,) or (n_samples, 1)
            File names, or images, as `transform` takes them.
        y : ignored
            Present by convention.

        Returns
        -------
        images : ndarray of shape (n_samples, height, width, 3), dtype uint8
            As from `transform`.

        Raises
        ------
        FileNotFoundError, ValueError
            As `transform` with ``on_error="raise"``.
        """
        return self.fit(X)._images(X, {"keep": True}, lazy=self.lazy)[0]

    @in_settings
    def transform(self, X: Array) -> NDArray:
        """Read files.

        Parameters
        ----------
        X : array-like of shape (n_samples,) or (n_samples, 1)
            A list, an array or a pandas Series, each element a file name (str or path-like); a
            whole file, as bytes or as a file object opened for reading bytes, which is read from
            its beginning; a Pillow image; or uint8 pixels, (h, w) or (h, w, c) of 1 (grey), 3 (RGB)
            or 4 (RGBA) channels.

        Returns
        -------
        images : ndarray of shape (n_samples, height, width, 3), dtype uint8
            Red, green and blue. If `lazy`, an object with the array's `shape`, `dtype`, length and
            indexing: rows of it are such an object again, and one image is an array.
            `numpy.asarray` reads it, unless it is larger than ``image_memory_bytes``; a file
            that vanishes or changes until then is an error that names it. What has no name is
            always read at once.

        Raises
        ------
        FileNotFoundError, ValueError
            If files don't exist, can't be decoded or exceed Pillow's limit; the message lists them.
        TypeError
            If an element is none of these.
        NotFittedError
            If ``white="auto"`` and `fit` wasn't called.

        Warns
        -----
        UserWarning
            If files come out nearly black because nothing says what is white, or black because
            they can't be read.
        """
        blank = self.on_error == "blank"
        images, failed = self._images(X, {"blank": blank}, lazy=self.lazy)
        if blank:
            self.blank_ = failed
        return images

    def set_output(self, *, transform: str | None = None) -> Self:
        """Do nothing: images stay arrays, whatever the steps after them return.

        The index of a table ends here, too: `sklearn.compose.ColumnTransformer` with
        ``set_output(transform="pandas")`` puts rows together by it, so reset it before.

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

    def get_feature_names_out(self, input_features: Array | None = None) -> NDArray:
        """Return the names of the values of an image, as a row that a later step makes of it.

        Parameters
        ----------
        input_features : ignored
            Present by convention.

        Returns
        -------
        names : ndarray of str
            ``pixel_<row>_<column>_<channel>``.
        """
        return pixel_names((*size_of(self.size), 3))

    def _learns(self):
        return isinstance(self.white, str)

    def _images(self, X, how, *, lazy=False):
        """Return the pixels, and what was wrong with those that came out blank, by position."""
        self._validate_params()
        check_is_fitted(self)
        size = size_of(self.size)
        names = sources_of(X)
        white = self.white_ if self._learns() else self.white
        white = None if white is None else float(white)
        shape, what = (*size, 3), "reader-{}-{}x{}".format(self.resize, *size)
        if lazy and not any(isinstance(name, Unnamed) for name in names):
            large = len(names) * math.prod(shape) > get_config()["image_memory_bytes"]
            if large or lazy is True:
                files = ListedFiles(self, names, f"{what} {white}", shape, how)
                return LazyImages(files), files.blank
        read = partial(decode_image, size=size, resize=self.resize, white=white)
        images, failed = self._read(names, what, shape, np.uint8, read, white, **how)
        if failed:
            named = {names[position]: why for position, why in failed.items()}
            warn(f"{len(failed)} of {len(names)} images come out black:\n{reasons(named.items())}")
        if white is None or self._learns():
            self._warn_of_extremes(names, images, white, failed)
        return images, failed

    def _spans(self, names):
        return self._read(names, "reader-spans", (2,), np.float64, span_of)[0]

    def _warn_of_extremes(self, names, images, white, failed):
        """Warn of deep files that come out nearly black, or nearly white beside those of `fit`."""
        brightest = images.max(axis=(1, 2, 3))
        suspects = np.flatnonzero(brightest <= _DARK if white is None else brightest == 255)
        suspects = [position for position in suspects if position not in failed]
        if not suspects:
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

    def _read(
        self, names, what, shape, dtype, read, white=None, *, keep=False, blank=False, cache=True
    ):
        """Return what `read` makes of each file, or has made before, and why some are blank.

        `keep`: also of what has no name. `cache`: in memory, too. `blank`: errors are no errors.
        """
        # A bootstrap sample, or a file of two folds, names a file more than once.
        once = dict.fromkeys(names)
        keys = keys_of(once, f"{what} {white}")
        missing = [name for name in once if name not in keys]
        if missing and not blank:
            refuse_missing(missing, len(once))
        failed = dict.fromkeys(missing, FileNotFoundError("no such file"))
        found, keys = list(keys), list(keys.values())
        values = np.zeros((len(once), *shape), dtype)  # those of missing files come last
        store = open_store(self.memory)
        rows = None if store is None else store.rows("images", what, shape=shape, dtype=dtype)
        step = max(1, _BATCH_BYTES // values[:1].nbytes)
        with Parallel(n_jobs=self.n_jobs, require="sharedmem") as parallel:
            for start in range(0, len(found), step):
                part = slice(start, min(start + step, len(found)))
                given = values[part], found[part], keys[part]
                failed |= fill(*given, rows, parallel, read, keep, cache)
        if failed and not blank:
            refuse_unreadable(failed, len(once))
        found += missing
        if found != names:
            place = {name: position for position, name in enumerate(found)}
            values = values[[place[name] for name in names]]
        return values, {i: str(failed[name]) for i, name in enumerate(names) if name in failed}

    def __setstate__(self, state):
        super().__setstate__({"on_error": "raise", "lazy": "auto", **state})  # new since 0.1.0

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
