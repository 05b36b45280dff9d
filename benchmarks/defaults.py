"""Choose what fine-tuners do unless told, on training images alone, and score it once.

``python -m benchmarks.defaults heads`` compares settings by five folds, twice, ``tuned`` those of
the second phase by two folds. ``test`` fits the defaults on all training images and scores
``test/``, five seeds, ``test_tuned`` with the top unfrozen. Each keeps what it found in
``results/heads/defaults.json``.
"""

import json
import os
import sys
import tempfile
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from time import process_time

import numpy as np
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit

from benchmarks.harness import ROOT, machine, versions
from benchmarks.problems import ALPHA
from benchmarks.seeds import mean_and_error

RECORD = ROOT / "benchmarks" / "results" / "heads" / "defaults.json"
SIZES = {"cats-vs-dogs": 160, "intel-scenes": 128}  # height and width, pixels
FEW = 120  # images of a small set
SEEDS = 5
HEADS = (
    {"schedule": "constant"},
    {"schedule": "constant", "learning_rate": 5e-4},
    {"schedule": "constant", "learning_rate": 3e-4, "epochs": 20},
    {},
    {"learning_rate": 5e-4},
    {"epochs": 20, "dropout": 0.3},
)
TUNED = (
    {"unfreeze_from": "block_13", "schedule": "constant"},
    {"unfreeze_from": "block_13"},
    {"unfreeze_from": "block_13", "dropout": 0.3},
    {"unfreeze_from": "block_13", "augmentation": "flip"},
)


def images(name, part):
    """Return images of a folder as arrays of one size, and their labels."""
    from skfashion.datasets import load_image_folder
    from skfashion.preprocessing import ImageReader

    folder = Path(os.environ["SKFASHION_DATA"], name, part)
    X, y = load_image_folder(folder, return_X_y=True)
    return ImageReader(size=SIZES[name]).fit_transform(X), np.asarray(y)


def score(X, y, X_test, y_test, seed, **settings):
    """Return accuracy, loss and CPU seconds of a fit, images being scored in both views."""
    from skfashion import MobileNetFineTuner

    clf = MobileNetFineTuner(alpha=ALPHA, test_time_flip=True, random_state=seed, **settings)
    began = process_time()
    clf.fit(X, y)
    seconds = process_time() - began
    told = clf.predict_proba(X_test)
    right = clf.classes_[told.argmax(axis=1)] == y_test
    return float(right.mean()), float(log_loss(y_test, told)), seconds


def splits(y, n_folds, n=None):
    """Yield training and validation rows of two times five folds, or of n images, six times."""
    for seed in range(2):
        few = StratifiedShuffleSplit(3, train_size=n, random_state=seed)
        folds = StratifiedKFold(5, shuffle=True, random_state=seed) if n is None else few
        yield from list(folds.split(y, y))[:n_folds]
        if n_folds < 5:
            return


def cross_validate(candidates):
    """Return a row for each of the settings: figures by data set, all images and few."""
    data = {name: images(name, "train") for name in SIZES}
    rows = []
    with tempfile.TemporaryDirectory() as memory:
        for settings in candidates:
            n_folds = 2 if "unfreeze_from" in settings else 5
            row = {"settings": settings}
            for name, (X, y) in data.items():
                for n in (None, FEW):
                    found = [
                        score(X[a], y[a], X[b], y[b], i, memory=memory, **settings)
                        for i, (a, b) in enumerate(splits(y, n_folds, n))
                    ]
                    row[name if n is None else f"{name}, {n} images"] = summary(found)
            rows.append(row)
            print(json.dumps(row), flush=True)
    return rows


def test(**settings):
    """Return what is right of the test images, by data set; by default, but for `settings`."""
    from skfashion import clear_caches

    found = {}
    for name in SIZES:
        X, y = images(name, "train")
        X_test, y_test = images(name, "test")
        runs = []
        for seed in range(SEEDS):
            clear_caches()
            runs.append(score(X, y, X_test, y_test, seed, **settings))
        found[name] = summary(runs)
        print(name, found[name], flush=True)
    return found


def summary(runs):
    """Return means, and the standard error of the accuracy."""
    accuracy, loss, seconds = zip(*runs, strict=True)
    mean, error = mean_and_error(accuracy)
    figures = {"accuracy": mean, "error": error, "loss": np.mean(loss), "seconds": np.mean(seconds)}
    return {name: round(float(value), 4) for name, value in figures.items()}


PARTS = {"heads": partial(cross_validate, HEADS), "tuned": partial(cross_validate, TUNED)}
PARTS |= {"test": test, "test_tuned": partial(test, unfreeze_from="block_13")}


def main(part):
    """Do one part, and keep what it found beside the others."""
    started = datetime.now(timezone.utc).isoformat(timespec="seconds")
    found = PARTS[part]()
    about = {
        "command": f"python -m benchmarks.defaults {part}",
        "started": started,
        "machine": machine(),
        "load_at_end": list(os.getloadavg()),
        "versions": versions(),
    }
    record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    record[part] = {**about, "found": found}
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
