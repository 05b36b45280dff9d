"""Measure settings drawn from the ready spaces: the tables that `emulators` are made of.

    KERAS_HOME=... SKFASHION_DATA=... python -m benchmarks.measure dense

Every sixteenth setting is trained three times, with other seeds: that is how much a score varies.
"""

import json
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.model_selection import ParameterSampler, StratifiedShuffleSplit, cross_val_score

from benchmarks import data

TABLES = Path(__file__).parent / "results" / "tables"
CLASSIFIERS = {
    "dense": "DenseClassifier",
    "conv": "ConvClassifier",
    "mobilenet": "MobileNetFineTuner",
}
_REPEATED = 16


def measure(name):
    """Train the settings of a problem and write their scores."""
    import skfashion
    from skfashion.model_selection import search_space

    # Images, settings, images to train and to score, splits.
    load, n, n_train, n_test, n_splits = {
        "dense": (data.fashion, 180, 1200, 1200, 3),
        "conv": (_small_fashion, 85, 400, 800, 1),
        "mobilenet": (partial(data.scenes, size=96), 85, 390, 810, 1),
    }[name]
    fixed = {"alpha": 0.35} if name == "mobilenet" else {}
    make = partial(getattr(skfashion, CLASSIFIERS[name]), **fixed)
    X, y = load(n_train + n_test)
    folds = StratifiedShuffleSplit(n_splits, test_size=n_test, train_size=n_train, random_state=0)
    splits = list(folds.split(X, y))
    rows, start = [], time.time()
    for i, setting in enumerate(ParameterSampler(search_space(make()), n, random_state=0)):
        scores = [
            np.mean(cross_val_score(make(**setting, random_state=seed), X, y, cv=splits))
            for seed in range(1 if i % _REPEATED else 3)
        ]
        rows.append({**setting, "scores": [round(float(score), 5) for score in scores]})
        print(f"{time.time() - start:6.0f} s {i + 1}/{n} {rows[-1]}", flush=True)
    about = f"python -m benchmarks.measure {name}: {n_splits} x {n_train} images, {n_test} to score"
    lines = ",\n".join(json.dumps(row, default=_plain) for row in rows)
    TABLES.mkdir(parents=True, exist_ok=True)
    text = f'{{"command": {json.dumps(about)},\n"settings": [\n{lines}\n]}}\n'
    (TABLES / f"{name}.json").write_text(text)


def _small_fashion(n):
    """Return images of 14 x 14, which convolutional networks take in a fourth of the time."""
    X, y = data.fashion(n)
    return X.reshape(n, 14, 2, 14, 2).mean((2, 4)).astype(np.uint8), y


def _plain(value):
    return value.item()


if __name__ == "__main__":
    measure(sys.argv[1])
