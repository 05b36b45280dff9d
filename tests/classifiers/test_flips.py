"""Mirrored views: at prediction, and in training above a frozen part."""

import keras
import numpy as np
import pytest
from estimators import KINDS, computed, dense, on_small_backbone, sequential, small
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import skfashion
from skfashion import KerasImageClassifier, _training
from skfashion._store import open_store
from skfashion._training.seeding import views
from skfashion.datasets import make_images


@pytest.mark.parametrize("name", KINDS)
def test_probabilities_are_the_mean_over_both_views(name, images):
    X, y = images
    clf = small(name, epochs=1, test_time_flip=True).fit(X, y)
    plain = clone(clf).set_params(test_time_flip=False).fit(X, y)
    wanted = (plain.predict_proba(X) + plain.predict_proba(X[:, :, ::-1])) / 2
    assert_allclose(clf.predict_proba(X), wanted, atol=1e-6)
    assert_allclose(clf.predict_proba(X[:, :, ::-1]), wanted, atol=1e-6)
    assert not np.allclose(plain.predict_proba(X), wanted, atol=1e-6)


def test_flat_and_planar_images_are_mirrored_in_their_columns(rgb):
    X, y = rgb
    planes = np.moveaxis(X, -1, 1)
    wanted = dense(test_time_flip=True).fit(X, y).predict_proba(X)
    flat = dense(test_time_flip=True).fit(X.reshape(24, -1), y)
    assert_array_equal(flat.predict_proba(X.reshape(24, -1)), wanted)
    planar = dense(test_time_flip=True, image_shape=(3, 32, 32)).fit(planes, y)
    assert_array_equal(planar.predict_proba(planes), wanted)


def channels_first(meta):
    return sequential(meta, keras.layers.Permute((2, 3, 1)), keras.layers.Flatten())


def test_columns_of_a_network_with_channels_first(rgb):
    X, y = rgb
    planes = np.ascontiguousarray(np.moveaxis(X, -1, 1))
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        clf = KerasImageClassifier(channels_first, epochs=1, random_state=0).fit(planes, y)
    finally:
        keras.config.set_image_data_format(before)
    wanted = (clf.predict_proba(planes) + clf.predict_proba(planes[..., ::-1])) / 2
    assert_allclose(clf.set_params(test_time_flip=True).predict_proba(planes), wanted, atol=1e-6)


def test_rows_can_not_be_mirrored():
    X, y = np.zeros((10, 70)), [0, 1] * 5
    with pytest.raises(ValueError, match=r"DenseClassifier has to know their height and width"):
        dense(test_time_flip=True).fit(X, y)
    with pytest.raises(ValueError, match=r"test_time_flip=True mirrors images, and X has rows"):
        small("KerasImageClassifier", test_time_flip=True).fit(X, y)


def test_both_views_are_kept_and_saved(tmp_path):
    X, y = make_images(n_samples=80, n_classes=2, image_size=8, random_state=0)
    clf = dense(epochs=1, test_time_flip=True, memory=tmp_path / "runs").fit(X, y)
    wanted = clf.predict_proba(X)
    assert len(list(open_store(tmp_path / "runs").entries("outputs"))) == 2
    skfashion.save(clf, tmp_path / "model")
    assert_array_equal(skfashion.load(tmp_path / "model").predict_proba(X), wanted)
    # It changes what is predicted and not what is trained.
    trained = _training.programs_info()["built"]
    skfashion.clear_caches()
    dense(epochs=1, memory=tmp_path / "runs").fit(X, y)
    assert _training.programs_info()["built"] == trained


# ------------------------------------------------------------------- in training


def test_views_take_turns_from_a_first_one_that_is_drawn():
    epochs = np.stack([views(0, 100, epoch, "head") for epoch in range(4)])
    assert 30 < epochs[0].sum() < 70
    assert_array_equal(epochs[0], epochs[2])
    assert_array_equal(epochs[0] + epochs[1], 1)
    assert not np.array_equal(epochs[0], views(1, 100, 0, "head"))


def test_each_view_is_computed_once_over_candidates_folds_and_epochs(rgb):
    X, y = rgb
    skfashion.clear_caches()
    before = computed()
    clf = on_small_backbone(epochs=3, augmentation="flip", test_time_flip=True)
    search = GridSearchCV(clf, {"learning_rate": [1e-3, 1e-2]}, cv=2).fit(X, y)
    search.predict(X)
    assert computed() - before == 2 * len(X)


def test_training_on_views_is_training_on_mirrored_images(rgb):
    X, y = rgb
    # Symmetric images have two views that are one.
    both = np.concatenate([X, X[:, :, ::-1]], axis=2)
    settings = {"epochs": 2, "learning_rate": 1e-2, "image_size": 32}
    plain = on_small_backbone(**settings).fit(both, y)
    flipped = on_small_backbone(**settings, augmentation="flip").fit(both, y)
    assert_array_equal(flipped.predict_proba(both), plain.predict_proba(both))
    one_sided = on_small_backbone(**settings, augmentation="flip").fit(X, y)
    assert one_sided.history_ != on_small_backbone(**settings).fit(X, y).history_


def test_views_hold_in_both_phases_with_a_folder_and_without_anything_frozen(rgb, tmp_path):
    X, y = rgb
    settings = {"augmentation": "flip", "unfreeze_from": "block2"}
    clf = on_small_backbone(**settings).fit(X, y)
    kept = on_small_backbone(**settings, memory=tmp_path / "runs")
    for _ in range(2):
        assert_array_equal(kept.fit(X, y).predict_proba(X), clf.predict_proba(X))
    with skfashion.config_context(feature_cache_bytes=0):  # so that nothing is cut off
        whole = on_small_backbone(**settings).fit(X, y)
    assert_allclose(whole.predict_proba(X), clf.predict_proba(X), atol=1e-3)
