"""Saving estimators to files that can be loaded without trusting who made them."""

import os
from numbers import Integral
from typing import Any

from skfashion._persistence import _archive
from skfashion._persistence._archive import ModelFileError, Stored
from skfashion._persistence._values import Reader, Writer, build
from skfashion._utils.typing import Estimator, PathLike

__all__ = ["ModelFileError", "load", "save"]


def save(estimator: Any, path: PathLike) -> None:
    """Save an estimator or a Pipeline to a file that `load` reads without trusting it.

    The file holds parameters, arrays and plain values, and no code. What belongs to this
    machine or process is left out of it, and stays in `estimator`: `memory`, `callbacks`, the
    path of a file of `weights`, and requests of metadata routing. Of a `KerasImageClassifier`
    its network is kept, not the function `model` that built it: loaded, it predicts, and needs
    `model` again to be fitted.

    Parameters
    ----------
    estimator : estimator or Pipeline
        A classifier or transformer of this package, or of yours on its base; or one of
        scikit-learn's that holds them: Pipeline, with scalers, calibrated classifiers, those
        with a threshold, voting and stacking; or an `EnsembleFromSearch`. Fitted or not.
        Of a search, its ``best_estimator_``.
    path : str or path-like
        The file. If it exists, it is replaced as a whole or not at all.

    Raises
    ------
    TypeError
        If the estimator, or something it holds, is of a type that `load` doesn't build.
    ValueError
        If its network has layers that `load` doesn't build: some of Keras' own that wrap
        others or read files, and all that aren't Keras' own.
    OSError
        If the file can't be written.

    See Also
    --------
    load : The way back.

    Examples
    --------
    >>> import tempfile, skfashion
    >>> from skfashion.datasets import make_images
    >>> X, y = make_images(n_samples=60, n_classes=2, random_state=0)
    >>> clf = skfashion.DenseClassifier(hidden_layer_sizes=16, epochs=2, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     skfashion.save(clf, f"{folder}/clothes.skfashion")
    ...     loaded = skfashion.load(f"{folder}/clothes.skfashion")
    >>> bool((loaded.predict(X) == clf.predict(X)).all())
    True
    """
    path = os.fspath(path)
    writer = Writer(estimator)
    try:
        # What couldn't be loaded again isn't written.
        Reader(writer.text, {n: Stored(n, a.shape, a.dtype) for n, a in writer.arrays.items()})
        _archive.write(path, writer.text, writer.arrays)
    except ModelFileError as error:
        raise ValueError(
            f"this {type(estimator).__name__} can't be saved so that skfashion.load would take "
            f"it: {error}. joblib.dump keeps anything, for those who trust you."
        ) from None


def load(path: PathLike, *, max_bytes: int = 1 << 30) -> Estimator:
    """Load an estimator or a Pipeline that `save` has saved.

    Whoever made the file, nothing of theirs is run, and no path of theirs is read or written: it is
    checked from end to end before anything in it is built, and can hold nothing but plain values,
    arrays, and estimators of a fixed list or whose classes this process has imported.

    Parameters
    ----------
    path : str or path-like
        The file.
    max_bytes : int, default=2**30
        Most bytes that the file may have. Loading takes about as much memory.

    Returns
    -------
    estimator
        Without `memory`, `callbacks` and the like, see `save`.

    Raises
    ------
    ModelFileError
        If the file is damaged, of another program or of skfashion 0.1.0, too large, or holds
        anything that `save` doesn't write. It is a ValueError.
    OSError
        If it can't be read.

    Warns
    -----
    InconsistentVersionWarning
        If another version of skfashion or scikit-learn saved it.

    See Also
    --------
    save : Writes the file, with an example.
    """
    path = os.fspath(path)
    if not isinstance(max_bytes, Integral) or max_bytes <= 0:
        raise ValueError(f"max_bytes={max_bytes!r} is not a number of bytes: give an int above 0.")
    try:
        with _archive.opened(path, min(max_bytes, _archive.MAX_BYTES)) as archive:
            held = Reader(archive.text, archive.arrays).held
            arrays = {name: archive.read(stored) for name, stored in archive.arrays.items()}
        return build(held, arrays)
    except (OSError, MemoryError, Warning):
        raise
    except Exception as error:
        # Checked data that can't be built is of versions that name or keep things otherwise.
        newer = "it can't be built here, by another version of skfashion, Keras or scikit-learn"
        known = isinstance(error, ModelFileError)
        reason = error if known else f"{newer} ({type(error).__name__}: {error})"
        raise ModelFileError(f"{path!r} isn't loaded: {reason}.") from None if known else error
