"""One image file: whether it can be read, and what a person sees in it.

Pillow does the decoding. Only the formats below are ever tried, whatever the
file's name says: some of Pillow's other plugins start external programs.
"""

import os
import stat

import numpy as np
from PIL import Image

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
FORMATS_TEXT = "JPEG, PNG, WebP, GIF, BMP or TIFF"

# Bilinear with Pillow's antialiasing: next to Lanczos a third less time and no ringing.
RESAMPLING = Image.Resampling.BILINEAR

_ORIENTATION_TAG = 0x0112
# What undoes each of the EXIF orientations.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)
# A JPEG can be decoded at 1/2, 1/4 or 1/8 of its size for a fraction of the time. It is
# kept this many times larger than wanted, and resampling does the rest. On 12 megapixels
# this took 15 ms instead of 83, and no pixel differed by more than 2 of 255.
_DRAFT_MARGIN = 2


class UnreadableImageError(ValueError):
    """A file that can't be turned into an image; its text is the reason alone."""


def shown_name(name):
    r"""Return the name of a file or folder as it can be printed, in one line.

    Names are bytes: they may hold line breaks, and what is no text at all, which Python keeps
    as surrogates that no stream can write.

    Parameters
    ----------
    name : str

    Returns
    -------
    str
        The name itself; one that can't be printed in quotes and ASCII.

    Examples
    --------
    >>> from skfashion._utils.image_files import shown_name
    >>> shown_name("a cat.png")
    'a cat.png'
    >>> print(shown_name("a\ncat.png"))
    'a\ncat.png'
    """
    name = str(name)  # of NumPy, whose text shows its type
    return name if name.isprintable() else ascii(name)


def why_unreadable(path):
    """Say why a file can't be read as an image, or return `None` if it can.

    JPEGs are decoded at an eighth of their size and PNGs checked by their
    checksums, which finds cut-off files at a fraction of the time.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    reason : str or None
        A short reason that doesn't repeat the file's name.
    """
    try:
        with _opened(path) as image:
            if image.format == "PNG":
                image.verify()
            else:
                image.draft(None, (1, 1))
                image.load()
                if _is_deep(image):
                    _grey_from_deep(image)
    except UnreadableImageError as error:
        return str(error)
    except MemoryError:
        raise
    except Exception as error:
        return _reason(error)
    return None


def decode_image(path, size, resize):
    """Read a file as a person sees it, at the wanted size.

    Parameters
    ----------
    path : str or path-like
        The file.

    size : (int, int)
        Height and width wanted.

    resize : {"stretch", "crop", "pad"}
        What becomes of the picture's proportions.

    Returns
    -------
    image : ndarray of shape (height, width, 3), dtype uint8
        Red, green and blue.

    Raises
    ------
    UnreadableImageError
        With the reason, for any file that can't be decoded.
    """
    return _decoded(path, size, lambda picture: _resized(picture, size, resize))


def decode_thumbnail(path, side):
    """Read a file as a person sees it, small.

    Parameters
    ----------
    path : str or path-like
        As for `decode_image`, and so is what it returns and raises.
    side : int
        Largest height and width.
    """

    def shrunk(picture):
        picture.thumbnail((side, side))
        return picture

    return _decoded(path, (side, side), shrunk)


def _decoded(path, size, finish):
    """Return the bytes of a picture, turned as it should be, that `finish` has done with."""
    try:
        with _opened(path) as image:
            height, width = size
            if _orientation(image) in _SIDEWAYS:
                height, width = width, height
            image.draft(None, (width * _DRAFT_MARGIN, height * _DRAFT_MARGIN))
            image.load()
            # Asked again, because a TIFF is turned by Pillow itself while it loads.
            turn = _TURNS.get(_orientation(image))
            picture = _as_rgb(image)
            if turn is not None:
                picture = picture.transpose(turn)
            return np.asarray(finish(picture))
    except (UnreadableImageError, MemoryError):
        raise
    except Exception as error:
        # Pillow's plugins raise OSError, SyntaxError, struct.error and more on bad bytes.
        raise UnreadableImageError(_reason(error)) from error


def _opened(path):
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode):
        # Opening a pipe would wait for ever for somebody to write to it.
        raise UnreadableImageError("it is a folder" if stat.S_ISDIR(mode) else "it is no file")
    try:
        image = Image.open(path, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableImageError(_bomb_message()) from error
    # Up to twice its limit Pillow only warns. Filters of warnings belong to the whole
    # process, and files are read in threads, so the limit is looked at here as well.
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and image.width * image.height > limit:
        image.close()
        raise UnreadableImageError(_bomb_message())
    return image


def _bomb_message():
    return (
        f"it has more than {Image.MAX_IMAGE_PIXELS:,} pixels, Pillow's limit against files made "
        "to exhaust memory (raise PIL.Image.MAX_IMAGE_PIXELS if you trust it)"
    )


def _orientation(image):
    try:
        return image.getexif().get(_ORIENTATION_TAG)
    except Exception:
        # Bad metadata beside good pixels is no reason to lose the image.
        return None


def _as_rgb(image):
    if _is_deep(image):
        return _grey_from_deep(image).convert("RGB")
    if image.has_transparency_data:
        seen = Image.new("RGBA", image.size, "white")
        seen.alpha_composite(image.convert("RGBA"))
        return seen.convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _is_deep(image):
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def _grey_from_deep(image):
    """Bring grey pixels of more than 8 bits to 0-255, where `convert` would clip them."""
    pixels = np.asarray(image).astype(np.float64)
    low, high = pixels.min(), pixels.max()
    if not (low >= 0 and high <= 65535):
        raise UnreadableImageError(
            f"its grey values run from {low:g} to {high:g}, and nothing says which of them is "
            "white (save it with 8 or 16 bits)"
        )
    if image.mode == "F":
        pixels *= 255 if high <= 1 else 1 if high <= 255 else 255 / 65535
    else:
        pixels *= 255 / 65535
    return Image.fromarray(np.rint(pixels).astype(np.uint8))


def _resized(picture, size, resize):
    height, width = size
    if resize == "stretch":
        return picture.resize((width, height), RESAMPLING)
    scales = height / picture.height, width / picture.width
    if resize == "crop":
        scale = max(scales)
        box_width, box_height = width / scale, height / scale
        left, top = (picture.width - box_width) / 2, (picture.height - box_height) / 2
        # Rounding may put an edge a hair outside the picture, which Pillow refuses.
        box = (
            max(left, 0.0),
            max(top, 0.0),
            min(left + box_width, float(picture.width)),
            min(top + box_height, float(picture.height)),
        )
        return picture.resize((width, height), RESAMPLING, box=box)
    scale = min(scales)
    inner = (
        min(width, max(1, round(picture.width * scale))),
        min(height, max(1, round(picture.height * scale))),
    )
    canvas = Image.new("RGB", (width, height))
    canvas.paste(
        picture.resize(inner, RESAMPLING),
        ((width - inner[0]) // 2, (height - inner[1]) // 2),
    )
    return canvas


def _reason(error):
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    if isinstance(error, Image.UnidentifiedImageError):
        return f"it is no {FORMATS_TEXT} image"
    text = str(error).strip() or type(error).__name__
    return f"broken: {text}"
