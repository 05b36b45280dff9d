"""Where Keras runs on another backend, TensorFlow need not be installed.

Each test is a process of its own in which TensorFlow can't be found. It skips without the
other backend.
"""

import importlib.util

import pytest
from scripts import run_python

HIDE = """
import sys

class Hiding:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, *args):
        if name.split(".")[0] == "tensorflow":
            return None
        return self.finder.find_spec(name, *args)

    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = map(Hiding, sys.meta_path)

import importlib.util
assert importlib.util.find_spec("tensorflow") is None
assert importlib.util.find_spec("keras") is not None

from skfashion.datasets import make_images
X, y = make_images(60, n_classes=3, image_size=8, random_state=0)
"""


@pytest.fixture(params=["jax", "torch"])
def run(request, tmp_path):
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")

    def run(code):
        environment = {"KERAS_BACKEND": request.param}
        run_python(HIDE + code, options=["-W", "ignore"], cwd=tmp_path, **environment)

    return run


def test_classifiers_fit_predict_and_come_back_from_a_file(run):
    run("""
import numpy as np
import skfashion
from estimators import small

for name in ("DenseClassifier", "ConvClassifier", "KerasImageClassifier"):
    clf = small(name, epochs=2).fit(X, y)
    assert small(name, epochs=2).fit(X, y).history_ == clf.history_, name
    skfashion.save(clf, name)
    again = skfashion.load(name)
    np.testing.assert_allclose(again.predict_proba(X), clf.predict_proba(X), atol=1e-6)
assert "tensorflow" not in sys.modules
""")


def test_the_frozen_part_runs_once_an_image(run):
    run("""
from estimators import on_small_backbone
from skfashion import _training

clf = on_small_backbone(epochs=2).fit(X, y)
assert clf.n_iter_ == 2
assert _training.features_info()["computed"] == len(X)
""")


def test_searches_run(run):
    run("""
from estimators import small
from sklearn.model_selection import GridSearchCV
from skfashion.inspection import history_frame
from skfashion.model_selection import BayesSearchCV, HyperbandSearchCV, search_space

clf = small("DenseClassifier", epochs=2, memory="runs")
rates = {"learning_rate": [1e-3, 1e-2, 1e-1]}
for search in (
    GridSearchCV(clf, rates, cv=2),
    BayesSearchCV(clf, rates, n_iter=3, cv=2, random_state=0),
    HyperbandSearchCV(clf, rates, max_resources=3, cv=2, random_state=0),
):
    search.fit(X, y)
    assert len(search.predict(X)) == len(X)
    assert len(history_frame(search)) >= 2 * 2
""")
