"""Fashion-MNIST: out of Keras' cache, or downloaded whole."""

import gzip
import hashlib
import http.client
import io
import os
import shutil
import urllib.error
from types import SimpleNamespace

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
def network(monkeypatch, small):
    """Answer with the tiny files, or as a test says; yield the URLs that were asked for."""
    asked = []

    def answer(url, timeout):
        assert timeout
        asked.append(url)
        return io.BytesIO(network.answer(url.rpartition("/")[2]))

    network = SimpleNamespace(asked=asked, answer=small.get)
    monkeypatch.setattr(module, "urlopen", answer)
    return network


def unreachable(name):
    raise urllib.error.URLError("Name or service not known")


def half_a_file(name):
    raise http.client.IncompleteRead(b"half")


def page_of_a_login(name):
    return gzip.compress(b"<html>" + bytes(784 * 16))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (unreachable, "Name or service not known"),
        (half_a_file, "IncompleteRead"),
        (page_of_a_login, "isn't the published file"),
    ],
)
def test_no_download(home, network, answer, reason):
    network.answer = answer
    with pytest.raises(OSError, match="can't be downloaded") as raised:
        fetch_fashion_mnist()
    for fragment in (str(home), reason, "KERAS_HOME", "Connect", "train-images"):
        assert fragment in str(raised.value)
    assert not [path for path in home.rglob("*") if path.is_file()]


def test_what_is_missing_is_downloaded(home, network):
    X, y = fetch_fashion_mnist("all", return_X_y=True)
    assert X.shape == (9, 28, 28)
    assert y.tolist() == [*range(6), *range(3)]
    assert len(network.asked) == 4
    folder = home / "datasets" / "fashion-mnist"
    os.remove(folder / "train-labels-idx1-ubyte.gz")
    fetch_fashion_mnist()
    assert network.asked[4:] == [url for url in network.asked[:4] if "train-labels" in url]
    assert len(list(folder.iterdir())) == 4


def test_a_home_that_cannot_be_written(tmp_path, network, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
    with pytest.raises(OSError, match="or that you may write to"):
        fetch_fashion_mnist()


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
        fetch_fashion_mnist("test")
    assert (folder / name).read_bytes() == damaged
