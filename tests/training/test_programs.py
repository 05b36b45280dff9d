"""A program is traced once a shape, and what it was used for before doesn't show."""

import functools
import gc
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from custom import custom
from estimators import KINDS, READY, dense, sequential, small
from sklearn.base import clone

import skfashion
from skfashion import DenseClassifier, KerasImageClassifier, _training, networks
from skfashion._training import programs
from skfashion._training.compile_config import revived
from skfashion._training.loops import Held, HeldLast
from skfashion._training.programs import initial_weights
from skfashion._training.seeding import order

pytestmark = pytest.mark.usefixtures("empty_caches")


open_shapes = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="TensorFlow alone traces for shapes left open"
)
# What other backends than TensorFlow write into a program.
WRITTEN_IN = {"batch_size", "optimizer__momentum"}
if keras.backend.backend() != "jax":
    WRITTEN_IN.add("optimizer__weight_decay")
custom = functools.partial(custom, model__units=16, epochs=3)


def inner_rate(image_shape, n_classes, *, dropout, **sizes):
    inputs = keras.Input(image_shape)
    x = keras.layers.Dropout(0.05)(keras.layers.Flatten()(inputs))
    x = keras.layers.Dropout(dropout)(keras.layers.Dense(8, activation="relu")(x))
    return keras.Model(inputs, keras.layers.Dense(n_classes, activation="softmax")(x))


class InnerRate(DenseClassifier):
    """A network of an author's, with a rate of its own beside the one that is searched."""

    _network = staticmethod(inner_rate)


SAMPLED = {
    "learning_rate": (dense, {}, [1e-4, 1e-1]),
    "dropout": (dense, {}, [1e-4, 0.9]),
    "batch_size": (dense, {}, [7, 32]),
    "epochs": (dense, {}, [1, 4]),
    "random_state": (dense, {"dropout": 0.5}, [0, 1]),
    "class_weight": (dense, {}, [None, {0: 5.0, 1: 1.0, 2: 1.0}]),
    "model__rate": (custom, {}, [1e-4, 0.9]),
    "optimizer__learning_rate": (custom, {"optimizer": "rmsprop"}, [1e-4, 1e-1]),
    "optimizer__momentum": (custom, {"optimizer": "sgd"}, [0.1, 0.9]),
    "optimizer__weight_decay": (custom, {"optimizer": "adamw"}, [1e-4, 10.0]),
    "dropout of an author": (InnerRate, {"epochs": 3, "random_state": 0}, [1e-4, 0.9]),
    "loss__label_smoothing": (custom, {"loss": keras.losses.CategoricalCrossentropy}, [0.0, 0.9]),
}
OTHER_PROGRAMS = {"loss__label_smoothing"}  # for another value


def same(one, other, X):
    assert one.history_ == other.history_
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))


@pytest.mark.parametrize("name", SAMPLED)
def test_second_candidate_on_a_reused_program_equals_a_fresh_one(name, images):
    if name in WRITTEN_IN and keras.backend.backend() != "tensorflow":
        pytest.skip("a variable of the program on TensorFlow alone")
    X, y = images
    make, settings, values = SAMPLED[name]
    one, other = (make(**settings, **{name.split()[0]: value}) for value in values)
    one.fit(X, y)
    before = _training.programs_info()
    second = clone(other).fit(X, y)
    after = _training.programs_info()
    assert (after["built"] == before["built"]) == (name not in OTHER_PROGRAMS)
    assert (after["traces"] == before["traces"]) == (name not in OTHER_PROGRAMS)

    skfashion.clear_caches()
    same(second, other.fit(X, y), X)
    assert one.history_ != second.history_  # the parameter does something


def many_rates(image_shape, n_classes, *, rescaling, augmentation, dropout, **sizes):
    """Build a network in which layers have rates of their own, as an author may."""
    inputs = keras.Input(image_shape)
    x = keras.layers.Conv2D(8, 3, activation="relu")(keras.layers.Rescaling(*rescaling)(inputs))
    x = keras.layers.Dropout(0.05, noise_shape=(None, 1, 1, 1), name="inner")(x)
    x = keras.layers.SpatialDropout2D(dropout / 2, name="spatial")(x)
    x = keras.layers.GaussianDropout(dropout / 3, name="gaussian")(x)
    nested = keras.Sequential([keras.layers.Dropout(dropout / 4)], name="nested")
    x = keras.layers.Dropout(dropout / 2, name="half")(nested(keras.layers.Flatten()(x)))
    x = keras.layers.Dropout(dropout, name="head")(x)
    return keras.Model(inputs, keras.layers.Dense(n_classes, activation="softmax")(x))


class ManyRates(DenseClassifier):
    _network = staticmethod(many_rates)


def test_each_dropout_layer_has_its_own_rate(images, monkeypatch):
    seen, begin = [], programs.Program.begin

    def spied(program, *args, **kwargs):
        training = begin(program, *args, **kwargs)
        layers = [x for x in program.model.layers if type(x).__name__ == "VariableDropout"]
        rates = training.held.arrays([x.variable_rate for x in layers])
        seen.append({x.name: round(float(r), 6) for x, r in zip(layers, rates, strict=True)})
        return training

    def fit(rate):
        return ManyRates(dropout=rate, epochs=3, random_state=0).fit(*images)

    monkeypatch.setattr(programs.Program, "begin", spied)
    made = {}
    # Some of them are written into the graph, which is another then.
    for rate in (0.9, 0.05):
        made[rate] = fit(rate)
        assert seen[-1] == {"inner": 0.05, "half": rate / 2, "head": rate}
    for rate, clf in made.items():
        skfashion.clear_caches()
        same(clf, fit(rate), images[0])


@pytest.mark.parametrize("make", [networks.dense, networks.conv, networks.mobilenet])
def test_our_networks_have_one_rate(make):
    layers = make((32, 32, 3), 2, dropout=0.3)._flatten_layers()
    assert {layer.rate for layer in layers if hasattr(layer, "rate")} == {0.3}


@pytest.mark.parametrize("name", READY)
def test_reuse_off_changes_nothing(name, images):
    X, y = images
    settings = {"epochs": 2, "dropout": 0.3}
    reused = [small(name, **settings).fit(X, y) for _ in range(2)][1]
    with skfashion.config_context(program_cache_size=0, feature_cache_bytes=0):
        fresh = small(name, **settings).fit(X, y)
        np.testing.assert_allclose(reused.history_["loss"], fresh.history_["loss"], rtol=1e-5)
        np.testing.assert_allclose(reused.predict_proba(X), fresh.predict_proba(X), atol=1e-5)
    same(reused, small(name, **settings).fit(X, y), X)


@open_shapes
@pytest.mark.parametrize("name", KINDS)
def test_training_is_traced_once(name, images):
    # Variables of metrics that are made within a trace would cost a second one.
    small(name, epochs=2).fit(*images)
    info = _training.programs_info()
    assert info["traces"] == info["kept"] > 0


@open_shapes
def test_folds_of_any_size_share_one_trace(images):
    X, y = images
    dense(epochs=1, batch_size=16).fit(X[:40], y[:40]).predict(X[:5])
    before = _training.programs_info()["traces"]
    for n in (41, 50, 60):
        clf = dense(epochs=1, batch_size=16).fit(X[:n], y[:n])
        clf.predict(X[: n // 3])
    assert _training.programs_info()["traces"] == before


def test_what_the_user_holds_never_changes_at_another_fit(images):
    X, y = images
    first = dense(epochs=2).fit(X, y)
    model, probabilities = first.model_, first.predict_proba(X)
    weights = [w.copy() for w in first._weights]
    outputs = model.predict(X, verbose=0)
    dense(epochs=2, random_state=1).fit(X, y)
    np.testing.assert_array_equal(model.predict(X, verbose=0), outputs)
    np.testing.assert_array_equal(first.predict_proba(X), probabilities)
    for before, after in zip(weights, first._weights, strict=True):
        np.testing.assert_array_equal(before, after)


def test_callback_that_predicts_with_the_same_shape_while_it_trains(images):
    X, y = images
    other = dense(epochs=1, random_state=1).fit(X, y)
    expected = other.predict_proba(X)
    seen = []

    class Predicts(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(other.predict_proba(X))

    dense(epochs=2, callbacks=[Predicts()]).fit(X, y)
    assert len(seen) == 2
    np.testing.assert_array_equal(seen[1], expected)


def test_threads_that_predict_and_fit_at_once_get_their_own_answers(images):
    X, y = images
    fitted = [dense(epochs=2, random_state=seed).fit(X, y) for seed in range(4)]
    expected = [clf.predict_proba(X) for clf in fitted]

    def work(i):
        again = [fitted[i]] * 10 + [dense(epochs=2, random_state=i).fit(X, y)]
        for clf in again:
            np.testing.assert_array_equal(clf.predict_proba(X), expected[i])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))


@open_shapes
def test_metrics_begin_as_they_are_outside_of_traces(images):
    X, y = images
    dense(epochs=1).fit(X, y)
    (program,) = (program for program in programs._POOL.values() if program.loop._metrics)
    loop, held = program.loop, Held([], [])
    with ThreadPoolExecutor(1) as pool:
        with loop._lock:  # as while a trace lets others stand in
            own = [v._value for v in loop._metrics]
            for variable in loop._metrics:
                variable._value = None
            begun = pool.submit(loop._with_metrics, held, X, y)
            time.sleep(0.1)
            for variable, value in zip(loop._metrics, own, strict=True):
                variable._value = value
        values = begun.result().values[-len(own) :]
    assert [float(value.numpy()) for value in values] == [0.0] * len(own)


def test_weights_are_held_once_for_predictions_and_as_long_as_they_live(images, monkeypatch):
    held, get = [], HeldLast.get

    def counted(self, pairs, hold):
        return get(self, pairs, lambda pairs: held.append(hold(pairs)) or held[-1])

    monkeypatch.setattr(HeldLast, "get", counted)
    clf, other = (dense(random_state=seed).fit(*images) for seed in (0, 1))
    held.clear()
    one, two = ([each.predict_proba(images[0][:1]) for _ in range(3)][-1] for each in (clf, other))
    assert len(held) == 2
    assert not np.array_equal(one, two)
    of_other = weakref.ref(held.pop())
    del other
    gc.collect()
    assert of_other() is None
    np.testing.assert_array_equal(clf.predict_proba(images[0][:1]), one)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop", "sgd"])
@pytest.mark.parametrize("fused", [True, False])
def test_training_equals_keras_own_loop(optimizer, fused, images):
    """Same weights, same order, same steps: the loss curve of `keras.Model.fit`."""
    X, y = images
    with skfashion.config_context(fused_optimizers=fused):
        clf = dense(optimizer=optimizer, epochs=5, batch_size=16).fit(X, y)
        plan = clf._plan
        model = clf._new_network(plan.phases[0].network)
        model.set_weights(initial_weights(plan, clf._new_network))
        model.compile(**revived(plan.phases[0].compile))
    losses = []
    for epoch in range(5):
        rows = order(plan.seed, len(X), "train", "order", epoch)
        history = model.fit(
            X[rows][..., None], y[rows].astype("float32"), batch_size=16, shuffle=False, verbose=0
        )
        losses += history.history["loss"]
    np.testing.assert_allclose(clf.history_["loss"], losses, rtol=1e-2 if fused else 1e-5)


def zeros(meta):
    model = sequential(meta, keras.layers.Rescaling(1 / 255), keras.layers.Flatten())
    model.set_weights([np.zeros_like(array) for array in model.get_weights()])
    return model


@pytest.mark.parametrize("optimizer", ["adagrad", "ftrl", "adadelta", "nadam", "adamax"])
def test_every_optimizer_starts_as_in_keras(optimizer, images):
    X, y = images
    clf = KerasImageClassifier(
        zeros, optimizer=optimizer, optimizer__learning_rate=0.05, epochs=3, batch_size=len(X)
    )
    plain = zeros({"X_shape_": (None, *X.shape[1:]), "n_classes_": 3})
    kind = type(keras.optimizers.get(optimizer))
    plain.compile(kind(learning_rate=0.05), "sparse_categorical_crossentropy")
    settings = {"batch_size": len(X), "epochs": 3, "shuffle": False, "verbose": 0}
    known = plain.fit(X, y, **settings).history["loss"]
    for _ in range(2):  # also on a program that was used
        np.testing.assert_allclose(clf.fit(X, y).history_["loss"], known, rtol=5e-3)


@open_shapes
def test_a_program_that_predicts_first_is_traced_once_for_training(images):
    clf = dense(epochs=1).fit(*images)
    skfashion.clear_caches()
    clf.predict(images[0])
    clf.partial_fit(*images).partial_fit(*images)
    assert _training.programs_info()["traces"] == 2


@pytest.mark.parametrize("name", KINDS)
def test_a_few_images_can_be_predicted_without_compiling(name, images):
    X, y = images
    clf = small(name, dropout=0.5, augmentation="flip") if name in READY else small(name)
    clf.set_params(epochs=1).fit(X, y)
    wanted = clf.predict_proba(X)
    before = _training.programs_info()
    with _training.untraced():
        few = clf.predict_proba(X[:20])
        assert _training.programs_info() == before
        np.testing.assert_array_equal(clf.predict_proba(X), wanted)
    np.testing.assert_allclose(few, wanted[:20], atol=1e-5)
