"""The command line on small data, for tests."""

from PIL import Image

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
    for i, (image, label) in enumerate(zip(X, y, strict=True)):
        place = folder / ("train" if i < 60 else "test") / "abc"[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{i}.png")
    (folder / "train" / "a" / "broken.png").write_text("no image")
    return folder
