"""Strange weights, rates and sizes: finite probabilities, or an error that says what to do."""

import functools
import warnings
from collections import Counter

import estimators
import numpy as np
import pandas as pd
import pytest
from estimators import KINDS, small
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.model_selection import GridSearchCV
from strange import telling, tries

COUNTS = Counter()
TRIES = tries(80)
tell_counts = telling(COUNTS, "tries of strange numbers")
N = 12
X = np.random.RandomState(0).randint(0, 255, (N, 4, 4)).astype(np.uint8)
y = np.arange(N) % 2


dense = functools.partial(estimators.dense, hidden_layer_sizes=4, epochs=2)


def outcome(what, clf, *args, **kwargs):
    """Fit; return the probabilities, or None where it was refused as documented."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        refusal = None
        try:
            clf.fit(*args, **kwargs)
        except (ValueError, TypeError) as error:
            refusal = str(error)
        if refusal is not None:
            COUNTS[f"{what}: refused"] += 1
            assert len(refusal) > 20
            assert not [name for name in vars(clf) if name.endswith("_")]
            return None
        found = clf.predict_proba(X)
    COUNTS[f"{what}: right"] += 1
    assert np.isfinite(found).all()
    assert np.allclose(found.sum(axis=1), 1, atol=1e-5)
    return found


WEIGHTS = (0, 1, 0.5, 2, 1e-300, 1e-30, 1e30, 1e39, 1e300, -1, np.nan, np.inf, True, None, "1")
FORMS = {
    "list": list,
    "array": np.array,
    "objects": lambda w: np.array(w, dtype=object),
    "series": pd.Series,
    "column": lambda w: np.array(w, dtype=object)[:, None],
    "float16": lambda w: np.array(w, dtype="f2"),
    "big-endian": lambda w: np.array(w, dtype=">f8"),
    "short": lambda w: w[:-1],
    "number": lambda w: w[0],
}


@given(
    weights=st.lists(st.sampled_from(WEIGHTS), min_size=N, max_size=N)
    | st.lists(st.sampled_from(WEIGHTS[:4]), min_size=N, max_size=N)
    | st.sampled_from(WEIGHTS).map(lambda weight: [weight] * N),
    form=st.sampled_from(sorted(FORMS)),
)
@example(weights=[1e300] * N, form="array")
@TRIES
def test_weights(weights, form):
    with np.errstate(all="ignore"):
        try:
            sample_weight = FORMS[form](weights)
        except (ValueError, TypeError):
            return
    outcome("weights", dense(), X, y, sample_weight=sample_weight)


def test_weights_that_are_fine():
    wanted = outcome("weights", dense(), X, y)
    ones = np.ones(N)
    for weight in (ones, [1] * N, ones > 0, pd.Series(ones), ones.astype(">f4"), 1):
        assert np.array_equal(outcome("weights", dense(), X, y, sample_weight=weight), wanted)
    unmasked = dense().fit(np.ma.array(X), np.ma.array(y))
    assert np.array_equal(unmasked.predict_proba(np.ma.array(X)), wanted)


@given(
    rate=st.sampled_from([5e-324, 1e-30, 1e-3, 1.0, 1e3, 1e10, 1e20, 1e30, 1e38]),
    optimizer=st.sampled_from(["sgd", "adam", "rmsprop", "adamw"]),
    scale=st.sampled_from([1e-38, 1e-3, 1.0, 1e10, 1e30, 1e36]),
)
@example(rate=1e30, optimizer="sgd", scale=1.0)
@TRIES
def test_rates_and_scales(rate, optimizer, scale):
    clf = dense(learning_rate=rate, optimizer=optimizer)
    pixels, refusal = X * np.float32(scale), None
    try:
        found = clf.fit(pixels, y).predict_proba(pixels)
    except ValueError as error:
        refusal = str(error)
    COUNTS[f"rates: {'right' if refusal is None else 'refused'}"] += 1
    if refusal is None:
        assert np.isfinite(found).all()
    else:
        assert "diverged" in refusal or "not finite" in refusal


def test_a_training_that_diverges_is_no_model():
    clf = dense(learning_rate=1e30, optimizer="sgd")
    with pytest.raises(ValueError, match=r"(?s)diverged: after 2 epochs.*Lower learning_rate="):
        clf.fit(X, y)
    assert not hasattr(clf, "classes_")
    good = dense().fit(X, y)
    wanted = good.predict_proba(X)
    with pytest.raises(ValueError, match="diverged"):
        good.set_params(learning_rate=1e30, optimizer="sgd").fit(X, y)
    assert np.array_equal(good.predict_proba(X), wanted)
    with pytest.raises(ValueError, match="diverged"):
        dense(learning_rate=1e30, optimizer="sgd").partial_fit(X, y, [0, 1]).partial_fit(X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
def test_a_search_goes_on_without_it():
    grid = {"learning_rate": [1e30, 1e-3]}
    search = GridSearchCV(dense(optimizer="sgd"), grid, cv=2).fit(X, y)
    assert search.best_params_ == {"learning_rate": 1e-3}
    scores = search.cv_results_["mean_test_score"]
    assert np.isnan(scores).tolist() == [True, False]


def test_outputs_that_are_no_numbers():
    clf = dense().fit(X / 255, y)
    clf._weights = [np.full_like(array, np.nan) for array in clf._weights]
    with pytest.raises(ValueError, match="outputs are not finite"):
        clf.predict(X / 255)


@pytest.mark.parametrize("shape", [(1, 1), (1, 17), (9, 1, 3), (2, 3)])
@pytest.mark.parametrize("name", KINDS)
def test_images_of_any_size(name, shape):
    images = np.random.RandomState(0).randint(0, 255, (6, *shape)).astype(np.uint8)
    clf = small(name, epochs=1).fit(images, [0, 1] * 3)
    found = clf.predict_proba(images)
    assert found.shape == (6, 2)
    assert np.isfinite(found).all()
    assert np.allclose(clf.predict_proba(images[:1]), found[:1], atol=1e-5)
