"""The search and its page that several modules look at, and a plotting library without a screen."""

import os
import sys

os.environ.setdefault("MPLBACKEND", "agg")

import numpy as np
import pytest
from estimators import dense
from PIL import Image
from reports import EVIL, LABELS, network
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline

from skfashion import KerasImageClassifier
from skfashion.inspection import write_report
from skfashion.preprocessing import ImageReader


@pytest.fixture(autouse=True)
def _closed():
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture(scope="package")
def search(images, tmp_path_factory):
    """A search over three parameters, with the histories of all its fits."""
    clf = dense(hidden_layer_sizes=8, memory=tmp_path_factory.mktemp("runs"))
    grid = {
        "learning_rate": [1e-4, 1e-3, 1e-2],
        "hidden_layer_sizes": ["8", (16, 8)],
        "batch_size": [16, 32],
    }
    return RandomizedSearchCV(clf, grid, n_iter=8, cv=2, random_state=0).fit(*images)


@pytest.fixture(scope="package")
def report_files(images, tmp_path_factory):
    """Images on disk, with names that would run if they were not escaped."""
    folder = tmp_path_factory.mktemp("images")
    X, y = images
    names = [str(folder / f"<img src=x onerror=window.hacked={i}>.png") for i in range(len(X))]
    for name, image in zip(names, X, strict=True):
        Image.fromarray(image).save(name)
    return np.array(names), np.array(LABELS)[y]


@pytest.fixture(scope="package")
def reported(report_files, tmp_path_factory):
    memory = tmp_path_factory.mktemp("runs")
    clf = KerasImageClassifier(
        network,
        epochs=3,
        early_stopping=True,
        optimizer__learning_rate=0.01,
        memory=memory,
        random_state=0,
    )
    pipe = make_pipeline(ImageReader(size=8), clf)
    grid = {
        "kerasimageclassifier__model__note": [EVIL, "<b>bold</b>"],
        "kerasimageclassifier__model__units": [4, 8, 16],
        "kerasimageclassifier__optimizer__learning_rate": [1e-3, 1e-2],
    }
    return GridSearchCV(pipe, grid, cv=2, return_train_score=True).fit(*report_files)


@pytest.fixture(scope="package")
def page(reported, report_files, tmp_path_factory):
    X, y = report_files
    path = tmp_path_factory.mktemp("report") / "report.html"
    made = write_report(
        reported,
        path,
        X_test=X,
        # Shuffled: there are mistakes of every kind.
        y_test=np.roll(y, 1),
        X_train=X[:40],
        y_train=y[:40],
        title=f"Title {EVIL}",
        command=f"python search.py {EVIL}",
    )
    assert made == path
    return path
