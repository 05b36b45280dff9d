"""A warning points at the user's own line, whatever lies between it and where it was noticed."""

import linecache
import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
from estimators import small
from sklearn.pipeline import make_pipeline

from skfashion.model_selection import BayesSearchCV
from skfashion.preprocessing import ImageFlattener, ImageReader


@pytest.fixture(scope="module")
def clf(images):
    return small("DenseClassifier", hidden_layer_sizes=4, epochs=1).fit(*images)


def line_of(warning):
    return linecache.getline(warning.filename, warning.lineno)


def test_pixels_of_another_range(clf, images):
    X, y = images
    pipe = make_pipeline(ImageFlattener(), clf)
    scaled = X / 255
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        clf.predict_proba(scaled)  # HERE
        clf.predict(scaled)  # HERE
        clf.score(scaled, y)  # HERE
        pipe.predict(scaled)  # HERE
        pipe.score(scaled, y)  # HERE
        clf.predict(1000.0 * X)  # HERE
    assert len(caught) == 6
    for warning in caught:
        assert warning.filename == __file__
        assert "# HERE" in line_of(warning)
    assert [warning.lineno - caught[0].lineno for warning in caught] == list(range(6))


def test_a_space_that_is_smaller_than_the_search(images):
    clf = small("DenseClassifier", hidden_layer_sizes=4, epochs=1)
    search = BayesSearchCV(clf, {"learning_rate": [1e-3, 1e-2]}, n_iter=3, cv=2, random_state=0)
    with pytest.warns(UserWarning, match="fewer than n_iter=3") as caught:
        search.fit(*images)  # HERE
    assert "# HERE" in line_of(caught[0])


def test_another_version(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("skfashion._utils.version_mixin.__version__", "0.0.1")
        pickled = pickle.dumps(ImageReader())
    with pytest.warns(UserWarning, match=r"from version 0\.0\.1") as caught:
        pickle.loads(pickled)  # HERE
    assert "# HERE" in line_of(caught[0])


def test_where_no_line_of_the_users_called(clf, images):
    X = images[0]
    with ThreadPoolExecutor(1) as pool, pytest.warns(UserWarning, match="scale them as in fit"):
        pool.submit(clf.predict, 1000.0 * X).result()
