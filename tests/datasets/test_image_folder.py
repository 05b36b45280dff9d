"""Folders of image files, read as names and labels."""

import base64
import io
import os
import pickle
import re
import shutil

import numpy as np
import pytest
from PIL import Image
from sklearn.utils import Bunch

from skfashion.datasets import load_image_folder


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
    bunch = load_image_folder(folder, on_error="skip")  # of which there is no warning
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


def test_folder_with_bad_files(folder):
    bad = break_files(folder)
    with pytest.raises(ValueError, match="10 of the files") as raised:
        load_image_folder(folder)
    for name in bad:
        assert f"{name}: " in str(raised.value)
    assert 'on_error="skip"' in str(raised.value)
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


def test_a_class_that_is_a_link_to_nothing_is_not_passed_over(folder):
    (folder / "lake").symlink_to(folder.parent / "unplugged" / "lake")
    with pytest.raises(ValueError, match=r"lake: it is a link to nothing"):
        load_image_folder(folder)
    with pytest.warns(UserWarning, match="link to nothing"):
        assert len(load_image_folder(folder, on_error="skip").filenames) == 24


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
    with pytest.raises(ValueError, match=r"link\.jpg: no such file\n.*pipe\.jpg: it is not a file"):
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
        (empty_root, ValueError, ["scenes' is empty", "One folder per class"]),
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


@pytest.mark.parametrize(
    ("name", "n", "classes"), [("intel-scenes", 1002, 6), ("cats-vs-dogs", 500, 2)]
)
def test_folder_of_real_images(name, n, classes, data_dir):
    bunch = load_image_folder(data_dir / name / "test")
    assert len(bunch.filenames) == n
    assert len(bunch.target_names) == classes
    assert set(bunch.target) == set(bunch.target_names)


def folder_of(tmp_path, counts):
    for label, n in counts.items():
        (tmp_path / label).mkdir()
        for number in range(n):
            image = Image.new("RGB", (200, 100), (20 * number, 0, 0))
            image.save(tmp_path / label / f"{number}.png")
    return tmp_path


def test_a_notebook_shows_counts_and_thumbnails(tmp_path):
    folder = folder_of(tmp_path, {"<b>": 9, "sea": 2})
    (folder / "sea" / "note.png").write_text("not an image")
    with pytest.warns(UserWarning, match="left out"):
        data = load_image_folder(folder, on_error="skip")
    assert isinstance(data, Bunch)
    assert type(pickle.loads(pickle.dumps(data))) is type(data)
    html = data._repr_html_()
    assert "11 images of 2 classes, files left out: 1" in html
    rows = html.split("<tr>")[1:]
    assert [row.count("<img") for row in rows] == [6, 2]
    assert "<th>&lt;b&gt;</th><td>9</td>" in rows[0]
    assert "<b>" not in html
    first, last = (re.findall('base64,([^"]*)', rows[0])[at] for at in (0, -1))
    for content, red in ((first, 0), (last, 160)):
        with Image.open(io.BytesIO(base64.b64decode(content))) as image:
            assert image.size == (64, 32)
            assert abs(image.getpixel((5, 5))[0] - red) < 5
    (folder / "sea" / "0.png").unlink()
    assert data._repr_html_().count("<img") == 7


def test_a_notebook_shows_some_of_many_classes(tmp_path):
    data = load_image_folder(folder_of(tmp_path, {f"{label:02}": 1 for label in range(22)}))
    html = data._repr_html_()
    assert "22 images of 22 classes, classes not shown: 2" in html
    assert html.count("<tr>") == 20
