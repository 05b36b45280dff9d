"""What a notebook shows of a folder of images."""

import base64
import io
import pickle
import re

import pytest
from PIL import Image
from sklearn.utils import Bunch

from skfashion.datasets import load_image_folder


def folder_of(tmp_path, counts):
    for label, n in counts.items():
        (tmp_path / label).mkdir()
        for number in range(n):
            Image.new("RGB", (200, 100), (20 * number, 0, 0)).save(
                tmp_path / label / f"{number}.png"
            )
    return tmp_path


def test_counts_and_thumbnails(tmp_path):
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


def test_many_classes(tmp_path):
    data = load_image_folder(folder_of(tmp_path, {f"{label:02}": 1 for label in range(22)}))
    html = data._repr_html_()
    assert "22 images of 22 classes, classes not shown: 2" in html
    assert html.count("<tr>") == 20
