"""BackboneFeatures: rows of a frozen backbone, for whatever scikit-learn has."""

import pickle

import keras
import numpy as np
import pytest
from estimators import computed, on_small_backbone, scikit_learns_checks, small_backbone
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skfashion
from skfashion import BackboneFeatures, networks
from skfashion.model_selection import search_space
from skfashion.networks import _backbones
from skfashion.preprocessing import ImageReader, ImageResizer

pytestmark = pytest.mark.usefixtures("empty_caches")


@scikit_learns_checks([BackboneFeatures(small_backbone, weights=None)])
def test_scikit_learn(estimator, check):
    check(estimator)


def features(backbone=small_backbone, **parameters):
    return BackboneFeatures(backbone, weights=None, **parameters)


@pytest.mark.parametrize("pooling", ["avg", "max"])
@pytest.mark.parametrize("backbone", [small_backbone, "mobilenet_v3_small"], ids=["own", "v3"])
def test_rows_are_what_keras_computes(backbone, pooling, rgb):
    X, _ = rgb
    transformer = features(backbone, pooling=pooling).fit(X)
    rows = transformer.transform(X)
    assert rows.dtype == np.float32
    assert len(np.unique(rows.round(3), axis=0)) > 12  # images are alike, and not the same
    assert_allclose(transformer.model_(X), rows, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_convnext_normalises_below_its_features(pooling):
    kind = {"avg": "GlobalAveragePooling2D", "max": "GlobalMaxPooling2D"}[pooling]
    network = networks.features((32, 32, 3), backbone="convnext_tiny", pooling=pooling)
    _backbones.pretrain(network, backbone="convnext_tiny", alpha=1.0, weights=None)
    kinds = [type(layer).__name__ for layer in network.layers[-3:]]
    assert kinds == [kind, "LayerNormalization", "Activation"]


def test_rows_are_shared_with_a_fine_tuner_and_kept_in_a_folder(rgb, tmp_path):
    X, y = rgb
    memory = tmp_path / "runs"
    before = computed()
    rows = features(memory=memory).fit_transform(X)
    on_small_backbone(memory=memory).fit(X, y).predict(X)
    skfashion.clear_caches()
    assert_array_equal(features(memory=memory).fit(X).transform(X), rows)
    assert computed() - before == len(X)


def test_a_search_over_the_head_computes_each_image_once(rgb):
    X, y = rgb
    pipe = make_pipeline(features(), StandardScaler(), LogisticRegression())
    before = computed()
    search = GridSearchCV(pipe, {"logisticregression__C": [0.01, 0.1, 1.0]}, cv=3).fit(X, y)
    search.predict(X)
    assert computed() - before == len(X)
    assert search.score(X, y) > 0.8


def test_names_and_frames(rgb):
    X, _ = rgb
    transformer = features().fit(X)
    names = transformer.get_feature_names_out()
    assert list(names[:2]) == ["backbonefeatures0", "backbonefeatures1"]
    pytest.importorskip("pandas")
    frame = transformer.set_output(transform="pandas").transform(X)
    assert list(frame.columns) == list(names)
    pipe = make_pipeline(ImageReader(32), ImageResizer(40), clone(transformer)).fit(list(X))
    assert list(pipe.get_feature_names_out()) == list(names)
    assert ImageReader((1, 2)).get_feature_names_out()[3] == "pixel_0_1_0"


def noisy_backbone(input_shape):
    made = small_backbone(input_shape)
    return keras.Sequential([keras.Input(input_shape), keras.layers.RandomFlip(), made])


@pytest.mark.parametrize("backbone", [small_backbone, "mobilenet_v3_small"], ids=["own", "v3"])
def test_a_pipeline_is_saved_with_its_weights(backbone, rgb, tmp_path):
    X, y = rgb
    pipe = make_pipeline(features(backbone), StandardScaler(), LogisticRegression()).fit(X, y)
    skfashion.save(pipe, tmp_path / "model")
    for loaded in (skfashion.load(tmp_path / "model"), pickle.loads(pickle.dumps(pipe))):
        assert_array_equal(loaded.predict_proba(X), pipe.predict_proba(X))


def test_half_precision_comes_out_as_float32(rgb):
    X, _ = rgb
    rows = features().fit_transform(X)
    half = features(dtype_policy="mixed_float16").fit_transform(X)
    assert half.dtype == np.float32
    assert_allclose(half, rows, atol=1e-2)


def test_refusals(rgb):
    X, _ = rgb
    with pytest.raises(ValueError, match="BackboneFeatures sees 1 or 3 channels"):
        features().fit(np.zeros((2, 32, 32, 4), np.uint8))
    with pytest.raises(ValueError, match="no features that are fixed for an image"):
        features(noisy_backbone).fit(X)
    with pytest.raises(OSError, match="can't be read"):
        BackboneFeatures(weights="nowhere.weights.h5").fit(X)
    with pytest.raises(ValueError, match="known for classifiers of skfashion"):
        search_space(make_pipeline(features(), LogisticRegression()))
