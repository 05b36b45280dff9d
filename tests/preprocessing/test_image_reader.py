"""ImageReader: what it sees, what it remembers, and how it fits into scikit-learn."""

import io
import os
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from pictures import decoded, forget, picture
from PIL import Image
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import check_is_fitted

import skfashion
from skfashion._store import StoreWarning
from skfashion.datasets import load_image_folder
from skfashion.preprocessing import ImageFlattener, ImageReader


@pytest.fixture(autouse=True)
def _forget():
    forget()
    yield
    forget()


@pytest.fixture
def files(tmp_path):
    """Eight PNG files of two classes and different shapes."""
    names = []
    for number in range(8):
        name = tmp_path / f"{number}.png"
        picture(20 + number, 30 - number, seed=number).save(name)
        names.append(str(name))
    return names


# What it refuses


def test_broken_and_missing_files(tmp_path, files):
    cut = tmp_path / "cut.jpg"
    picture(200, 200).save(cut)
    cut.write_bytes(cut.read_bytes()[:-900])
    text = tmp_path / "text.png"
    text.write_text("no image")
    empty = tmp_path / "empty.gif"
    empty.touch()
    names = [*files, str(cut), str(text), str(empty), str(tmp_path)]
    with pytest.raises(ValueError, match="4 of 12 files can't be read") as raised:
        ImageReader(8).transform(names)
    for fragment in (
        "cut.jpg: broken: image file is truncated",
        "text.png: it is not a JPEG",
        "empty.gif: it is not a JPEG",
        f"{tmp_path}: it is a folder",
        'on_error="skip"',
    ):
        assert fragment in str(raised.value)
    assert "0.png" not in str(raised.value)
    # What could be read has been: nothing is decoded twice after the repair.
    assert decoded() == 8
    with pytest.raises(FileNotFoundError, match=r"1 of 13 files(.|\n)*gone\.png(.|\n)*names"):
        ImageReader(8).transform([*names, str(tmp_path / "gone.png")])


def test_long_lists_are_cut(tmp_path):
    names = [str(tmp_path / f"{number}.png") for number in range(50)]
    with pytest.raises(FileNotFoundError, match="and 40 more"):
        ImageReader().transform(names)


@pytest.mark.parametrize("pixels", [500, 1200])
def test_decompression_bomb(tmp_path, monkeypatch, pixels):
    name = tmp_path / "bomb.png"
    Image.new("L", (40, 32)).save(name)
    # 1,280 pixels are more than 1,200, of which Pillow only warns, and more than twice 500.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", pixels)
    with (
        pytest.raises(ValueError, match=rf"bomb\.png: it has more than {pixels:,} pixels"),
        pytest.warns(Image.DecompressionBombWarning)
        if pixels > 640
        else pytest.MonkeyPatch.context(),
    ):
        ImageReader(8).transform([name])


@pytest.mark.parametrize(
    ("X", "error", "fragment"),
    [
        ("cat.jpg", ValueError, r"Use \['cat.jpg'\]"),
        (Path("cat.jpg"), ValueError, "a single one"),
        ([], ValueError, r"0 sample\(s\)"),
        (np.zeros((2, 8, 8, 3)), ValueError, "ImageResizer"),
        (np.array([["a.png", "b.png"]]), ValueError, "Select the column"),
        (np.array(3), ValueError, "shape"),
        ({"a.png"}, ValueError, "list of the set"),
        ([1, 2], TypeError, "got 1 "),
        (np.array([1.5]), TypeError, "float64"),
        (["a.png", None], TypeError, "at position 1"),
        (["a.png", np.nan], TypeError, "at position 1"),
        (pd.Series(["a.png", None]), TypeError, "at position 1"),
        (np.array([b"a.png"]), TypeError, "zeros at their end"),
        (b"GIF89a", ValueError, "a single one"),
        ([np.zeros((4, 4))], TypeError, r"shape \(4, 4\) and dtype float64 at position 0"),
        ([np.zeros((4, 4, 2), np.uint8)], TypeError, "uint8 pixels"),
        ([""], TypeError, "''"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "transform", "fit_transform"])
def test_no_file_names(X, error, fragment, method):
    with pytest.raises(error, match=fragment):
        getattr(ImageReader(), method)(X)


@pytest.mark.parametrize(
    ("params", "fragment"),
    [
        ({"size": 0}, "'size' parameter"),
        ({"size": "large"}, "'size' parameter"),
        ({"size": (4, 0)}, "height, width"),
        ({"size": (4, 4, 3)}, "height, width"),
        ({"resize": "squash"}, "'resize' parameter"),
        ({"memory": 3}, "'memory' parameter"),
        ({"n_jobs": 1.5}, "'n_jobs' parameter"),
        ({"white": 0}, "'white' parameter"),
        ({"white": "brightest"}, "'white' parameter"),
        ({"on_error": "skip"}, "'on_error' parameter"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "transform"])
def test_bad_parameters(files, params, fragment, method):
    with pytest.raises(ValueError, match=fragment) as raised:
        getattr(ImageReader(**params), method)(files)
    if "parameter" in fragment:
        assert isinstance(raised.value, InvalidParameterError)
    with pytest.raises(TypeError):
        ImageReader(nonsense=1)


# scikit-learn's contract, as far as it applies to file names


def test_forms_of_file_names(files):
    expected = ImageReader(8).transform(files)
    read_only = np.array(files, dtype=object)
    read_only.flags.writeable = False
    for X in (
        np.array(files),
        read_only,
        np.array(files)[:, np.newaxis],
        [[name] for name in files],
        tuple(files),
        [Path(name) for name in files],
        pd.Series(files, index=range(10, 18)),
        pd.Series(files, dtype="string"),
        pd.Series(files, dtype="category"),
        pd.DataFrame({"file": files}),
    ):
        np.testing.assert_array_equal(ImageReader(8).fit(X).transform(X), expected)


def test_relative_names(files, monkeypatch):
    expected = ImageReader(8).transform(files)
    monkeypatch.chdir(os.path.dirname(files[0]))
    relative = [os.path.basename(name) for name in files]
    np.testing.assert_array_equal(ImageReader(8).transform(relative), expected)
    assert decoded() == len(files)


def test_tags():
    tags = get_tags(ImageReader())
    assert tags.input_tags.one_d_array
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array
    assert not tags.requires_fit
    assert tags.estimator_type == get_tags(ImageFlattener()).estimator_type


def test_stateless(files):
    reader = ImageReader(8)
    check_is_fitted(reader)
    unfitted = reader.transform(files)
    before = dict(vars(reader))
    assert reader.fit(files, [0, 1] * 4) is reader
    np.testing.assert_array_equal(reader.transform(files), unfitted)
    np.testing.assert_array_equal(reader.fit_transform(files, y=None), unfitted)
    assert vars(reader) == before
    ImageReader().fit(["not/there.png"])


def test_order_and_subsets(files):
    together = ImageReader(8).transform(files)
    order = np.array([5, 0, 5, 3, 3])
    forget()
    np.testing.assert_array_equal(ImageReader(8).transform(np.array(files)[order]), together[order])
    assert decoded() == 3


def test_set_output_leaves_images_alone(files):
    reader = ImageReader(8).set_output(transform="pandas")
    assert isinstance(reader.transform(files), np.ndarray)
    with config_context(transform_output="pandas"):
        assert isinstance(ImageReader(8).fit_transform(files), np.ndarray)
    pipe = make_pipeline(ImageReader(8), ImageFlattener()).set_output(transform="pandas")
    frame = pipe.fit_transform(files)
    assert isinstance(frame, pd.DataFrame)
    assert frame.columns[-1] == "pixel_7_7_2"


# What it remembers


def test_a_search_decodes_each_file_once(files):
    pipe = make_pipeline(ImageReader(8), ImageFlattener(), LogisticRegression())
    search = GridSearchCV(pipe, {"logisticregression__C": [0.01, 0.1, 1]}, cv=2)
    search.fit(files, ["a", "b"] * 4).predict(files)
    assert decoded() == len(files)


def test_settings_are_told_apart(files):
    readers = [*map(ImageReader, (8, 9, (8, 9)))]
    readers += [ImageReader(8, resize=resize) for resize in ("crop", "pad")]
    fresh = []
    for reader in readers:
        forget()
        fresh.append(reader.transform(files))
    forget()
    for _ in range(2):
        for reader, expected in zip(readers, fresh, strict=True):
            np.testing.assert_array_equal(reader.transform(files), expected)
    assert decoded() == len(files) * len(readers)


def test_a_changed_file_is_read_again(files):
    before = ImageReader(8).transform(files)
    picture(seed=99).save(files[2])
    after = ImageReader(8).transform(files)
    assert (after[2] != before[2]).any()
    np.testing.assert_array_equal(np.delete(after, 2, 0), np.delete(before, 2, 0))
    assert decoded() == len(files) + 1
    # Of the same length: only the time tells.
    status = os.stat(files[2])
    os.utime(files[2], ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))
    ImageReader(8).transform(files)
    assert decoded() == len(files) + 2


def test_what_is_remembered_is_not_the_users(files):
    first = ImageReader(8).transform(files)
    expected = first.copy()
    first[:] = 0
    second = ImageReader(8).transform(files)
    np.testing.assert_array_equal(second, expected)
    assert second.flags.writeable


@pytest.mark.parametrize("n_jobs", [1, 2, -1])
def test_jobs_do_not_matter(files, n_jobs):
    expected = ImageReader(8).transform(files)
    forget()
    np.testing.assert_array_equal(ImageReader(8, n_jobs=n_jobs).transform(files), expected)
    assert decoded() == len(files)


@pytest.mark.parametrize("kind", [str, Path, joblib.Memory])
def test_memory_on_disk(files, tmp_path, kind):
    expected = ImageReader(8).transform(files)
    memory = tmp_path / "runs"
    memory = joblib.Memory(memory, verbose=0) if kind is joblib.Memory else kind(memory)
    forget()
    reader = ImageReader(8, memory=memory)
    np.testing.assert_array_equal(reader.transform(files[:5]), expected[:5])
    assert decoded() == 5
    forget()
    np.testing.assert_array_equal(reader.transform(files), expected)
    assert decoded() == 3
    forget()
    np.testing.assert_array_equal(clone(reader).transform(files), expected)
    np.testing.assert_array_equal(clone(reader).transform(files), expected)
    assert decoded() == 0
    ImageReader(9, memory=memory).transform(files)
    assert decoded() == len(files)


def test_damage_on_disk_is_healed(files, tmp_path):
    reader = ImageReader(8, memory=tmp_path / "runs")
    expected = reader.transform(files)
    for path in (tmp_path / "runs").rglob("*"):
        if path.is_file() and path.stat().st_size > 500:
            content = bytearray(path.read_bytes())
            content[-100] ^= 0xFF
            path.write_bytes(bytes(content))
    forget()
    with pytest.warns(StoreWarning):
        np.testing.assert_array_equal(reader.transform(files), expected)
    assert decoded() >= 1


# What has no name


def opened(name):
    with open(name, "rb") as file:
        return file.read()


UNNAMED = {
    "bytes": opened,
    "bytearray": lambda name: bytearray(opened(name)),
    "file object": lambda name: io.BytesIO(opened(name)),
    "Pillow, decoded later": Image.open,
    "Pillow": lambda name: Image.open(name).copy(),
    "pixels": lambda name: np.asarray(Image.open(name)),
}


@pytest.mark.parametrize("kind", UNNAMED)
@pytest.mark.parametrize("shape", [list, np.array, lambda X: [[x] for x in X]])
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_images_without_a_name(files, kind, shape):
    expected = ImageReader(8).transform(files)
    images = [UNNAMED[kind](name) for name in files]
    if shape is np.array:
        X = np.empty(len(images), object)
        X[:] = images
    else:
        X = shape(images)
    forget()
    for _ in range(2):  # file objects are read from their beginning
        np.testing.assert_array_equal(ImageReader(8).fit(X).transform(X), expected)
    info = skfashion.cache_info()["images"]
    assert (decoded(), info["bytes"]) == (2 * len(files), 0)
    mixed = [files[0], images[1], images[1]]
    np.testing.assert_array_equal(ImageReader(8).transform(mixed), expected[[0, 1, 1]])


def test_images_of_one_size_and_all_channels():
    grey = np.arange(96, dtype=np.uint8).reshape(8, 12)
    images = [grey, grey[..., np.newaxis], np.dstack([grey] * 3), np.dstack([grey] * 3 + [grey])]
    seen = ImageReader((8, 12)).transform(images)
    np.testing.assert_array_equal(seen[:3], np.broadcast_to(images[2], (3, 8, 12, 3)))
    seen = ImageReader((8, 12)).transform([np.dstack([grey] * 3 + [grey * 0])])
    assert (seen == 255).all()  # what is transparent lies on white


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tiff"])
def test_an_upload_is_turned_as_the_camera_noted_down(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0112] = 6
    name = tmp_path / f"photo{suffix}"
    picture().save(name, exif=exif)
    expected = ImageReader(8).transform([name])[0]
    with Image.open(name) as image:
        before = image.size
        for upload in (opened(name), image):
            np.testing.assert_array_equal(ImageReader(8).transform([upload])[0], expected)
        assert image.size == before


@pytest.mark.parametrize("on_disk", [False, True])
def test_what_is_trained_on_is_decoded_once_without_a_name(files, tmp_path, on_disk):
    pipe = make_pipeline(
        ImageReader(8, memory=tmp_path / "runs" if on_disk else None),
        ImageFlattener(),
        LogisticRegression(),
    )
    search = GridSearchCV(pipe, {"logisticregression__C": [0.01, 0.1, 1]}, cv=2, refit=False)
    labels = ["a", "b"] * 4
    search.fit([opened(name) for name in files], labels)
    first, on_whole_folds = decoded(), len(files) + len(files) // 2
    assert first <= on_whole_folds  # the first fold's test images are kept once they are trained on
    if on_disk:
        skfashion.clear_caches()
    search.fit([opened(name) for name in files], labels)
    assert decoded() == first


@pytest.mark.parametrize(
    "upload",
    [b"", b"no image", io.BytesIO(b"GIF89a"), np.zeros((8, 8), np.uint8)],
    ids=["empty", "text", "cut", "bomb"],
)
def test_bad_uploads(upload, monkeypatch):
    if isinstance(upload, np.ndarray):
        buffer = io.BytesIO()
        Image.fromarray(upload).save(buffer, "PNG")
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
        upload = buffer.getvalue()
    with pytest.raises(ValueError, match=r"1 of 2 (.|\n)*(bytes|BytesIO) at position 1: it "):
        ImageReader(8).transform([np.zeros((8, 6), np.uint8), upload])


def closed_file():
    with io.BytesIO() as file:
        return file


@pytest.mark.parametrize(
    ("given", "got"),
    [
        (io.StringIO("text"), "StringIO at position 1, got str"),
        (io.TextIOWrapper(io.BytesIO(b"\x89PNG"), "utf-8"), "got 'utf-8' codec can't decode.*"),
        (closed_file(), "got I/O operation on closed file."),
    ],
    ids=["text", "decoded", "closed"],
)
def test_file_objects_that_do_not_read_bytes(given, got):
    with pytest.raises(TypeError, match=rf'{got}: open(.|\n)*"rb"'):
        ImageReader(8).transform([np.zeros((8, 6), np.uint8), given])


def test_formats_of_other_programs_are_not_started():
    image = Image.new("RGB", (8, 8))
    image.format, image.tile = "EPS", [("eps", (0, 0, 8, 8), 0, None)]
    with pytest.raises(ValueError, match="it is not a JPEG"):
        ImageReader(8).transform([image])


# What can't be read, in prediction


def test_blanks_are_named(files, tmp_path):
    cut = tmp_path / "cut.png"
    cut.write_bytes(opened(files[0])[:-40])
    gone = str(tmp_path / "gone.png")
    X = [files[0], gone, str(cut), files[1], b"upload", gone]
    reader = ImageReader(8, on_error="blank").fit(X)
    with pytest.warns(UserWarning, match="4 of 6 images come out black") as warned:
        seen = reader.transform(X)
    assert len(warned) == 1
    for said in ("gone.png: no such file", "cut.png: broken", "bytes at position 4: it is not"):
        assert said in str(warned[0].message)
    assert list(reader.blank_) == [1, 2, 4, 5]
    assert (seen[[1, 2, 4, 5]] == 0).all()
    np.testing.assert_array_equal(seen[[0, 3]], ImageReader(8).transform(files[:2]))
    assert reader.transform(files).any()
    assert reader.blank_ == {}
    skfashion.save(reader, tmp_path / "reader")
    assert skfashion.load(tmp_path / "reader").on_error == "blank"
    with pytest.raises(FileNotFoundError, match="1 of 5"):
        reader.fit_transform(X)  # nothing black is trained on
    with pytest.raises(ValueError, match="1 of 1 files can't be read"):
        reader.fit_transform([str(cut)])


# Real pictures


def test_cats_and_dogs(data_dir):
    folder = data_dir / "cats-vs-dogs" / "train"
    X, y = load_image_folder(folder, return_X_y=True, shrink=10, random_state=0)
    images = ImageReader(224, n_jobs=2).fit_transform(X, y)
    assert images.shape == (200, 224, 224, 3)
    assert images.dtype == np.uint8
    with Image.open(X[7]) as image:
        expected = np.asarray(image.convert("RGB").resize((224, 224), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(images[7], expected)
    assert len(np.unique(images.reshape(200, -1), axis=0)) == 200
