"""What every classifier does: labels, weights, seeds, pixels, stopping, going on."""

import random
import time

import keras
import numpy as np
import pandas as pd
import pytest
import sklearn
from estimators import NAMES, small
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier
from sklearn.model_selection import GroupKFold, cross_val_score, cross_validate
from sklearn.pipeline import Pipeline

from skfashion import ConvClassifier, DenseClassifier, KerasImageClassifier, _training
from skfashion.datasets import make_images
from skfashion.preprocessing import PixelScaler


def dense(**parameters):
    defaults = {"hidden_layer_sizes": 16, "epochs": 3, "random_state": 0}
    return DenseClassifier(**{**defaults, **parameters})


@pytest.fixture(scope="module")
def two():
    """40 learnable images of 2 classes."""
    return make_images(n_samples=40, n_classes=2, image_size=8, random_state=0)


LABELS = {
    "str": ["cat", "dog", "emu"],
    "object": np.array(["cat", "dog", "emu"], object),
    "negative": [-5, 0, 7],
    "float": [-1.0, 0.0, 2.0],
    "uint8": np.array([3, 200, 255], np.uint8),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_of_any_kind_come_back(kind, images):
    X, codes = images
    labels = np.asarray(LABELS[kind])
    y = labels[codes]
    clf = dense(learning_rate=1e-2, epochs=30).fit(X, y)
    assert_array_equal(clf.classes_, labels)
    assert clf.predict(X).dtype == y.dtype
    assert clf.score(X, y) > 0.8
    same = dense(learning_rate=1e-2, epochs=30).fit(X, codes)
    assert_array_equal(clf.predict_proba(X), same.predict_proba(X))


@pytest.mark.parametrize("y_of", [lambda y: y == 1, lambda y: np.where(y == 1, 1, -1)])
def test_two_labels_of_any_kind(y_of, two):
    X, y = two
    clf = dense(learning_rate=1e-2, epochs=20).fit(X, y_of(y))
    assert clf.predict_proba(X).shape == (40, 2)
    assert clf.predict(X).dtype == y_of(y).dtype
    assert clf.score(X, y_of(y)) > 0.9


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_probabilities_have_a_column_a_class_for_one_row_too(name, n_classes):
    X, y = make_images(n_samples=12, n_classes=n_classes, image_size=8, random_state=0)
    clf = small(name, epochs=1).fit(X, y)
    many = clf.predict_proba(X)
    one = clf.predict_proba(X[:1])
    assert many.shape == (12, n_classes)
    assert one.shape == (1, n_classes)
    assert one.dtype == many.dtype == np.float32
    assert_allclose(many.sum(axis=1), 1, rtol=1e-6)
    assert_allclose(one, many[:1], rtol=1e-5)
    assert clf.predict(X[:1]).shape == (1,)


@pytest.mark.parametrize("name", NAMES)
def test_folds_of_sorted_classes_are_stratified(name, two):
    X, y = two
    order = np.argsort(y, kind="stable")
    assert is_classifier(small(name))
    scores = cross_val_score(small(name, epochs=8), X[order], y[order], cv=2)
    assert (scores > 0).all()


def test_fit_returns_self_and_says_what_it_saw(images):
    X, y = images
    clf = dense()
    assert clf.fit(X, y) is clf
    assert clf.n_features_in_ == 64
    assert clf.image_shape_ == (8, 8, 1)
    assert clf.n_iter_ == 3
    assert clf.stopped_by_time_ is False
    assert set(clf.history_) == {"phase", "learning_rate", "loss", "accuracy"}
    assert all(type(v) is list and len(v) == 3 for v in clf.history_.values())
    assert all(type(v) is float for v in clf.history_["loss"])


# ------------------------------------------------------------------ weights


def test_sample_weight_is_applied(two):
    X, y = two
    settings = {"batch_size": 64, "epochs": 20, "learning_rate": 1e-2}
    heavy = dense(**settings).fit(X, y, sample_weight=np.where(y == 1, 100.0, 0.01))
    light = dense(**settings).fit(X, y, sample_weight=np.where(y == 1, 0.01, 100.0))
    assert heavy.predict_proba(X)[:, 1].mean() > light.predict_proba(X)[:, 1].mean() + 0.2


def test_class_weight_equals_the_same_sample_weight(two):
    X, y = two
    weighted = dense(class_weight={0: 0.5, 1: 4.0}).fit(X, y)
    same = dense().fit(X, y, sample_weight=np.where(y == 1, 4.0, 0.5))
    both = dense(class_weight={1: 2.0}).fit(X, y, sample_weight=np.where(y == 1, 2.0, 0.5))
    assert_array_equal(weighted.predict_proba(X), same.predict_proba(X))
    assert_array_equal(both.predict_proba(X), same.predict_proba(X))
    plain = dense().fit(X, y)
    assert np.abs(weighted.predict_proba(X) - plain.predict_proba(X)).max() > 1e-3


def test_balanced_counts_only_what_counts(two):
    X, y = two
    weight = np.ones(40)
    weight[np.flatnonzero(y == 1)[5:]] = 0
    zeroed = dense(class_weight="balanced").fit(X, y, sample_weight=weight)
    kept = weight > 0
    left_out = dense(class_weight="balanced").fit(X[kept], y[kept])
    assert_array_equal(zeroed.predict_proba(X), left_out.predict_proba(X))


def test_class_weight_by_label(two):
    X, codes = two
    y = np.array(["cat", "dog"])[codes]
    named = dense(class_weight={"cat": 0.5, "dog": 4.0}).fit(X, y)
    same = dense(class_weight={0: 0.5, 1: 4.0}).fit(X, codes)
    assert_array_equal(named.predict_proba(X), same.predict_proba(X))


@pytest.mark.parametrize("name", NAMES)
def test_the_callers_arrays_are_never_changed(name, two):
    X, y = two
    X = X.astype("float64")
    weight = np.linspace(0, 2, len(y))
    arrays = [X, y, weight, X[:5].copy(), y[:5].copy()]
    copies = [a.copy() for a in arrays]
    class_weight = {0: 2.0, 1: 1.0}
    clf = small(name, epochs=1, class_weight=class_weight)
    for array in arrays:
        array.flags.writeable = False
    clf.fit(X, y, weight, X_val=arrays[3], y_val=arrays[4])
    clf.partial_fit(X, y, sample_weight=weight)
    clf.predict(X)
    for array, copied in zip(arrays, copies, strict=True):
        assert_array_equal(array, copied)
    assert class_weight == {0: 2.0, 1: 1.0}


# -------------------------------------------------------------------- seeds


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_bits(name, two):
    X, y = two
    settings = {"epochs": 2}
    if name not in ("KerasImageClassifier",):
        settings |= {"dropout": 0.3, "augmentation": "flip+shift"}
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


@pytest.mark.parametrize("name", NAMES)
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


# ------------------------------------------------------------------- pixels


@pytest.mark.parametrize("name", NAMES[:3])
def test_uint8_and_the_same_pixels_as_floats_predict_alike(name, two):
    X, y = two
    clf = small(name, epochs=2).fit(X, y)
    for dtype in ("float32", "float64", "int64"):
        assert_allclose(clf.predict_proba(X.astype(dtype)), clf.predict_proba(X), atol=1e-6)
    same = small(name, epochs=2).fit(X.astype("float32"), y)
    assert same.input_range_ == clf.input_range_ == "0-255"
    assert_allclose(same.predict_proba(X), clf.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("name", NAMES[:3])
@pytest.mark.parametrize(
    ("scale", "input_range"),
    [
        (lambda X: X / 255, "0-1"),
        (lambda X: X / 127.5 - 1, "-1-1"),
    ],
)
def test_the_range_of_the_pixels_makes_no_difference(name, scale, input_range, two):
    X, y = two
    as_bytes = small(name, epochs=2).fit(X, y)
    scaled = small(name, epochs=2).fit(scale(X.astype("float64")), y)
    assert scaled.input_range_ == input_range
    assert_allclose(
        scaled.predict_proba(scale(X.astype("float64"))), as_bytes.predict_proba(X), atol=1e-3
    )


def test_the_range_is_decided_at_fit_and_stored(two):
    X, y = two
    clf = dense().fit(X, y)
    dark = clf.predict_proba(X // 100)  # values 0 to 2, still bytes
    assert_allclose(clf.predict_proba((X // 100).astype("float32")), dark, atol=1e-6)
    told = dense(input_range="0-255").fit((X // 255).astype("float32"), y)
    assert told.input_range_ == "0-255"
    assert dense().fit(X * 3.5 - 400, y).input_range_ == "as-is"


@pytest.mark.parametrize(
    ("fitted", "given", "message"),
    [
        (lambda X: X, lambda X: X / 255, r"\[0, 1\].*'0-255'"),
        (lambda X: X, lambda X: X * 3.0, r"'0-255'"),
        (lambda X: X / 255, lambda X: X, r"'0-1'"),
        (lambda X: X / 127.5 - 1, lambda X: X, r"'-1-1'"),
    ],
)
def test_predict_warns_of_pixels_far_outside_the_range(fitted, given, message, two):
    X, y = two
    clf = dense(epochs=1).fit(fitted(X), y)
    with pytest.warns(UserWarning, match=message):
        clf.predict(given(X))


def test_predict_does_not_warn_without_reason(two, recwarn):
    X, y = two
    clf = dense(epochs=1).fit(X, y)
    for given in (X, X.astype(float), X // 255, np.zeros_like(X)):
        clf.predict(given)
    assert not [w for w in recwarn if "pixels" in str(w.message)]


def test_flat_rows_are_the_same_images(images):
    X, y = images
    clf = dense().fit(X, y)
    flat = dense().fit(X.reshape(60, 64), y)
    assert flat.image_shape_ == (8, 8, 1)
    assert_array_equal(flat.predict_proba(X), clf.predict_proba(X.reshape(60, 64)))
    assert_array_equal(flat.predict_proba(X[..., None]), clf.predict_proba(X))


@pytest.mark.parametrize(
    ("n_features", "image_shape", "expected"),
    [
        (48, None, (4, 4, 3)),
        (24, None, (1, 24, 1)),
        (24, (4, 6), (4, 6, 1)),
        (24, (4, 2, 3), (4, 2, 3)),
        (48, [2, 8, 3], (2, 8, 3)),
    ],
)
def test_image_shape_of_flat_rows(n_features, image_shape, expected, rng):
    X = rng.integers(0, 255, (20, n_features)).astype("uint8")
    clf = ConvClassifier(2, dense_units=0, epochs=1, image_shape=image_shape, random_state=0)
    clf.fit(X, np.arange(20) % 2)
    assert clf.image_shape_ == expected
    assert clf.model_.input_shape == (None, *expected)


def test_frames_of_pixels(two):
    X, y = two
    frame = pd.DataFrame(X.reshape(40, 64), columns=[f"pixel{i}" for i in range(64)])
    labels = pd.Series(y, name="label")
    clf = dense().fit(frame, labels)
    assert list(clf.feature_names_in_) == list(frame.columns)
    assert_array_equal(clf.predict(frame), dense().fit(X, y).predict(X))
    with pytest.raises(ValueError, match="feature names"):
        clf.predict(frame.rename(columns={"pixel0": "other"}))
    with pytest.warns(UserWarning, match="feature names"):
        clf.predict(frame.to_numpy())


def test_lists_are_arrays(two):
    X, y = two
    clf = dense().fit(X.tolist(), y.tolist())
    assert_array_equal(clf.predict(X.tolist()), dense().fit(X, y).predict(X))


def test_images_stay_bytes_down_to_the_network(two, monkeypatch):
    X, y = two
    seen = []
    original = _training.run

    def spy(plan, data, *args, **kwargs):
        seen.append(data.X)
        return original(plan, data, *args, **kwargs)

    monkeypatch.setattr(_training, "run", spy)
    dense(epochs=1).fit(X, y)
    assert seen[0].dtype == np.uint8
    assert np.shares_memory(seen[0], X)


# -------------------------------------------------------------- partial_fit


@pytest.mark.parametrize("name", NAMES)
def test_partial_fit_is_fit_an_epoch_at_a_time(name, two):
    X, y = two
    whole = small(name, epochs=4).fit(X, y)
    parts = small(name, epochs=4)
    for i in range(4):
        assert parts.partial_fit(X, y, classes=[0, 1] if i == 0 else None) is parts
        assert parts.n_iter_ == i + 1
    assert parts.history_ == whole.history_
    assert_array_equal(parts.predict_proba(X), whole.predict_proba(X))


def test_partial_fit_keeps_the_slots_of_the_optimizer(two):
    X, y = two
    parts = dense().partial_fit(X, y, classes=[0, 1]).partial_fit(X, y)
    fresh = dense(warm_start=True, epochs=1).fit(X, y).fit(X, y)
    assert np.abs(parts.predict_proba(X) - fresh.predict_proba(X)).max() > 1e-6
    assert any(np.abs(slot).sum() > 0 for slot in parts._position["slots"])


def test_partial_fit_sees_classes_one_by_one(images):
    X, y = images
    clf = dense(learning_rate=1e-2)
    clf.partial_fit(X[y == 0], y[y == 0], classes=[2, 0, 1])
    assert_array_equal(clf.classes_, [0, 1, 2])
    for _ in range(10):
        for label in (1, 2, 0):
            clf.partial_fit(X[y == label], y[y == label])
    assert clf.predict_proba(X).shape == (60, 3)
    clf.partial_fit(X, y, classes=[0, 1, 2])


def test_partial_fit_takes_the_range_from_its_first_call(two):
    X, y = two
    clf = dense().partial_fit(X, y, classes=[0, 1])
    assert clf.input_range_ == "0-255"
    clf.partial_fit(X // 255, y)
    assert clf.input_range_ == "0-255"


def test_partial_fit_after_fit_goes_on(two):
    X, y = two
    clf = dense().fit(X, y)
    before = clf.predict_proba(X)
    clf.partial_fit(X, y)
    assert clf.n_iter_ == 4
    assert np.abs(clf.predict_proba(X) - before).max() > 1e-6
    clf.fit(X, y)
    assert clf.n_iter_ == 3
    assert_array_equal(clf.predict_proba(X), before)


def test_partial_fit_applies_weights(two):
    X, y = two
    a = dense(class_weight={0: 1.0, 1: 9.0}).partial_fit(X, y, classes=[0, 1])
    b = dense().partial_fit(X, y, [0, 1], np.where(y == 1, 9.0, 1.0))
    assert_array_equal(a.predict_proba(X), b.predict_proba(X))


# --------------------------------------------------------------- warm start


def test_warm_start_goes_on_with_the_weights(two):
    X, y = two
    warm = dense(warm_start=True, epochs=5, learning_rate=1e-2)
    losses = [warm.fit(X, y).history_["loss"] for _ in range(3)]
    assert losses[1][0] < losses[0][0]
    assert losses[2][-1] < losses[0][-1]
    cold = dense(epochs=5, learning_rate=1e-2)
    assert cold.fit(X, y).history_ == cold.fit(X, y).history_


def test_warm_start_may_change_what_is_no_part_of_the_network(two):
    X, y = two
    clf = dense(warm_start=True).fit(X, y)
    clf.set_params(learning_rate=1e-2, epochs=2, dropout=0.2, batch_size=8, optimizer="sgd")
    assert clf.fit(X[:30], y[:30]).n_iter_ == 2


# ----------------------------------------------------------- early stopping


def test_early_stopping_is_stratified_and_seeded(two, monkeypatch):
    X, y = two
    order = np.argsort(y, kind="stable")
    seen = []
    original = _training.run

    def spy(plan, data, *args, **kwargs):
        seen.append(data)
        return original(plan, data, *args, **kwargs)

    monkeypatch.setattr(_training, "run", spy)
    for seed in (0, 0, 1):
        clf = dense(early_stopping=True, validation_fraction=0.25, random_state=seed)
        clf.fit(X[order], y[order])
    assert len(seen[0].X_val) == 10
    assert_array_equal(np.bincount(seen[0].y_val.astype(int)), [5, 5])
    assert len(seen[0].X) == 30
    assert_array_equal(seen[0].X_val, seen[1].X_val)
    assert not np.array_equal(seen[0].X_val, seen[2].X_val)


def test_early_stopping_restores_the_best_weights(two, rng):
    X, y = two
    X_val = X[:20]
    y_val = rng.permutation(y[:20])  # what can be learnt of this is luck
    clf = dense(early_stopping=True, n_iter_no_change=4, epochs=200, learning_rate=1e-2)
    clf.fit(X, y, X_val=X_val, y_val=y_val)
    scores = clf.history_["val_accuracy"]
    assert clf.n_iter_ == len(scores) < 200
    assert clf.score(X_val, y_val) == pytest.approx(max(scores))
    best = int(np.argmax(scores))
    assert clf.n_iter_ - best - 1 >= 4
    assert_array_equal(
        clf.predict_proba(X), dense(epochs=best + 1, learning_rate=1e-2).fit(X, y).predict_proba(X)
    )


def test_early_stopping_watches_what_is_given_and_trains_on_all_of_the_rest(images):
    X, y = images
    clf = dense(early_stopping=True, epochs=4).fit(X[:50], y[:50], X_val=X[50:], y_val=y[50:])
    plain = dense(epochs=4).fit(X[:50], y[:50])
    assert clf.history_["loss"] == plain.history_["loss"]
    assert clf.history_["val_accuracy"][-1] <= 1


def test_validation_images_are_recorded_without_early_stopping(images):
    X, y = images
    clf = dense(epochs=4).fit(X[:50], y[:50], X_val=X[50:], y_val=y[50:])
    assert len(clf.history_["val_loss"]) == clf.n_iter_ == 4


def test_tol_is_what_counts_as_rising(two):
    X, y = two
    clf = dense(early_stopping=True, n_iter_no_change=2, tol=2.0, epochs=30).fit(X, y)
    assert clf.n_iter_ <= 4


# ------------------------------------------------------------------ the rest


def test_max_fit_seconds_ends_the_fit_with_the_epoch(two):
    X, y = two
    dense(epochs=1).fit(X, y)
    started = time.monotonic()
    clf = dense(epochs=100_000, max_fit_seconds=0.3).fit(X, y)
    assert time.monotonic() - started < 10
    assert clf.stopped_by_time_ is True
    assert 1 <= clf.n_iter_ < 100_000
    assert clf.predict(X).shape == (40,)
    assert dense(epochs=2, max_fit_seconds=600).fit(X, y).stopped_by_time_ is False


def test_max_fit_seconds_keeps_the_best_weights(two, rng):
    X, y = two
    y_val = rng.permutation(y)
    clf = dense(
        early_stopping=True,
        n_iter_no_change=10_000,
        epochs=100_000,
        max_fit_seconds=0.3,
        learning_rate=1e-2,
    ).fit(X, y, X_val=X, y_val=y_val)
    assert clf.stopped_by_time_
    assert clf.score(X, y_val) == pytest.approx(max(clf.history_["val_accuracy"]))


def test_groups_splitters(two):
    X, y = two
    groups = np.arange(40) // 4
    scores = cross_val_score(dense(), X, y, groups=groups, cv=GroupKFold(2))
    assert len(scores) == 2


def test_metadata_routing_of_weights(two):
    X, y = two
    weight = np.where(y == 1, 5.0, 1.0)
    with sklearn.config_context(enable_metadata_routing=True):
        clf = dense().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        out = cross_validate(
            clf, X, y, params={"sample_weight": weight}, cv=2, return_estimator=True
        )
        with pytest.raises(Exception, match="sample_weight"):
            cross_validate(dense(), X, y, params={"sample_weight": weight}, cv=2)
    train = np.setdiff1d(np.arange(40), _test_rows_of_first_fold(X, y))
    same = dense().fit(X[train], y[train], sample_weight=weight[train])
    assert_array_equal(out["estimator"][0].predict_proba(X), same.predict_proba(X))


def _test_rows_of_first_fold(X, y):
    from sklearn.model_selection import StratifiedKFold

    return next(StratifiedKFold(2).split(X, y))[1]


def test_metadata_routing_of_validation_images(two):
    X, y = two
    with sklearn.config_context(enable_metadata_routing=True):
        clf = dense(early_stopping=True).set_fit_request(X_val=True, y_val=True)
        pipe = Pipeline([("scale", PixelScaler()), ("clf", clf)], transform_input=["X_val"])
        pipe.fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:])
    assert pipe[-1].input_range_ == "0-1"
    scaled = dense(early_stopping=True).fit(
        X[:30] / np.float32(255), y[:30], X_val=X[30:] / np.float32(255), y_val=y[30:]
    )
    assert pipe[-1].history_["val_loss"] == pytest.approx(scaled.history_["val_loss"], rel=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_mixed_bfloat16_learns_and_returns_float32(name, two):
    X, y = two
    before = keras.config.dtype_policy().name
    clf = small(name, epochs=2, dtype_policy="mixed_bfloat16").fit(X, y)
    assert keras.config.dtype_policy().name == before
    proba = clf.predict_proba(X)
    assert proba.dtype == np.float32
    assert_allclose(proba.sum(axis=1), 1, atol=1e-5)
    assert all(w.dtype == np.float32 for w in clf._weights)
    policies = {layer.dtype_policy.name for layer in clf.model_.layers}
    assert "mixed_bfloat16" in policies


def test_augmentation_changes_training_and_not_prediction(two):
    X, y = two
    plain = dense(epochs=2).fit(X, y)
    changed = dense(epochs=2, augmentation="flip+shift+rotate+zoom+erase").fit(X, y)
    assert np.abs(plain.predict_proba(X) - changed.predict_proba(X)).max() > 1e-6
    assert_array_equal(changed.predict_proba(X), changed.predict_proba(X))
    names = {layer.name for layer in changed.model_.layers}
    assert {"flip", "shift", "rotate", "zoom", "erase"} <= names
    same = dense(epochs=2, augmentation=["erase", "zoom", "rotate", "shift", "flip"]).fit(X, y)
    assert_array_equal(same.predict_proba(X), changed.predict_proba(X))


@pytest.mark.parametrize("name", NAMES)
def test_model_is_the_whole_network_and_the_users_own(name, two, tmp_path):
    X, y = two
    clf = small(name, epochs=1).fit(X, y)
    proba = clf.predict_proba(X)
    model = clf.model_
    assert clf.model_ is model
    batch = X.reshape(40, *clf.image_shape_)
    assert_allclose(model.predict(batch, verbose=0), proba, atol=1e-5)
    assert all(type(layer).__module__.startswith("keras.") for layer in model.layers)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert_allclose(loaded.predict(batch, verbose=0), proba, atol=1e-5)
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    assert_array_equal(clf.predict_proba(X), proba)


def test_prediction_does_not_depend_on_later_set_params(two):
    X, y = two
    clf = dense().fit(X, y)
    proba = clf.predict_proba(X)
    clf.set_params(hidden_layer_sizes=3, loss="categorical_crossentropy", optimizer="sgd", epochs=9)
    assert_array_equal(clf.predict_proba(X), proba)
    assert clf.model_.get_layer("hidden_1").units == 16


def test_a_one_hot_loss_gets_rows_of_the_labels(images):
    X, y = images
    indices = dense(epochs=5).fit(X, y)
    rows = dense(epochs=5, loss="categorical_crossentropy").fit(X, y)
    assert_allclose(rows.predict_proba(X), indices.predict_proba(X), atol=1e-4)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "loss",
    [
        "categorical_crossentropy",
        "categorical_focal_crossentropy",
        "kl_divergence",
        "mean_squared_error",
        "binary_crossentropy",
        keras.losses.CategoricalCrossentropy,
        keras.losses.SparseCategoricalCrossentropy,
    ],
)
def test_losses_learn(loss, n_classes):
    X, y = make_images(n_samples=60, n_classes=n_classes, image_size=8, random_state=0)
    clf = dense(loss=loss, epochs=30, learning_rate=1e-2).fit(X, y)
    assert clf.score(X, y) > 0.8


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop", "sgd", keras.optimizers.Nadam])
def test_optimizers_learn(optimizer, two):
    X, y = two
    clf = dense(optimizer=optimizer, epochs=30, learning_rate=3e-2).fit(X, y)
    assert clf.score(X, y) > 0.8
    assert type(clf.model_.optimizer).__name__.lower() == (
        optimizer if isinstance(optimizer, str) else "nadam"
    )


@pytest.mark.parametrize("sizes", [(8, 4), [8, 4], "8-4", np.array([8, 4])])
def test_layer_sizes_in_every_form(sizes, two):
    X, y = two
    clf = dense(hidden_layer_sizes=sizes, epochs=1).fit(X, y)
    assert [w.shape for w in clf._weights] == [(64, 8), (8,), (8, 4), (4,), (4, 2), (2,)]


def test_conv_parameters_shape_the_network(two):
    X, y = two
    clf = ConvClassifier(
        "4-6", convs_per_block=2, kernel_size=5, dense_units=7, batch_norm=False, epochs=1
    ).fit(X, y)
    shapes = [w.shape for w in clf._weights if w.ndim > 1]
    assert shapes[:4] == [(5, 5, 1, 4), (5, 5, 4, 4), (5, 5, 4, 6), (5, 5, 6, 6)]
    assert shapes[4:] == [(2 * 2 * 6, 7), (7, 2)]


@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_verbose(verbose, two, capsys):
    X, y = two
    dense(verbose=verbose).fit(X, y)
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert err == ""
    assert len(lines) == {0: 0, 1: 1, 2: 4}[verbose]
    if verbose == 2:
        assert lines[0].startswith("[DenseClassifier] train 1/3  ")
    if verbose:
        assert lines[-1].startswith("[DenseClassifier] 3 epochs in ")
        assert "loss" in lines[-1]


@pytest.mark.parametrize("name", NAMES)
def test_clone_and_repr(name):
    clf = small(name, epochs=7, batch_size=5)
    copied = clone(clf)
    assert repr(copied) == repr(clf)
    assert copied.get_params() == clf.get_params()
    assert "epochs=7" in repr(clf)


def test_keras_image_classifier_takes_other_shapes_as_they_are(rng):
    X = rng.random((20, 5, 4, 2))

    def network(meta):
        return keras.Sequential(
            [
                keras.Input(meta["X_shape_"][1:]),
                keras.layers.Flatten(),
                keras.layers.Dense(2, "softmax"),
            ]
        )

    clf = KerasImageClassifier(network, epochs=1).fit(X, np.arange(20) % 2)
    assert clf.model_.input_shape == (None, 5, 4, 2)
