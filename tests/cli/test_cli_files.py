"""Which files of models the command line takes, and what it says of the others."""

import gzip
import os
import pickle
import subprocess
import sys
import warnings
import zipfile

import joblib
import keras
import numpy as np
import pytest
from commands import predicted
from estimators import small
from folders import write_classes
from hostile import Payload, packed, saved_models, unpacked
from PIL import Image
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import Bunch

import skfashion
from skfashion._cli import _results
from skfashion._cli._console import UserError, last_line, short_warnings
from skfashion._cli._main import main
from skfashion._cli._predict import as_input
from skfashion._cli._search import Baseline
from skfashion.datasets import make_images
from skfashion.preprocessing import ImageFlattener, ImageReader, ImageResizer, PixelScaler


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of pictures of two classes, their names and labels."""
    folder = tmp_path_factory.mktemp("photos")
    X, y = make_images(40, n_classes=2, image_size=8, channels=3, random_state=0)
    write_classes(folder, X, y, "ab")
    labels = np.array(list("ab"))[y]
    names = [str(folder / label / f"{i}.png") for i, label in enumerate(labels)]
    return folder, np.array(names), labels


@pytest.fixture(scope="module")
def reader_model(photos, tmp_path_factory):
    """What `skfashion search` tunes on a folder, fitted, with a store of its own."""
    _, names, labels = photos
    memory = str(tmp_path_factory.mktemp("memory"))
    pipe = make_pipeline(
        ImageReader(size=8, memory=memory),
        PixelScaler("standard"),
        small("DenseClassifier", epochs=3, memory=memory),
    )
    return pipe.fit(names, labels)


@pytest.fixture(scope="module")
def search(photos, reader_model):
    return GridSearchCV(reader_model, {"denseclassifier__epochs": [3]}, cv=2).fit(*photos[1:])


@pytest.fixture
def image(photos):
    return photos[1][0]


def test_what_a_search_leaves_is_read_in_another_place(photos, search, tmp_path, capsys):
    folder, names, labels = photos
    parts = {"X": names, "y": labels, "X_test": names, "y_test": labels}
    data = Bunch(**parts, bad_files=[("odd\n.txt", "no image")])
    summary = {
        **_results.describe(search, data, Baseline(None, labels)),
        **{"images_to_train_on": 40, "seconds": 1.0, "scoring": None, "command": "none"},
        **{"model": "dense", "data": str(folder)},
    }
    _results.write(str(tmp_path), search, data, summary)
    assert sorted(os.listdir(tmp_path)) == [
        *("cv_results.csv", "left_out.txt", "model.skfashion", "report.html"),
        *("summary.json", "summary.txt"),
    ]
    assert (tmp_path / "left_out.txt").read_text() == "'odd\\n.txt'\tno image\n"
    loaded = skfashion.load(tmp_path / "model.skfashion")
    assert [step.memory for step in (loaded[0], loaded[-1])] == [None, None]
    wanted = search.best_estimator_.predict_proba(names)
    assert np.array_equal(loaded.predict_proba(names), wanted)
    # The estimator in hand keeps its store: only the file goes without.
    assert search.best_estimator_[0].memory is not None
    assert main(["predict", str(tmp_path), *names]) == 0
    rows = predicted(capsys)
    assert [row[1] for row in rows] == search.predict(names).tolist()
    assert main(["evaluate", str(tmp_path), str(folder)]) == 0
    assert "on 40 images" in capsys.readouterr().out


WRITERS = {
    "joblib": joblib.dump,
    "joblib, compressed": lambda model, path: joblib.dump(model, path, compress=3),
    "joblib, gzip": lambda model, path: joblib.dump(model, path, compress="gzip"),
    "pickle": lambda model, path: path.write_bytes(pickle.dumps(model)),
    "pickle, first protocol": lambda model, path: path.write_bytes(pickle.dumps(model, 0)),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_pickle_is_taken_from_those_who_are_trusted(
    writer, reader_model, photos, image, tmp_path, capsys
):
    path = tmp_path / "model.joblib"
    WRITERS[writer](reader_model, path)
    for command in (["predict", str(path), image], ["evaluate", str(path), str(photos[0])]):
        assert main(command) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert "is not a file of skfashion.save" in error
        assert "--trust-pickle" in error
        assert main([*command, "--trust-pickle"]) == 0
        errors = capsys.readouterr().err
        assert errors == "" if command[0] == "predict" else errors.startswith("note: all of")


@pytest.mark.parametrize("kind", ["pickle", "joblib", "gzip", "in an archive"])
@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_nothing_of_a_hostile_file_runs(kind, command, photos, image, tmp_path, capsys):
    payload = Payload(tmp_path / "marker")
    path = tmp_path / "model.skfashion"
    if kind == "joblib":
        joblib.dump(payload, path)
    elif kind == "in an archive":
        schema, members = unpacked(saved_models()["dense"])
        path.write_bytes(packed(schema, {**members, "0.npy": pickle.dumps(payload)}))
    else:
        content = pickle.dumps(payload)
        path.write_bytes(gzip.compress(content) if kind == "gzip" else content)
    last = image if command == "predict" else str(photos[0])
    assert main([command, str(path), last]) == 2
    assert "can't be loaded as a model" in capsys.readouterr().err
    assert not (tmp_path / "marker").exists()
    # That the payload works at all: trusted, it runs (and an archive is none the less checked).
    assert main([command, str(path), last, "--trust-pickle"]) == 2
    assert (tmp_path / "marker").exists() == (kind != "in an archive")


def test_trust_does_not_harm_a_file_that_needs_none(reader_model, image, tmp_path, capsys):
    skfashion.save(reader_model, tmp_path / "model.skfashion")
    assert main(["predict", "--trust-pickle", str(tmp_path), image]) == 0
    assert predicted(capsys)[0][0] == image


def test_a_search_of_joblib_gives_its_best(search, image, tmp_path, capsys):
    joblib.dump(search, tmp_path / "search.joblib")
    assert main(["predict", str(tmp_path / "search.joblib"), image, "--trust-pickle"]) == 0
    assert predicted(capsys)[0][1] == search.predict([image])[0]


@pytest.mark.parametrize("name", [b"\xff\xfe.png", b"new\nline.png", b"tab\there.png"])
def test_names_that_are_no_text_keep_their_line(name, reader_model, image, tmp_path, capsys):
    skfashion.save(reader_model, tmp_path / "model.skfashion")
    path = os.path.join(str(tmp_path), os.fsdecode(name))
    with open(image, "rb") as source, open(path, "wb") as copy:
        copy.write(source.read())
    assert main(["predict", str(tmp_path), path]) == 0
    captured = capsys.readouterr()
    captured.out.encode()
    _, row = [line.split("\t") for line in captured.out.splitlines()]
    assert row[0] == ascii(path)
    assert row[1] in "ab"
    os.unlink(path)
    assert main(["predict", str(tmp_path), path]) == 2
    error = capsys.readouterr().err
    error.encode()
    assert ascii(path) in error
    assert error.count("\n") == 1


def test_classes_that_are_no_text(photos, tmp_path, capsys):
    folder, out = tmp_path / "photos", tmp_path / "out"
    odd = os.fsdecode(b"\xff\xfe")
    for name, label in zip(*photos[1:], strict=True):
        place = folder / {"a": odd, "b": "b"}[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.open(name).save(place / os.path.basename(name))
    small_search = ["--candidates", "1", "--folds", "2", "--epochs", "3", "--size", "8"]
    assert main(["search", str(folder), "--out", str(out), *small_search]) == 0
    assert skfashion.load(out / "model.skfashion").classes_.tolist() == ["b", odd]
    assert r"\udcff\udcfe" in (out / "report.html").read_text(encoding="utf-8")
    assert main(["evaluate", str(out), str(folder)]) == 0
    captured = capsys.readouterr()
    captured.out.encode()
    assert ascii(odd) in captured.out
    captured.err.encode()
    assert captured.err.count("\n") == 1
    assert "may have been trained on" in captured.err


def test_files_are_brought_to_the_range_that_the_model_knows(photos):
    _, names, _ = photos
    X, y = make_images(40, n_classes=2, image_size=8, random_state=0)
    X = X / np.float32(255)
    for steps in ([ImageFlattener()], [ImageResizer(8), ImageFlattener()]):
        model = make_pipeline(*steps, small("DenseClassifier", epochs=1, image_shape=(8, 8)))
        seen = as_input(model.fit(X, y), names[:3])
        assert seen.dtype == np.float32
        assert 0.5 < seen.max() <= 1
    model = make_pipeline(PixelScaler("symmetric"), small("DenseClassifier", epochs=1)).fit(X, y)
    assert as_input(model, names[:3]).max() <= 1
    foreign = make_pipeline(ImageFlattener(), LogisticRegression()).fit(X, y)
    with pytest.raises(UserError, match="use it from Python"):
        as_input(foreign, names[:3])


@pytest.mark.parametrize("white", [1, 16, 65535])
def test_evaluate_brings_named_data_to_the_range_that_the_model_knows(white, tmp_path, capsys):
    X, y = load_digits(return_X_y=True)
    X = (X * (white / 16)).reshape(-1, 8, 8)
    model = make_pipeline(PixelScaler(), ImageFlattener(), LogisticRegression()).fit(X, y)
    joblib.dump(model, tmp_path / "model.joblib")
    assert main(["evaluate", str(tmp_path / "model.joblib"), "digits", "--trust-pickle"]) == 0
    assert float(capsys.readouterr().out.split()[1]) > 0.95


def test_what_has_no_text_is_told_by_its_name(capsys):
    assert last_line(ValueError()) == "ValueError"
    with short_warnings():
        warnings.warn("", UserWarning, stacklevel=1)
    assert "UserWarning" in capsys.readouterr().err


def test_info_names_the_size_of_files_and_labels_that_the_terminal_can_not_show(photos, tmp_path):
    label = "\N{CAT} caf\u00e9"
    labels = np.where(photos[2] == "a", label, "b")
    model = make_pipeline(ImageReader(size=(8, 12)), small("DenseClassifier", epochs=1))
    skfashion.save(model.fit(photos[1], labels), tmp_path / "model.skfashion")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "skfashion", "info", str(tmp_path)]
    out = subprocess.run(command, env=environment, capture_output=True, check=True).stdout
    assert r"2: b, \U0001f408 caf\xe9" in out.decode("ascii")
    assert "brought to 8 x 12 pixels" in out.decode("ascii")


def test_a_model_of_several_labels(photos, reader_model, tmp_path, capsys):
    folder, names, y = photos
    labels = np.column_stack([y == "a", np.arange(40) % 2])
    model = clone(reader_model).fit(names, labels)
    skfashion.save(model, tmp_path / "model.skfashion")
    assert main(["predict", str(tmp_path), *names[:3]]) == 0
    header, *lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert header == ["file", "labels", "probability of 0", "probability of 1"]
    for line, given, shares in zip(
        lines, model.predict(names[:3]), model.predict_proba(names[:3]), strict=True
    ):
        assert line[1].split() == np.flatnonzero(given).astype(str).tolist()
        np.testing.assert_allclose(np.array(line[2:], float), shares, atol=1e-3)
    assert main(["info", str(tmp_path)]) == 0
    assert "2: 0, 1" in capsys.readouterr().out
    assert main(["evaluate", str(tmp_path), str(folder)]) == 2
    assert "score it from Python" in capsys.readouterr().err


@pytest.mark.parametrize("labels", ["one", "several"])
@pytest.mark.parametrize("arguments", [["m.tflite", "--int8"], ["m.keras"], ["m"]])
def test_export(photos, reader_model, tmp_path, capsys, arguments, labels):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("Keras exports from TensorFlow")
    folder, names, y = photos
    if labels == "several":
        reader_model = clone(reader_model).fit(
            names, np.column_stack([y == "a", np.arange(40) % 2])
        )
    skfashion.save(reader_model, tmp_path / "model.skfashion")
    path, *int8 = arguments
    given = [str(tmp_path), str(tmp_path / path), *int8, *([str(folder)] if int8 else [])]
    assert main(["export", *given]) == 0
    said = capsys.readouterr().out
    assert said.startswith(str(tmp_path / path))
    assert "probabilities of 2 classes" in said
    file = tmp_path / path
    if file.is_dir():
        text = (file / "labels.txt").read_text()
    else:
        text = zipfile.ZipFile(file).read("labels.txt").decode()
    assert text == {"one": "a\nb\n", "several": "0\n1\n"}[labels]


@pytest.mark.parametrize(
    ("path", "said"), [("m.pt", "is not a format"), ("photos/m.keras", "there is no folder")]
)
def test_export_says_what_it_can_not_write(reader_model, tmp_path, capsys, path, said):
    skfashion.save(reader_model, tmp_path / "model.skfashion")
    assert main(["export", str(tmp_path), str(tmp_path / path)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1
