"""Fashion-MNIST, from the cache of Keras or, once, from the network."""

import gzip
import hashlib
import os
import socket
import tempfile
from typing import Any, Literal

import numpy as np
from sklearn.utils import Bunch

from skfashion._utils.validation import StrOptions, validate_params

_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

# The sums its makers publish beside the files.
_MD5 = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}

_PARTS = {"train": ("train",), "test": ("t10k",), "all": ("train", "t10k")}

# A server that says nothing for so long is taken as out of reach. Keras sets no limit.
_TIMEOUT_SECONDS = 30

_DESCRIPTION = """Fashion-MNIST
=============

Pictures of clothes from the catalogue of Zalando, made by Zalando Research as a
harder stand-in for the handwritten digits of MNIST. MIT licence.

:Images: 60,000 for training and 10,000 for testing; subset={subset!r} holds {n:,}
:Pixels: 28 x 28, grey, whole numbers from 0 (background) to 255
:Classes: 10, evenly filled: {names}

Xiao, Rasul and Vollgraf (2017), "Fashion-MNIST: a Novel Image Dataset for
Benchmarking Machine Learning Algorithms", arXiv:1708.07747
"""


@validate_params(
    {
        "subset": [StrOptions({"train", "test", "all"})],
        "return_X_y": ["boolean"],
        "as_frame": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def fetch_fashion_mnist(
    subset: Literal["train", "test", "all"] = "train",
    *,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Any:
    """Fetch Fashion-MNIST: 70,000 pictures of clothes in 10 classes.

    The files are taken from Keras' own cache, ``$KERAS_HOME/datasets/fashion-mnist``
    or ``~/.keras/datasets/fashion-mnist``. If one is missing, Keras downloads it
    (31 MB in all). Each is compared with the published MD5 sum every time.

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The 60,000 training images, the 10,000 test images, or both in this order.

    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a `Bunch`.

    as_frame : bool, default=False
        Whether to return the images as a pandas DataFrame with a column a pixel,
        and the labels as a Series.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : ndarray of shape (n_samples, 28, 28), uint8
            The images, or a DataFrame of shape (n_samples, 784).
        target : ndarray of int64, shape (n_samples,)
            The classes, 0 to 9, or a Series.
        target_names : list of str
            What the classes are.
        frame : DataFrame of shape (n_samples, 785), or None
            Images and labels together, with ``as_frame=True``.
        DESCR : str
            A description.

    (data, target) : tuple if ``return_X_y=True``
        The first two of these.

    Raises
    ------
    OSError
        If the files are neither cached nor can be downloaded, or one of them is
        damaged. The message names the file and the remedy. A file that was
        cached before is never changed or deleted.

    Examples
    --------
    >>> from skfashion.datasets import fetch_fashion_mnist
    >>> X, y = fetch_fashion_mnist("test", return_X_y=True)  # doctest: +SKIP
    >>> X.shape, X.dtype  # doctest: +SKIP
    ((10000, 28, 28), dtype('uint8'))
    """
    folder = _cached_files()
    parts = [_read(folder, part) for part in _PARTS[subset]]
    data, target = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    frame = None
    if as_frame:
        frame = _frame(data, target)
        data, target = frame.drop(columns="target"), frame["target"]
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        target_names=list(_NAMES),
        frame=frame,
        DESCR=_DESCRIPTION.format(subset=subset, n=len(target), names=", ".join(_NAMES)),
    )


def _cached_files():
    """Return the folder of the four files, after downloading what is missing."""
    folders = _folders()
    folder = _complete(folders)
    if folder is None:
        # A damaged file is named before the others are downloaded, not after.
        _check(folders[0], set(_MD5) - _missing(folders[0]))
        _download(folders)
        folder = _complete(folders)
    if folder is None:
        raise OSError(
            f"Keras has downloaded Fashion-MNIST, but not to {folders[0]!r}. It reads KERAS_HOME "
            "only once, when it is imported: set KERAS_HOME before, and restart Python."
        )
    _check(folder, _MD5)
    return folder


def _folders():
    """Return where Keras keeps the files, and where if it may not write there."""
    home = os.path.expanduser(os.environ.get("KERAS_HOME") or os.path.join("~", ".keras"))
    shared = os.path.join("/tmp" if os.path.isdir("/tmp") else tempfile.gettempdir(), ".keras")
    homes = [home] if os.access(home, os.W_OK) else [home, shared]
    return [os.path.join(place, "datasets", "fashion-mnist") for place in homes]


def _complete(folders):
    return next((folder for folder in folders if not _missing(folder)), None)


def _missing(folder):
    return {name for name in _MD5 if not os.path.exists(os.path.join(folder, name))}


def _check(folder, names):
    for name in sorted(names):
        path = os.path.join(folder, name)
        try:
            found = _md5(path)
        except OSError as error:
            raise OSError(f"{path!r} can't be read ({error}). {_remedy(folder)}") from error
        if found != _MD5[name]:
            raise OSError(
                f"{path!r} is damaged: its MD5 sum is {found}, and the published one is "
                f"{_MD5[name]}. Delete this file, and it is downloaded again at the next call."
            )


def _md5(path):
    with open(path, "rb") as file:
        return hashlib.md5(file.read(), usedforsecurity=False).hexdigest()


def _download(folders):
    missing = {folder: _missing(folder) for folder in folders}
    # Keras comes with a whole numerical library: it is only loaded to download.
    from keras.datasets import fashion_mnist

    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_TIMEOUT_SECONDS)
    cause = None
    try:
        fashion_mnist.load_data()
    # Keras wraps what goes wrong in a bare Exception, and reads what it has downloaded.
    except Exception as error:
        cause = error
    finally:
        socket.setdefaulttimeout(timeout)
        wrong = _clear_away(missing)
    if cause is None and not wrong:
        return
    reason = str(cause)
    if wrong:
        reason = f"what came as {', '.join(wrong)} isn't the published file, and was removed"
    raise OSError(
        f"Fashion-MNIST isn't in {folders[0]!r} (missing: "
        f"{', '.join(sorted(missing[folders[0]]))}) and can't be downloaded: {reason}. "
        f"{_remedy(folders[0])}"
    ) from cause


def _clear_away(missing):
    """Remove files that are new and wrong, such as half of one or the page of a login."""
    wrong = []
    for folder, names in missing.items():
        for name in sorted(names - _missing(folder)):
            path = os.path.join(folder, name)
            if _md5(path) != _MD5[name]:
                os.remove(path)
                wrong.append(name)
    return wrong


def _remedy(folder):
    return (
        f"Connect to the network and call again; or copy the files {', '.join(sorted(_MD5))} "
        f"(from https://github.com/zalandoresearch/fashion-mnist) to {folder!r}; or set "
        "KERAS_HOME to a Keras folder that has them under datasets/fashion-mnist."
    )


def _read(folder, part):
    with gzip.open(os.path.join(folder, f"{part}-labels-idx1-ubyte.gz")) as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    with gzip.open(os.path.join(folder, f"{part}-images-idx3-ubyte.gz")) as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16)
    return images.reshape(len(labels), 28, 28), labels.astype(np.int64)


def _frame(data, target):
    import pandas as pd

    columns = [f"pixel_{row}_{column}" for row in range(28) for column in range(28)]
    frame = pd.DataFrame(data.reshape(len(data), -1), columns=columns)
    frame["target"] = target
    return frame
