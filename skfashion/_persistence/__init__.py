"""Saving estimators to files that can be loaded without trusting who made them.

`save` and `load` stand on `skops.io`. Around it: which types there may be (`_types`), what a
file may look like from outside (`_archive`) and inside (`_schema`), what estimators may hold
(`_states`), and whether their weights are those of their network (`_networks`).
"""

import os
from contextlib import suppress
from numbers import Integral
from typing import Any
from uuid import uuid4

import skops.io

from skfashion._persistence import _archive
from skfashion._persistence._archive import ModelFileError
from skfashion._persistence._portable import portable
from skfashion._persistence._schema import read_content
from skfashion._persistence._states import check_object
from skfashion._utils.typing import PathLike

__all__ = ["ModelFileError", "load", "save"]


def save(estimator: Any, path: PathLike) -> None:
    """Save an estimator or a Pipeline to a file that `load` reads without trusting it.

    The file holds parameters, arrays and plain values, and no code: it is one of `skops.io`.
    What belongs to this machine or process is left out of it, and stays in `estimator`:
    `memory`, `callbacks`, the path of a file of `weights`, and requests of metadata routing.
    Of a `KerasImageClassifier` its network is kept, not the function `model` that built it:
    loaded, it predicts, and needs `model` again to be fitted.

    Parameters
    ----------
    estimator : estimator or Pipeline
        A classifier or transformer of this package, fitted or not; or a Pipeline of these
        and of scikit-learn's scalers. Of a search, its ``best_estimator_``.
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
    >>> import os, tempfile
    >>> import skfashion
    >>> from skfashion.datasets import make_images
    >>> X, y = make_images(n_samples=60, n_classes=2, random_state=0)
    >>> clf = skfashion.DenseClassifier(hidden_layer_sizes=16, epochs=2, random_state=0).fit(X, y)
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = os.path.join(folder.name, "clothes.skfashion")
    >>> skfashion.save(clf, path)
    >>> bool((skfashion.load(path).predict(X) == clf.predict(X)).all())
    True
    >>> folder.cleanup()
    """
    path = os.fspath(path)
    try:
        content = _checked(skops.io.dumps(portable(estimator)), _archive.MAX_BYTES)
    except ModelFileError as error:
        raise ValueError(
            f"this {type(estimator).__name__} can't be saved so that skfashion.load would take "
            f"it: {error}. joblib.dump keeps anything, for those who trust you."
        ) from None
    # No number of a process: in containers it is the same in each run, one that was killed too.
    temporary = f"{path}.{uuid4().hex[:12]}.part"
    try:
        with open(temporary, "xb") as file:
            file.write(content.archive)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:  # Ctrl-C, too, shall leave nothing half-written
        with suppress(OSError):
            os.unlink(temporary)
        raise


def load(path: PathLike, *, max_bytes: int = 1 << 30) -> Any:
    """Load an estimator or a Pipeline that `save` has saved.

    Whoever made the file, nothing of theirs is run, and no path of theirs is read or
    written: the file is checked from end to end before anything in it is built, down to the
    shapes of all weights, and it can hold nothing but a fixed list of types. What a
    stranger's network predicts is another question.

    Parameters
    ----------
    path : str or path-like
        The file.
    max_bytes : int, default=2**30
        Most bytes that the file, and the arrays in it, may have. Loading takes some three
        times as much memory as the file has bytes.

    Returns
    -------
    estimator
        Without `memory`, `callbacks` and the like, see `save`.

    Raises
    ------
    ModelFileError
        If the file is damaged, of another program, too large, or holds anything that `save`
        doesn't write. It is a ValueError.
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
        raise ValueError(f"max_bytes={max_bytes!r} is no number of bytes: give an int above 0.")
    try:
        content = _checked(_archive.read_file(path, min(max_bytes, _archive.MAX_BYTES)), max_bytes)
        estimator = skops.io.loads(content.archive, trusted=content.trusted)
        _set_networks(estimator, content.value)
    except ModelFileError as error:
        raise ModelFileError(f"{path!r} isn't loaded: {error}.") from None
    except (OSError, MemoryError, Warning):
        raise
    # Checked data that still can't be built: of versions that name or keep things otherwise.
    except Exception as error:
        raise ModelFileError(
            f"{path!r} isn't loaded: it can't be built here ({type(error).__name__}: {error}). "
            "Was it saved by a newer version of skfashion, Keras, scikit-learn or skops?"
        ) from error
    return estimator


def _checked(data, max_bytes):
    """Return what a file holds, when all of it has been found harmless."""
    content = read_content(data, max_bytes)
    check_object(content.value)
    return content


def _set_networks(estimator, held):
    """Write down what networks were found to be, in place of what the file says of them."""
    if held.network:
        estimator._recipe["network"].update(held.network)
    for (_, inner), (_, part) in zip(
        getattr(estimator, "steps", ()), held.state.get("steps", ()), strict=True
    ):
        if hasattr(part, "network"):
            _set_networks(inner, part)
