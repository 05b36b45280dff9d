"""Data sets of Hugging Face: a column of images as X, read when it is wanted."""

import numpy as np
import pytest
from estimators import dense
from pictures import decoded, forget, picture

from skfashion.datasets import load_image_table
from skfashion.preprocessing import ImageReader

datasets = pytest.importorskip("datasets", minversion="2.14")  # this folder has the same name
N = 12
LABELS = np.arange(N) % 2


@pytest.fixture
def pictures():
    return [picture(seed=i) for i in range(N)]


@pytest.fixture
def dataset(pictures):
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=["sea", "sky"])}
    )
    return datasets.Dataset.from_dict({"image": pictures, "label": LABELS}, features=features)


def test_a_column_of_images_is_read_when_it_is_wanted(dataset, pictures):
    data = load_image_table(dataset, path="image")
    assert data.target.tolist() == [["sea", "sky"][i] for i in LABELS]
    assert "<img" in data._repr_html_()
    expected = ImageReader(16).transform(pictures)
    forget()
    X = ImageReader(16, lazy=True).transform(data.filenames[::-1])
    assert not decoded()
    np.testing.assert_array_equal(np.asarray(X), expected[::-1])
    np.testing.assert_array_equal(ImageReader(16).transform(dataset["image"]), expected)
    clf = dense(epochs=1).fit(X, data.target[::-1])
    assert clf.history_ == dense(epochs=1).fit(expected[::-1], data.target[::-1]).history_


def test_rows_are_known_by_the_data_set_and_their_place(dataset, tmp_path):
    def read(chosen):
        forget()
        X = load_image_table(chosen, path="image").filenames
        images = ImageReader(16, memory=tmp_path).transform(X)
        return images, decoded()

    images, n = read(dataset)
    again, none = read(dataset)
    assert (n, none) == (N, 0)
    np.testing.assert_array_equal(again, images)
    turned, n = read(dataset.select(range(N)[::-1]))
    assert n == N
    np.testing.assert_array_equal(turned, images[::-1])


def test_files_stay_files(pictures, tmp_path):
    for i, image in enumerate(pictures):
        folder = tmp_path / f"class_{i % 2}"
        folder.mkdir(exist_ok=True)
        image.save(folder / f"{i:02}.png")
    names = sorted(str(name) for name in tmp_path.rglob("*.png"))
    frame = {"image": names, "kind": [3] * N}
    dataset = datasets.Dataset.from_dict(frame).cast_column("image", datasets.Image())
    X, y = load_image_table(dataset, "image", "kind", return_X_y=True)
    assert (X.tolist(), y.tolist()) == (names, [3] * N)


def test_refusals(dataset):
    with pytest.raises(ValueError, match=r"no column 'file' in the data set.*'image'"):
        load_image_table(dataset)
    with pytest.raises(TypeError, match=r"DatasetDict.*one split"):
        load_image_table(datasets.DatasetDict(train=dataset), path="image")
    unlabelled = dataset.remove_columns("label").add_column(
        "label", [-1] * N, feature=dataset.features["label"]
    )
    with pytest.raises(ValueError, match="'label' of the data set is empty in 12"):
        load_image_table(unlabelled, path="image")
