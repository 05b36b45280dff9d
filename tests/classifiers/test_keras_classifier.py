"""KerasImageClassifier: what a user's function is asked, what is routed where, and losses."""

import pickle

import keras
import numpy as np
import pytest
from custom import CALLS, custom, learner, network
from estimators import sequential
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skfashion.preprocessing import PixelScaler

# ------------------------------------------------------------------ routing


def test_meta_says_what_was_seen(two):
    X, codes = two
    seen = {}

    def spy(meta):
        seen.update(meta)
        return network(meta=meta)

    y = np.array(["cat", "dog"])[codes]
    custom(spy).fit(X, y)
    assert list(seen.pop("classes_")) == ["cat", "dog"]
    assert seen == {
        "X_dtype_": np.uint8,
        "X_shape_": (None, 8, 8),
        "n_classes_": 2,
        "n_features_in_": 8,
        "n_outputs_": 1,
        "n_outputs_expected_": 1,
        "target_type_": "binary",
    }
    custom(spy, image_shape=(8, 8)).fit(X.reshape(40, 64), y)
    assert seen["X_shape_"] == (None, 8, 8, 1)


class Maker:
    """Something callable that is no function, and doesn't ask for `meta`."""

    def __call__(self, units=4):
        return network(units, meta={"X_shape_": (None, 8, 8), "n_classes_": 2})


def test_any_callable_will_do(two):
    clf = custom(Maker(), model__units=6).fit(*two)
    assert clf.model_.layers[-3].units == 6


def test_learning_rate_schedules(two):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=2, decay_rate=0.5)
    clf = custom(optimizer__learning_rate=schedule).fit(*two)
    assert clf.history_["learning_rate"][1] < clf.history_["learning_rate"][0] < 0.101
    assert clone(clf).fit(*two).history_ == clf.history_


def test_metrics_have_the_same_name_in_every_fit(two):
    settings = {"metrics": ["AUC"], "loss": "categorical_crossentropy"}
    names = [list(custom(**settings).fit(*two).history_) for _ in range(3)]
    assert names[0] == names[1] == names[2]
    assert "auc" in names[0]


# ----------------------------------------------------------------- contract


def test_routed_parameters_are_listed_cloned_and_set():
    clf = custom(model__units=5, optimizer__learning_rate=0.5, fit__epochs=3)
    params = clf.get_params()
    given = {"model__units": 5, "optimizer__learning_rate": 0.5, "fit__epochs": 3}
    assert given.items() <= params.items()
    assert "model__parameters" not in params
    copied = clone(clf)
    changed = {"model__units": 9, "model__rate": 0.5, "epochs": 4}
    assert changed.items() <= clf.set_params(**changed).get_params().items()
    assert copied.get_params() == params
    assert "model__units=9" in repr(clf)


def test_routed_parameters_are_searched(two):
    CALLS.clear()
    grid = {"model__units": [2, 32], "optimizer__learning_rate": [1e-30, 1e-2], "fit__epochs": [30]}
    search = GridSearchCV(custom(), grid, cv=2).fit(*two)
    assert search.best_params_["optimizer__learning_rate"] == 1e-2
    assert {units for units, _ in CALLS} == {2, 32}
    pipe = make_pipeline(PixelScaler(), custom())
    search = GridSearchCV(pipe, {"kerasimageclassifier__model__units": [2, 3]}, cv=2).fit(*two)
    assert search.cv_results_["params"][0] == {"kerasimageclassifier__model__units": 2}


def test_names_that_the_function_or_the_optimizer_does_not_know(two):
    with pytest.raises(TypeError, match="neurons"):
        custom(model__neurons=3).fit(*two)
    with pytest.raises((TypeError, ValueError), match="rate_of_learning"):
        custom(optimizer__rate_of_learning=0.1).fit(*two)
    with pytest.raises(TypeError, match="smooth"):
        custom(loss__smooth=0.1).fit(*two)


def test_the_function_is_called_once_a_fit(two):
    CALLS.clear()
    clf = custom().fit(*two)
    assert len(CALLS) == 1
    clf.predict(two[0])
    _ = clf.model_
    clf.partial_fit(*two)
    assert len(CALLS) == 1


# ------------------------------------------------------ outputs and losses


BINARY, ROWS = {"loss": "binary_crossentropy"}, {"loss": "categorical_crossentropy"}
LOGITS = {"loss__from_logits": True}
LOSSES = keras.losses


@pytest.mark.parametrize(
    ("classes", "last", "outputs", "settings"),
    [
        ("two", "softmax", None, {}),
        ("two", "softmax", None, ROWS),
        ("two", "sigmoid", None, BINARY),
        ("two", "sigmoid", 1, BINARY),
        ("two", "sigmoid", 1, {"loss": LOSSES.BinaryCrossentropy}),
        ("two", "sigmoid", 1, {"loss": "mean_squared_error"}),
        ("two", None, 1, {"loss": LOSSES.BinaryCrossentropy, **LOGITS}),
        ("two", None, 1, {"loss": LOSSES.BinaryCrossentropy(from_logits=True)}),
        ("two", None, None, LOGITS),
        ("two", None, None, {"loss": LOSSES.SparseCategoricalCrossentropy(from_logits=True)}),
        ("two", None, None, {**ROWS, **LOGITS}),
        ("images", "softmax", None, ROWS),
        ("images", "softmax", None, {"loss": "categorical_focal_crossentropy"}),
        ("images", "softmax", None, {"loss": "mean_squared_error"}),
        ("images", "softmax", None, {"loss": LOSSES.KLDivergence}),
        ("images", "softmax", None, {"loss": LOSSES.SparseCategoricalCrossentropy}),
        ("images", "sigmoid", None, BINARY),
        ("images", None, None, {"loss": LOSSES.CategoricalCrossentropy, **LOGITS}),
    ],
)
def test_whatever_the_network_ends_in(classes, last, outputs, settings, request):
    X, y = request.getfixturevalue(classes)
    clf = learner(model__last=last, model__outputs=outputs, **settings).fit(X, y)
    proba = clf.predict_proba(X)
    assert proba.shape == (len(X), y.max() + 1)
    assert_allclose(proba.sum(axis=1), 1, atol=1e-5)
    assert_array_equal(clf.predict(X), proba.argmax(axis=1))
    assert clf.score(X, y) > (0.9 if classes == "two" else 0.8)
    assert clf.history_["accuracy"][-1] > (0.9 if classes == "two" else 0.8)


def test_logits_give_the_probabilities_of_the_softmax(two):
    X, y = two
    logits = custom(model__last=None, loss__from_logits=True).fit(X, y)
    softmax = custom(loss=keras.losses.SparseCategoricalCrossentropy).fit(X, y)
    assert_allclose(logits.predict_proba(X), softmax.predict_proba(X), atol=1e-4)
    assert np.asarray(logits.model_(X)).min() < 0


@pytest.mark.parametrize("outputs", [None, 1])
def test_logits_are_refused_under_a_loss_of_probabilities(outputs, two):
    loss = "binary_crossentropy" if outputs else "sparse_categorical_crossentropy"
    clf = custom(model__last=None, model__outputs=outputs, loss=loss)
    with pytest.raises(ValueError, match=r"untrained they lie in.*'softmax'.*from_logits=True"):
        clf.fit(*two)


def test_images_without_channels_before_layers_that_want_them(two):
    def network(meta):
        return sequential(meta, keras.layers.Conv2D(4, 3), keras.layers.Flatten())

    X, y = two
    with pytest.raises(ValueError, match=r"without channels.*image_shape=\(8, 8, 1\)"):
        custom(network).fit(X, y)
    assert custom(network, image_shape=(8, 8, 1)).fit(X, y).score(X, y) >= 0


def test_outputs_that_are_no_probabilities(two):
    clf = custom(model__last=None, loss="mean_squared_error")
    with pytest.warns(UserWarning, match="not probabilities.*predict_proba may refuse"):
        clf.fit(*two)
    with pytest.raises(ValueError, match=r"not probabilities.*from_logits"):
        clf.predict_proba(two[0] * np.uint8(2))


def test_one_output_needs_a_binary_loss(two):
    with pytest.raises(ValueError, match=r"one output.*binary_crossentropy"):
        custom(model__outputs=1, model__last="sigmoid").fit(*two)


def make_loss(weight):
    def loss(y_true, y_pred):
        return weight * keras.losses.sparse_categorical_crossentropy(y_true, y_pred)

    return loss


def test_losses_of_ones_own(two):
    X, y = two
    plain = custom(loss=make_loss(1.0), epochs=1).fit(X, y)
    heavy = custom(loss=make_loss(3.0), epochs=1).fit(X, y)
    builtin = custom(epochs=1).fit(X, y)
    assert plain.history_["loss"] == pytest.approx(builtin.history_["loss"], rel=1e-4)
    # The same text and name, another number in it: a program of its own.
    assert heavy.history_["loss"][0] > 2 * plain.history_["loss"][0]


class HalfAdam(keras.optimizers.Adam):
    """Not registered with Keras."""


def half_accuracy(y_true, y_pred):
    return keras.metrics.sparse_categorical_accuracy(y_true, y_pred) / 2


def test_optimizers_and_metrics_of_ones_own(two):
    clf = custom(optimizer=HalfAdam, metrics=["accuracy", half_accuracy]).fit(*two)
    assert type(clf.model_.optimizer) is HalfAdam
    half = np.array(clf.history_["half_accuracy"])
    assert_allclose(half * 2, clf.history_["accuracy"], atol=1e-6)
    again = pickle.loads(pickle.dumps(clf))
    assert_array_equal(again.predict_proba(two[0]), clf.predict_proba(two[0]))


def test_early_stopping_watches_the_accuracy_whatever_the_metrics(two):
    settings = {"early_stopping": True, "n_iter_no_change": 2, "metrics": ["AUC"]}
    clf = custom(epochs=50, **ROWS, **settings).fit(*two)
    assert {"auc", "accuracy", "val_accuracy", "val_auc"} <= set(clf.history_)
    assert clf.n_iter_ < 50


F1 = keras.metrics.F1Score(average="macro")
IOU = keras.metrics.MeanIoU(2, sparse_y_pred=False)
METRICS = [
    # metric, loss, what is said against it
    ("AUC", {}, "one-hot rows.*loss='categorical_crossentropy'"),
    ("AUC", ROWS, None),
    ("AUC", BINARY, None),
    (keras.metrics.Precision(), {}, "Precision compares outputs with one-hot rows"),
    ("mse", {}, "one-hot rows"),
    ("mse", BINARY, None),
    (F1, {}, "one-hot rows"),
    (F1, ROWS, None),
    (F1, BINARY, None),
    ("F1Score", ROWS, "average='macro'"),
    ("categorical_accuracy", {}, "one-hot rows"),  # Keras returns a number that means nothing
    ("categorical_accuracy", ROWS, None),
    ("CategoricalAccuracy", BINARY, "there is one in all.*binary"),
    ("TopKCategoricalAccuracy", {}, "one-hot rows"),
    ("SparseTopKCategoricalAccuracy", {}, None),
    ("SparseTopKCategoricalAccuracy", ROWS, "sparse_categorical_crossentropy"),
    (keras.metrics.sparse_categorical_crossentropy, ROWS, "sparse_categorical_crossentropy"),
    ("SparseCategoricalAccuracy", BINARY, "there is one in all"),
    (IOU, {}, None),
    (keras.metrics.MeanIoU(2), {}, "MeanIoU.*sparse_y_pred=False"),
    (IOU, ROWS, "MeanIoU.*labels as numbers"),
    ("BinaryCrossentropy", BINARY, None),
    (keras.metrics.Accuracy, {}, "give 'accuracy'"),
    ("acc", {}, None),
    ("acc", BINARY, None),
    (lambda y, p: keras.ops.mean(p), {}, None),
]


@pytest.mark.parametrize(("metric", "loss", "message"), METRICS)
def test_metrics_work_or_are_refused(metric, loss, message, two):
    one = {"model__outputs": 1, "model__last": "sigmoid"} if loss is BINARY else {}
    clf = custom(metrics=[metric], epochs=1, **loss, **one)
    if message is None:
        *_, last = clf.fit(*two).history_.values()
        assert np.isfinite(last).all()
        return
    for metrics in ([metric], [["accuracy", metric]]):
        with pytest.raises(ValueError, match=f"metrics: .*{message}"):
            clf.set_params(metrics=metrics).fit(*two)
