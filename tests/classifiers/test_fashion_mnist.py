"""Fashion-MNIST: out of Keras' cache, or downloaded whole."""

import gzip
import hashlib
import os
import shutil
import socket
import urllib.error
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skfashion.datasets import _fashion_mnist as module
from skfashion.datasets import fetch_fashion_mnist

HOME = os.environ.get("KERAS_HOME")
CACHED = os.path.join(HOME or "", "datasets", "fashion-mnist")
needs_cache = pytest.mark.skipif(
    not (HOME and os.path.isdir(CACHED)), reason="KERAS_HOME holds no Fashion-MNIST"
)


@needs_cache
@pytest.mark.parametrize(("subset", "n"), [("train", 60_000), ("test", 10_000), ("all", 70_000)])
def test_images_and_labels(subset, n):
    bunch = fetch_fashion_mnist(subset)
    assert bunch.data.shape == (n, 28, 28)
    assert bunch.data.dtype == np.uint8
    assert bunch.target.dtype == np.int64
    assert np.bincount(bunch.target).tolist() == [n // 10] * 10
    assert bunch.target_names[9] == "Ankle boot"
    assert len(bunch.target_names) == 10
    assert f"{n:,}" in bunch.DESCR
    assert bunch.frame is None
    # What the user gets is the user's own.
    assert bunch.data.flags.writeable


@needs_cache
def test_is_what_keras_loads():
    from keras.datasets import fashion_mnist

    if not os.access(HOME, os.W_OK):
        pytest.skip("Keras doesn't look into a KERAS_HOME that can't be written")
    parts = fashion_mnist.load_data()
    for subset, (images, labels) in zip(("train", "test"), parts, strict=True):
        X, y = fetch_fashion_mnist(subset, return_X_y=True)
        np.testing.assert_array_equal(X, images)
        np.testing.assert_array_equal(y, labels)


@needs_cache
def test_as_frame():
    bunch = fetch_fashion_mnist("test", as_frame=True)
    assert bunch.frame.shape == (10_000, 785)
    assert isinstance(bunch.data, pd.DataFrame)
    assert isinstance(bunch.target, pd.Series)
    assert bunch.data.columns[29] == "pixel_1_1"
    assert (bunch.data.dtypes == np.uint8).all()
    X, y = fetch_fashion_mnist("test", return_X_y=True)
    np.testing.assert_array_equal(bunch.data.to_numpy(), X.reshape(len(X), -1))
    np.testing.assert_array_equal(bunch.target.to_numpy(), y)


@pytest.mark.parametrize("params", [{"subset": "validation"}, {"return_X_y": "yes"}])
def test_bad_parameters(params):
    with pytest.raises(ValueError, match=f"'{next(iter(params))}' parameter"):
        fetch_fashion_mnist(**params)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Return an empty home for Keras, writable."""
    folder = tmp_path / "keras"
    folder.mkdir()
    monkeypatch.setenv("KERAS_HOME", str(folder))
    return folder


@pytest.fixture
def small(monkeypatch):
    """Replace the published files by tiny ones; return their contents by name."""
    contents = {}
    for part, n in (("train", 6), ("t10k", 3)):
        labels = bytes(8) + bytes(range(n))
        images = bytes(16) + bytes(range(n)) * (28 * 28)
        contents[f"{part}-labels-idx1-ubyte.gz"] = gzip.compress(labels, mtime=0)
        contents[f"{part}-images-idx3-ubyte.gz"] = gzip.compress(images, mtime=0)
    sums = {name: hashlib.md5(content).hexdigest() for name, content in contents.items()}
    monkeypatch.setattr(module, "_MD5", sums)
    return contents


@pytest.fixture
def network(monkeypatch):
    """Replace what Keras downloads with; return a function that says what comes, by name."""
    from keras.src import backend
    from keras.src.utils import file_utils

    def use(content, error=None):
        calls = []

        def retrieve(url, filename, *_):
            calls.append(os.path.basename(filename))
            if content is not None:
                Path(filename).write_bytes(content(calls[-1]))
            if error is not None:
                raise error

        monkeypatch.setattr(file_utils, "urlretrieve", retrieve)
        return calls

    use(None, urllib.error.URLError("Name or service not known"))
    # Keras looks the variable up once, when it is imported.
    monkeypatch.setattr(backend.config, "_KERAS_DIR", os.environ["KERAS_HOME"])
    return use


def left_over(home):
    return sorted(path.name for path in home.rglob("*") if path.is_file() and ".gz" in path.name)


def test_neither_cached_nor_reachable(home, small, network):
    timeout = socket.getdefaulttimeout()
    with pytest.raises(OSError, match="can't be downloaded") as raised:
        fetch_fashion_mnist()
    for fragment in (str(home), "Name or service not known", "KERAS_HOME", "Connect"):
        assert fragment in str(raised.value)
    assert left_over(home) == []
    assert socket.getdefaulttimeout() == timeout


def test_half_a_download(home, small, network):
    network(lambda name: small[name][:20], urllib.error.ContentTooShortError("half of it", None))
    with pytest.raises(OSError, match="half of it"):
        fetch_fashion_mnist()
    assert left_over(home) == []


def test_downloads_what_is_missing(home, small, network):
    calls = network(lambda name: small[name])
    X, y = fetch_fashion_mnist("all", return_X_y=True)
    assert X.shape == (9, 28, 28)
    assert y.tolist() == [*range(6), *range(3)]
    assert sorted(calls) == sorted(small)
    fetch_fashion_mnist()
    assert len(calls) == 4
    os.remove(home / "datasets" / "fashion-mnist" / calls[0])
    fetch_fashion_mnist()
    assert len(calls) == 5


def test_something_else_is_downloaded(home, small, network):
    network(lambda name: gzip.compress(b"<html>" + bytes(784 * 16)))  # a page to log in
    with pytest.raises(OSError, match=r"train-labels-idx1-ubyte\.gz isn't the published file"):
        fetch_fashion_mnist()
    assert left_over(home) == []


def test_home_changed_after_keras_was_imported(home, small, network, monkeypatch):
    network(lambda name: small[name])
    monkeypatch.setenv("KERAS_HOME", str(home / "other"))
    (home / "other").mkdir()
    with pytest.raises(OSError, match=r"set KERAS_HOME before"):
        fetch_fashion_mnist()


@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() == 0, reason="this user may write to any folder"
)
def test_cache_that_cannot_be_written(home, small):
    folder = home / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    for name, content in small.items():
        (folder / name).write_bytes(content)
    home.chmod(0o500)
    try:
        assert fetch_fashion_mnist().data.shape == (6, 28, 28)
    finally:
        home.chmod(0o700)


@needs_cache
def test_damaged_cache(home):
    folder = home / "datasets" / "fashion-mnist"
    shutil.copytree(CACHED, folder, copy_function=os.symlink)
    name = "t10k-labels-idx1-ubyte.gz"
    content = (folder / name).read_bytes()
    os.remove(folder / name)
    damaged = content[:2000] + b"\0" + content[2001:]
    (folder / name).write_bytes(damaged)
    with pytest.raises(OSError, match=rf"{name}' is damaged(.|\n)*Delete this file"):
        fetch_fashion_mnist("train")
    assert (folder / name).read_bytes() == damaged
