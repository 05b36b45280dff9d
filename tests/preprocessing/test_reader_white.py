"""Which value ImageReader takes for white in files of more than 8 bits."""

import pickle
import struct
import warnings
import zlib

import numpy as np
import pytest
from pictures import decoded, forget
from PIL import Image
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks, get_tags

import skfashion
from skfashion.datasets import load_image_folder
from skfashion.inspection._pictures import pictures
from skfashion.preprocessing import ImageFlattener, ImageReader

RAMP = np.linspace(0, 1, 64 * 64).reshape(64, 64)


@pytest.fixture(autouse=True)
def _forget():
    forget()


def png(path, values, kind, **chunks):
    """Write a PNG of 16 bits and any number of bands."""
    lines = values.reshape(len(values), -1).astype(">u2")
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", values.shape[1], len(values), 16, kind, 0, 0, 0),
        **{name.encode(): content for name, content in chunks.items()},
        b"IDAT": zlib.compress(b"".join(b"\0" + line.tobytes() for line in lines)),
        b"IEND": b"",
    }
    parts = [
        struct.pack(">I", len(c)) + t + c + struct.pack(">I", zlib.crc32(t + c))
        for t, c in chunks.items()
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


def tiff(path, data, bits, bands=1):
    """Write a TIFF of unsigned numbers, also of kinds that Pillow only reads."""
    height, width = RAMP.shape
    entries = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, bands, 136 if bands > 1 else bits),
        (259, 3, 1, 1), (262, 3, 1, 2 if bands > 1 else 1), (273, 4, 1, 144), (277, 3, 1, bands),
        (278, 4, 1, height), (279, 4, 1, len(data)), (339, 3, 1, 1),
    ]  # fmt: skip
    head = struct.pack("<2sHIH", b"II", 42, 8, len(entries))
    head += b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    path.write_bytes(head.ljust(136) + struct.pack("<4H", *[bits] * 4) + data)


PNG_KINDS = {  # colour type, bands, and those of opacity
    "grey png": (0, 1, 0),
    "colour png": (2, 3, 0),
    "grey png with alpha": (4, 1, 1),
    "colour png with alpha": (6, 3, 1),
}
TIFF_KINDS = {  # that Pillow writes
    "tiff": (np.uint16, {}),
    "compressed tiff": (np.uint16, {"compression": "tiff_lzw"}),
    "int32 tiff": (np.int32, {}),
    "float tiff": (np.float32, {}),
}
KINDS = [*PNG_KINDS, "tiff", "compressed tiff", "colour tiff", "int32 tiff", "uint32 tiff"]


def write(path, kind, top):
    """Write a ramp from 0 to `top` into a file of some kind of more than 8 bits."""
    values = RAMP * top
    if kind in PNG_KINDS:
        colour_type, bands, opacity = PNG_KINDS[kind]
        full = np.full_like(values, 65535)
        png(path, np.stack([values] * bands + [full] * opacity, -1), colour_type)
    elif kind == "colour tiff":
        tiff(path, np.stack([values] * 3, -1).astype("<u2").tobytes(), 16, bands=3)
    elif kind == "uint32 tiff":
        tiff(path, values.astype("<u4").tobytes(), 32)
    else:
        dtype, options = TIFF_KINDS[kind]
        Image.fromarray(values.astype(dtype)).save(path, "TIFF", **options)
    return str(path)


@pytest.mark.parametrize("top", [1023, 4095, 10_000])
@pytest.mark.parametrize("kind", [*KINDS, "float tiff"])
def test_white_is_given_or_learnt(tmp_path, kind, top):
    name = write(tmp_path / "deep", kind, top)
    expected = np.floor(RAMP * top) * 255 / top
    for white in (top, float(top), "auto"):
        reader = ImageReader(64, white=white)
        seen = reader.fit_transform([name])[0]
        np.testing.assert_allclose(seen, np.repeat(expected[..., None], 3, -1), atol=0.8)
    assert reader.white_ == top
    assert type(reader.white_) is float
    # What is brighter is white as well.
    assert (ImageReader(64, white=top / 2).transform([name]) == 255).mean() > 0.49
    # And seen by people, too.
    assert max(shown.max() for shown in pictures([name])) == 255


@pytest.mark.parametrize("kind", KINDS)
def test_a_warning_names_white_where_values_are_far_below(tmp_path, kind):
    faint, full = write(tmp_path / "faint", kind, 4095), write(tmp_path / "full", kind, 65535)
    grey = tmp_path / "dark.png"
    Image.new("L", (64, 64), 3).save(grey)
    names = [full, str(grey), faint]
    for _ in range(2):  # of what is kept, too
        with pytest.warns(UserWarning, match=r"1 of 3 .*faint.* 4095,.*white=4095.*auto") as caught:
            seen = ImageReader(64).transform(names)
        assert len(caught) == 1
        assert [image.max() for image in seen][:2] == [255, 3]
        assert 15 <= seen[2].max() <= 16
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ImageReader(64, white=65535).transform([faint]).max() == 16
        ImageReader(64).transform([full, str(grey)])


@pytest.mark.parametrize("colour_type", [0, 2])
@pytest.mark.parametrize("white", [None, 65535])
def test_one_of_65536_colours_is_transparent(tmp_path, colour_type, white):
    values = np.full((8, 8, 1 + colour_type), 257)
    values[:4] = 258
    clear = struct.pack(f">{1 + colour_type}H", *values[0, 0])
    png(tmp_path / "deep", values, colour_type, tRNS=clear)
    seen = ImageReader(8, white=white).transform([tmp_path / "deep"])[0]
    assert (seen[:4] == 255).all()
    assert (seen[4:] == 1).all()


def test_depths_of_12_and_32_bits(tmp_path):
    first, second = (RAMP * 4095).astype(np.uint16).reshape(-1, 2).T
    pairs = [first >> 4, (first & 15) << 4 | second >> 8, second & 255]
    tiff(tmp_path / "deep", np.stack(pairs, -1).astype(np.uint8).tobytes(), 12)
    seen = ImageReader(64).transform([tmp_path / "deep"])[0, ..., 0]
    np.testing.assert_allclose(seen, RAMP * 255, atol=0.6)
    name = write(tmp_path / "deeper", "uint32 tiff", 4e9)
    seen = ImageReader(64, white="auto").fit_transform([name])[0, ..., 0]
    np.testing.assert_allclose(seen, RAMP * 255, atol=0.51)


def test_no_picture_is_scaled_by_itself(tmp_path):
    bright = write(tmp_path / "4000.tif", "float tiff", 4000)
    dim = write(tmp_path / "240.tif", "float tiff", 240)
    for white in (4000, "auto"):
        seen = ImageReader(64, white=white).fit([bright, dim]).transform([dim, bright])
        assert [image.max() for image in seen] == [15, 255]
    for names in ([bright, dim], [dim]):
        with pytest.raises(ValueError, match="nothing says which of them is white") as raised:
            ImageReader(64).transform(names)
        assert "white=, a number" in str(raised.value)
        assert "skip" not in str(raised.value)


@pytest.mark.parametrize(
    ("low", "high", "dtype", "seen"),
    [
        (0, 1, np.float32, (0, 255)),
        (-0.02, 1.05, np.float32, (0, 255)),  # as bicubic resampling leaves it
        (0, 0.5, np.float32, (0, 128)),
        (0, 255, np.float32, "nothing says"),
        (0, 65536, np.int32, "nothing says"),
        (0, 65535, np.int32, (0, 255)),
        (-1000, 3000, np.int32, "down to -1000"),
        (-1, 1, np.float32, "down to -1"),
        (0, np.inf, np.float32, "not all finite"),
        (np.nan, 1, np.float32, "not all finite"),
    ],
)
def test_what_nothing_is_said_of(tmp_path, low, high, dtype, seen):
    for label in "ab":
        (tmp_path / label).mkdir()
        values = np.full((8, 8), low, dtype)
        values[4:] = high
        Image.fromarray(values).save(tmp_path / label / "1.tif")
    name = str(tmp_path / "a" / "1.tif")
    if isinstance(seen, tuple):
        pixels = ImageReader(8).transform([name])
        assert (pixels.min(), pixels.max()) == seen
    else:
        with pytest.raises(ValueError, match=rf"1\.tif.*{seen}"):
            ImageReader(8).transform([name])
    # What `white` mends is listed; what it doesn't is not.
    if isinstance(seen, tuple) or seen == "nothing says":
        X, _ = load_image_folder(tmp_path, return_X_y=True)
        assert ImageReader(8, white="auto").fit(X).transform(X).max() == 255
    else:
        with pytest.raises(ValueError, match=seen):
            load_image_folder(tmp_path)


def test_auto_learns_from_deep_files_only(tmp_path):
    deep, byte = write(tmp_path / "deep", "tiff", 4095), str(tmp_path / "byte.png")
    Image.new("L", (64, 64), 200).save(byte)
    reader = ImageReader(64, white="auto")
    with pytest.raises(NotFittedError):
        reader.transform([deep])
    assert reader.fit([byte]).white_ is None
    assert decoded() == 0
    with pytest.warns(UserWarning, match="nearly black"):
        assert reader.transform([deep]).max() == 16
    assert reader.fit([byte, deep]).white_ == 4095
    seen = reader.transform([byte, deep])
    assert (seen[0] == 200).all()
    assert seen[1].max() == 255
    brighter = write(tmp_path / "brighter", "tiff", 60_000)
    with pytest.warns(UserWarning, match=r"1 of 2 .*nearly white.*60000"):
        reader.transform([deep, brighter])


def test_refits_decode_nothing_twice(tmp_path):
    names = [write(tmp_path / f"{top}", "tiff", top) for top in (4095, 2000, 3000, 4000)]
    byte = str(tmp_path / "byte.png")
    Image.new("L", (64, 64), 200).save(byte)
    reader = ImageReader(8, white="auto", memory=tmp_path / "runs")
    expected = reader.fit_transform([*names, byte])
    assert decoded() == 2 * 4 + 1  # for what is white, and for the pixels
    for _ in range(2):
        np.testing.assert_array_equal(clone(reader).fit_transform([*names, byte]), expected)
        assert decoded() in (9, 0)
        forget()  # then from disk
    # Another white, other pixels.
    assert reader.fit(names[1:3]).white_ == 3000
    assert (reader.transform(names[2:3]) != expected[2]).any()
    pipe = make_pipeline(ImageReader(8, white="auto"), ImageFlattener(), LogisticRegression())
    search = GridSearchCV(pipe, {"logisticregression__C": [0.1, 1, 10]}, cv=2)
    forget()
    search.fit(names, list("aabb"))
    first = decoded()
    search.fit(names, list("aabb"))
    assert decoded() == first


@pytest.mark.parametrize("white", [None, 4095, 0.5, "auto"])
def test_scikit_learns_contract(tmp_path, white):
    reader = ImageReader(8, white=white)
    assert get_tags(reader).requires_fit == (white == "auto")
    for check in (
        estimator_checks.check_estimator_cloneable,
        estimator_checks.check_estimator_repr,
        estimator_checks.check_no_attributes_set_in_init,
        estimator_checks.check_parameters_default_constructible,
        estimator_checks.check_get_params_invariance,
        estimator_checks.check_set_params,
        estimator_checks.check_valid_tag_types,
    ):
        check("ImageReader", reader)
    name = write(tmp_path / "deep", "tiff", 4095)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = reader.fit_transform([name])
        assert hasattr(reader, "white_") == (white == "auto")
        skfashion.save(reader, tmp_path / "reader.skfashion")
        for again in (
            pickle.loads(pickle.dumps(reader)),
            skfashion.load(tmp_path / "reader.skfashion"),
        ):
            np.testing.assert_array_equal(again.transform([name]), expected)
