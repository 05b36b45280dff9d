"""What is wrong with images and labels is found, and nothing is trained for it."""

import numpy as np
import pytest
from estimators import dense
from folders import write_classes
from PIL import Image
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import GridSearchCV, GroupKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.utils.fixes import parse_version

from skfashion._cli._main import main
from skfashion.datasets import load_image_folder, make_images
from skfashion.inspection import _duplicates, duplicate_groups, inspect_images, write_report
from skfashion.preprocessing import ImageReader

SKLEARN = parse_version(__import__("sklearn").__version__)
CV = StratifiedKFold(3, shuffle=True, random_state=0)


@pytest.fixture
def data():
    """Images of 3 classes, far from each other, and text labels."""
    X, y = make_images(150, n_classes=3, image_size=8, random_state=0)
    return X, np.array(["boot", "coat", "bag"])[y]


def only(frame, *kinds):
    columns = ["kind", "index", "other_index", "across"]
    return frame.loc[frame["kind"].isin(kinds), columns].to_numpy().tolist()


def test_copies(data):
    X, y = data
    other = np.flatnonzero(y != y[3])[-1]
    same = np.flatnonzero(y == y[5])[-2]
    X[other], X[same] = X[3], X[5]
    X[same, 0, 0] ^= 8
    X_test = np.concatenate([X[10:11], X[20:30] ^ 128])
    found = inspect_images(X, y, X_test=X_test, y_test=y[np.r_[10, 20:30]])
    assert only(found, "copy") == [["copy", other, 3, "classes"], ["copy", 0, 10, "parts"]]
    assert only(found, "near copy") == [["near copy", same, 5, ""]]
    row = found[found["part"] == "test"].iloc[0]
    assert (row["other_part"], row["label"], row["other_label"]) == ("train", y[10], y[10])
    near = found[found["kind"] == "near copy"].iloc[0]
    assert near["value"] == pytest.approx(1)  # 8 in one pixel of 64
    assert only(inspect_images(X, y, max_distance=0.9), "near copy") == []


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("form", ["images", "rows", "colour", "large"])
def test_whatever_form_images_have(form, dtype, data):
    X, y = data
    if form == "colour":
        X = np.repeat(X[..., np.newaxis], 3, axis=3)
    elif form == "large":
        X = np.kron(X, np.ones((1, 6, 6), np.uint8))
    X[9] = X[4]
    X = X.reshape(len(X), -1) if form == "rows" else X
    X = X if dtype == np.uint8 else (X / 255).astype(dtype)
    assert only(inspect_images(X, y), "copy") == [["copy", 9, 4, "classes" * (y[9] != y[4])]]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n", [1, 60])
def test_images_that_are_all_alike(n):
    found = inspect_images(np.full((n, 8, 8), 3), np.arange(n) % 2)
    assert (found["kind"] == "blank").sum() == n
    assert (found["kind"] == "copy").sum() == n - 1


@pytest.mark.parametrize("form", ["arrays", "files"])
def test_dark_test_images_are_compared_as_they_are(form, data, tmp_path):
    """Of a part that has no bright pixel none is made: its copies would be missed."""
    X, y = data
    X[4] = X[9] // 2
    if form == "files":
        names = np.array([str(tmp_path / f"{i}.png") for i in range(len(X))])
        for image, name in zip(X, names, strict=True):
            Image.fromarray(image.astype(np.uint16) * 8).save(name)
        X = names
    found = inspect_images(X, y, X_test=X[4:5], y_test=y[4:5])
    assert only(found, "copy", "near copy") == [["copy", 0, 4, "parts"]]


@pytest.mark.parametrize("max_distance", [0, 2, 30])
@pytest.mark.parametrize("n", [1, 2, 40, 300])
def test_no_near_pair_is_missed(n, max_distance, rng, monkeypatch):
    monkeypatch.setattr(_duplicates, "_BLOCK", 64)
    monkeypatch.setattr(_duplicates, "_SAMPLE", 100)
    rows = rng.integers(0, 256, (n, 200), dtype=np.uint8)
    rows[n // 2 :] = np.clip(rows[: n - n // 2] + rng.normal(0, 2, (n - n // 2, 200)), 0, 255)
    a, b, distances = _duplicates.near_pairs(rows, max_distance)
    exact = np.sqrt(((rows[:, np.newaxis].astype(float) - rows) ** 2).mean(axis=2))
    wanted = np.argwhere(np.triu(exact <= max_distance, 1))
    assert sorted(zip(a.tolist(), b.tolist(), strict=True)) == sorted(map(tuple, wanted.tolist()))
    np.testing.assert_allclose(distances, exact[a, b], rtol=1e-6)


def test_groups_keep_copies_together(data):
    X, y = data
    X[50], X[100], X[140] = X[0], X[0] ^ 4, X[7]
    groups = duplicate_groups(X)
    assert groups[0] == groups[50] == groups[100] != groups[7] == groups[140]
    assert len(set(groups)) == 147
    for train, test in GroupKFold(5).split(X, y, groups):
        assert not set(groups[train]) & set(groups[test])
    assert len(set(duplicate_groups(X, max_distance=0))) == 148
    assert duplicate_groups(np.zeros((5, 8, 8))).tolist() == [0] * 5


@pytest.fixture
def searched(data, tmp_path):
    """Images and labels of which five are wrong, and a search over them."""
    X, y = data
    wrong = np.arange(5, 150, 30)
    y[wrong] = np.where(y[wrong] == "bag", "coat", "bag")
    clf = dense(hidden_layer_sizes=32, epochs=25, memory=tmp_path)
    search = GridSearchCV(clf, {"learning_rate": [3e-3, 1e-2]}, cv=CV).fit(X, y)
    return X, y, wrong, search


def test_labels_that_models_contradict(searched, trained):
    X, y, wrong, search = searched
    found = inspect_images(X, y, search)
    assert trained == [0] * 6
    labels = found[found["kind"] == "label"]
    assert set(labels["index"].head(8)) >= set(wrong)
    assert (labels["label"] != labels["suggested"]).all()
    assert (labels["label"] == y[labels["index"].to_numpy(int)]).all()
    assert labels["value"].is_monotonic_increasing
    assert labels["value"].between(0, 0.5).all()


def test_copies_across_folds(data, tmp_path):
    X, y = data
    fold = np.empty(len(X), int)
    for number, (_, test) in enumerate(CV.split(X, y)):
        fold[test] = number
    one, other = (np.flatnonzero((fold == f) & (y == "bag"))[0] for f in (0, 1))
    X[other] = X[one]
    for memory in (tmp_path, None):
        search = GridSearchCV(dense(memory=memory), {"dropout": [0.0]}, cv=CV).fit(X, y)
        if memory is None:
            with pytest.warns(UserWarning, match="Nothing can be said of labels.*memory="):
                found = inspect_images(X, y, search)
            assert "label" not in found["kind"].tolist()
        else:
            found = inspect_images(X, y, search)
        assert only(found, "copy") == [["copy", max(one, other), min(one, other), "folds"]]


@pytest.mark.skipif(parse_version("1.8") > SKLEARN, reason="scikit-learn has no temperature yet")
def test_calibration_of_a_kept_search_trains_nothing(searched, trained):
    X, y, _, search = searched
    trained.clear()
    options = {"method": "temperature", "cv": CV, "ensemble": False}
    calibrated = CalibratedClassifierCV(search.best_estimator_, **options).fit(X, y)
    assert trained == [0] * 4  # three folds, and all images
    (inner,) = calibrated.calibrated_classifiers_
    wanted = search.best_estimator_.predict_proba(X)
    np.testing.assert_array_equal(inner.estimator.predict_proba(X), wanted)
    assert not np.allclose(calibrated.predict_proba(X), wanted)


@pytest.fixture
def photos(data, tmp_path):
    """A folder of colour images with a copy, an odd one, a blank one, and a class of three."""
    X, y = make_images(60, n_classes=3, image_size=40, channels=3, random_state=0)
    write_classes(tmp_path / "photos", X[:50], np.minimum(y[:50], 1), "ab")
    folder = tmp_path / "photos"
    (folder / "c").mkdir()
    smooth = Image.linear_gradient("L").convert("RGB").resize((40, 40))
    smooth.save(folder / "c" / "1.png")
    smooth.resize((80, 80)).save(folder / "c" / "larger.jpg", quality=80)
    with Image.open(next((folder / "a").iterdir())) as image:
        image.save(folder / "c" / "copy.png")
    Image.new("RGB", (40, 150), "white").save(folder / "b" / "blank.png")
    return folder


def test_files(photos):
    X, y = load_image_folder(photos, return_X_y=True)
    found = inspect_images(X, y).set_index("kind")
    assert found.loc["copy", "file"].endswith("copy.png")
    assert found.loc["copy", "across"] == "classes"
    assert "larger.jpg" in str(found.loc[["near copy"], ["file", "other_file"]].to_numpy())
    for kind in ("blank", "size"):
        assert found.loc[kind, "file"].endswith("blank.png")
    assert (found.loc["class", "label"], found.loc["class", "value"]) == ("c", 3)


def test_the_command_line_says_it(photos, tmp_path, capsys):
    (photos / "a" / "broken.png").write_text("no image")
    (photos / "d").mkdir()
    Image.new("RGB", (40, 40), "red").save(photos / "d" / "1.png")
    assert main(["check", str(photos), "--csv", str(tmp_path / "all.csv")]) == 0
    told = capsys.readouterr().out
    assert "55 images, 40 x 40 (shorter sides 40 to 80) pixels" in told
    for line in (
        "1 file can't be read",
        "1 copy of another image (1 across classes)",
        "2 blank images",
        "1 image of an odd size or shape",
        "2 classes with few images",
        "d  1 image",
        "c  3 images",
    ):
        assert line in told
    assert "c/copy.png" in told
    assert f"{photos}/" not in told
    assert "near copy" in (tmp_path / "all.csv").read_text()
    assert main(["check", "digits"]) == 0
    assert "1,797 images, 8 x 8 pixels" in capsys.readouterr().out


def test_the_report_shows_it(photos, tmp_path):
    pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
    X, y = load_image_folder(photos, return_X_y=True)
    clf = dense(memory=tmp_path / "runs")
    pipe = make_pipeline(ImageReader(8, memory=tmp_path / "runs"), clf)
    cv = StratifiedKFold(2, shuffle=True, random_state=0)
    search = GridSearchCV(pipe, {"denseclassifier__dropout": [0.0, 0.5]}, cv=cv).fit(X, y)
    findings = inspect_images(X, y, search, X_test=X[:3], y_test=y[:3])
    parts = {"X_train": X, "y_train": y, "X_test": X[:3], "y_test": y[:3]}
    page = write_report(search, tmp_path / "report.html", findings=findings, **parts)
    text = page.read_text("utf-8")
    for told in ("Images and labels to look at", "Copies of other images", "is labelled", "c (3)"):
        assert told in text
    assert 'data-name="reliability"' in text
    assert text.count('<div class="two">') >= 4
    bare = write_report(search, tmp_path / "report.html", findings=findings)
    assert "copies of other images" in bare.read_text("utf-8")
    assert "Nothing was found" in write_report(search, bare, findings=findings[:0]).read_text()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"y": np.ones((150, 2), int)}, ValueError, "one label each"),
        ({"y": ["a"] * 149}, ValueError, "inconsistent"),
        ({"search": dense()}, TypeError, "not a search"),
        ({"max_distance": -1}, ValueError, "max_distance"),
        (
            {"X_test": np.zeros((2, 9, 9), np.uint8), "y_test": ["bag", "coat"]},
            ValueError,
            "X_test",
        ),
        ({"X_test": np.zeros((2, 8, 8), np.uint8)}, ValueError, "belong together"),
        ({"X": [np.zeros((8 + i % 2, 8)) for i in range(150)]}, ValueError, "mixes images"),
        ({"X": [b"an image"] * 150}, ValueError, "bytes, not pixels"),
    ],
)
def test_refusals(change, error, message, data):
    X, y = data
    with pytest.raises(error, match=message):
        inspect_images(**{"X": X, "y": y, **change})


def test_test_images_of_fashion_mnist_that_are_in_its_training_part(fashion):
    X, y, X_test, y_test = fashion
    found = inspect_images(X, y, X_test=X_test, y_test=y_test)
    near = found[(found["part"] == "test") & found["across"].str.contains("parts")]
    assert near["index"].nunique() == 12
    assert near["value"].max() < 8
