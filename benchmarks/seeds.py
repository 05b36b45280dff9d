"""The five seed projects: what they published, what is to be reached, and the records kept."""

import ast
import hashlib
import json
import statistics
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GALLERY = ROOT / "docs" / "gallery"
RESULTS = ROOT / "benchmarks" / "results" / "seeds"
PICTURES = ROOT / "docs" / "_static" / "gallery"


@dataclass(frozen=True)
class Figure:
    """One number of a row.

    Parameters
    ----------
    name : str
        Key in the ``figures`` of the script.
    what : str
        For the reader.
    kind : {"share", "loss", "minutes"}
        How it is written.
    published : str
        By the seed project; empty where it said nothing.
    at_least, at_most : float or None
        What is to be reached.
    """

    name: str
    what: str
    kind: str = "share"
    published: str = ""
    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True)
class Row:
    """One seed project.

    Parameters
    ----------
    title : str
    script : Path
    did : str
        What the project did.
    data : tuple of str
        Keys of `DATA`.
    needs : tuple of str
        As for `benchmarks.requirements.needs`.
    seeds : int
        Five where a run takes less than ten minutes, else three.
    figures : tuple of Figure
    pictures : tuple of int
        Figures of the script that are kept of seed 0; none shows files of others.
    tried : str
        Which recipes were scored on the test images before this one.
    """

    title: str
    script: Path
    did: str
    data: tuple
    needs: tuple
    seeds: int
    figures: tuple
    pictures: tuple
    tried: str = ""


DATA = {
    "fashion-mnist": (
        "Fashion-MNIST",
        "60,000 + 10,000 images of clothes, 28 x 28, grey; Zalando Research; MIT licence",
    ),
    "cats-vs-dogs": (
        "cats and dogs",
        "2,000 + 500 of the Asirra pictures of the Kaggle competition; for research use",
    ),
    "intel-scenes": (
        "Intel scenes",
        "3,508 + 1,002 images, a fourth of the Intel Image Classification challenge as it "
        "circulates on Kaggle; no licence stated",
    ),
    "weights": (
        "weights of MobileNetV2 0.35",
        "as published with Keras Applications, trained on ImageNet; Apache 2.0",
    ),
}

ROWS = {
    "dense": Row(
        "Dense network, Hyperband",
        GALLERY / "plot_1_dense_hyperband.py",
        "784-128-10, Adam, early stopping; 416 units and 35 epochs chosen",
        ("fashion-mnist",),
        ("fashion",),
        5,
        (
            Figure("validation_accuracy", "validation", published="89.52%"),
            Figure("test_accuracy", "test", published="88.60%", at_least=0.900),
        ),
        (1, 2),
    ),
    "conv": Row(
        "Convolutional networks compared",
        GALLERY / "plot_2_networks_compared.py",
        "rates, optimizers, batch sizes, architectures, dropout; a deep network with BatchNorm",
        ("fashion-mnist",),
        ("fashion",),
        3,
        (
            Figure("test_accuracy", "test", published="93.1%", at_least=0.950),
            Figure("test_loss", "test loss", "loss", published="0.278", at_most=0.17),
        ),
        (1, 2, 3, 4, 5),
        tried="recipes before: 93.1% and 93.5% with shifted images, 93.7% with dropout 0.3",
    ),
    "mobilenet": Row(
        "A small network tuned, MobileNet fine-tuned",
        GALLERY / "plot_3_conv_and_mobilenet.py",
        "80/20 split, standardised or 0-1, one-hot",
        ("fashion-mnist", "weights"),
        ("fashion", "imagenet"),
        3,
        (
            Figure("ConvClassifier_test_accuracy", "small network, test"),
            Figure(
                "MobileNetFineTuner_test_accuracy",
                "MobileNetV2 0.35, test",
                published="78% after fine-tuning",
                at_least=0.94,
            ),
        ),
        (1, 2),
        tried="a recipe before: MobileNetV2 93.3% without mirror images, in 5 epochs; minutes of "
        "three runs at once, which were halted for 25",
    ),
    "cats": Row(
        "Fine-tuning, before and after",
        GALLERY / "plot_4_before_and_after.py",
        "two classes, `fine_tune_at = 100`, RMSprop at a tenth of the rate, 10 + 10 epochs",
        ("cats-vs-dogs", "weights"),
        ("cats-vs-dogs", "imagenet"),
        5,
        (
            Figure("before_test_accuracy", "test before", published="93.25%"),
            Figure("before_test_loss", "test loss before", "loss", published="0.14"),
            Figure("after_test_accuracy", "test after", published="97.89%", at_least=0.979),
            Figure("after_test_loss", "test loss after", "loss", published="0.058"),
        ),
        (1,),
        tried="recipes before: test after 95.4%, and 97.6% without mirror images",
    ),
    "scenes": Row(
        "Search over what to unfreeze",
        GALLERY / "plot_5_search_scenes.py",
        "a fourth of the data, a grid search of 3 hours, no cross-validation, last layer only",
        ("intel-scenes", "weights"),
        ("intel-scenes", "imagenet"),
        5,
        (
            Figure("validation_accuracy", "validation (3 folds)", published="87%"),
            Figure("training_accuracy", "training"),
            Figure("test_accuracy", "test", at_least=0.898),
            Figure("search_minutes", "search", "minutes", published="3 hours", at_most=30),
        ),
        (1, 2, 3),
        tried="a recipe before: test 88.8% at a constant rate and without mirror images; minutes "
        "of runs beside other work, one of them resumed",
    ),
}


def path_of(name, seed, folder=RESULTS):
    """Return where the record of a run is kept."""
    return Path(folder) / f"{name}_{seed}.json"


def load(name, folder=RESULTS):
    """Return the records of a row, by seed."""
    paths = sorted(Path(folder).glob(f"{name}_*.json"))
    return sorted((json.loads(p.read_text()) for p in paths), key=lambda r: r["seed"])


def pictures_of(name, folder=PICTURES):
    """Return where the pictures of a row's first run are kept, each with what it is."""
    paths = [Path(folder) / f"{name}_{i}.png" for i in ROWS[name].pictures]
    return {path: f"Picture {i} of the run with seed 0" for i, path in enumerate(paths, 1)}


def script_digest(script):
    """Return what stands for a script: its code without comments and docstring."""
    tree = ast.parse(Path(script).read_text(encoding="utf-8"))
    tree.body = tree.body[1:] if ast.get_docstring(tree) else tree.body
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:16]


def is_current(name, seed, folder=RESULTS):
    """Tell whether a run is kept, of the script as it is now."""
    path = path_of(name, seed, folder)
    known = json.loads(path.read_text()) if path.exists() else {}
    return known.get("script_digest") == script_digest(ROWS[name].script)


def mean_and_error(values):
    """Return the mean and its standard error; None for that of one value."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return mean, None
    return mean, statistics.stdev(values) / len(values) ** 0.5


def is_reached(figure, mean):
    """Tell whether a mean reaches its target; None without one."""
    if figure.at_least is not None:
        return mean >= figure.at_least
    if figure.at_most is not None:
        return mean <= figure.at_most
    return None
