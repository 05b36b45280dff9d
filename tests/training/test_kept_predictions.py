"""With `memory`, what a run predicted is read back, and nobody else's predictions are."""

import copy
import pickle

import estimators
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

import skfashion
from skfashion._store import StoreWarning, open_store
from skfashion._training import programs_info


@pytest.fixture
def many(rng):
    """As many images as are kept, and labels."""
    X = rng.integers(0, 256, (150, 6, 6), dtype=np.uint8)
    return X, (X.mean(axis=(1, 2)) > 127).astype(int)


def dense(memory, **parameters):
    return estimators.dense(**{"epochs": 2, **parameters}, memory=memory)


def kept(memory):
    return len(list(open_store(memory).entries("outputs")))


def test_what_is_read_is_what_was_computed(many, tmp_path):
    X, y = many
    model = dense(tmp_path).fit(X, y)
    computed = dense(None).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(model.predict_proba(X), computed)
    np.testing.assert_array_equal(model.predict_proba(X), computed)
    np.testing.assert_array_equal(dense(tmp_path).fit(X, y).predict_proba(X), computed)
    assert kept(tmp_path) == 1


@pytest.mark.parametrize("change", ["images", "order", "parameters", "data", "epochs"])
def test_predictions_of_others_are_not_taken(change, many, tmp_path):
    X, y = many
    dense(tmp_path).fit(X, y).predict_proba(X)
    parameters = {"parameters": {"learning_rate": 0.1}, "epochs": {"epochs": 3}}.get(change, {})
    start = 1 if change == "data" else 0
    seen = {"images": X + 1, "order": X[::-1]}.get(change, X)
    model = dense(tmp_path, **parameters).fit(X[start:], y[start:])
    plain = dense(None, **parameters).fit(X[start:], y[start:])
    np.testing.assert_array_equal(model.predict_proba(seen), plain.predict_proba(seen))
    assert kept(tmp_path) == 2


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_write_nothing(copied, many, tmp_path):
    X, y = many
    model = copied(dense(tmp_path).fit(X, y))
    model.predict_proba(X)
    assert kept(tmp_path) == 0


def test_few_images_are_not_worth_a_file(many, tmp_path):
    X, y = many
    dense(tmp_path).fit(X, y).predict_proba(X[:10])
    assert kept(tmp_path) == 0


def test_weights_that_were_trained_further_have_their_own(many, tmp_path):
    X, y = many
    model = dense(tmp_path).fit(X, y)
    before = model.predict_proba(X)
    model.partial_fit(X, y)
    assert not np.array_equal(model.predict_proba(X), before)


def test_damaged_predictions_are_computed_again(many, tmp_path):
    X, y = many
    model = dense(tmp_path).fit(X, y)
    computed = model.predict_proba(X)
    (entry,) = open_store(tmp_path).entries("outputs")
    damaged = bytearray(entry.path.read_bytes())
    damaged[-7] ^= 1
    entry.path.write_bytes(damaged)
    with pytest.warns(StoreWarning, match="damaged|dropped"):
        np.testing.assert_array_equal(model.predict_proba(X), computed)
    np.testing.assert_array_equal(model.predict_proba(X), computed)


def test_the_last_used_predictions_of_a_fit_are_kept(many, tmp_path):
    X, y = many
    search = GridSearchCV(dense(tmp_path), {"learning_rate": [1e-3, 1e-2]}, cv=2).fit(X, y)
    assert kept(tmp_path) == 4
    for shade in range(1, 40):
        search.predict(X ^ np.uint8(shade))
        search.predict(X ^ np.uint8(1))  # is never the one unused for longest
    limit = skfashion.get_config()["kept_predictions"]
    assert kept(tmp_path) == 4 + limit  # of the folds, and of the fit on everything
    read = [X ^ np.uint8(shade) for shade in (1, *range(41 - limit, 40))]
    skfashion.clear_caches()
    built = programs_info()["built"]
    search.score(read[0], y)
    for shades in read:
        search.predict(shades)
    GridSearchCV(dense(tmp_path), {"learning_rate": [1e-3, 1e-2]}, cv=2).fit(X, y)
    assert programs_info()["built"] == built
    with skfashion.config_context(kept_predictions=0):
        search.predict(X ^ np.uint8(99))
    assert kept(tmp_path) == 4 + limit
