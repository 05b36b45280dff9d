"""What the command line tells: pictures that are unlike, what a model is, wrong options."""

import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image

import skfashion
from skfashion._cli._likeness import looks_of, unlike
from skfashion._cli._main import main
from skfashion.datasets import make_images


def test_minutes_end_a_search(tmp_path, monkeypatch, capsys):
    from skfashion._cli import _search

    small = ["--epochs", "1", "--images", "60", "--folds", "2", "--out", str(tmp_path)]
    monkeypatch.setattr(_search, "_SHARE", 0)
    assert main(["search", "digits", "--kind", "random", "--minutes", "1", *small]) == 0
    assert "Time is up after 1 of 16 candidates." in capsys.readouterr().out
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["candidates"] == 1
    # The same search goes on.
    monkeypatch.setattr(_search, "_SHARE", 1)
    assert main(["search", "digits", "--kind", "random", "--candidates", "2", *small]) == 0


# -- pictures --------------------------------------------------------------------------------


def saved(path, image):
    Image.fromarray(image).save(path)
    return str(path)


@pytest.fixture
def things_on_black(rng):
    images = np.zeros((50, 28, 28), np.uint8)
    images[:, 6:22, 6:22] = rng.integers(100, 255, (50, 16, 16))
    return images


def test_pictures_like_those_trained_on_are_no_news(things_on_black, tmp_path):
    looks = json.loads(json.dumps(looks_of(things_on_black)))
    names = [saved(tmp_path / f"{i}.png", image) for i, image in enumerate(things_on_black[:5])]
    assert list(unlike(np.array(names), looks)) == []


def test_unlike_pictures_are_told_of(things_on_black, tmp_path):
    looks = looks_of(things_on_black)
    dark_on_white = saved(tmp_path / "shoe.png", 255 - things_on_black[0])
    colours = np.zeros((28, 28, 3), np.uint8)
    colours[6:22, 6:22] = (250, 120, 40)
    coloured = saved(tmp_path / "cat.png", colours)
    told = list(unlike(np.array([dark_on_white, coloured]), looks))
    assert any("brighter at the border, such as" in line and "shoe.png" in line for line in told)
    assert any("1 of 2 images is coloured, such as" in line for line in told)
    in_colour = looks_of(np.stack([colours] * 3))
    told = list(unlike(np.array([dark_on_white]), in_colour))
    assert any(f"{dark_on_white} is grey (training images are coloured)" in line for line in told)


def test_predict_warns_of_unlike_pictures(found, tmp_path, capsys):
    white = saved(tmp_path / "white.png", np.full((8, 8), 255, np.uint8))
    assert main(["predict", str(found), white]) == 0
    assert "brighter" in capsys.readouterr().err


# -- predict and info ------------------------------------------------------------------------


@pytest.fixture
def digit_folder(tmp_path):
    """Three images in a folder, one of them deeper, and a file that is none."""
    X, _ = make_images(3, n_classes=2, image_size=8, random_state=0)
    (tmp_path / "new" / "deep").mkdir(parents=True)
    for name, image in zip(("new/a.png", "new/b.png", "new/deep/c.png"), X, strict=True):
        saved(tmp_path / name, image)
    return tmp_path / "new"


def test_predict_names_the_likeliest_classes_first(found, digit_folder, capsys):
    name = str(digit_folder / "a.png")
    assert main(["predict", str(found), name, "--top", "3"]) == 0
    header, row = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert header[3:] == ["label 2", "probability 2", "label 3", "probability 3"]
    shares = [float(share) for share in row[2::2]]
    assert shares == sorted(shares, reverse=True)
    assert len(set(row[1::2])) == 3


def test_predict_writes_a_file_for_a_folder(found, digit_folder, tmp_path, capsys):
    (digit_folder / ".hidden").write_text("no image")
    assert main(["predict", str(found), str(digit_folder), "--csv", str(tmp_path / "out.csv")]) == 0
    assert capsys.readouterr().out.startswith(f"3 images in {tmp_path}")
    with open(tmp_path / "out.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"].rpartition("new/")[2] for row in rows] == ["a.png", "b.png", "deep/c.png"]
    names = [row["file"] for row in rows]
    assert main(["predict", str(found), *names]) == 0
    labels = [line.split("\t")[1] for line in capsys.readouterr().out.splitlines()[1:]]
    assert [row["label"] for row in rows] == labels


def test_info_says_what_a_model_is(found, tmp_path, capsys):
    assert main(["info", str(found)]) == 0
    told = capsys.readouterr()
    summary = json.loads((found / "summary.json").read_text())
    assert not told.err
    for text in (
        *("10: 0, 1, 2, 3", "DenseClassifier", "8 x 8", summary["finished"], summary["command"]),
        *(f"Test accuracy {summary['test_accuracy']:.4f}", f"keras {summary['versions']['keras']}"),
    ):
        assert text in told.out
    shutil.copy(found / "model.skfashion", tmp_path)
    assert main(["info", str(tmp_path / "model.skfashion")]) == 0
    told = capsys.readouterr()
    assert "DenseClassifier" in told.out
    assert "nothing more is known" in told.err


# -- options ---------------------------------------------------------------------------------


def test_options_reach_the_search(tmp_path, capsys):
    small = ["--epochs", "1", "--images", "60", "--folds", "2", "--candidates", "1"]
    options = ["--scoring", "f1_macro", "--class-weight", "balanced", "--augmentation", "shift"]
    assert main(["search", "digits", "--out", str(tmp_path), *small, *options]) == 0
    out = capsys.readouterr().out
    assert "Score to beat: 0.0182, f1_macro of always answering" in out
    assert "f1_macro 0." in out
    model = skfashion.load(tmp_path / "model.skfashion")[-1]
    assert (model.class_weight, model.augmentation) == ("balanced", "shift")


def test_a_bare_command_lists_the_commands(capsys):
    assert main([]) == 0
    out = capsys.readouterr().out
    for command in ("search", "predict", "evaluate", "info", "runs"):
        assert f"    {command} " in out
