"""What is shown of an image is what the network was shown."""

import numpy as np
import pytest
from PIL import Image
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skfashion import DenseClassifier
from skfashion._utils.image_files import decode_image, decode_thumbnail
from skfashion.datasets import make_images
from skfashion.inspection._pictures import image_shape_for, pictures
from skfashion.preprocessing import PixelScaler


def sideways(path):
    image = Image.fromarray(np.arange(20 * 30 * 3, dtype=np.uint8).reshape(20, 30, 3))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(path, exif=exif)


def deep(path):
    Image.fromarray((np.arange(600).reshape(20, 30) * 100).astype(np.uint16)).save(path)


def transparent(path):
    Image.new("RGBA", (30, 20), (0, 0, 0, 0)).save(path)


@pytest.mark.parametrize("make", [sideways, deep, transparent])
def test_files_are_shown_as_the_reader_sees_them(make, tmp_path):
    path = str(tmp_path / "picture.png")
    make(path)
    (shown,) = pictures([path])
    np.testing.assert_array_equal(shown, decode_image(path, shown.shape[:2], "stretch"))
    assert shown.shape == ((30, 20, 3) if make is sideways else (20, 30, 3))


def test_large_files_are_shown_small(tmp_path):
    path = tmp_path / "large.png"
    Image.new("RGB", (1000, 500), "red").save(path)
    assert decode_thumbnail(path, 256).shape == (128, 256, 3)


def test_no_other_program_is_started_for_a_file(tmp_path):
    path = tmp_path / "evil.jpg"
    path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n%%EOF\n")
    with pytest.raises(ValueError, match="it is not a JPEG"):
        pictures([str(path)])


@pytest.mark.parametrize(
    "scale",
    [
        lambda X: X * 257.0,
        lambda X: X / 255,
        lambda X: X / 127.5 - 1,
        lambda X: X * 257 - 32768,
        lambda X: X / 255 * 7.5 - 3.5,
    ],
)
def test_images_on_any_scale_are_shown_alike(scale):
    X, _ = make_images(9, n_classes=2, image_size=8, random_state=0)
    X[0, 0, :2] = 0, 255
    colours = np.repeat(X[..., None], 3, axis=-1)
    for given in (X, X.reshape(9, 64), X[..., None], colours):
        shown = np.int16(pictures(scale(given.astype(int))))
        assert np.abs(shown - (colours if given is colours else X)).max() <= 1
    assert np.max(pictures(np.zeros((2, 4, 4)))) == 0


def test_images_of_no_known_range():
    assert len(pictures(np.full((2, 4, 4), 300.0))) == 2
    digits = np.arange(48).reshape(3, 16) % 17
    assert np.max(pictures(digits, image_shape=(4, 4))) == 255
    assert np.max(pictures(digits * 15, image_shape=(4, 4))) == 240


def test_flat_rows_have_the_shape_that_the_estimator_gave_them():
    X, y = make_images(40, n_classes=2, image_size=(4, 9), random_state=0)
    rows = X.reshape(40, -1)
    clf = DenseClassifier(4, epochs=1, image_shape=(4, 9), random_state=0)
    found = GridSearchCV(make_pipeline(PixelScaler(), clf), {}, cv=2).fit(X, y)
    assert image_shape_for(found) == (4, 9, 1)
    assert image_shape_for(clf.fit(rows, y)) == (4, 9, 1)
    (shown, *_) = pictures(rows, image_shape=image_shape_for(clf))
    np.testing.assert_array_equal(shown, X[0])
    (shown, *_) = pictures(X, image_shape=(6, 6, 1))  # which images have themselves
    np.testing.assert_array_equal(shown, X[0])


def test_a_file_that_can_not_be_shown_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"gone\.png can't be shown: no such file"):
        pictures([str(tmp_path / "gone.png")])
