"""Fashion-MNIST, from the cache of Keras or, once, from the network."""

import gzip
import hashlib
import os
from http.client import HTTPException
from typing import Any, Literal
from urllib.request import urlopen

import numpy as np
from sklearn.utils import Bunch

from skfashion._utils.files import whole
from skfashion._utils.images import pixel_names
from skfashion._utils.validation import StrOptions, validate_params

_NAMES = "T-shirt/top, Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag, Ankle boot"

# Where Keras has them from, and the sums that their makers publish.
_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_MD5 = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}

_TIMEOUT_SECONDS = 30  # of a server that says nothing

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

    The files are taken from Keras' own cache, ``datasets/fashion-mnist`` in ``$KERAS_HOME`` or
    ``~/.keras``, or downloaded (31 MB), and compared with the published MD5 sums every time.

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The 60,000 training images, the 10,000 test images, or both in this order.
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a `Bunch`.
    as_frame : bool, default=False
        Whether to return the images as a pandas DataFrame with a column for each pixel,
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
        If a file is neither cached nor can be downloaded, or is damaged. The message
        names the file and the remedy. No file that was there before is changed.

    Examples
    --------
    >>> from skfashion.datasets import fetch_fashion_mnist
    >>> X, y = fetch_fashion_mnist("test", return_X_y=True)  # doctest: +SKIP
    >>> X.shape, X.dtype  # doctest: +SKIP
    ((10000, 28, 28), dtype('uint8'))
    """
    home = os.environ.get("KERAS_HOME") or os.path.join("~", ".keras")
    folder = os.path.join(os.path.expanduser(home), "datasets", "fashion-mnist")
    parts = {"train": ("train",), "test": ("t10k",), "all": ("train", "t10k")}[subset]
    data = [_read(folder, f"{part}-images-idx3-ubyte.gz", 16) for part in parts]
    target = [_read(folder, f"{part}-labels-idx1-ubyte.gz", 8) for part in parts]
    data, target = np.concatenate(data).reshape(-1, 28, 28), np.concatenate(target).astype(np.int64)
    frame = None
    if as_frame:
        import pandas as pd

        data = pd.DataFrame(data.reshape(len(data), -1), columns=pixel_names((28, 28, 1)))
        frame = data.assign(target=target)
        target = frame["target"]
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        target_names=_NAMES.split(", "),
        frame=frame,
        DESCR=_DESCRIPTION.format(subset=subset, n=len(target), names=_NAMES),
    )


def _read(folder, name, offset):
    """Return the bytes of a file behind its header; it is downloaded if it isn't there."""
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        _download(folder, name)
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise OSError(f"{path!r} can't be read ({error}). {_remedy(folder)}") from error
    if _md5(content) != _MD5[name]:
        raise OSError(
            f"{path!r} is damaged: its MD5 sum is {_md5(content)}, and the published one is "
            f"{_MD5[name]}. Delete this file, and it is downloaded again at the next call."
        )
    return np.frombuffer(gzip.decompress(content), np.uint8, offset=offset)


def _download(folder, name):
    try:
        with urlopen(_URL + name, timeout=_TIMEOUT_SECONDS) as answer:
            content = answer.read()
        if _md5(content) != _MD5[name]:
            raise OSError("what came isn't the published file")
        os.makedirs(folder, exist_ok=True)
        with whole(os.path.join(folder, name)) as file:
            file.write(content)
    except (OSError, HTTPException) as error:
        raise OSError(
            f"{name!r} of Fashion-MNIST isn't in {folder!r} and can't be downloaded: {error}. "
            f"{_remedy(folder)}"
        ) from error


def _md5(content):
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _remedy(folder):
    return (
        f"Connect to the network and call again; or copy the files {', '.join(sorted(_MD5))} "
        f"(from https://github.com/zalandoresearch/fashion-mnist) to {folder!r}; or set "
        "KERAS_HOME to a Keras folder that has them under datasets/fashion-mnist, or that you "
        "may write to."
    )
