"""Look for what is wrong with Fashion-MNIST: ``python -m benchmarks.inspection [FOLDER]``.

Wrong labels and copies are planted, a search compares dense networks on all 60,000 images with
`memory` in FOLDER (a temporary one if none is given), and `inspect_images` is timed in a process
of its own. The record is ``results/inspection/fashion.json``.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone

import numpy as np

from benchmarks.data import fashion
from benchmarks.harness import machine, versions
from benchmarks.seeds import ROOT

RECORD = ROOT / "benchmarks" / "results" / "inspection" / "fashion.json"
N_WRONG, N_COPIES, FOLDS = 500, 200, 3


def planted():
    """Return images, labels, rows of wrong labels, and pairs of originals and copies.

    Half of the copies are equal, half are some grey levels off. Each has its original's label, and
    lies in another fold.
    """
    rng = np.random.default_rng(0)
    X, y = fashion()
    rows = rng.permutation(len(X))
    wrong, rows = rows[:N_WRONG], rows[N_WRONG:]
    y[wrong] = (y[wrong] + rng.integers(1, 10, N_WRONG)) % 10
    fold = np.empty(len(X), int)
    for number, (_, test) in enumerate(splitter().split(X, y)):
        fold[test] = number
    each = N_COPIES // 10
    one, other = (
        np.concatenate([rows[(fold[rows] == f) & (y[rows] == label)][:each] for label in range(10)])
        for f in (0, 1)
    )
    X[other] = X[one]
    noise = rng.normal(0, 4, X[other[::2]].shape)
    X[other[::2]] = np.clip(np.rint(X[other[::2]] + noise), 0, 255)
    return X, y, wrong, np.column_stack([one, other])


def splitter():
    """Return the folds of the search."""
    from sklearn.model_selection import StratifiedKFold

    return StratifiedKFold(FOLDS, shuffle=True, random_state=0)


def searched(folder):
    """Search, or read back what was searched."""
    from sklearn.model_selection import GridSearchCV

    from skfashion import DenseClassifier

    X, y, _, _ = planted()
    options = {"epochs": 12, "dropout": 0.3, "batch_size": 64}
    clf = DenseClassifier((256, 128), **options, random_state=0, memory=folder)
    grid = {"learning_rate": [3e-4, 1e-3, 2e-3]}
    return GridSearchCV(clf, grid, cv=splitter(), refit=False).fit(X, y)


def found(folder):
    """Return the figures."""
    from skfashion.inspection import inspect_images

    search = searched(folder)
    X, y, wrong, pairs = planted()
    X_test, y_test = fashion(part="t10k")
    load = os.getloadavg()[0]
    started, used = time.perf_counter(), time.process_time()
    frame = inspect_images(X, y, search)
    seconds, used = time.perf_counter() - started, time.process_time() - used
    labels = frame.loc[frame["kind"] == "label", "index"].to_numpy(int)
    copies = frame[
        frame["kind"].isin(["copy", "near copy"]) & frame["across"].str.contains("folds")
    ]
    known = {tuple(sorted(pair)) for pair in copies[["index", "other_index"]].to_numpy(int)}
    started = time.perf_counter()
    both = inspect_images(*fashion(), X_test=X_test, y_test=y_test)
    near = both[(both["part"] == "test") & both["across"].str.contains("parts")]
    return {
        "seconds": round(seconds, 1),
        "cpu_seconds": round(used, 1),
        "load_before": load,
        "labels_named": len(labels),
        "share_of_planted_labels": {
            n: round(float(np.isin(wrong, labels[:n]).mean()), 4)
            for n in (500, 1_000, 2_000, 5_000)
        },
        "planted_copies_found": sum(tuple(sorted(pair)) in known for pair in pairs.tolist()),
        "planted_copies": len(pairs),
        "test_images_near_training": sorted(set(near["index"].tolist())),
        "seconds_with_test": round(time.perf_counter() - started, 1),
        "findings": frame["kind"].value_counts().to_dict(),
        "candidates": search.cv_results_["mean_test_score"].round(4).tolist(),
    }


def main(folder):
    """Search in one process, look in another, and keep the record."""
    code = "import json, sys; from benchmarks import inspection\n{}"
    started = datetime.now(timezone.utc).isoformat(timespec="seconds")

    def run(statement):
        command = [sys.executable, "-c", code.format(statement), folder]
        return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)

    run("inspection.searched(sys.argv[1])")
    figures = json.loads(
        run("print(json.dumps(inspection.found(sys.argv[1])))").stdout.splitlines()[-1]
    )
    about = {"command": "python -m benchmarks.inspection", "started": started}
    RECORD.parent.mkdir(exist_ok=True)
    record = {**about, "machine": machine(), "versions": versions(), "figures": figures}
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(os.path.abspath(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as place:
            main(place)
