"""The command line, on small data: files in, models used, and what it says of mistakes."""

import json
import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from commands import predicted
from PIL import Image
from scripts import run_python
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

import skfashion
from skfashion._cli._console import UserError
from skfashion._cli._data import read_data, read_test_data
from skfashion._cli._main import main
from skfashion._cli._runs import _numbers
from skfashion._training import programs_info
from skfashion.preprocessing import ImageReader

# -- a folder of images ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def photo_model(photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("photo_model")
    small = ["--epochs", "3", "--folds", "2", "--candidates", "1", "--size", "12"]
    assert main(["search", str(photos), "--model", "conv", "--out", str(folder), *small]) == 0
    return folder


def test_a_folder_is_searched_with_its_own_test_part(photo_model, photos):
    model = skfashion.load(photo_model / "model.skfashion")
    assert isinstance(model[0], ImageReader)
    assert model[0].memory is None
    assert list(model.classes_) == ["a", "b", "c"]
    summary = json.loads((photo_model / "summary.json").read_text())
    assert (summary["images_to_train_on"], summary["test_images"]) == (60, 30)


def test_broken_files_are_left_out_with_a_note(photos, tmp_path, capsys):
    few = ["--folds", "2", "--images", "1", "--out", str(tmp_path)]
    assert main(["search", str(photos), *few]) == 2
    note, error = capsys.readouterr().err.splitlines()
    assert note.startswith("note: left out 1 file")
    assert "broken.png" in note


def test_evaluate_takes_the_test_part_of_a_folder(photo_model, photos, capsys):
    assert main(["evaluate", str(photo_model), str(photos)]) == 0
    out = capsys.readouterr().out
    summary = json.loads((photo_model / "summary.json").read_text())
    assert out.startswith(f"Accuracy {summary['test_accuracy']:.4f} on 30 images")
    assert main(["evaluate", str(photo_model), str(photos / "test")]) == 0
    assert tuple(capsys.readouterr()) == (out, "")


def test_evaluate_says_that_it_takes_all_of_a_folder(photo_model, photos, capsys):
    assert main(["evaluate", str(photo_model), str(photos / "train")]) == 0
    assert "train' counts, also what the model may have been trained on" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["arrays", "files"])
def test_predict_turns_files_into_what_the_model_knows(
    kind, found, digit_files, photo_model, photos, capsys
):
    folder, (given, files, _) = found, digit_files
    if kind == "files":
        folder, files = photo_model, sorted((photos / "test" / "a").iterdir())
        given = [str(file) for file in files]
    assert main(["predict", str(folder), *map(str, files)]) == 0
    rows = predicted(capsys)
    model = skfashion.load(folder / "model.skfashion")
    assert [row[0] for row in rows] == list(map(str, files))
    assert [row[1] for row in rows] == model.predict(given).tolist()
    assert [row[2] for row in rows] == [f"{p:.4f}" for p in model.predict_proba(given).max(axis=1)]


PARTS = [
    ("train test val", "test", ["left unread: '{}/val'. Candidates"]),
    ("train test Validation extra", "test", ["left unread: '{0}/Validation', '{0}/extra'."]),
    ("train val", "val", ["is tested on '{}/val'"]),
    ("train valid validation", "valid", ["is tested on '{}/valid'", "unread: '{}/validation'"]),
    ("train flat", None, ["'{}/test' holds no folders of classes. `skfashion predict`", "one in"]),
    ("train flat val", "val", ["'{}/test' holds no folders of classes", "is tested on '{}/val'"]),
    ("train deep", None, ["'{}/test' holds no folders of classes", "one in five images of"]),
    ("train", None, ["is tested on one in five images of '{}/train'"]),
    ("train test", "test", []),
]


@pytest.mark.parametrize(("parts", "tested", "notes"), PARTS)
def test_parts_of_a_folder_are_used_or_told_of(parts, tested, notes, tmp_path, capsys):
    for part in parts.split():
        for label in {"flat": [""], "deep": ["all"]}.get(part, "ab"):
            place = tmp_path / {"flat": "test", "deep": "test"}.get(part, part) / label
            place.mkdir(parents=True)
            for number in range(10):
                Image.new("L", (4, 4), number).save(place / f"{number}.png")
    data = read_data(str(tmp_path))
    told = capsys.readouterr().err.splitlines()
    assert len(told) == len(notes)
    for line, note in zip(told, notes, strict=True):
        assert note.format(tmp_path) in line
    assert len(data.X) == (20 if tested else 16)
    assert all(name.startswith(str(tmp_path / (tested or "train"))) for name in data.X_test)
    if tested:
        found = read_test_data(str(tmp_path))
        assert (found.name, found.whole) == (str(tmp_path / tested), False)
    else:
        with pytest.raises(UserError, match="`skfashion predict` says what"):
            read_test_data(str(tmp_path))
    if "flat" in parts:
        with pytest.raises(UserError, match=r"test' holds files but no folders.*skfashion pred"):
            read_test_data(str(tmp_path / "test"))


def test_a_class_called_train_is_a_class(tmp_path):
    for label in ("train", "test", "bus"):
        (tmp_path / label).mkdir()
        for number in range(10):
            Image.new("L", (4, 4), number).save(tmp_path / label / f"{number}.png")
    assert set(read_data(str(tmp_path)).y) == {"train", "test", "bus"}
    assert set(read_test_data(str(tmp_path)).y) == {"train", "test", "bus"}


# -- predict and evaluate --------------------------------------------------------------------


@pytest.fixture(scope="module")
def digit_files(tmp_path_factory):
    """Digits as grey PNG files, the size they have and three times as large."""
    folder = tmp_path_factory.mktemp("digits")
    images = np.rint(load_digits().images[:20] * (255 / 16)).astype(np.uint8)
    for i, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{i:02d}.png")
        Image.fromarray(image).resize((24, 24)).save(folder / f"large-{i:02d}.png")
    return images, sorted(folder.glob("[0-9]*.png")), sorted(folder.glob("large*.png"))


def test_predict_resizes_files(found, digit_files, capsys):
    images, files, large = digit_files
    labels = {}
    for name, some in (("small", files), ("large", large)):
        assert main(["predict", str(found), *map(str, some)]) == 0
        labels[name] = [row[1] for row in predicted(capsys)]
    # Enlarging and shrinking blurs, and the model is a weak one; by chance it would be 0.1.
    assert np.mean(np.array(labels["small"]) == np.array(labels["large"])) >= 0.5


def test_predict_goes_on_after_files_that_are_no_images(found, digit_files, tmp_path, capsys):
    (tmp_path / "text.png").write_text("no image")
    good = str(digit_files[1][0])
    names = [str(tmp_path / "text.png"), good, str(tmp_path / "none.png")]
    assert main(["predict", str(found), *names]) == 2
    captured = capsys.readouterr()
    assert [line.split("\t")[0] for line in captured.out.splitlines()[1:]] == [good]
    assert len(captured.err.splitlines()) == 2
    assert "no such file" in captured.err


def test_evaluate_by_name_gives_what_the_search_found(found, capsys):
    assert main(["evaluate", str(found), "digits"]) == 0
    out = capsys.readouterr().out
    summary = json.loads((found / "summary.json").read_text())
    assert out.startswith(f"Accuracy {summary['test_accuracy']:.4f} on 360 images")
    rows = out.split("mostly mistaken for\n")[1].splitlines()
    assert [row.split()[0] for row in rows] == list("0123456789")
    assert sum(int(row.split()[1]) for row in rows) == 360


# -- runs ------------------------------------------------------------------------------------


def test_runs_lists_and_prunes(tmp_path, capsys):
    arguments = ["--epochs", "1", "--images", "60", "--folds", "2", "--candidates", "1"]
    assert main(["search", "digits", "--out", str(tmp_path), *arguments]) == 0
    capsys.readouterr()
    assert main(["runs", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^ *1 +0\.\d{4} +3 +[\d.]+ s +gelu +True +32 ", out, re.MULTILINE)
    assert "3 runs" in out
    assert main(["runs", str(tmp_path / "memory"), "--prune"]) == 0
    assert "3 runs" in capsys.readouterr().out
    assert main(["runs", str(tmp_path), "--max-bytes", "0"]) == 0
    assert "No runs" in capsys.readouterr().out


def test_runs_knows_candidates_that_leave_out_what_changes_nothing():
    tried = pd.DataFrame({"a": ["-", "1"], "b": ["3", "3"]})
    fits = pd.DataFrame({"a": ["1", "2", "1"], "b": ["3", "3", "4"], "c": ["-"] * 3})
    assert _numbers(fits, tried).tolist() == [1, 0, -1]


# -- mistakes --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def things(found, photo_model, photos, tmp_path_factory):
    """What the mistakes below are made with."""
    folder = tmp_path_factory.mktemp("things")
    (folder / "text.txt").write_text("hello")
    (folder / "empty").mkdir()
    joblib.dump({"no": "model"}, folder / "dict.joblib")
    joblib.dump(LogisticRegression(), folder / "unfitted.joblib")
    X, y = load_digits(return_X_y=True)
    joblib.dump(GaussianNB().fit(X, y), folder / "rows.joblib")
    image = folder / "image.png"
    Image.new("L", (8, 8)).save(image)
    names = ("text.txt", "empty", "none", "dict.joblib", "unfitted.joblib", "rows.joblib", "out")
    made = {name.partition(".")[0]: folder / name for name in names}
    return {"found": found, "photo_model": photo_model, "photos": photos, "image": image, **made}


@pytest.mark.parametrize(
    ("line", "fragment"),
    [
        ("search {none}", "There is no folder"),
        ("search {empty}", "is empty"),
        ("search {text}", "is a file"),
        ("search digits --kind grid --candidates 3", "--candidates is for bayes and random"),
        ("search digits --kind hyperband --candidates 3", "follows from --epochs"),
        ("search digits --size 8", "--size is for folders"),
        ("search digits --model tree", "--model tree is not one of "),
        ("search {photos} --model mobilenet --size 16", "needs 32"),
        ("search digits --out {out} --alpha 0.5", "--alpha is not for --model dense"),
        ("search digits --out {out} --backbone resnet", "'mobilenet_v3_small'"),
        ("search digits --model conv --backbone xception", "--backbone is not for --model conv"),
        ("search digits --out {out} --augmentation spin", "spin"),
        ("search digits --out {out} --scoring f1macro", "Did you mean 'f1_macro'?"),
        ("search digits --out {out} --scoring f1", "(--scoring f1)"),
        ("search digits --kind hyperband --minutes 3", "--minutes is for"),
        ("search fashion_mnist", "Did you mean 'fashion-mnist'?"),
        ("search phots", "Did you mean 'photos'?"),
        ("search digits --images 5 --out {out}", "number of classes = 10 (--images 5"),
        ("search digits --images 15 --out {out}", "--folds 3"),
        ("search digits --out {text}", "choose another one with --out"),
        ("predict {none} {image}", "There is no model"),
        ("predict {empty} {image}", "There is no model"),
        ("predict {text} {image}", "can't be loaded as a model: it is not a file of skfashion.s"),
        ("predict {dict} {image}", "add --trust-pickle if you trust them"),
        ("evaluate {dict} digits", "add --trust-pickle if you trust them"),
        ("predict --trust-pickle {text} {image}", "can't be loaded as a model"),
        ("predict --trust-pickle {dict} {image}", "holds a dict, which is not a fitted"),
        ("predict --trust-pickle {unfitted} {image}", "holds a LogisticRegression, which is"),
        ("predict --trust-pickle {rows} {image}", "GaussianNB, which saw no images"),
        ("predict {found} {none}", "no such file"),
        ("evaluate {found} {none}", "There is no folder"),
        ("evaluate {found} {photos}", "doesn't know"),
        ("evaluate {photo_model} digits", "give a folder of images"),
        ("runs {none}", "There is no folder"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(line, fragment, things, capsys, tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path)
    given = [word.format(**things) for word in line.split()]
    assert main(given) == 2
    error = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("note:")]
    assert len(error) == 1
    assert error[0].startswith("skfashion: error: ")
    assert fragment in error[0]
    assert not things["out"].exists()


@pytest.mark.parametrize(
    ("line", "fragment"),
    [
        ("fly", "invalid choice: 'fly'"),
        ("search --candidates many", "'many' is not a whole number from 1 on"),
        ("search --folds 1", "'1' is not a whole number from 2 on"),
        ("predict model.skfashion", "required: IMAGE"),
        ("runs x --max-bytes -1", "not a whole number from 0 on"),
        ("search digits --jobs 0", "argument --jobs: '0' is not a"),
        ("search digits --jobs two", "argument --jobs: 'two' is not a"),
        ("search digits --seed 5000000000", "argument --seed: '5000000000' is not a"),
    ],
)
def test_wrong_arguments_are_one_line_and_status_2(line, fragment, capsys):
    with pytest.raises(SystemExit) as stop:
        main(line.split())
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert fragment in error
    assert "--help" in error


@pytest.mark.parametrize(
    ("option", "expected"), [("--help", "examples:"), ("--version", "skfashion 0.")]
)
def test_help_and_version_load_nothing_heavy(option, expected):
    code = """
    import runpy, sys
    try:
        runpy.run_module("skfashion", run_name="__main__")
    except SystemExit as stop:
        assert not stop.code
    heavy = {"keras", "tensorflow", "sklearn", "numpy", "pandas"} & set(sys.modules)
    assert not heavy, heavy
    """
    assert expected in run_python(code, option)


def test_predict_compiles_nothing_for_a_few_images(found, digit_files):
    before = programs_info()
    assert main(["predict", str(found), *map(str, digit_files[1])]) == 0
    assert programs_info() == before


def test_a_terminal_sees_at_once_that_something_is_loaded(tmp_path):
    pty = pytest.importorskip("pty", reason="no terminals here")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "skfashion", "predict", str(tmp_path), "image.png"]
    told = b""
    with subprocess.Popen(command, stderr=theirs, cwd=Path(__file__).parents[2]):
        os.close(theirs)
        with suppress(OSError):  # which is how a terminal ends
            while read := os.read(ours, 4096):
                told += read
    os.close(ours)
    told = told.decode()
    assert told.index("Loading ...") < told.index("There is no model")


@pytest.mark.parametrize("command", ["predict", "search"])
def test_a_closed_pipe_is_no_error(command, found, digit_files, tmp_path):
    # More than a pipe holds, so that somebody has to notice that nobody reads.
    words = [str(found), *[str(digit_files[1][0])] * 2000]
    if command == "search":
        words = ["digits", "--images=60", "--folds=2", "--epochs=1", f"--out={tmp_path}"]
    done = subprocess.run(
        f"{sys.executable} -m skfashion {command} {' '.join(words)} | head -n 1",
        shell=True, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1
