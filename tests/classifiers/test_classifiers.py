"""What every classifier does: labels, splitters, routing, networks, losses."""

import keras
import numpy as np
import pytest
import sklearn
from estimators import KINDS, READY, dense, sequential, small
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import is_classifier
from sklearn.model_selection import StratifiedKFold, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline

from skfashion import ConvClassifier, KerasImageClassifier
from skfashion.preprocessing import PixelScaler


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
    train, _ = next(StratifiedKFold(2).split(X, y))
    same = dense().fit(X[train], y[train], sample_weight=weight[train])
    assert_array_equal(out["estimator"][0].predict_proba(X), same.predict_proba(X))


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


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("name", KINDS)
def test_mixed_precision_goes_with_all_that_is_random_or_scheduled(name, policy, two):
    X, y = two
    settings = {"dropout": 0.3, "schedule": "cosine"}
    if (name, policy) != ("BackboneFineTuner", "mixed_bfloat16"):  # once as it is cut
        settings["augmentation"] = "flip+shift+rotate+zoom+erase"
    before = keras.config.dtype_policy().name
    clf = small(name, epochs=4, dtype_policy=policy, **(settings if name in READY else {}))
    clf.fit(X, y)
    assert keras.config.dtype_policy().name == before
    if name in READY:
        falling = clf.learning_rate * np.array([1, 0.8536, 0.5, 0.1464])
        assert clf.history_["learning_rate"] == pytest.approx(falling, 1e-3)
    assert np.isfinite(clf.history_["loss"]).all()
    proba = clf.predict_proba(X)
    assert proba.dtype == np.float32
    assert_allclose(proba.sum(axis=1), 1, atol=1e-5)
    assert all(w.dtype == np.float32 for w in clf._weights)
    assert policy in {layer.dtype_policy.name for layer in clf.model_.layers}


def test_augmentation_changes_training_and_not_prediction(two):
    X, y = two
    plain = dense(epochs=2).fit(X, y)
    changed = dense(epochs=2, augmentation="flip+shift+rotate+zoom+erase").fit(X, y)
    assert np.abs(plain.predict_proba(X) - changed.predict_proba(X)).max() > 1e-6
    assert_array_equal(changed.predict_proba(X), changed.predict_proba(X))
    names = {layer.name for layer in changed.model_.layers}
    assert not {"flip", "shift", "rotate", "zoom", "erase"} & names
    same = dense(epochs=2, augmentation=["erase", "zoom", "rotate", "shift", "flip"]).fit(X, y)
    assert_array_equal(same.predict_proba(X), changed.predict_proba(X))


def test_log_probabilities_of_zero(two):
    X, y = two
    clf = dense().fit(X, y)
    *kernels, bias = clf._weights
    clf._weights = [*kernels, np.array([-1e6, 1e6], bias.dtype)]
    assert_array_equal(clf.predict_log_proba(X), [[-np.inf, 0]] * len(X))


def test_prediction_does_not_depend_on_later_set_params(two):
    X, y = two
    clf = dense().fit(X, y)
    proba = clf.predict_proba(X)
    clf.set_params(hidden_layer_sizes=3, loss="categorical_crossentropy", optimizer="sgd", epochs=9)
    assert_array_equal(clf.predict_proba(X), proba)
    assert clf.model_.get_layer("hidden_1").units == 16


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


def test_keras_image_classifier_takes_other_shapes_as_they_are(rng):
    X = rng.random((20, 5, 4, 2))

    def network(meta):
        return sequential(meta, keras.layers.Flatten())

    clf = KerasImageClassifier(network, epochs=1).fit(X, np.arange(20) % 2)
    assert clf.model_.input_shape == (None, 5, 4, 2)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.filterwarnings("error::DeprecationWarning")  # of NumPy 2
def test_what_is_known_of_a_fitted_network(name, images, capsys):
    clf = small(name, epochs=3, optimizer="Adam")
    assert is_classifier(make_pipeline(clf))  # or folds would not be stratified
    assert clf.fit(*images) is clf
    assert (clf.n_features_in_, clf.n_classes_, clf.n_iter_) == (64, 3, 3)
    assert clf.stopped_by_time_ is False
    assert set(clf.history_) == {"phase", "learning_rate", "loss", "accuracy"}
    assert all(type(v) is list and len(v) == 3 for v in clf.history_.values())
    assert all(type(v) is float for v in clf.history_["loss"])
    assert clf.loss_curve_ == clf.history_["loss"]
    clf.summary()
    assert "Total params" in capsys.readouterr().out
    as_keras_writes_it = small(name, epochs=3, optimizer="adam").fit(*images)
    assert_array_equal(as_keras_writes_it.predict_proba(images[0]), clf.predict_proba(images[0]))
