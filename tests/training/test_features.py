"""The frozen part runs once an image, and no two images that differ share a row."""

import functools

import keras
import numpy as np
import pytest
from custom import custom
from estimators import on_small_backbone, sequential
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import skfashion
from skfashion import _training, networks
from skfashion._training import features
from skfashion._training.cut import split
from skfashion._training.graph import GraphLoop
from skfashion._utils.cache import Cache

pytestmark = pytest.mark.usefixtures("empty_caches")


tuner = functools.partial(on_small_backbone, epochs=2)


def frozen_below(meta):
    """Build a network whose frozen part is traced in no time."""
    convolution = keras.layers.Conv2D(8, 3, padding="same", activation="relu", trainable=False)
    rescaling = keras.layers.Rescaling(1 / 255)
    return sequential(meta, rescaling, convolution, keras.layers.GlobalAveragePooling2D())


quick = functools.partial(custom, frozen_below)


def test_a_digest_that_another_thread_has_forgotten_at_once(monkeypatch):
    monkeypatch.setattr(features, "_DIGESTS", Cache(max_entries=0))
    assert features._digest_of([np.zeros(1)]) != features._digest_of([np.ones(1)])


def computed():
    return _training.features_info()["computed"]


def test_nothing_is_cut_off_where_everything_trains_or_augments():
    assert split(networks.mobilenet((32, 32, 3), 2, unfreeze_from=0)).lower is None
    assert split(networks.mobilenet((32, 32, 3), 2, augmentation=("flip",))).lower is None
    assert split(networks.dense((8, 8, 1), 2, rescaling=(1 / 255, 0.0))).lower is None
    assert split(networks.conv((8, 8, 1), 2, dropout=0.5)).lower is None


def test_each_image_is_computed_once_over_folds_candidates_refit_and_predict(rgb):
    X, y = rgb
    before = computed()
    grid = {"learning_rate": [1e-3, 1e-2], "dropout": [0.0, 0.2]}
    search = GridSearchCV(tuner(), grid, cv=3).fit(X, y)
    search.predict(X)
    search.score(X, y)
    assert computed() - before == len(X)


def test_images_met_twice_are_computed_once(rgb):
    X, y = rgb
    before = computed()
    quick().fit(np.concatenate([X, X]), np.concatenate([y, y]))
    assert computed() - before == len(X)


def test_cutting_changes_nothing(rgb):
    X, y = rgb
    for unfreeze_from in (None, "block2"):
        cut = tuner(unfreeze_from=unfreeze_from).fit(X, y)
        with skfashion.config_context(feature_cache_bytes=0):
            before = computed()
            whole = tuner(unfreeze_from=unfreeze_from).fit(X, y)
            assert computed() == before
        for name in ("loss", "accuracy"):
            np.testing.assert_allclose(cut.history_[name], whole.history_[name], rtol=1e-5)
        np.testing.assert_allclose(cut.predict_proba(X), whole.predict_proba(X), atol=1e-5)


BLACK = np.zeros((6, 32, 32, 3), "float32")
EVEN = np.full((6, 8, 8), 63, "uint8")  # four such bytes are a float, 0.75


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # A black image has the same bytes in every range.
        ((tuner(input_range="0-255"), BLACK), (tuner(input_range="-1-1"), BLACK)),
        (
            (quick(), np.arange(6 * 784, dtype="uint8").reshape(6, 28, 28, 1)),
            (quick(), np.arange(6 * 784, dtype="uint8").reshape(6, 14, 56, 1)),
        ),
        ((quick(), EVEN[..., None]), (quick(), EVEN.view("float32")[..., None])),
    ],
)
def test_same_bytes_of_other_images_are_other_rows(one, other):
    y = np.array([0, 1] * 3)
    one[0].fit(one[1], y)
    clf, X = other
    reused = clone(clf).fit(X, y)
    skfashion.clear_caches()
    fresh = clone(clf).fit(X, y)
    assert reused.history_ == fresh.history_
    np.testing.assert_array_equal(reused.predict_proba(X), fresh.predict_proba(X))


def test_other_weights_are_other_rows(rgb):
    X, y = rgb
    before = computed()
    quick(random_state=0).fit(X, y)
    quick(random_state=1).fit(X, y)  # random weights: another backbone
    assert computed() - before == 2 * len(X)


def test_memory_bound_is_kept(rgb):
    X, y = rgb
    row = 8 * 4
    with skfashion.config_context(feature_cache_bytes=30 * row):
        quick(random_state=0).fit(X, y)
        quick(random_state=1).fit(X, y)
        assert skfashion.cache_info()["features"]["bytes"] <= 30 * row
        quick(random_state=0).fit(X, y).predict(X)


def test_a_full_table_begins_anew(rgb):
    X, y = rgb
    clf = quick(random_state=0).fit(X[:20], y[:20])
    expected = [clf.predict_proba(X), clf.predict_proba(255 - X), clf.predict_proba(X[5:9])]
    skfashion.clear_caches()
    with skfashion.config_context(feature_cache_bytes=30 * 8 * 4):
        before = computed()
        for images, wanted in zip((X, 255 - X, X[5:9]), expected, strict=True):
            np.testing.assert_array_equal(clf.predict_proba(images), wanted)
            assert skfashion.cache_info()["features"]["bytes"] <= 30 * 8 * 4
        assert computed() - before == 24 + 24 + 4


@pytest.mark.parametrize("store", [False, True])
def test_many_rows_are_gathered_from_the_cache_by_batch(rgb, store, tmp_path, monkeypatch):
    X, y = rgb
    settings = {"augmentation": "flip", "early_stopping": True, "random_state": 0}
    one = tuner(**settings).fit(X, y)
    monkeypatch.setattr(features, "_COPIED", 1)
    other = tuner(**settings, memory=tmp_path if store else None).fit(X, y)
    assert one.history_ == other.history_
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))


def test_rows_on_disk_are_read_by_another_process_and_by_predict(rgb, tmp_path):
    X, y = rgb
    settings = {"memory": tmp_path, "random_state": 0}
    clf = quick(**settings).fit(X[:20], y[:20])
    expected = clf.predict_proba(X)
    skfashion.clear_caches()
    before = _training.features_info()
    np.testing.assert_array_equal(clf.predict_proba(X), expected)
    after = _training.features_info()
    # predict reads rows, and writes none.
    assert after["from_disk"] - before["from_disk"] == 20
    assert after["computed"] - before["computed"] == 4
    skfashion.clear_caches()
    clf.predict_proba(X)
    assert _training.features_info()["computed"] - after["computed"] == 4


def test_rows_that_a_prediction_computed_are_written_by_the_next_fit(rgb, tmp_path):
    X, y = rgb
    clf = quick(memory=tmp_path).fit(X[:12], y[:12])
    clf.predict(X)
    quick(memory=tmp_path, optimizer__learning_rate=1e-2).fit(X, y)
    skfashion.clear_caches()
    before = computed()
    quick(memory=tmp_path, optimizer__learning_rate=1e-4).fit(X, y)
    assert computed() == before


def test_rows_are_kept_while_others_are_computed(rgb, tmp_path, monkeypatch):
    X, y = rgb
    monkeypatch.setattr(features, "_BATCH", 5)
    monkeypatch.setattr(features, "_SAVE_SECONDS", 0.0)
    predict, batches = GraphLoop.predict, []

    def dies_in_the_fourth(loop, held, X):
        batches.append(len(X))
        if len(batches) == 4:
            raise KeyboardInterrupt
        return predict(loop, held, X)

    with monkeypatch.context() as patched:
        patched.setattr(GraphLoop, "predict", dies_in_the_fourth)
        with pytest.raises(KeyboardInterrupt):
            quick(memory=tmp_path).fit(X, y)
    skfashion.clear_caches()
    before = _training.features_info()
    quick(memory=tmp_path).fit(X, y)
    after = _training.features_info()
    kept = after["from_disk"] - before["from_disk"]
    assert kept % 5 == 0
    assert 10 <= kept < len(X)  # batches are computed side by side
    assert after["computed"] - before["computed"] == len(X) - kept


def test_users_network_with_a_frozen_beginning(rgb):
    X, y = rgb
    backbone = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.GlobalAveragePooling2D(),
        ]
    )
    arrays = backbone.get_weights()

    def network(meta=None):
        base = keras.models.clone_model(backbone)
        base.set_weights(arrays)
        base.trainable = False
        inputs = keras.Input((32, 32, 3))
        x = base(keras.layers.Rescaling(1 / 127.5, -1)(inputs), training=False)
        return keras.Model(inputs, keras.layers.Dense(meta["n_classes_"], "softmax")(x))

    before = computed()
    grid = {"optimizer__learning_rate": [1e-3, 1e-2]}
    search = GridSearchCV(custom(network), grid, cv=2).fit(X, y)
    assert computed() - before == len(X)
    with skfashion.config_context(feature_cache_bytes=0):
        whole = custom(network, **search.best_params_).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(whole, search.predict_proba(X), atol=1e-5)


def test_statistics_that_training_moves_are_not_cut_off(two):
    def statistics(meta):
        moved = keras.layers.BatchNormalization(center=False, scale=False, momentum=0.5)
        return sequential(meta, keras.layers.Flatten(), moved)

    clf = custom(statistics, epochs=3)
    cut = clf.fit(*two).history_["loss"]
    assert np.abs(clf.model_.layers[1].moving_mean).max() > 1
    whole = clf.set_params(callbacks=[keras.callbacks.Callback()]).fit(*two).history_["loss"]
    np.testing.assert_allclose(cut, whole, rtol=1e-3)
