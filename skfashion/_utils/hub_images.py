"""Images in a `Dataset` of Hugging Face, read when they are wanted."""

from pathlib import Path

from skfashion._utils.image_files import Nameless


class RowImage(Nameless):
    """The image of one row: a source that is known by its place, unread."""

    def __init__(self, cells, row):
        self._cells, self._row = cells, row

    @property
    def content(self):
        """Bytes of the image's file."""
        cell = self._cells[self._row]
        return Path(cell["path"]).read_bytes() if cell["bytes"] is None else cell["bytes"]

    @property
    def digest(self):
        """Of the data set as it is, and the place in it."""
        return f"{self._cells.fingerprint} {self._row}"

    def __str__(self):
        return f"row {self._row}"


class _Cells:
    """The column of a `Dataset` that holds images, not decoded."""

    def __init__(self, dataset, name):
        undecoded = type(dataset.features[name])(decode=False)
        self._dataset = dataset.select_columns([name]).cast_column(name, undecoded)
        self._name = name
        self.fingerprint = self._dataset._fingerprint

    def __getitem__(self, row):
        return self._dataset[row][self._name]


def frame_of(dataset):
    """Return a `Dataset` as a frame: classes by name, images as names of files or `RowImage`."""
    features = dataset.features
    images = [name for name, feature in features.items() if type(feature).__name__ == "Image"]
    frame = dataset.remove_columns(images).to_pandas()
    for name, feature in features.items():
        if type(feature).__name__ == "ClassLabel":
            frame[name] = [feature.names[i] if i >= 0 else None for i in frame[name]]
    for name in images:
        cells = _Cells(dataset, name)
        rows = range(len(dataset))
        if len(dataset) and cells[0]["bytes"] is None:
            frame[name] = [cells[row]["path"] for row in rows]
        else:
            frame[name] = [RowImage(cells, row) for row in rows]
    return frame
