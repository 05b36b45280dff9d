"""What ImageReader sees in a file: formats, modes, sizes and proportions."""

import numpy as np
import pytest
from pictures import picture, read
from PIL import Image, ImageOps, features

from skfashion.preprocessing import ImageReader

# What it sees


@pytest.mark.parametrize(
    ("suffix", "options", "tolerance"),
    [
        (".png", {}, 0),
        (".bmp", {}, 0),
        (".tiff", {}, 0),
        (".tiff", {"compression": "tiff_lzw"}, 0),
        (".webp", {"lossless": True}, 0),
        (".jpg", {"quality": 95}, 3),
        (".jpg", {"quality": 95, "progressive": True}, 3),
        (".webp", {"quality": 95}, 6),
        (".avif", {"quality": 95}, 6),
        (".jp2", {}, 1),
        (".ppm", {}, 0),
    ],
)
def test_formats(tmp_path, suffix, options, tolerance):
    if suffix == ".avif" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    name = tmp_path / f"picture{suffix}"
    picture().save(name, **options)
    assert np.abs(read(name) - np.asarray(picture())).mean() <= tolerance


@pytest.mark.parametrize("max_value", [255, 4095, 65535])
def test_grey_pgm_is_as_deep_as_it_says(tmp_path, max_value):
    ramp = np.linspace(0, max_value, 64).round().astype(">u2" if max_value > 255 else "u1")
    (tmp_path / "ramp.pgm").write_bytes(b"P5 8 8 %d\n" % max_value + ramp.tobytes())
    wanted = np.repeat(np.linspace(0, 255, 64).reshape(8, 8, 1), 3, -1)
    np.testing.assert_allclose(read(tmp_path / "ramp.pgm"), wanted, atol=1)


def test_deep_jpeg_2000(tmp_path):
    ramp = np.linspace(0, 65535, 1024).astype(np.uint16).reshape(32, 32)
    Image.fromarray(ramp).save(tmp_path / "ramp.jp2")
    wanted = np.repeat(ramp[..., None] / 257, 3, -1)
    np.testing.assert_allclose(read(tmp_path / "ramp.jp2"), wanted, atol=1)


def test_heic_is_read_once_its_plugin_is_registered(tmp_path, monkeypatch):
    heif = pytest.importorskip("pillow_heif")
    name = tmp_path / "photo.heic"
    heif.from_pillow(picture(64, 48)).save(name, quality=95)
    with pytest.raises(ValueError, match="it is not a JPEG"):
        ImageReader(8).transform([name])
    monkeypatch.setattr(Image, "OPEN", dict(Image.OPEN))
    heif.register_heif_opener()
    seen = ImageReader((64, 48)).transform([name])[0].astype(int)
    assert np.abs(seen - np.asarray(picture(64, 48))).mean() <= 6


def test_format_is_told_from_the_content(tmp_path):
    name = tmp_path / "picture.jpg"
    picture().save(name, format="BMP")
    np.testing.assert_array_equal(read(name), picture())


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png", ".tiff"])
def test_first_frame(tmp_path, suffix):
    name = tmp_path / f"film{suffix}"
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "green")]
    frames[0].save(name, save_all=True, append_images=frames[1:], lossless=True)
    np.testing.assert_allclose(read(name), np.full((8, 8, 3), (255, 0, 0)), atol=3)


@pytest.mark.parametrize("mode", ["1", "L", "P"])
@pytest.mark.parametrize("suffix", [".png", ".gif", ".bmp", ".tiff"])
def test_modes(tmp_path, mode, suffix):
    image = picture().convert(mode)
    name = tmp_path / f"picture{suffix}"
    image.save(name)
    np.testing.assert_array_equal(read(name), image.convert("RGB"))


@pytest.mark.parametrize(
    ("name", "mode", "colour", "seen"),
    [
        ("print.jpg", "CMYK", (0, 255, 255, 0), (255, 0, 0)),
        ("print.tiff", "CMYK", (0, 255, 255, 0), (255, 0, 0)),
        ("grey.jpg", "L", 77, (77, 77, 77)),
    ],
)
def test_modes_of_photos(tmp_path, name, mode, colour, seen):
    Image.new(mode, (8, 8), colour).save(tmp_path / name)
    np.testing.assert_allclose(read(tmp_path / name), np.full((8, 8, 3), seen), atol=3)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tiff"])
def test_alpha_lies_on_white(tmp_path, suffix):
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[..., 0] = 200
    pixels[4:, :, 3] = 255
    pixels[:2, :, 3] = 127
    name = tmp_path / f"alpha{suffix}"
    Image.fromarray(pixels).save(name, lossless=True)
    seen = read(name)
    np.testing.assert_array_equal(seen[4:], np.full((4, 8, 3), (200, 0, 0)))
    np.testing.assert_array_equal(seen[2:4], np.full((2, 8, 3), 255))
    np.testing.assert_allclose(seen[:2], np.full((2, 8, 3), (228, 128, 128)), atol=1)


@pytest.mark.parametrize(
    ("mode", "colour", "options", "seen"),
    [
        ("P", 0, {"transparency": 0}, 255),
        ("L", 9, {"transparency": 9}, 255),
        ("RGB", (9, 8, 7), {"transparency": (9, 8, 7)}, 255),
        ("LA", (0, 51), {}, 204),
    ],
)
def test_transparent_colour_lies_on_white(tmp_path, mode, colour, options, seen):
    name = tmp_path / "transparent.png"
    Image.new(mode, (8, 8), colour).save(name, **options)
    np.testing.assert_allclose(read(name), seen, atol=1)


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_sixteen_bits(tmp_path, suffix):
    ramp = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    name = tmp_path / f"deep{suffix}"
    Image.fromarray(ramp).save(name)
    np.testing.assert_allclose(read(name), np.repeat(ramp[..., None] / 257, 3, -1), atol=0.51)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff"])
def test_rotation_of_the_camera(tmp_path, orientation, suffix):
    exif = Image.Exif()
    exif[0x0112] = orientation
    name = tmp_path / f"photo{suffix}"
    options = {} if suffix == ".tiff" else {"quality": 95, "lossless": True}
    picture().save(name, exif=exif, **options)
    with Image.open(name) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB")).astype(int)
    assert expected.shape == ((24, 32, 3) if orientation < 5 else (32, 24, 3))
    seen = read(name, size=expected.shape[:2])
    np.testing.assert_array_equal(seen, expected)
    if orientation == 6:
        turned = np.rot90(np.asarray(picture()), -1)
        assert np.abs(seen - turned).mean() <= (3 if suffix == ".jpg" else 0)


@pytest.mark.parametrize("mode", ["P", "L", "LA", "I;16"])
def test_rotation_of_other_modes(tmp_path, mode):
    upright, name = tmp_path / "upright.png", tmp_path / "turned.png"
    exif = Image.Exif()
    exif[0x0112] = 6
    grey = picture().convert("L")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    image = deep if mode == "I;16" else picture().convert(mode)
    image.save(upright)
    image.save(name, exif=exif)
    np.testing.assert_array_equal(read(name, (32, 24)), np.rot90(read(upright), -1))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_broken_metadata_is_no_reason_to_refuse(tmp_path):
    name = tmp_path / "photo.jpg"
    picture().save(name, exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff")
    assert np.abs(read(name) - np.asarray(picture())).mean() <= 5


# Size and proportions


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("size", [1, 7, (5, 9), (40, 12), 64])
@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (4000, 1), (24, 31), (31, 24)])
def test_sizes(tmp_path, resize, size, shape):
    name = tmp_path / "picture.png"
    Image.new("RGB", shape[::-1], (10, 200, 30)).save(name)
    seen = ImageReader(size, resize=resize).transform([name])
    assert seen.dtype == np.uint8
    assert seen.shape == (1, *((size, size) if isinstance(size, int) else size), 3)
    coloured = (seen == (10, 200, 30)).all(-1)
    if resize == "pad":
        assert coloured.any()
        assert (coloured | (seen == 0).all(-1)).all()
    else:
        assert coloured.all()


def thirds():
    """Return a picture three times as wide as high: red, green, blue."""
    pixels = np.zeros((10, 30, 3), np.uint8)
    for third in range(3):
        pixels[:, 10 * third : 10 * third + 10, third] = 255
    return Image.fromarray(pixels)


def test_proportions(tmp_path):
    name = tmp_path / "thirds.png"
    thirds().save(name)
    crop = read(name, 10, resize="crop")
    np.testing.assert_array_equal(crop, np.full((10, 10, 3), (0, 255, 0)))
    pad = read(name, 30, resize="pad")
    np.testing.assert_array_equal(pad[10:20], thirds())
    assert (pad[:10] == 0).all()
    assert (pad[20:] == 0).all()
    stretch = read(name, 30, resize="stretch")
    assert stretch[0, 4].tolist() == [255, 0, 0]
    assert stretch[29, 25].tolist() == [0, 0, 255]


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
def test_draft_of_large_jpegs_keeps_quality(tmp_path, resize):
    large = picture(1200, 1600)
    large.save(tmp_path / "large.jpg", quality=95)
    with Image.open(tmp_path / "large.jpg") as image:
        image.load()
        image.convert("RGB").save(tmp_path / "large.png")
    drafted = read(tmp_path / "large.jpg", 96, resize=resize)
    whole = read(tmp_path / "large.png", 96, resize=resize)
    assert np.abs(drafted - whole).mean() < 0.5
    assert np.abs(drafted - whole).max() <= 6
