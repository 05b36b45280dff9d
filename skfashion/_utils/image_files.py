"""One image: whether it can be read, and what a person sees in it.

It is a file, by its name or as bytes, or a Pillow image. Only the formats below are ever tried:
some of Pillow's other plugins start programs.
"""

import base64
import io
import os
import stat
import sys
from contextlib import contextmanager

import numpy as np
from PIL import Image, ImageOps

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF", "JPEG2000", "PPM")
FORMATS_TEXT = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, JPEG 2000, PGM or PPM"

# Bilinear with Pillow's antialiasing: next to Lanczos a third less time and no ringing.
RESAMPLING = Image.Resampling.BILINEAR

# A JPEG can be decoded at 1/2, 1/4 or 1/8 of its size for a fraction of the time. It is
# kept this many times larger than wanted, and resampling does the rest. On 12 megapixels
# this took 15 ms instead of 83, and no pixel differed by more than 2 of 255.
_DRAFT_MARGIN = 2

# What is white where it is not the 65,535 of 16 bits, by Pillow's name of the pixels' layout.
_WHITE_BY_LAYOUT = {"I;12": 4095, "I;16S": 32767, "I;16BS": 32767}
# Resampling overshoots black and white by up to this part of the range.
_OVERSHOOT = 1 / 8
# Colours, and their layouts that have 16 bits (the last letter is the order of bytes).
_COLOURS = ("RGB", "RGBA")
_DEEP_COLOURS = ("RGB;16", "RGBX;16", "RGBA;16", "LA;16")
_SHOWN = 10  # lines of a list in a message
_REASONS = {
    FileNotFoundError: "no such file",
    PermissionError: "no permission to read it",
    Image.UnidentifiedImageError: f"it is not a {FORMATS_TEXT} image",
}


class UnreadableImageError(ValueError):
    """A file that can't be turned into an image; its text is the reason alone."""


class NoWhiteError(UnreadableImageError):
    """A sound file that lacks only somebody to say which of its values is white."""


class Nameless:
    """An image that is known by its `digest`, as it has no file name."""

    def __eq__(self, other):
        return isinstance(other, type(self)) and self.digest == other.digest

    def __hash__(self):
        return hash(self.digest)


def formats():
    """Return the names of formats that this Pillow reads; HEIF with a plugin."""
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


def sides_of(names):
    """Return the shorter and the longer side of image files, pixels, by their headers: (n, 2)."""
    sides = []
    for name in names:
        with Image.open(name, formats=formats()) as image:
            sides.append(sorted(image.size))
    return np.array(sides)


def shown_name(name):
    """Return the name of a file in one line; in quotes where it holds line breaks or surrogates."""
    name = str(name)  # of NumPy, whose text shows its type
    return name if name.isprintable() else ascii(name)


def listed(lines):
    """Return lines, each behind two blanks, of which many are cut short."""
    lines = list(lines)
    more = [f"... and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return "\n".join(f"  {line}" for line in lines[:_SHOWN] + more)


def reasons(bad_files):
    """Return lines of pairs of a file and what is wrong with it."""
    return listed(f"{shown_name(name)}: {reason}" for name, reason in bad_files)


@contextmanager
def _explained():
    """Raise whatever Pillow raises as `UnreadableImageError`, with a reason in words."""
    try:
        yield
    except (UnreadableImageError, MemoryError):
        raise
    except Exception as error:
        # Pillow's plugins raise OSError, SyntaxError, struct.error and more on bad bytes.
        broken = f"broken: {str(error).strip() or type(error).__name__}"
        raise UnreadableImageError(_REASONS.get(type(error), broken)) from error


def why_unreadable(path):
    """Decode a file, JPEGs at an eighth, and say why it can't be, whatever is white in it."""
    try:
        with _explained():
            with _opened(path) as image:
                if image.format == "PNG":
                    image.verify()  # its checksums, of which decoding takes no notice
            _picture(path, 1)
    except NoWhiteError:
        return None
    except UnreadableImageError as error:
        return str(error)
    return None


@_explained()
def decode_image(path, size, resize, white=None):
    """Read a file as a person sees it, uint8 (h, w, 3); `white` of None goes by its depth."""
    return np.asarray(_resized(_picture(path, max(size), white), size, resize))


@_explained()
def decode_thumbnail(path, side):
    """Read a file as `decode_image` does, `side` pixels large at most, and never nearly black."""
    largest, depth = span_of(path)
    dark_or_unknown = is_far_below(largest, depth) or largest > depth
    picture = _picture(path, side, largest if dark_or_unknown else None)
    picture.thumbnail((side, side))
    return np.asarray(picture)


@_explained()
def span_of(path):
    """Return the largest value in a file, and white at its depth; 0 and 0, undecoded, of 8 bits."""
    with _opened(path) as image:
        depth = _white_at_depth(image, _layout(image))
    if depth is None:
        return 0.0, 0.0
    return float(_values(path, *_loaded(path, 1)).max()), float(depth)


def is_far_below(largest, depth):
    """Tell whether values are so small that, read by their depth, they come out nearly black."""
    return (largest > 0) & (largest < depth / 4)


def data_uri(image, kind, **options):
    """Return a Pillow image as text that a page shows in place of a file."""
    content = io.BytesIO()
    image.save(content, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(content.getvalue()).decode()}"


@_explained()
def upright(image):
    """Return a copy of a Pillow image, decoded and turned as the camera noted down."""
    if getattr(image, "tile", None):  # not decoded yet
        if image.format not in (*_FORMATS, "MPO"):  # a JPEG with a second picture in it
            raise Image.UnidentifiedImageError
        _refuse_bombs(image)
    image.load()
    return _turned(image) or image.copy()


def _turned(image, *, in_place=False):
    try:
        return ImageOps.exif_transpose(image, in_place=in_place)
    except MemoryError:
        raise
    except Exception:
        return None  # bad metadata beside good pixels is no reason to lose the image


def _opened(source):
    source = getattr(source, "content", source)  # of a row of a data set
    if isinstance(source, Image.Image):
        return upright(source)
    if isinstance(source, bytes):
        source = io.BytesIO(source)
    else:
        mode = os.stat(source).st_mode
        if not stat.S_ISREG(mode):
            # Opening a pipe would wait for ever for somebody to write to it.
            kind = "a folder" if stat.S_ISDIR(mode) else "not a file"
            raise UnreadableImageError(f"it is {kind}")
    try:
        image = Image.open(source, formats=formats())
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableImageError(_too_large()) from error
    _refuse_bombs(image)
    return image


def _refuse_bombs(image):
    # Up to twice its limit Pillow only warns. Filters of warnings belong to the whole process, and
    # files are read in threads, so the limit is looked at here as well.
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and image.width * image.height > limit:
        image.close()
        raise UnreadableImageError(_too_large())


def _too_large():
    return (
        f"it has more than {Image.MAX_IMAGE_PIXELS:,} pixels, Pillow's limit against files made to "
        "exhaust memory (raise PIL.Image.MAX_IMAGE_PIXELS if you trust it)"
    )


def _loaded(path, side, layout=None):
    """Decode a file at `side` pixels or more, turned upright; return its pixels' layout, too."""
    with _opened(path) as image:
        image.draft(None, (side * _DRAFT_MARGIN, side * _DRAFT_MARGIN))
        if layout is None:
            layout = _layout(image)
        else:
            image.tile = [
                (*where, layout if isinstance(how, str) else (layout, *how[1:]))
                for *where, how in image.tile
            ]
        image.load()
        _turned(image, in_place=True)
        return image, layout


def _picture(path, side, white=None):
    """Return the picture of a file in red, green and blue."""
    image, layout = _loaded(path, side)
    depth = _white_at_depth(image, layout)
    # Of deep colours Pillow reads the upper 8 bits, which is all that their depth asks for.
    clear = image.info.get("transparency")  # in 16 bits, too; of 8 bits Pillow sees to it
    if depth is None or (white is None and clear is None and image.mode in _COLOURS):
        return _on_white(image)
    values = _values(path, image, layout)
    if white is None:
        white = depth
        if values.max() > white * (1 + _OVERSHOOT if image.mode == "F" else 1):
            raise NoWhiteError(
                f"its values reach {values.max():g}, and nothing says which of them is white "
                "(give ImageReader white=)"
            )
    picture = Image.fromarray(np.rint((values * (255 / white)).clip(0, 255)).astype(np.uint8))
    if image.mode == "RGBA":
        picture.putalpha(image.getchannel("A"))
    elif clear is not None:
        picture.putalpha(Image.fromarray((np.atleast_3d(values) != clear).any(axis=2)))
    return _on_white(picture)


def _layout(image):
    """Return Pillow's name for the layout of a file's pixels, of formats that may be deep."""
    if image.format not in ("PNG", "TIFF") or not image.tile:
        return ""
    arguments = image.tile[0][3]
    return arguments if isinstance(arguments, str) else arguments[0]


def _white_at_depth(image, layout):
    """Return the value that is white if the depth of a file decides; `None` with 8 bits."""
    if image.mode == "F":
        return 1
    if image.mode == "I" or image.mode.startswith("I;16"):
        return _WHITE_BY_LAYOUT.get(layout, 65535)
    return 65535 if image.mode in _COLOURS and layout[:-1] in _DEEP_COLOURS else None


def _values(path, image, layout):
    """Return the pixels of a deep file as floats, of shape (height, width) or (..., 3)."""
    if layout == "LA;16B":
        # Taken for RGBA, each pixel is upper and lower byte of grey, then of alpha.
        lower = np.asarray(_loaded(path, 1, "RGBA")[0])[..., 1:2]
        return np.asarray(image)[..., :3] * 256.0 + lower
    if image.mode in _COLOURS:
        # Pillow reads the upper bytes. Taken in the other order, the lower ones come out.
        order = {"B": "L", "L": "B"}.get(layout[-1], "B" if sys.byteorder == "little" else "L")
        lower = np.asarray(_loaded(path, 1, layout[:-1] + order)[0])[..., :3]
        return np.asarray(image)[..., :3] * 256.0 + lower
    values = np.asarray(image)
    if layout == "I;32N":
        values = values.view(np.uint32)
    with np.errstate(invalid="ignore"):
        values = values.astype(np.float64)
    low, high = values.min(), values.max()
    if not np.isfinite([low, high]).all():
        raise UnreadableImageError("its values are not all finite numbers")
    if low < (-_OVERSHOOT * max(high, 1) if image.mode == "F" else 0):
        raise UnreadableImageError(
            f"its values go down to {low:g}, and 0 is black (save it with an offset)"
        )
    return values


def _on_white(image):
    if image.has_transparency_data:
        seen = Image.new("RGBA", image.size, "white")
        seen.alpha_composite(image.convert("RGBA"))
        return seen.convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _resized(picture, size, resize):
    height, width = size
    if resize == "stretch":
        return picture.resize((width, height), RESAMPLING)
    if resize == "crop":
        return ImageOps.fit(picture, (width, height), RESAMPLING)
    # ImageOps.pad lets the shorter side of a very long picture vanish.
    scale = min(width / picture.width, height / picture.height)
    inner = [max(1, round(side * scale)) for side in picture.size]
    canvas = Image.new("RGB", (width, height))
    corner = (width - inner[0]) // 2, (height - inner[1]) // 2
    canvas.paste(picture.resize(inner, RESAMPLING), corner)
    return canvas
