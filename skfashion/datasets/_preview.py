"""What a notebook shows of a folder of images: counts and thumbnails, a row for each class."""

from html import escape

import numpy as np
from PIL import Image
from sklearn.utils import Bunch

from skfashion._utils import image_files

_SIDE = 64  # pixels
_PER_CLASS = 6
_CLASSES = 20


class ImageBunch(Bunch):
    """A `Bunch` of file names that shows some of the images in a notebook."""

    def _repr_html_(self):
        counts = {label: np.count_nonzero(self._has(label)) for label in self.target_names}
        rows = [self._row(label, counts[label]) for label in self.target_names[:_CLASSES]]
        notes = f"{len(self.target)} images of {len(counts)} classes"
        if self.bad_files:
            notes += f", files left out: {len(self.bad_files)}"
        if len(rows) < len(counts):
            notes += f", classes not shown: {len(counts) - len(rows)}"
        return f"<p>{notes}</p><table>{''.join(rows)}</table>"

    def _has(self, label):
        if self.target.ndim == 1:
            return self.target == label
        return self.target[:, self.target_names.index(label)] == 1

    def _row(self, label, count):
        files = self.filenames[self._has(label)]
        places = np.unique(np.linspace(0, len(files) - 1, _PER_CLASS).astype(int))[: len(files)]
        images = "".join(map(_image, files[places]))
        name = escape(image_files.shown_name(label))
        return f"<tr><th>{name}</th><td>{count}</td><td style='text-align: left'>{images}</td></tr>"


def _image(path):
    try:
        thumbnail = Image.fromarray(image_files.decode_thumbnail(path, _SIDE))
    except image_files.UnreadableImageError:
        return ""  # it has been moved or changed since
    source, name = image_files.data_uri(thumbnail, "JPEG"), escape(image_files.shown_name(path))
    style = "display: inline-block; margin: 0 2px; vertical-align: middle"
    return f'<img src="{source}" alt="{name}" title="{name}" style="{style}">'
