"""What every classifier makes of weights, seeds and pixels."""

import pickle
import random

import keras
import numpy as np
import pandas as pd
import pytest
from custom import custom
from estimators import KINDS, dense, sequential, small
from numpy.testing import assert_array_equal
from sklearn.base import clone

import skfashion
from skfashion.datasets import make_images

# ------------------------------------------------------------------ weights


def test_class_weight_equals_the_same_sample_weight(two):
    X, y = two
    weighted = dense(class_weight={0: 0.5, 1: 4.0}).fit(X, y)
    same = dense().fit(X, y, sample_weight=np.where(y == 1, 4.0, 0.5))
    both = dense(class_weight={1: 2.0}).fit(X, y, sample_weight=np.where(y == 1, 2.0, 0.5))
    assert_array_equal(weighted.predict_proba(X), same.predict_proba(X))
    assert_array_equal(both.predict_proba(X), same.predict_proba(X))
    plain = dense().fit(X, y)
    assert np.abs(weighted.predict_proba(X) - plain.predict_proba(X)).max() > 1e-3
    part = dense(class_weight={0: 0.5, 1: 4.0}).partial_fit(X, y, classes=[0, 1])
    same = dense().partial_fit(X, y, [0, 1], np.where(y == 1, 4.0, 0.5))
    assert_array_equal(part.predict_proba(X), same.predict_proba(X))


def test_balanced_counts_only_what_counts(two):
    X, y = two
    weight = np.ones(40)
    weight[np.flatnonzero(y == 1)[5:]] = 0
    zeroed = dense(class_weight="balanced").fit(X, y, sample_weight=weight)
    kept = weight > 0
    left_out = dense(class_weight="balanced").fit(X[kept], y[kept])
    assert_array_equal(zeroed.predict_proba(X), left_out.predict_proba(X))


@pytest.mark.parametrize(
    ("labels", "class_weight"),
    [
        (["cat", "dog"], {"cat": 0.5, "dog": 4.0}),
        (["0", "1"], {"0": 0.5, "1": 4.0}),
        (["01", "1"], {"01": 0.5, "1": 4.0}),
        (["1", "b"], {np.str_("1"): 0.125}),
        ([3, 7], {np.int64(3): 0.5, np.float32(7): 4}),
        ([3, 7], {7: 8.0}),
        ([3, 7], {3: 1, 5: 2, 7: 8}),
        ([False, True], {False: 1, True: 8}),
        ([False, True], {0: 1, 1: np.int8(8)}),
        (pd.Categorical(["cat", "dog"]), {"dog": 8}),
    ],
)
def test_class_weight_by_label(labels, class_weight, two):
    X, codes = two
    named = dense(class_weight=class_weight).fit(X, np.array(labels)[codes])
    same = dense(class_weight={0: 0.5, 1: 4.0}).fit(X, codes)
    assert_array_equal(named.predict_proba(X), same.predict_proba(X))


@pytest.mark.parametrize("weight", [1e-320, 1e-6, 0.1, 7, 1e300])
@pytest.mark.parametrize("parameters", [{}, {"early_stopping": True, "class_weight": {0: 3, 1: 3}}])
def test_equal_weights_of_any_size_are_one(weight, parameters, trained_on, two):
    dense(epochs=1, **parameters).fit(*two, sample_weight=weight)
    ((_, data),) = trained_on
    assert_array_equal(data.weight, 1)


@pytest.mark.parametrize(
    "parameters", [{}, {"early_stopping": True}, {"class_weight": {1: 9}}, {"class_weight": {0: 0}}]
)
def test_the_mean_weight_of_what_is_trained_on_is_one(parameters, trained_on):
    X, y = make_images(n_samples=90, n_classes=3, image_size=8, random_state=0)
    given = np.arange(90) % 7 * 1e-5
    dense(epochs=1, **parameters).fit(X, y, sample_weight=given)
    weight = trained_on[0][1].weight
    assert weight.mean(dtype=float) == pytest.approx(1, abs=1e-6)
    assert weight.min() > 0
    assert weight.dtype == np.float32


def test_batches_keep_the_proportion_of_their_weights(trained_on, two, tmp_path):
    X, y = two
    clf = dense(class_weight={0: 2, 1: 2})
    clf.partial_fit(X, y, [0, 1], np.full(40, 3.0))
    skfashion.save(clf, tmp_path / "clf")
    for going_on in (clf, pickle.loads(pickle.dumps(clf)), skfashion.load(tmp_path / "clf")):
        going_on.partial_fit(X, y, sample_weight=np.full(40, 6.0))
    clone(clf).partial_fit(X, y, [0, 1], np.full(40, 6.0))
    fitted = dense(epochs=1).fit(X, y, np.full(40, 0.5))
    fitted.partial_fit(X, y)
    fitted.set_params(warm_start=True).fit(X, y, np.full(40, 6.0))
    found = [set(data.weight.tolist()) for _, data in trained_on]
    assert found == [{w} for w in (1, 2, 2, 2, 1, 1, 2, 1)]


@pytest.mark.parametrize("name", KINDS)
def test_the_callers_arrays_are_never_changed(name, two):
    X, y = two[0].astype("float32"), two[1].copy()
    weight = np.linspace(0, 2, len(y))
    for array in (X, y, weight):
        array.flags.writeable = False
    class_weight = {0: 2.0, 1: 1.0}
    clf = small(name, epochs=1, class_weight=class_weight)
    clf.fit(X, y, weight, X_val=X[:5], y_val=y[:5])
    clf.partial_fit(X, y, sample_weight=weight)
    clf.predict(X)
    assert class_weight == {0: 2.0, 1: 1.0}


# -------------------------------------------------------------------- seeds


@pytest.mark.parametrize("name", KINDS)
def test_same_seed_same_bits(name, two):
    X, y = two
    settings = {"epochs": 2}
    if name != "KerasImageClassifier":
        settings["dropout"] = 0.3
    if name in ("DenseClassifier", "ConvClassifier"):  # a backbone is cut off without it
        settings["augmentation"] = "flip+shift"
    first = small(name, random_state=3, **settings).fit(X, y)
    again = small(name, random_state=3, **settings).fit(X, y)
    other = small(name, random_state=4, **settings).fit(X, y)
    for a, b in zip(first._weights, again._weights, strict=True):
        assert_array_equal(a, b)
    assert first.history_ == again.history_
    assert_array_equal(first.predict_proba(X), again.predict_proba(X))
    assert np.abs(first.predict_proba(X) - other.predict_proba(X)).max() > 1e-6


def test_random_state_instance_goes_on_and_can_be_repeated(two):
    X, y = two
    rng = np.random.RandomState(0)
    first, second = (dense(random_state=rng).fit(X, y).predict_proba(X) for _ in range(2))
    assert np.abs(first - second).max() > 1e-6
    again = dense(random_state=np.random.RandomState(0)).fit(X, y).predict_proba(X)
    assert_array_equal(first, again)


def test_random_state_none_differs_each_time_whatever_the_global_state(two):
    X, y = two
    proba = []
    for _ in range(2):
        np.random.seed(0)
        keras.utils.set_random_seed(0)
        proba.append(dense(random_state=None).fit(X, y).predict_proba(X))
    assert np.abs(proba[0] - proba[1]).max() > 1e-6


def _global_draws():
    return [
        random.random(),
        float(np.random.uniform()),
        float(keras.random.uniform(())),
    ]


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("random_state", [0, None])
def test_the_callers_random_state_is_untouched(name, random_state, two):
    X, y = two

    def draws(work):
        keras.utils.set_random_seed(11)
        before = _global_draws()
        if work:
            clf = small(name, epochs=1, random_state=random_state)
            clf.fit(X, y).predict(X)
            clf.partial_fit(X, y)
            _ = clf.model_
        return before, _global_draws()

    assert draws(work=True) == draws(work=False)


def test_other_threads_find_the_global_random_states_as_they_were_during_a_build(two):
    def states():
        return random.getstate(), np.random.get_state()[1].tolist()

    before, seen = states(), []

    def network(meta):
        seen.append(states())
        return sequential(meta, keras.layers.Flatten())

    custom(network, epochs=1).fit(*two)
    assert seen
    assert all(state == before for state in seen)


# ------------------------------------------------------------------- pixels


def test_flat_rows_are_the_same_images(images):
    X, y = images
    clf = dense().fit(X, y)
    flat = dense().fit(X.reshape(60, 64), y)
    assert flat.image_shape_ == (8, 8, 1)
    assert_array_equal(flat.predict_proba(X), clf.predict_proba(X.reshape(60, 64)))
    assert_array_equal(flat.predict_proba(X[..., None]), clf.predict_proba(X))
    frame = pd.DataFrame(X.reshape(60, 64))
    of_frame = dense().fit(frame, pd.Series(y, name="label"))
    assert_array_equal(of_frame.predict_proba(frame), clf.predict_proba(X))


def test_images_stay_bytes_down_to_the_network(two, trained_on):
    X, y = two
    dense(epochs=1).fit(X, y)
    ((_, data),) = trained_on
    assert data.X.dtype == np.uint8
    assert np.shares_memory(data.X, X)
