"""Image files of any size and kind, and some made to do harm: pixels, or an error with names."""

import io
import os
import struct
import traceback
import warnings
import zlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, features
from strange import telling, tries

from skfashion._utils.image_files import why_unreadable
from skfashion.datasets import load_image_folder
from skfashion.preprocessing import ImageReader

FORMATS = ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "JPEG2000", "PPM"]
FORMATS += ["AVIF"] if features.check("avif") else []
MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F", "YCbCr")
COUNTS = Counter()
TRIES = tries(200)
tell_counts = telling(COUNTS, "strange image files")


def read(path, what, **options):
    """Return one image, or None if it was refused as documented; as an upload just the same."""
    reader = ImageReader(size=8, **options)
    with open(path, "rb") as file:
        upload = file.read()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reason = why_unreadable(path)
        try:
            found = reader.transform([path])
        except ValueError as error:
            with pytest.raises(ValueError, match="bytes at position 0: "):
                reader.transform([upload])
            text, frames = str(error), traceback.extract_tb(error.__traceback__)
        else:
            COUNTS[f"{what}: read"] += 1
            assert (found.shape, found.dtype) == ((1, 8, 8, 3), np.uint8)
            np.testing.assert_array_equal(reader.transform([upload]), found)
            return found[0]
    assert reason is not None  # what is listed can be decoded
    COUNTS[f"{what}: refused"] += 1
    assert "can't be read as images" in text
    assert os.path.basename(path)[-8:] in text
    assert "PIL" not in {part for frame in frames for part in frame.filename.split(os.sep)}
    return None


@given(
    mode=st.sampled_from(MODES),
    kind=st.sampled_from(FORMATS),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    extension=st.sampled_from(["", ".png", ".jpg", ".exe", ".txt"]),
    resize=st.sampled_from(["stretch", "crop"]),
)
@TRIES
def test_modes(tmp_path_factory, mode, kind, size, extension, resize):
    path = str(tmp_path_factory.mktemp("images") / f"image{extension}")
    white = {"F": 1.0, "I": 65535, "I;16": 65535, "1": 1}
    image = Image.new("RGB", size, "white").convert(mode) if mode not in white else None
    image = image or Image.new(mode, size, white[mode])
    try:
        image.save(path, format=kind)
    except (OSError, KeyError, ValueError, SystemError):
        return  # a format that doesn't know this mode
    found = read(path, "mode", resize=resize)
    # Whatever it is kept as, a white picture is white. (Of floats only TIFF keeps more than 1.)
    if found is not None and (mode != "F" or kind == "TIFF"):
        assert found.min() >= 250, (mode, kind)
    assert found is not None


def originals():
    noise = np.random.RandomState(0).randint(0, 255, (24, 30, 3)).astype(np.uint8)
    for kind in FORMATS:
        buffer = io.BytesIO()
        Image.fromarray(noise).save(buffer, format=kind)
        yield kind, buffer.getvalue()


def test_damage(tmp_path):
    """Cut off, flipped, overwritten: read or refused, and never anything else."""
    rng = np.random.RandomState(0)
    path = str(tmp_path / "damaged.x")
    for kind, data in originals():
        damaged = [data[: rng.randint(len(data))] for _ in range(25)]
        for _ in range(60):
            copy = bytearray(data)
            at, size = rng.randint(len(data)), rng.choice([1, 2, 8, 100])
            at = rng.choice([at, rng.randint(min(60, len(data)))])
            copy[at : at + size] = rng.bytes(size)
            damaged.append(bytes(copy))
        damaged += [b"", data[:4], data[::-1], bytes(len(data)), b"\xff" * len(data), data + data]
        for content in damaged:
            with open(path, "wb") as file:
                file.write(content)
            read(path, f"damaged {kind}")


def png_chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of(width, height, body=b"", before=b""):
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = png_chunk(b"IHDR", head) + before + png_chunk(b"IDAT", zlib.compress(body))
    return b"\x89PNG\r\n\x1a\n" + parts + png_chunk(b"IEND", b"")


NOISE = zlib.compress(b"".join(b"\0" + os.urandom(24) for _ in range(8)))
HUGE_TEXT = png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(100_000_000)))


@pytest.mark.parametrize(
    ("pixels", "kind", "before", "after"),
    [
        (NOISE[:100], 2, b"", b""),
        (NOISE[:-10], 2, b"", b""),
        (b"", 2, b"", b""),
        (zlib.compress(b"\7" * 200), 2, b"", b""),  # a filter that there isn't
        (NOISE, 2, b"", HUGE_TEXT),
        (NOISE, 3, png_chunk(b"PLTE", bytes(6)) + png_chunk(b"tRNS", bytes(300)), b""),
    ],
    ids=["half of the pixels", "most", "none", "filter", "text behind the pixels", "transparency"],
)
def test_good_checksums_of_what_can_not_be_decoded(tmp_path, pixels, kind, before, after):
    path = tmp_path / "image.png"
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, kind, 0, 0, 0))
    parts = head, before, png_chunk(b"IDAT", pixels), after, png_chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    assert read(str(path), "good checksums") is None


BMP = struct.pack("<IHHIIiiHHIIiiII", 99, 0, 0, 54, 40, 2**30, 2**30, 1, 24, *[0] * 6)
GIF = struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b",\0\0\0\0\xff\xff\xff\xff\0"
BOMBS = {
    "pixels": png_of(60_000, 60_000),
    "one line": png_of(2**31 - 1, 1),
    "real": png_of(20_000, 20_000, bytes(20_001 * 20_000)),
    "text": png_of(8, 8, bytes(72), HUGE_TEXT),
    "gif": b"GIF89a" + GIF,
    "bmp": b"BM" + BMP,
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs(tmp_path, name):
    path = str(tmp_path / "image.png")
    with open(path, "wb") as file:
        file.write(BOMBS[name])
    assert read(path, "bomb") is None


NAMES = [b"new\nline.png", b"tab\t.png", b"\xff\xfe.png", "ü☃.png".encode(), b" .png", b"a'\"b.png"]


@pytest.mark.parametrize("name", NAMES)
def test_names(tmp_path, name):
    path = os.path.join(str(tmp_path), os.fsdecode(name))
    Image.new("RGB", (9, 9), "red").save(path, format="PNG")
    assert read(path, "name")[0, 0].tolist() == [255, 0, 0]
    stored = ImageReader(size=8, memory=str(tmp_path / "store"))
    for _ in range(2):
        assert stored.transform([path])[0, 0, 0].tolist() == [255, 0, 0]
    with open(path, "wb") as file:
        file.write(b"no image")
    shown = path if path.isprintable() else ascii(path)
    with pytest.raises(ValueError, match="can't be read as images") as caught:
        ImageReader(size=8).transform([path])
    assert f"  {shown}: it is not a JPEG" in str(caught.value)
    assert str(caught.value).encode()  # which surrogates would not let
    os.unlink(path)
    with pytest.raises(FileNotFoundError, match="1 of 1 files don't exist") as caught:
        ImageReader(size=8).transform([path])
    assert f"  {shown}\n" in str(caught.value)
    assert str(caught.value).encode()


def test_folders_of_such_names(tmp_path):
    odd = os.fsdecode(b"\xff\n")
    for label in (odd, "b"):
        (tmp_path / label).mkdir()
        for name in (b"\xfe.png", b"new\nline.png"):
            image = tmp_path / label / os.fsdecode(name)
            Image.new("RGB", (9, 9), "red").save(image, format="PNG")
        (tmp_path / label / f"bad{odd}.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match="can't be read as images") as caught:
        load_image_folder(tmp_path)
    assert str(caught.value).encode()
    assert ascii(str(tmp_path / odd / f"bad{odd}.png")) in str(caught.value)
    with pytest.warns(UserWarning, match="left out") as warned:
        data = load_image_folder(tmp_path, on_error="skip")
    assert str(warned[0].message).encode()
    assert data.DESCR.encode()
    assert data.target_names == ["b", odd]
    assert ImageReader(size=8).transform(data.filenames)[:, 0, 0, 0].tolist() == [255] * 4


def test_names_that_can_not_be(tmp_path):
    for name in ("a\0b.png", "x" * 5000, str(tmp_path), "", "\0", "/dev/null"):
        with pytest.raises((ValueError, TypeError, OSError)) as caught:
            ImageReader(size=8).transform([name])
        assert len(str(caught.value)) > 30
