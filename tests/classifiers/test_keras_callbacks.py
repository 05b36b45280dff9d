"""A user's Keras callbacks see the whole network, every batch they ask for, and are obeyed."""

import functools

import estimators
import keras
import numpy as np
import pytest
from custom import custom, network
from numpy.testing import assert_allclose, assert_array_equal
from recorder import SEEN, Recorder, events
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_score

dense = functools.partial(estimators.dense, epochs=4, batch_size=16)


@pytest.fixture
def seen():
    SEEN.clear()
    return SEEN


def frozen_below(meta):
    model = network(meta=meta)
    model.layers[2].trainable = False
    return model


def test_the_whole_network_is_seen_and_not_changed_by_watching(seen, two):
    clf = custom(frozen_below, callbacks=[Recorder], batch_size=25).fit(*two)
    assert seen == events(len(clf.model_.layers), epochs=2, steps=2)
    plain = custom(frozen_below, batch_size=25).fit(*two)
    assert_allclose(clf.predict_proba(two[0]), plain.predict_proba(two[0]), atol=1e-5)


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


def test_the_rate_is_read_every_epoch(images):
    X, y = images
    rates = [1e-2, 1e-3, 1e-4, 0.0]
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch: rates[epoch])
    clf = dense(callbacks=[schedule]).fit(X, y)
    assert_allclose(clf.history_["learning_rate"], rates)
    three = dense(callbacks=[schedule], epochs=3).fit(X, y)
    assert_array_equal(clf.predict_proba(X), three.predict_proba(X))


def test_stop_training_is_read_every_epoch_of_every_fit(images):
    stop = keras.callbacks.EarlyStopping("loss", patience=1, min_delta=100.0)
    clf = dense(callbacks=[stop], epochs=50)
    assert [clf.fit(*images).n_iter_ for _ in range(3)] == [2] * 3
    assert not hasattr(stop, "model") or stop.model is None


def test_what_a_callback_saves_loads_without_this_package(images, tmp_path):
    X, y = images
    path = tmp_path / "best.keras"
    clf = dense(callbacks=[keras.callbacks.ModelCheckpoint(str(path))], dropout=0.2).fit(X, y)
    assert "skfashion" not in path.read_bytes().decode("latin1")
    model = keras.models.load_model(path)
    assert_allclose(model.predict(X, verbose=0), clf.predict_proba(X), atol=1e-5)


def test_the_weights_a_callback_restores_are_the_classifiers(images):
    X, y = images
    noisy = np.random.default_rng(0).permutation(y[40:])
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=2, restore_best_weights=True)
    clf = dense(callbacks=[stop], epochs=15, learning_rate=0.05)
    clf.fit(X[:40], y[:40], X_val=X[40:], y_val=noisy)
    losses = clf.history_["val_loss"]
    assert min(losses) < losses[-1]
    assert log_loss(noisy, clf.predict_proba(X[40:])) == pytest.approx(min(losses), rel=1e-4)


@pytest.mark.parametrize("hook", ["on_epoch_end", "on_train_end"])
def test_the_weights_a_callback_sets_are_the_classifiers(hook, images):
    class Empties(keras.callbacks.Callback):
        pass

    def empty(self, *args):
        self.model.set_weights([np.zeros_like(w) for w in self.model.get_weights()])

    setattr(Empties, hook, empty)
    clf = dense(callbacks=[Empties()], epochs=1).fit(*images)
    assert all(np.all(w == 0) for w in clf.model_.get_weights())


def test_an_average_of_the_weights_is_taken_by_its_callback(images):
    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    shared = {"optimizer": "sgd", "optimizer__learning_rate": 0.1, "epochs": 3}
    mean = custom(network, optimizer__use_ema=True, callbacks=[swap], **shared).fit(*images)
    last = custom(network, **shared).fit(*images)
    distance = [np.abs(a - b).max() for a, b in zip(mean._weights, last._weights, strict=True)]
    assert max(distance) > 1e-4
    with pytest.raises(ValueError, match="SwapEMAWeights"):  # an average that nobody takes
        custom(optimizer__use_ema=True).fit(*images)


@pytest.mark.parametrize("optimizer", ["rmsprop", "adam"])
def test_partial_fit_goes_on_with_and_without_callbacks(optimizer, images):
    X, y = images
    clf = dense(optimizer=optimizer)
    clf.partial_fit(X, y, classes=np.unique(y))
    for callbacks in (None, [keras.callbacks.Callback()], None):
        clf.set_params(callbacks=callbacks).partial_fit(X, y)
    assert len(clf.history_["loss"]) == 4
