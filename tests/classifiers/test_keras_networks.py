"""KerasImageClassifier: which networks a user's function may return."""

import functools
import pickle

import keras
import numpy as np
import pytest
from custom import custom, learner, network
from estimators import sequential
from numpy.testing import assert_allclose, assert_array_equal

import skfashion

# --------------------------------------------------------- compiled networks


def compiled(
    loss="sparse_categorical_crossentropy",
    metrics=("accuracy",),
    last="softmax",
    outputs=None,
    meta=None,
):
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


# ------------------------------------------------ what functions may return


def flat(meta):
    """Return a network's input, and its pixels as rows from 0 to 1."""
    inputs = keras.Input(meta["X_shape_"][1:])
    return inputs, keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))


def functional(meta):
    inputs, x = flat(meta)
    x = keras.layers.Concatenate()([x, keras.layers.Dense(8, activation="relu")(x)])
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
    layers = network(meta=meta).layers
    return keras.Sequential([type(layer).from_config(layer.get_config()) for layer in layers])


class Scale(keras.layers.Layer):
    """Not registered with Keras, and its factor is in no configuration."""

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return x * self.factor


def own_layer(factor=1 / 255, meta=None):
    return sequential(meta, Scale(factor), keras.layers.Flatten(), keras.layers.Dropout(0.1))


def squared(x):
    return x * x


def own_activation(meta):
    return network(activation=squared, meta=meta)


def lambda_activation(meta):
    return network(activation=lambda x: x * x, meta=meta)


def lambda_layer(meta):
    return sequential(meta, keras.layers.Lambda(lambda x: x / 255), keras.layers.Flatten())


@pytest.mark.parametrize(
    "model",
    [functional, unbuilt, subclassed, own_layer, own_activation, lambda_activation, lambda_layer],
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


class OwnStep(keras.Model):
    """Trains as Keras does, and says that it was asked to."""

    steps = 0

    def train_step(self, data):
        OwnStep.steps += 1
        return super().train_step(data)


def own_step(layer, meta):
    inputs, x = flat(meta)
    x = layer(keras.layers.Dense(8, trainable=False)(x))
    return OwnStep(inputs, keras.layers.Dense(meta["n_classes_"], activation="softmax")(x))


def test_a_step_of_ones_own_is_taken(two):
    custom(own_step, model__layer=keras.layers.Dropout(0.1)).fit(*two)
    assert OwnStep.steps


def fixed(shape, dtype=None):
    return keras.ops.ones(shape, dtype) / 100


@pytest.mark.parametrize("option", [{"activation": squared}, {"kernel_initializer": fixed}])
@pytest.mark.parametrize("nested", [False, True])
def test_code_of_ones_own_beside_dropout(option, nested, two):
    def model(rate, meta):
        own = [keras.layers.Dense(8, **option), keras.layers.Dropout(rate)]
        return sequential(
            meta,
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            *([keras.Sequential(own)] if nested else own),
            keras.layers.Dropout(0.1),
        )

    X, y = two
    little, much = (custom(model, model__rate=rate).fit(X, y) for rate in (0.01, 0.9))
    assert little.history_["loss"] != much.history_["loss"]
    own = little.model_.predict(X, verbose=0)
    assert_allclose(little.predict_proba(X), own, atol=1e-6)


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


def local(y_true, y_pred):
    return keras.losses.sparse_categorical_crossentropy(y_true, y_pred)


def forked(meta):
    inputs, x = flat(meta)
    return keras.Model(inputs, [keras.layers.Dense(2, "softmax")(x) for _ in range(2)])


def in_a_dict(meta):
    inputs, x = flat(meta)
    return keras.Model(inputs, {"label": keras.layers.Dense(3, "softmax")(x)})


MADE = network(meta={"X_shape_": (None, 28, 28), "n_classes_": 3})
WRONG = {
    "nothing": (lambda: None, {}, "must return a keras.Model.*NoneType"),
    "a name": (lambda: "network", {}, "must return a keras.Model.*str"),
    "a layer": (lambda: keras.layers.Dense(2), {}, "must return a keras.Model.*Dense"),
    "a model, no function": (MADE, {}, "model must be a function"),
    "one output": (network, {"outputs": 1}, r"\(None, 1\).*3 classes.*n_classes_"),
    "two outputs": (network, {"outputs": 2}, r"\(None, 2\).*3 classes.*n_classes_"),
    "four outputs": (network, {"outputs": 4}, r"\(None, 4\).*3 classes.*n_classes_"),
    "several outputs": (forked, {}, "one output"),
    "a dict": (in_a_dict, {}, "'label'.*one output"),
    "other images": (lambda: MADE, {}, r"\(28, 28\).*\(8, 8\)"),
    "a loss not to be found again": (compiled, {"loss": local}, r"compiled again.*uncompiled"),
}


@pytest.mark.parametrize("case", WRONG)
def test_networks_that_are_refused(case, images):
    model, given, message = WRONG[case]
    routed = {f"model__{name}": value for name, value in given.items()}
    with pytest.raises(TypeError if "must" in message else ValueError, match=message):
        custom(model, **routed).fit(*images)


def test_nothing_is_routed_to_a_compiled_network(two):
    with pytest.raises(ValueError, match=r"compiled network.*optimizer__learning_rate"):
        custom(compiled, optimizer__learning_rate=0.5).fit(*two)


def test_a_function_that_fails_leaves_nothing_behind(two):
    def broken():
        raise RuntimeError("no network today")

    clf = custom(broken)
    before = dict(vars(clf))
    with pytest.raises(RuntimeError, match="no network today"):
        clf.fit(*two)
    assert vars(clf) == before


# ---------------------------------------- what a network has learnt beforehand


def normalizing(pixels, axis, meta):
    layer = keras.layers.Normalization(axis=axis)
    layer.adapt(pixels)
    return sequential(meta, layer, keras.layers.Flatten())


@pytest.mark.parametrize("axis", [-1, None])
def test_an_adapted_normalization_goes_on_normalizing(axis, two, tmp_path):
    X, y = two[0].astype("float32"), two[1]
    clf = custom(functools.partial(normalizing, X, axis), epochs=4).fit(X, y)
    layer = clf.model_.layers[0]
    assert_allclose(np.mean(layer(X)), 0, atol=1e-5)
    assert_allclose(np.std(layer(X)), 1, atol=0.2)
    # Raw pixels give losses of some tens.
    assert clf.history_["loss"][-1] < 2
    assert_allclose(clf.predict_proba(X), clf.model_.predict(X, verbose=0), atol=1e-5)
    skfashion.save(clf, tmp_path / "model.skfashion")
    again = skfashion.load(tmp_path / "model.skfashion")
    assert_array_equal(again.predict_proba(X), clf.predict_proba(X))
    # On other pixels it is another network, also in a program that is lent again.
    other = custom(functools.partial(normalizing, X / 2, axis), epochs=4).fit(X, y)
    assert_allclose(other.model_.layers[0].mean, layer.mean / 2, rtol=1e-5)
    assert other.history_["loss"] != clf.history_["loss"]


def test_an_activation_with_its_own_slope(two):
    sloped = functools.partial(keras.activations.leaky_relu, negative_slope=0.1)
    clf = learner(model__activation=sloped).fit(*two)
    assert clf.score(*two) > 0.9


def test_a_loss_by_the_name_of_its_output(two):
    def named(meta):
        inputs, x = flat(meta)
        model = keras.Model(inputs, keras.layers.Dense(2, name="o")(x))
        loss = keras.losses.CategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(0.01), {"o": loss}, metrics={"o": ["accuracy"]})
        return model

    clf = custom(named, epochs=30).fit(*two)
    assert clf.score(*two) > 0.9
    assert_allclose(clf.predict_proba(two[0]).sum(axis=1), 1, rtol=1e-5)
