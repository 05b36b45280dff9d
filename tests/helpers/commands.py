"""The command line on small data, for tests."""

from folders import write_classes

from skfashion._cli._main import main
from skfashion.datasets import make_images

SMALL = ["--epochs", "4", "--images", "300", "--folds", "2"]


def search_digits(folder):
    """Leave a finished search on digits in a folder."""
    assert main(["search", "digits", "--candidates", "3", "--out", str(folder), *SMALL]) == 0
    return folder


def write_photos(folder):
    """Write images, train and test, of three classes, one file broken."""
    X, y = make_images(90, n_classes=3, image_size=16, channels=3, random_state=0)
    write_classes(folder / "train", X[:60], y[:60], "abc")
    write_classes(folder / "test", X[60:], y[60:], "abc")
    (folder / "train" / "a" / "broken.png").write_text("no image")
    return folder


def predicted(capsys):
    """Return the rows that `skfashion predict` has printed, below its header."""
    header, *rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert header[:3] == ["file", "label", "probability"]
    return rows
