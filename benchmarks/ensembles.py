"""What `EnsembleFromSearch` gains over the refitted best: ``python -m benchmarks.ensembles``.

A search a seed, which draws the training images and starts the networks, each in a process of
its own; the record is ``results/ensembles/<problem>.json``. `--memory` keeps the stores.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline

from benchmarks import data
from benchmarks.harness import ROOT, machine, versions

SEEDS = 5
TARGETS = {"fashion": 0.5, "scenes": 0.3}  # points of test accuracy


def fashion(seed, memory):
    """Convolutional networks on 10,000 images of Fashion-MNIST."""
    from skfashion import ConvClassifier

    X, y = data.fashion()
    rows = np.random.default_rng(seed).permutation(len(X))[:10_000]
    clf = ConvClassifier(epochs=10, batch_size=64, memory=memory, random_state=seed)
    grid = {"filters": [(8, 16), (16, 32)], "learning_rate": [1e-3, 3e-3]}
    return clf, grid, (X[rows], y[rows]), data.fashion(10_000, part="t10k")


def scenes(seed, memory):
    """MobileNetV2 0.35 on 1,200 scenes at 128 pixels, candidates that unfreeze and that don't."""
    from skfashion import MobileNetFineTuner
    from skfashion.preprocessing import ImageReader

    X, y = data.files("intel-scenes", 3192)
    rows = np.random.default_rng(seed).permutation(len(X))[:1200]
    clf = MobileNetFineTuner(alpha=0.35, epochs=8, fine_tune_epochs=4, dropout=0.2)
    clf.set_params(memory=memory, random_state=seed)
    name = "mobilenetfinetuner__"
    grid = [
        {f"{name}learning_rate": [1e-3, 5e-3]},
        {
            f"{name}unfreeze_from": ["block_16", "block_13"],
            f"{name}fine_tune_learning_rate": [1e-4, 5e-4],
        },
    ]
    test = data.files("intel-scenes", 6 * 141, part="test")
    return make_pipeline(ImageReader(size=128), clf), grid, (X[rows], y[rows]), test


def run(problem, seed, memory):
    """Search, make the ensemble, and return what both are worth on test images."""
    from skfashion import EnsembleFromSearch
    from skfashion.inspection import runs_frame

    estimator, grid, (X, y), (X_test, y_test) = globals()[problem](seed, memory)
    cv = StratifiedKFold(3, shuffle=True, random_state=seed)
    search = GridSearchCV(estimator, grid, cv=cv).fit(X, y)
    epochs = runs_frame(memory)["epochs"].sum()
    started = time.perf_counter()
    ensemble = EnsembleFromSearch(search).fit(X, y)
    found = {"seed": seed, "ensemble_seconds": time.perf_counter() - started}
    found["epochs_trained"] = int(runs_frame(memory)["epochs"].sum() - epochs)
    found["networks"] = len(ensemble.estimators_)
    found["candidates"] = sorted(set(ensemble.candidates_.tolist()))
    for name, each in (("best", search.best_estimator_), ("ensemble", ensemble)):
        started = time.perf_counter()
        probabilities = each.predict_proba(X_test)
        found[f"{name}_predict_seconds"] = time.perf_counter() - started
        predicted = each.classes_[probabilities.argmax(axis=1)]
        found[f"{name}_accuracy"] = accuracy_score(y_test, predicted)
        found[f"{name}_log_loss"] = log_loss(y_test, probabilities, labels=each.classes_)
    found["best_cv_score"], found["oof_score"] = search.best_score_, ensemble.oof_score_
    return found


def main():
    """Run the seeds of a problem one after the other, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("problem", choices=TARGETS)
    parser.add_argument("--memory", help="folder that keeps what is trained; a new one if left out")
    parser.add_argument("--seed", type=int, help="run this one here, and print what it finds")
    given = parser.parse_args()
    if given.seed is not None:
        print(json.dumps(run(given.problem, given.seed, given.memory)))
        return
    runs, started = [], datetime.now(timezone.utc).isoformat(timespec="seconds")
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(SEEDS):
            runs.append(_in_a_process(given.problem, seed, given.memory or folder))
            keep(given.problem, runs, started)


def keep(problem, runs, started):
    """Write the record of the seeds that are done."""
    gain = 100 * np.array([each["ensemble_accuracy"] - each["best_accuracy"] for each in runs])
    record = {
        "command": f"python -m benchmarks.ensembles {problem}",
        "started": started,
        "machine": machine(),
        "load_at_end": list(os.getloadavg()),
        "versions": versions(),
        "target_points": TARGETS[problem],
        "mean_gain_points": gain.mean(),
        "standard_error_points": gain.std(ddof=1) / len(gain) ** 0.5 if len(gain) > 1 else None,
        "runs": runs,
    }
    path = Path(ROOT, "benchmarks", "results", "ensembles", f"{problem}.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _in_a_process(problem, seed, memory):
    call = [sys.executable, "-m", "benchmarks.ensembles", problem]
    call += ["--seed", str(seed), "--memory", str(Path(memory, f"{problem}_{seed}"))]
    done = subprocess.run(call, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    print(done.stdout.strip().splitlines()[-1], flush=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


if __name__ == "__main__":
    main()
