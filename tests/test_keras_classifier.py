"""KerasImageClassifier: what a user's function is asked, and what it may return."""

import json
import pickle

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline

from skfashion import KerasImageClassifier, _training
from skfashion.datasets import make_images
from skfashion.preprocessing import PixelScaler

CALLS = []


@pytest.fixture(scope="module")
def two():
    return make_images(n_samples=40, n_classes=2, image_size=8, random_state=0)


def network(units=8, rate=0.0, activation="relu", outputs=None, last="softmax", meta=None):
    CALLS.append((units, rate))
    return keras.Sequential(
        [
            keras.Input(meta["X_shape_"][1:]),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(units, activation=activation),
            keras.layers.Dropout(rate),
            keras.layers.Dense(outputs or meta["n_classes_"], activation=last),
        ]
    )


def custom(model=network, **parameters):
    return KerasImageClassifier(model, **{"epochs": 2, "random_state": 0, **parameters})


def learner(model=network, **parameters):
    defaults = {"epochs": 40, "optimizer__learning_rate": 1e-2}
    return custom(model, **{**defaults, **parameters})


# ------------------------------------------------------------------ routing


def test_model_parameters_reach_the_function(two):
    clf = custom(model__units=5, model__rate=0.25).fit(*two)
    layers = clf.model_.layers
    assert [layer.units for layer in layers if isinstance(layer, keras.layers.Dense)] == [5, 2]
    assert [layer.rate for layer in layers if isinstance(layer, keras.layers.Dropout)] == [0.25]


def test_meta_says_what_was_seen(two):
    X, codes = two
    seen = {}

    def spy(meta):
        seen.update(meta)
        return network(meta=meta)

    y = np.array(["cat", "dog"])[codes]
    custom(spy).fit(X, y)
    assert seen["n_classes_"] == 2
    assert list(seen["classes_"]) == ["cat", "dog"]
    assert seen["X_shape_"] == (None, 8, 8)
    assert seen["X_dtype_"] == np.uint8
    assert seen["n_features_in_"] == 8
    custom(spy, image_shape=(8, 8)).fit(X.reshape(40, 64), y)
    assert seen["X_shape_"] == (None, 8, 8, 1)


def test_functions_without_meta(two):
    def plain(units):
        return network(units, meta={"X_shape_": (None, 8, 8), "n_classes_": 2})

    assert custom(plain, model__units=3).fit(*two).predict(two[0]).shape == (40,)


class Maker:
    """Something callable that is no function."""

    def __call__(self, meta, units=4):
        return network(units, meta=meta)


def test_any_callable_will_do(two):
    clf = custom(Maker(), model__units=6).fit(*two)
    assert clf.model_.layers[-3].units == 6


def test_optimizer_parameters(two):
    clf = custom(optimizer="sgd", optimizer__learning_rate=0.25, optimizer__momentum=0.5).fit(*two)
    optimizer = clf.model_.optimizer
    assert type(optimizer) is keras.optimizers.SGD
    assert float(optimizer.learning_rate) == 0.25
    assert float(optimizer.momentum) == 0.5
    assert clf.history_["learning_rate"] == [0.25, 0.25]


def test_learning_rate_schedules(two):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=2, decay_rate=0.5)
    clf = custom(optimizer__learning_rate=schedule).fit(*two)
    assert clf.history_["learning_rate"][1] < clf.history_["learning_rate"][0] < 0.101
    assert clone(clf).fit(*two).history_ == clf.history_


@pytest.mark.parametrize("loss", [keras.losses.CategoricalCrossentropy, "categorical_crossentropy"])
def test_loss_parameters(loss, two):
    smooth = custom(loss=loss, loss__label_smoothing=0.9).fit(*two)
    plain = custom(loss=loss).fit(*two)
    assert smooth.history_["loss"] != plain.history_["loss"]


def test_metrics_parameters(two):
    clf = custom(
        metrics=["accuracy", keras.metrics.TopKCategoricalAccuracy],
        metrics__1__k=1,
        loss="categorical_crossentropy",
    ).fit(*two)
    assert_allclose(clf.history_["top_k_categorical_accuracy"], clf.history_["accuracy"], atol=1e-6)


def test_metrics_have_the_same_name_in_every_fit(two):
    settings = {"metrics": ["AUC"], "loss": "categorical_crossentropy"}
    names = [list(custom(**settings).fit(*two).history_) for _ in range(3)]
    assert names[0] == names[1] == names[2]
    assert "auc" in names[0]


def test_fit_parameters(two):
    clf = custom(fit__epochs=5, fit__batch_size=8)
    assert clf.fit(*two).n_iter_ == 5
    assert_array_equal(
        clf.predict_proba(two[0]), custom(epochs=5, batch_size=8).fit(*two).predict_proba(two[0])
    )


# ----------------------------------------------------------------- contract


def test_routed_parameters_are_listed_cloned_and_set():
    clf = custom(model__units=5, optimizer__learning_rate=0.5, fit__epochs=3)
    params = clf.get_params()
    assert params["model__units"] == 5
    assert params["optimizer__learning_rate"] == 0.5
    assert params["fit__epochs"] == 3
    assert "model__parameters" not in params
    copied = clone(clf)
    assert copied.get_params() == params
    assert clf.set_params(model__units=9, model__rate=0.5, epochs=4) is clf
    assert clf.get_params()["model__units"] == 9
    assert clf.get_params()["model__rate"] == 0.5
    assert clf.epochs == 4
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


@pytest.mark.parametrize(
    "name",
    [
        "epoch",
        "units",
        "validation_split",
        "predict__batch_size",
        "fit__validation_split",
        "compile__loss",
        "model__",
        "model__a__b",
        "optimizer__learning_rate__decay_steps",
    ],
)
def test_unknown_names(name):
    with pytest.raises(TypeError, match=f"unexpected parameter '{name}'"):
        KerasImageClassifier(network, **{name: 1})
    clf = custom(model__units=3)
    before = clf.get_params()
    with pytest.raises(ValueError, match=name.partition("__")[0]):
        clf.set_params(model__units=4, **{name: 1})
    assert clf.get_params() == before


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


@pytest.mark.parametrize(
    ("last", "outputs", "settings"),
    [
        ("softmax", None, {}),
        ("sigmoid", 1, {"loss": "binary_crossentropy"}),
        ("sigmoid", 1, {"loss": keras.losses.BinaryCrossentropy}),
        ("sigmoid", 1, {"loss": "mean_squared_error"}),
        (None, 1, {"loss": keras.losses.BinaryCrossentropy, "loss__from_logits": True}),
        (None, 1, {"loss": keras.losses.BinaryCrossentropy(from_logits=True)}),
        (None, None, {"loss__from_logits": True}),
        (None, None, {"loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True)}),
        (None, None, {"loss": "categorical_crossentropy", "loss__from_logits": True}),
        ("softmax", None, {"loss": "categorical_crossentropy"}),
        ("sigmoid", None, {"loss": "binary_crossentropy"}),
    ],
)
def test_two_classes_whatever_the_network_ends_in(last, outputs, settings, two):
    X, y = two
    clf = learner(model__last=last, model__outputs=outputs, **settings).fit(X, y)
    proba = clf.predict_proba(X)
    assert proba.shape == (40, 2)
    assert_allclose(proba.sum(axis=1), 1, atol=1e-5)
    assert clf.score(X, y) > 0.9
    assert_array_equal(clf.predict(X), proba.argmax(axis=1))
    assert clf.history_["accuracy"][-1] > 0.9


@pytest.mark.parametrize(
    ("last", "settings"),
    [
        ("softmax", {"loss": "categorical_crossentropy"}),
        ("softmax", {"loss": keras.losses.KLDivergence}),
        ("sigmoid", {"loss": "binary_crossentropy"}),
        (None, {"loss": keras.losses.CategoricalCrossentropy, "loss__from_logits": True}),
    ],
)
def test_three_classes_whatever_the_network_ends_in(last, settings, images):
    X, y = images
    clf = learner(model__last=last, **settings).fit(X, y)
    assert_allclose(clf.predict_proba(X).sum(axis=1), 1, atol=1e-5)
    assert clf.score(X, y) > 0.8


def test_logits_give_the_probabilities_of_the_softmax(two):
    X, y = two
    logits = custom(model__last=None, loss__from_logits=True).fit(X, y)
    softmax = custom(loss=keras.losses.SparseCategoricalCrossentropy).fit(X, y)
    assert_allclose(logits.predict_proba(X), softmax.predict_proba(X), atol=1e-4)
    assert np.asarray(logits.model_(X)).min() < 0


def test_outputs_that_are_no_probabilities(two):
    clf = custom(model__last=None, loss="mean_squared_error").fit(*two)
    with pytest.raises(ValueError, match=r"no probabilities.*from_logits"):
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
    clf = custom(
        optimizer=HalfAdam, optimizer__learning_rate=0.125, metrics=["accuracy", half_accuracy]
    ).fit(*two)
    assert type(clf.model_.optimizer) is HalfAdam
    assert_allclose(
        np.array(clf.history_["half_accuracy"]) * 2, clf.history_["accuracy"], atol=1e-6
    )
    assert_array_equal(
        pickle.loads(pickle.dumps(clf)).predict_proba(two[0]), clf.predict_proba(two[0])
    )


def test_early_stopping_watches_the_accuracy_whatever_the_metrics(two):
    clf = custom(
        early_stopping=True, epochs=50, n_iter_no_change=2, metrics=["AUC"],
        loss="categorical_crossentropy",
    ).fit(*two)  # fmt: skip
    assert {"auc", "accuracy", "val_accuracy", "val_auc"} <= set(clf.history_)
    assert clf.n_iter_ < 50


# --------------------------------------------------------- compiled networks


def compiled(loss="sparse_categorical_crossentropy", metrics=("accuracy",), last="softmax", outputs=None, meta=None):  # fmt: skip # noqa: E501
    model = network(last=last, outputs=outputs, meta=meta)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), loss=loss, metrics=list(metrics))
    return model


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"loss": "categorical_crossentropy"},
        {"loss": keras.losses.CategoricalCrossentropy(from_logits=True), "last": None},
        {"loss": "binary_crossentropy", "last": "sigmoid", "outputs": 1},
        {"loss": keras.losses.BinaryCrossentropy(from_logits=True), "last": None, "outputs": 1},
        {"metrics": []},
    ],
)
def test_a_compiled_network_keeps_what_it_has(parameters, two):
    routed = {f"model__{name}": value for name, value in parameters.items()}
    clf = custom(compiled, epochs=40, **routed).fit(*two)
    assert type(clf.model_.optimizer) is keras.optimizers.SGD
    assert clf.history_["learning_rate"][0] == pytest.approx(0.05)
    assert clf.score(*two) > 0.9
    assert ("accuracy" in clf.history_) == (parameters.get("metrics") != [])
    again = pickle.loads(pickle.dumps(clf))
    assert_array_equal(again.predict_proba(two[0]), clf.predict_proba(two[0]))


def test_a_compiled_network_under_early_stopping(two):
    clf = custom(compiled, early_stopping=True, model__metrics=[]).fit(*two)
    assert "val_accuracy" in clf.history_


def test_nothing_is_routed_to_a_compiled_network(two):
    with pytest.raises(ValueError, match=r"compiled network.*optimizer__learning_rate"):
        custom(compiled, optimizer__learning_rate=0.5).fit(*two)


def test_a_network_compiled_with_what_cannot_be_found_again(two):
    def local(y_true, y_pred):
        return keras.losses.sparse_categorical_crossentropy(y_true, y_pred)

    with pytest.raises(ValueError, match=r"compiled again.*uncompiled"):
        custom(compiled, model__loss=local).fit(*two)


# ------------------------------------------------ what functions may return


def functional(meta):
    inputs = keras.Input(meta["X_shape_"][1:])
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    y = keras.layers.Dense(8, activation="relu")(x)
    x = keras.layers.Concatenate()([x, y])
    return keras.Model(inputs, keras.layers.Dense(meta["n_classes_"], activation="softmax")(x))


class Subclassed(keras.Model):
    """Not registered with Keras."""

    def __init__(self, n_classes, factor=1.0):
        super().__init__()
        self.flatten = keras.layers.Flatten()
        self.dense = keras.layers.Dense(n_classes, activation="softmax")
        self.factor = factor

    def call(self, x):
        x = keras.ops.cast(self.flatten(x), "float32")
        return self.dense(x * self.factor / 255)


def subclassed(factor=1.0, meta=None):
    return Subclassed(meta["n_classes_"], factor)


def unbuilt(meta):
    return keras.Sequential(
        [
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(meta["n_classes_"], activation="softmax"),
        ]
    )


class Scale(keras.layers.Layer):
    """Not registered with Keras, and its factor is in no configuration."""

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return x * self.factor


def own_layer(factor=1 / 255, meta=None):
    return keras.Sequential(
        [
            keras.Input(meta["X_shape_"][1:]),
            Scale(factor),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.1),
            keras.layers.Dense(meta["n_classes_"], activation="softmax"),
        ]
    )


def squared(x):
    return x * x


def own_activation(meta):
    return network(activation=squared, meta=meta)


def lambda_activation(meta):
    return network(activation=lambda x: x * x, meta=meta)


def lambda_layer(meta):
    return keras.Sequential(
        [
            keras.Input(meta["X_shape_"][1:]),
            keras.layers.Lambda(lambda x: x / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(meta["n_classes_"], activation="softmax"),
        ]
    )


@pytest.mark.parametrize(
    "model",
    [
        functional,
        unbuilt,
        subclassed,
        own_layer,
        own_activation,
        lambda_activation,
        lambda_layer,
    ],
)
def test_every_kind_of_network(model, two):
    X, y = two
    clf = learner(model).fit(X, y)
    assert clf.score(X, y) > 0.8
    proba = clf.predict_proba(X)
    assert_array_equal(learner(model).fit(X, y).predict_proba(X), proba)
    assert_array_equal(pickle.loads(pickle.dumps(clf)).predict_proba(X), proba)
    assert_allclose(np.asarray(clf.model_(X.astype("float32"))), proba, atol=1e-5)
    clf.partial_fit(X, y)
    assert clf.n_iter_ == 41


@pytest.mark.parametrize("model", [subclassed, own_layer])
def test_what_is_in_no_configuration_is_not_shared(model, two):
    X, y = two
    one = custom(model, epochs=1, model__factor=1e-6).fit(X, y)
    other = custom(model, epochs=1, model__factor=1e-2).fit(X, y)
    assert one.history_["loss"] != other.history_["loss"]
    assert np.ptp(one.predict_proba(X)[:, 0]) < np.ptp(other.predict_proba(X)[:, 0])
    # What is set later is for the next fit.
    before = one.predict_proba(X)
    one.set_params(model=network, model__factor=1.0)
    assert_array_equal(one.predict_proba(X), before)


def test_a_closure_cannot_be_pickled_but_its_network_can(two):
    X, y = two
    clf = custom(lambda meta: network(meta=meta)).fit(X, y)
    json.dumps(clf._recipe)
    assert clf._recipe["function"] is None


def test_networks_are_told_apart_by_what_they_are(two):
    X, y = two
    _training.clear_programs()
    first = custom(lambda meta: network(4, meta=meta)).fit(X, y)
    second = custom(lambda meta: network(5, meta=meta)).fit(X, y)
    assert [len(clf.model_.layers[-1].get_weights()[0]) for clf in (first, second)] == [4, 5]


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (None, "must return a keras.Model.*NoneType"),
        ("network", "must return a keras.Model.*str"),
        (keras.layers.Dense(2), "must return a keras.Model.*Dense"),
    ],
)
def test_functions_that_return_no_network(result, message, two):
    with pytest.raises(TypeError, match=message):
        custom(lambda: result).fit(*two)


@pytest.mark.parametrize("outputs", [1, 2, 4])
def test_the_wrong_number_of_outputs(outputs, images):
    with pytest.raises(ValueError, match=rf"\(None, {outputs}\).*3 classes.*n_classes_"):
        custom(model__outputs=outputs).fit(*images)


def test_several_outputs(two):
    def forked(meta):
        inputs = keras.Input(meta["X_shape_"][1:])
        x = keras.layers.Flatten()(inputs)
        return keras.Model(inputs, [keras.layers.Dense(2, "softmax")(x) for _ in range(2)])

    with pytest.raises(ValueError, match="one output"):
        custom(forked).fit(*two)


def test_a_network_for_other_images(two):
    def fixed():
        return network(meta={"X_shape_": (None, 28, 28), "n_classes_": 2})

    with pytest.raises(ValueError, match=r"\(28, 28\).*\(8, 8\)"):
        custom(fixed).fit(*two)


@pytest.mark.parametrize("model", [network(meta={"X_shape_": (None, 8, 8), "n_classes_": 2}), 3])
def test_model_is_a_function(model, two):
    with pytest.raises(
        (TypeError, ValueError), match=r"model must be a function|'model' parameter"
    ):
        custom(model).fit(*two)


def test_a_function_that_fails_leaves_nothing_behind(two):
    def broken():
        raise RuntimeError("no network today")

    clf = custom(broken)
    with pytest.raises(RuntimeError, match="no network today"):
        clf.fit(*two)
    with pytest.raises(NotFittedError):
        clf.predict(two[0])


# ------------------------------------------------------------------ callbacks

SEEN = []


class Recorder(keras.callbacks.Callback):
    """Writes down what it sees."""

    def __init__(self, name="recorder"):
        super().__init__()
        self.name = name
        self.epochs = 0

    def on_train_begin(self, logs=None):
        SEEN.append((self.name, "begin", self.epochs, len(self.model.layers)))

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1
        SEEN.append((self.name, epoch, sorted(logs)))


class BatchRecorder(keras.callbacks.Callback):
    """Counts batches."""

    def on_train_batch_end(self, batch, logs=None):
        SEEN.append(batch)


@pytest.fixture
def seen():
    SEEN.clear()
    return SEEN


def frozen_below(meta):
    model = network(meta=meta)
    model.layers[2].trainable = False
    return model


def test_callbacks_see_the_whole_network(seen, two):
    clf = custom(frozen_below, callbacks=[Recorder]).fit(*two)
    n_layers = len(clf.model_.layers)
    assert seen[0] == ("recorder", "begin", 0, n_layers)
    assert seen[1:] == [("recorder", i, ["accuracy", "loss"]) for i in range(2)]


def test_callbacks_start_anew_for_each_fit(seen, two):
    recorder = Recorder("mine")
    clf = custom(callbacks=[recorder])
    clf.fit(*two)
    clf.fit(*two)
    cross_val_score(clf, *two, cv=2)
    begins = [event for event in seen if event[1] == "begin"]
    assert [event[:3] for event in begins] == [("mine", "begin", 0)] * 4
    assert recorder.epochs == 0
    assert clf.callbacks[0] is recorder


def test_callbacks_of_batches(seen, two):
    custom(callbacks=BatchRecorder, batch_size=16).fit(*two)
    assert seen == [0, 1, 2] * 2


def test_callbacks_have_their_parameters_routed(seen, two):
    custom(callbacks=[Recorder], callbacks__0__name="first").fit(*two)
    custom(callbacks={"r": Recorder}, callbacks__r__name="second").fit(*two)
    assert {event[0] for event in seen} == {"first", "second"}


def test_callbacks_change_nothing_by_watching(seen, two):
    watched = custom(callbacks=[Recorder()]).fit(*two)
    plain = custom().fit(*two)
    assert_allclose(watched.predict_proba(two[0]), plain.predict_proba(two[0]), atol=1e-5)


def test_callbacks_may_stop_and_set_rates(two):
    stop = keras.callbacks.EarlyStopping("loss", min_delta=100.0, patience=1)
    assert custom(epochs=20, callbacks=[stop]).fit(*two).n_iter_ < 20
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.1 / (epoch + 1))
    clf = custom(callbacks=schedule).fit(*two)
    assert_allclose(clf.history_["learning_rate"], [0.1, 0.05])


@pytest.mark.parametrize("callbacks", [[print], [3], ["EarlyStopping"], [keras.layers.Dense(1)]])
def test_what_is_no_callback(callbacks, two):
    with pytest.raises((TypeError, ValueError), match="callbacks"):
        custom(callbacks=callbacks).fit(*two)
