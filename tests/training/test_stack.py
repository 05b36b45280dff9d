"""Fits that train together end as alone, and one that is late, leaves or fails costs no other."""

import time
from functools import partial

import joblib
import keras
import numpy as np
import pytest

BACKEND = keras.backend.backend()
if BACKEND not in ("jax", "tensorflow"):
    pytest.skip("JAX and TensorFlow alone", allow_module_level=True)

from custom import custom
from estimators import dense, on_small_backbone
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import skfashion
from skfashion import ConvClassifier
from skfashion._training import stack
from skfashion.datasets import make_images
from skfashion.model_selection import EnsembleFromSearch, HyperbandSearchCV
from skfashion.networks._layers import augmented

if BACKEND == "jax":
    from skfashion._training.jax_loop import JaxLoop as Loop

    Here = Loop
else:
    from skfashion._training import graph_stack
    from skfashion._training.graph_stack import StackingLoop as Here
    from skfashion._training.graph_stack import _Stacking as Loop

N = 10 * 16 + 5  # a last batch of five
dense = partial(dense, batch_size=16)


@pytest.fixture(scope="module")
def many():
    return make_images(N, n_classes=3, image_size=8, random_state=0)


@pytest.fixture
def sizes(monkeypatch):
    """How many epochs were trained together, each time."""
    seen, train = [], Loop._train_epochs

    def spied(loop, epochs):
        seen.append(len(epochs))
        return train(loop, epochs)

    monkeypatch.setattr(Loop, "_train_epochs", spied)
    monkeypatch.setattr(stack, "_SHORTEST", 30)  # a busy machine may let a thread wait
    monkeypatch.setattr(stack, "_LONGEST", 30)
    return seen


def trained(fits, data, stack_fits=True):
    """Return the fits, done side by side; `data` is that of all, or a list."""
    data = data if isinstance(data, list) else [data] * len(fits)
    fits = [joblib.delayed(clone(clf).fit)(*each) for clf, each in zip(fits, data, strict=True)]
    with skfashion.config_context(stack_fits=stack_fits), joblib.parallel_config("skfashion"):
        return joblib.Parallel(n_jobs=len(fits))(fits)


def assert_alone(found, fits, data, atol=1e-5):
    """Check that fits ended as each does alone."""
    data = data if isinstance(data, list) else [data] * len(fits)
    for one, clf, each in zip(found, fits, data, strict=True):
        with skfashion.config_context(fused_optimizers=False):
            alone = clone(clf).fit(*each)
        np.testing.assert_allclose(one.history_["loss"], alone.history_["loss"], rtol=atol)
        for a, b in zip(one._weights, alone._weights, strict=True):
            np.testing.assert_allclose(a, b, atol=atol)


def random_layers(meta):
    """Build a network of all that is drawn and Keras compiles, and of what normalises."""
    L = keras.layers
    inputs = keras.Input(meta["X_shape_"][1:])
    x = L.Reshape((8, 8, 1))(L.Rescaling(1 / 255)(inputs))
    x = L.Flatten()(augmented(x, ("flip", "erase")))
    # Of a bias before normalisation all that trains it is rounding.
    x = L.BatchNormalization()(L.Dense(16, activation="relu", use_bias=False)(x))
    x = L.LayerNormalization()(x)
    for layer in (L.GaussianNoise, L.GaussianDropout, L.AlphaDropout, L.Dropout):
        x = layer(0.2)(x)
    return keras.Model(inputs, L.Dense(3, activation="softmax")(x))


def layers_losses(meta):
    """Build a network of which a layer adds to the loss."""
    inputs = keras.Input(meta["X_shape_"][1:])
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    x = keras.layers.Dense(16, activity_regularizer=keras.regularizers.L2(0.1))(x)
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))


RATES = (1e-3, 3e-3, 1e-2)
FITS = {
    "rates": [dense(learning_rate=rate) for rate in RATES],
    "dropout": [dense(dropout=rate, random_state=i) for i, rate in enumerate((0.1, 0.5))],
    "batch_norm": [dense(batch_norm=True, learning_rate=rate) for rate in RATES],
    "half precision": [dense(dtype_policy="mixed_float16", random_state=i) for i in range(2)],
    "cosine": [dense(schedule="cosine", learning_rate=rate) for rate in RATES],
    "classes": [dense(class_weight=weight) for weight in (None, {0: 5.0, 1: 1.0, 2: 1.0})],
    "random layers": [custom(random_layers, batch_size=16, random_state=i) for i in range(3)],
    "layers' losses": [custom(layers_losses, batch_size=16, random_state=i) for i in range(2)],
    "scaled loss": [
        custom(optimizer="sgd", optimizer__loss_scale_factor=64.0, batch_size=16, random_state=i)
        for i in range(2)
    ],
    "weight decay": [
        custom(optimizer="adamw", optimizer__weight_decay=w, batch_size=16) for w in (0.01, 10.0)
    ],
    **{
        name: [custom(optimizer=name, batch_size=16, random_state=i) for i in range(2)]
        for name in ("sgd", "adamw", "nadam", "ftrl")
    },
}


# Nadam and scaled losses do steps of their own on TensorFlow.
ALONE = {"jax": (), "tensorflow": ("half precision", "nadam")}[BACKEND]


@pytest.mark.parametrize("name", [name for name in FITS if name not in ALONE])
def test_fits_of_one_shape_train_as_one_and_end_as_alone(name, many, sizes):
    found = trained(FITS[name], many)
    assert sizes == [len(FITS[name])] * len(found[0].history_["loss"])
    assert_alone(found, FITS[name], many, 2e-3 if name == "half precision" else 1e-5)


@pytest.fixture
def accelerator(xla):
    """Compile as on an accelerator: with JAX the number of steps, with TensorFlow at all."""
    if BACKEND == "jax":
        xla.setattr("jax.default_backend", lambda: "gpu")
    else:
        xla.setattr(graph_stack, "device_kind", lambda: "gpu")


# JAX compiles on a CPU, too, so that all but the number of steps is the same there.
ON_ACCELERATORS = {
    "jax": (),
    "tensorflow": ("dropout", "batch_norm", "random layers", "layers' losses", "adamw"),
}[BACKEND]


@pytest.mark.parametrize("name", ["five", *ON_ACCELERATORS])
def test_as_on_an_accelerator(name, many, sizes, accelerator):
    """They train together unasked, and five are filled up to six."""
    fits = FITS.get(name, [dense(random_state=i) for i in range(5)])
    found = trained(fits, many, stack_fits="auto")
    assert sizes == [len(fits)] * len(found[0].history_["loss"])
    assert_alone(found, fits, many)


def test_who_is_left_on_an_accelerator_goes_on_alone(many, sizes, accelerator):
    fits = [dense(epochs=n, dropout=0.2, random_state=n) for n in (1, 3)]
    found = trained(fits, many, stack_fits="auto")
    assert sizes == [2, 1, 1]
    assert_alone(found, fits, many)


def test_heads_on_frozen_features(sizes):
    X, y = make_images(40, n_classes=2, image_size=32, channels=3, random_state=0)
    fits = [on_small_backbone(epochs=2, learning_rate=rate) for rate in RATES]
    found = trained(fits, (X, y))
    assert sizes == [3, 3]
    assert_alone(found, fits, (X, y))


def test_who_has_other_images_joins_and_who_is_done_leaves(many, sizes):
    X, y = many
    fits = [dense(epochs=n, early_stopping=n == 9, learning_rate=0.05) for n in (2, 4, 4, 9)]
    data = [(X, y), (X[:-1], y[:-1]), (X[1:], y[1:]), (X, y)]  # the last batch of five, or four
    found = trained(fits, data)
    assert {2, 3} <= set(sizes)  # and whoever is stopped early is of another length
    assert_alone(found, fits, data)


def test_other_batches_and_other_networks_are_other_groups(many, sizes):
    kinds = [{"batch_size": 16}, {"batch_size": 32}, {"batch_size": 200}, {"hidden_layer_sizes": 8}]
    fits = [dense(random_state=i, **kind) for kind in kinds for i in range(2)]
    assert_alone(trained(fits, many), fits, many)
    assert sizes.count(2) == 9  # what is less than a batch trains alone


def test_what_trains_alone(many, sizes):
    callbacks = [keras.callbacks.Callback()]
    conv = partial(ConvClassifier, filters=4, dense_units=0, batch_size=64, epochs=1)
    for fit in (dense(epochs=1, callbacks=callbacks), conv(random_state=0)):
        trained([fit] * 2, many)
    for setting in ("auto", False):
        trained([dense(epochs=1)] * 2, many, stack_fits=setting)
    assert set(sizes) <= {1}  # none where it isn't a loop that stacks


@pytest.mark.parametrize("most", [1, 2])
def test_out_of_memory_halves_the_group(most, many, sizes, monkeypatch):
    train = Loop._train_batches

    def scarce(loop, carries, *args):
        if len(carries) > most:
            raise MemoryError("made up")
        return train(loop, carries, *args)

    monkeypatch.setattr(Loop, "_train_batches", scarce)
    fits = [dense(random_state=i) for i in range(4)]
    assert_alone(trained(fits, many), fits, many)
    assert sizes.count(4) == 1  # it isn't tried again


def test_a_last_batch_that_fails_leaves_no_half_an_epoch(many, sizes, monkeypatch):
    train = Loop._train_batches

    def fails(loop, carries, arrays, size, *args):
        if len(carries) > 1 and size < 16:
            raise MemoryError("made up")
        return train(loop, carries, arrays, size, *args)

    monkeypatch.setattr(Loop, "_train_batches", fails)
    fits = [dense(random_state=i, epochs=2) for i in range(2)]
    assert_alone(trained(fits, many), fits, many)
    assert sizes[:5] == [2, 1, 1, 1, 1]  # halved for good


def test_who_fails_alone_fails_alone(many, monkeypatch):
    train = Loop._train_epochs

    def fails(loop, epochs):
        if any(np.ptp(np.asarray(epoch.arrays[2])[:80]) for epoch in epochs):  # weights
            raise ZeroDivisionError
        train(loop, epochs)

    monkeypatch.setattr(Loop, "_train_epochs", fails)
    grid = {"class_weight": [None, {0: 9.0, 1: 1.0, 2: 1.0}]}
    search = GridSearchCV(dense(), grid, cv=2, refit=False)
    side_by_side = joblib.parallel_config("skfashion", n_jobs=4)
    with skfashion.config_context(stack_fits=True), side_by_side, pytest.warns(match="2 fits"):
        search.fit(*many)
    assert np.isfinite(search.cv_results_["mean_test_score"]).tolist() == [True, False]


def test_equal_images_are_on_the_device_once(many, sizes, monkeypatch):
    put, seen = Here._put, []
    monkeypatch.setattr(Here, "_put", lambda loop, array: seen.append(array) or put(loop, array))
    X, y = many
    fits = [dense(random_state=i, epochs=1) for i in range(4)]
    trained(fits, [(X, y), (X.copy(), y), (X[:-1], y[:-1]), (X, y)])
    assert sizes == [4]
    assert sum(array.ndim > 1 for array in seen) == 2


def test_as_many_fits_as_memory_allows(monkeypatch):
    memory = {"SC_PHYS_PAGES": 1000, "SC_PAGE_SIZE": 4}
    monkeypatch.setattr(stack.os, "sysconf", memory.get)
    found = [stack.fits_at_once(nbytes) for nbytes in (0, 1, 100, 10_000)]
    assert found == [16, 64, 20, 1]


def test_nobody_waits_for_ever(many, sizes, monkeypatch):
    """For who does something else, or fits within its own fit, or has no thread yet."""
    monkeypatch.setattr(stack, "_SHORTEST", 0.1)
    monkeypatch.setattr(stack, "_LONGEST", 1)

    class Fits(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            dense(epochs=1).fit(*many)

    started = time.monotonic()
    fits = [dense(epochs=4, random_state=i) for i in range(5)]
    slow = dense(epochs=2, callbacks=[Fits()])
    with skfashion.config_context(stack_fits=True):
        tasks = [clone(clf).fit for clf in (*fits, slow)]
        tasks.append(lambda X, y: time.sleep(5))
        with joblib.parallel_config("skfashion", n_jobs=4):
            joblib.Parallel()(joblib.delayed(task)(*many) for task in tasks)
    assert max(sizes) > 1
    assert time.monotonic() - started < 60


def test_fits_that_trained_together_go_on(many, sizes, tmp_path):
    fits = [dense(random_state=i, memory=tmp_path, epochs=2) for i in range(2)]
    trained(fits, many)
    again = trained([clone(clf).set_params(epochs=4) for clf in fits], many)
    assert sizes == [2] * 4
    assert_alone(again, [clf.set_params(epochs=4, memory=None) for clf in fits], many)


def test_an_ensemble_reads_what_trained_together(many, sizes, tmp_path):
    grid = {"learning_rate": [1e-3, 1e-2]}
    search = GridSearchCV(dense(memory=tmp_path, epochs=1), grid, cv=2, refit=False)
    with skfashion.config_context(stack_fits=True), joblib.parallel_config("skfashion", n_jobs=4):
        search.fit(*many)
    ensemble = EnsembleFromSearch(search).fit(*many)
    assert ensemble.score(*many) > 0.5
    assert sizes == [4]


def test_where_bits_may_differ_results_are_kept_apart(images):
    clf = dense(epochs=1).fit(*images)
    alone = clf._plan.keys("data")
    with stack.Meeting().joined():
        assert clf._plan.keys("data") == alone
        with skfashion.config_context(stack_fits=True):
            assert clf._plan.keys("data") != alone


def test_auto_counts_fits_and_not_cores(many, sizes):
    grid = {"learning_rate": [1e-3, 3e-3, 1e-2]}
    search = HyperbandSearchCV(dense(), grid, resource="epochs", max_resources=2, cv=3)
    with skfashion.config_context(stack_fits=True):
        search.fit(*many)
    assert max(sizes) > 1
