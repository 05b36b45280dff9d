"""Data sets: fetched, loaded from a folder, made up."""

import gzip
import hashlib
import os
import shutil
import socket
import urllib.error
import warnings

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from skfashion.datasets import _fashion_mnist as module
from skfashion.datasets import fetch_fashion_mnist, load_image_folder, make_images

DATA = os.environ.get("SKFASHION_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="SKFASHION_DATA names no folder of real images")

HOME = os.environ.get("KERAS_HOME")
CACHED = os.path.join(HOME or "", "datasets", "fashion-mnist")
needs_cache = pytest.mark.skipif(
    not (HOME and os.path.isdir(CACHED)), reason="KERAS_HOME holds no Fashion-MNIST"
)


@pytest.fixture
def _numpy_state_stays():
    def state():
        # The legacy generator is the very one that mustn't be touched.
        return np.random.get_state()[1].copy()

    before = state()
    yield
    np.testing.assert_array_equal(state(), before)


# fetch_fashion_mnist


@needs_cache
@pytest.mark.parametrize(("subset", "n"), [("train", 60_000), ("test", 10_000), ("all", 70_000)])
def test_fashion_mnist(subset, n):
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
def test_fashion_mnist_is_what_keras_loads():
    from keras.datasets import fashion_mnist

    if not os.access(HOME, os.W_OK):
        pytest.skip("Keras doesn't look into a KERAS_HOME that can't be written")
    parts = fashion_mnist.load_data()
    for subset, (images, labels) in zip(("train", "test"), parts, strict=True):
        X, y = fetch_fashion_mnist(subset, return_X_y=True)
        np.testing.assert_array_equal(X, images)
        np.testing.assert_array_equal(y, labels)


@needs_cache
def test_fashion_mnist_as_frame():
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
def test_fashion_mnist_bad_parameters(params):
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
    """Replace what Keras downloads with; return a function that sets it."""
    from keras.src import backend
    from keras.src.utils import file_utils

    def use(retrieve):
        monkeypatch.setattr(file_utils, "urlretrieve", retrieve)

    def none(url, filename, *_):
        raise urllib.error.URLError("Name or service not known")

    use(none)
    # Keras looks the variable up once, when it is imported.
    monkeypatch.setattr(backend.config, "_KERAS_DIR", os.environ["KERAS_HOME"])
    return use


def left_over(home):
    return sorted(path.name for path in home.rglob("*") if path.is_file() and ".gz" in path.name)


def test_fashion_mnist_neither_cached_nor_reachable(home, small, network):
    timeout = socket.getdefaulttimeout()
    with pytest.raises(OSError, match="can't be downloaded") as raised:
        fetch_fashion_mnist()
    for fragment in (str(home), "Name or service not known", "KERAS_HOME", "Connect"):
        assert fragment in str(raised.value)
    assert left_over(home) == []
    assert socket.getdefaulttimeout() == timeout


def test_fashion_mnist_half_a_download(home, small, network):
    def half(url, filename, *_):
        with open(filename, "wb") as file:
            file.write(small[os.path.basename(filename)][:20])
        raise urllib.error.ContentTooShortError("retrieval incomplete", None)

    network(half)
    with pytest.raises(OSError, match="retrieval incomplete"):
        fetch_fashion_mnist()
    assert left_over(home) == []


def test_fashion_mnist_downloads_what_is_missing(home, small, network):
    calls = []

    def whole(url, filename, *_):
        calls.append(os.path.basename(filename))
        with open(filename, "wb") as file:
            file.write(small[calls[-1]])

    network(whole)
    X, y = fetch_fashion_mnist("all", return_X_y=True)
    assert X.shape == (9, 28, 28)
    assert y.tolist() == [*range(6), *range(3)]
    assert sorted(calls) == sorted(small)
    fetch_fashion_mnist()
    assert len(calls) == 4
    os.remove(home / "datasets" / "fashion-mnist" / calls[0])
    fetch_fashion_mnist()
    assert len(calls) == 5


def test_fashion_mnist_something_else_is_downloaded(home, small, network):
    def login_page(url, filename, *_):
        with open(filename, "wb") as file:
            file.write(gzip.compress(b"<html>" + bytes(784 * 16)))

    network(login_page)
    with pytest.raises(OSError, match=r"train-labels-idx1-ubyte\.gz isn't the published file"):
        fetch_fashion_mnist()
    assert left_over(home) == []


def test_fashion_mnist_home_changed_after_keras_was_imported(home, small, network, monkeypatch):
    def whole(url, filename, *_):
        with open(filename, "wb") as file:
            file.write(small[os.path.basename(filename)])

    network(whole)
    monkeypatch.setenv("KERAS_HOME", str(home / "other"))
    (home / "other").mkdir()
    with pytest.raises(OSError, match=r"set KERAS_HOME before"):
        fetch_fashion_mnist()


@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() == 0, reason="this user may write to any folder"
)
def test_fashion_mnist_cache_that_cannot_be_written(home, small):
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
def test_fashion_mnist_damaged_cache(home):
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


# load_image_folder


@pytest.fixture
def folder(tmp_path):
    """Three classes of 4, 8 and 12 pictures, made in no particular order."""
    root = tmp_path / "scenes"
    for label, n in (("sea", 8), ("forest", 12), ("buildings", 4)):
        (root / label).mkdir(parents=True)
        for number in reversed(range(n)):
            Image.new("RGB", (9, 7), (number, 0, 0)).save(root / label / f"{number:02}.png")
    return root


def test_folder(folder):
    bunch = load_image_folder(folder)
    assert bunch.target_names == ["buildings", "forest", "sea"]
    assert bunch.target.tolist() == ["buildings"] * 4 + ["forest"] * 12 + ["sea"] * 8
    assert bunch.filenames.dtype.kind == "U"
    assert bunch.filenames[5] == str(folder / "forest" / "01.png")
    assert bunch.filenames.tolist() == sorted(bunch.filenames)
    assert bunch.bad_files == []
    assert "24 images of 3 classes\nbuildings: 4\nforest: 12" in bunch.DESCR
    X, y = load_image_folder(str(folder), return_X_y=True)
    np.testing.assert_array_equal(X, bunch.filenames)
    np.testing.assert_array_equal(y, bunch.target)


def test_folder_relative_name(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    X, _ = load_image_folder("scenes", return_X_y=True)
    assert X[0] == os.path.join("scenes", "buildings", "00.png")


@pytest.mark.usefixtures("_numpy_state_stays")
def test_folder_shrink(folder):
    quarter = load_image_folder(folder, shrink=4, random_state=0)
    assert [np.count_nonzero(quarter.target == name) for name in quarter.target_names] == [1, 3, 2]
    assert set(quarter.filenames) <= set(load_image_folder(folder).filenames)
    assert quarter.filenames.tolist() == sorted(quarter.filenames)
    again = load_image_folder(folder, shrink=4, random_state=0)
    np.testing.assert_array_equal(again.filenames, quarter.filenames)
    others = {
        tuple(load_image_folder(folder, shrink=4, random_state=s).filenames) for s in range(8)
    }
    assert len(others) > 1
    smallest = load_image_folder(folder, shrink=1000, random_state=0)
    assert smallest.target.tolist() == smallest.target_names
    whole = load_image_folder(folder, shrink=1, random_state=0)
    np.testing.assert_array_equal(whole.filenames, load_image_folder(folder).filenames)


def test_folder_passes_by_products_over(folder):
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / "__MACOSX").mkdir()
    (folder / "README.txt").write_text("about")
    (folder / "sea" / "Thumbs.db").write_text("x")
    (folder / "sea" / ".DS_Store").write_text("x")
    assert len(load_image_folder(folder).filenames) == 24


def break_files(folder):
    """Add one file of each kind of trouble; return the names."""
    sea = folder / "sea"
    noise = np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8)
    bad = []
    for suffix in ("jpg", "png", "webp", "gif", "bmp", "tiff"):
        whole = sea / f"cut.{suffix}"
        Image.fromarray(noise).save(whole, lossless=True)
        whole.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
        bad.append(str(whole))
    flipped = sea / "flipped.png"
    Image.fromarray(noise).save(flipped)
    content = bytearray(flipped.read_bytes())
    content[len(content) // 2] ^= 0xFF
    flipped.write_bytes(content)
    (sea / "notes.txt").write_text("about the sea")
    (sea / "empty.jpg").touch()
    (sea / "more").mkdir()
    return [*bad, *(str(sea / name) for name in ("flipped.png", "notes.txt", "empty.jpg", "more"))]


def test_folder_raises_for_bad_files(folder):
    bad = break_files(folder)
    with pytest.raises(ValueError, match="10 of the files") as raised:
        load_image_folder(folder)
    for name in bad:
        assert f"{name}: " in str(raised.value)
    assert 'on_error="skip"' in str(raised.value)


def test_folder_skips_bad_files(folder):
    bad = break_files(folder)
    with pytest.warns(UserWarning, match="10 of the files") as caught:
        bunch = load_image_folder(folder, on_error="skip")
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert sorted(name for name, _ in bunch.bad_files) == sorted(bad)
    assert all(reason for _, reason in bunch.bad_files)
    assert len(bunch.filenames) == len(bunch.target) == 24
    assert not set(bad) & set(bunch.filenames)
    assert "Left out as unreadable: 10" in bunch.DESCR
    assert all(os.path.exists(name) for name in bad)
    np.testing.assert_array_equal(
        bunch.target, [os.path.basename(os.path.dirname(name)) for name in bunch.filenames]
    )


def test_folder_without_bad_files_does_not_warn(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_image_folder(folder, on_error="skip")


def test_folder_long_lists_are_cut(folder):
    for number in range(25):
        (folder / "sea" / f"{number}.txt").touch()
    with pytest.raises(ValueError, match="25 of the files") as raised:
        load_image_folder(folder)
    assert "and 15 more" in str(raised.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_folder_with_a_pipe_and_a_dead_link(folder):
    os.mkfifo(folder / "sea" / "pipe.jpg")
    os.symlink(folder / "gone.jpg", folder / "sea" / "link.jpg")
    with pytest.raises(ValueError, match=r"link\.jpg: no such file\n.*pipe\.jpg: it is no file"):
        load_image_folder(folder)


def test_folder_bomb(folder, monkeypatch):
    Image.new("L", (40, 30)).save(folder / "sea" / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    with pytest.raises(ValueError, match=r"bomb\.png: it has more than 500 pixels"):
        load_image_folder(folder)


def empty_root(folder):
    shutil.rmtree(folder)
    folder.mkdir()


def files_only(folder):
    empty_root(folder)
    Image.new("L", (4, 4)).save(folder / "1.png")


def one_class(folder):
    shutil.rmtree(folder / "sea")
    shutil.rmtree(folder / "forest")


def empty_class(folder):
    (folder / "desert").mkdir()


def splits(folder):
    for part in ("train", "test"):
        shutil.copytree(folder / "sea", folder / part / "sea")


def all_bad(folder):
    for path in (folder / "buildings").iterdir():
        path.write_text("no image")


@pytest.mark.parametrize(
    ("spoil", "error", "fragments"),
    [
        (shutil.rmtree, FileNotFoundError, ["There is no folder", "scenes"]),
        (empty_root, ValueError, ["scenes' is empty", "One folder a class"]),
        (files_only, ValueError, ["1 files but no folders", "Sort the files"]),
        (one_class, ValueError, ["a single class, 'buildings'", "Add the other classes"]),
        (empty_class, ValueError, ["desert' is empty", "remove the folder"]),
        (splits, ValueError, ["test' holds no images but 1 folders", "instead of"]),
        (all_bad, ValueError, ["None of the 4 files of class 'buildings'", "Repair"]),
    ],
)
def test_folder_refused(folder, spoil, error, fragments):
    spoil(folder)
    with pytest.raises(error) as raised:
        load_image_folder(folder, on_error="skip")
    for fragment in fragments:
        assert fragment in str(raised.value)


def test_folder_bad_parameters(folder):
    with pytest.raises(NotADirectoryError, match="is a file"):
        load_image_folder(__file__)
    for params in ({"on_error": "ignore"}, {"shrink": 0}, {"shrink": 0.5}, {"random_state": "x"}):
        with pytest.raises(ValueError, match=f"'{next(iter(params))}' parameter"):
            load_image_folder(folder, **params)
    with pytest.raises(ValueError, match="'path' parameter"):
        load_image_folder(None)


@needs_data
@pytest.mark.parametrize(
    ("name", "part", "n", "classes"),
    [("intel-scenes", "test", 1002, 6), ("cats-vs-dogs", "test", 500, 2)],
)
def test_folder_of_real_images(name, part, n, classes):
    bunch = load_image_folder(os.path.join(DATA, name, part))
    assert len(bunch.filenames) == n
    assert len(bunch.target_names) == classes
    assert set(bunch.target) == set(bunch.target_names)


# make_images


@pytest.mark.parametrize(
    ("params", "shape"),
    [
        ({}, (200, 16, 16)),
        ({"n_samples": 7, "channels": 3}, (7, 16, 16, 3)),
        ({"image_size": (5, 9), "n_classes": 5}, (200, 5, 9)),
        ({"image_size": 1, "n_samples": 1}, (1, 1, 1)),
    ],
)
def test_made_images(params, shape):
    X, y = make_images(**params, random_state=0)
    assert X.shape == shape
    assert X.dtype == np.uint8
    assert np.issubdtype(y.dtype, np.integer)
    counts = np.bincount(y, minlength=params.get("n_classes", 3))
    assert counts.sum() == shape[0]
    assert counts.max() - counts.min() <= 1


@pytest.mark.usefixtures("_numpy_state_stays")
def test_made_images_are_seeded():
    first, second = make_images(random_state=3), make_images(random_state=3)
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
    assert (make_images(random_state=4)[0] != first[0]).any()
    random = np.random.RandomState(3)
    np.testing.assert_array_equal(make_images(random_state=random)[0], first[0])
    assert (make_images(random_state=random)[0] != first[0]).any()


@pytest.mark.parametrize("seed", range(3))
def test_made_images_can_be_learnt_but_not_for_nothing(seed):
    model = LogisticRegression(max_iter=300)
    scores = []
    for noise in (0.2, 3.0):
        X, y = make_images(noise=noise, random_state=seed)
        scores.append(cross_val_score(model, X.reshape(len(X), -1) / 255, y, cv=3).mean())
    assert scores[0] > 0.75
    assert scores[0] > scores[1]


@pytest.mark.parametrize(
    "params",
    [
        {"n_samples": 0},
        {"n_classes": 1},
        {"image_size": 0},
        {"image_size": (4, 4, 3)},
        {"channels": 4},
        {"noise": -0.1},
        {"random_state": "x"},
    ],
)
def test_made_images_bad_parameters(params):
    with pytest.raises(ValueError, match=next(iter(params))):
        make_images(**params)
