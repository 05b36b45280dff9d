"""A user's Keras callbacks see the whole network, every batch they ask for, and are obeyed."""

import keras
import numpy as np
import pytest
from custom import custom, network
from numpy.testing import assert_allclose
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_score

from skfashion import DenseClassifier, MobileNetFineTuner


def dense(*callbacks, **parameters):
    defaults = {"hidden_layer_sizes": 16, "epochs": 4, "batch_size": 16, "random_state": 0}
    return DenseClassifier(callbacks=list(callbacks), **{**defaults, **parameters})


class Hears(keras.callbacks.Callback):
    """Writes down what it is told; class attributes, as every fit copies the instance."""

    told = []

    def on_train_begin(self, logs=None):
        self.told.append(("train begin", len(self.model.layers)))

    def on_epoch_end(self, epoch, logs=None):
        self.told.append(("epoch", epoch, sorted(logs)))

    def on_train_end(self, logs=None):
        self.told.append(("train end",))


def test_hooks_come_in_keras_order_with_the_whole_network(images):
    X, y = images
    Hears.told.clear()
    clf = MobileNetFineTuner(
        weights=None,
        alpha=0.35,
        epochs=1,
        fine_tune_epochs=1,
        unfreeze_from="block_16",
        callbacks=[Hears()],
        random_state=0,
    ).fit(X, y)
    layers = len(clf.model_.layers)
    epoch = ("epoch", 0, ["accuracy", "loss"])
    phase = [("train begin", layers), epoch, ("train end",)]
    assert Hears.told == phase * 2


class CountsBatches(keras.callbacks.Callback):
    batches = []

    def on_train_batch_end(self, batch, logs=None):
        self.batches.append((batch, logs["loss"]))


def test_batch_hooks_make_the_loop_go_step_by_step(images):
    X, y = images
    CountsBatches.batches.clear()
    hooked = dense(CountsBatches()).fit(X, y)
    assert [batch for batch, _ in CountsBatches.batches] == [0, 1, 2, 3] * 4
    assert all(np.isfinite(loss) for _, loss in CountsBatches.batches)
    plain = dense(keras.callbacks.TerminateOnNaN()).fit(X, y)
    np.testing.assert_allclose(hooked.history_["loss"], plain.history_["loss"], rtol=1e-4)


def test_the_rate_is_read_every_epoch(images):
    X, y = images
    rates = [1e-2, 1e-3, 1e-4, 0.0]
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch: rates[epoch])
    clf = dense(schedule, epochs=4).fit(X, y)
    np.testing.assert_allclose(clf.history_["learning_rate"], rates)
    three = dense(schedule, epochs=3).fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), three.predict_proba(X))


def test_stop_training_is_read_every_epoch(images):
    X, y = images
    stop = keras.callbacks.EarlyStopping("loss", patience=0, min_delta=100.0)
    assert dense(stop, epochs=50).fit(X, y).n_iter_ <= 2


def test_callbacks_do_not_leak_from_fit_to_fit(images):
    X, y = images
    stop = keras.callbacks.EarlyStopping("loss", patience=1, min_delta=100.0)
    clf = dense(stop, epochs=50)
    lengths = {clf.fit(X, y).n_iter_ for _ in range(3)}
    assert len(lengths) == 1
    assert not hasattr(stop, "model") or stop.model is None


def test_what_a_callback_saves_loads_without_this_package(images, tmp_path):
    X, y = images
    path = tmp_path / "best.keras"
    clf = dense(keras.callbacks.ModelCheckpoint(str(path)), dropout=0.2).fit(X, y)
    assert "skfashion" not in path.read_bytes().decode("latin1")
    model = keras.models.load_model(path)
    np.testing.assert_allclose(model.predict(X, verbose=0), clf.predict_proba(X), atol=1e-5)


def test_a_failing_callback_fails_the_fit_and_nothing_else(images):
    X, y = images

    class Fails(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        dense(Fails()).fit(X, y)
    dense().fit(X, y)


# ------------------------------------------------- of networks of one's own

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


def test_the_weights_a_callback_restores_are_the_classifiers(images):
    X, y = images
    noisy = np.random.default_rng(0).permutation(y[40:])
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=2, restore_best_weights=True)
    clf = dense(stop, epochs=15, learning_rate=0.05).fit(X[:40], y[:40], X_val=X[40:], y_val=noisy)
    losses = clf.history_["val_loss"]
    assert min(losses) < losses[-1]
    assert log_loss(noisy, clf.predict_proba(X[40:])) == pytest.approx(min(losses), rel=1e-4)


class SetsToZero(keras.callbacks.Callback):
    def __init__(self, hook):
        super().__init__()
        self.hook = hook

    def on_epoch_end(self, epoch, logs=None):
        self.empty("on_epoch_end")

    def on_train_end(self, logs=None):
        self.empty("on_train_end")

    def empty(self, hook):
        if hook == self.hook:
            self.model.set_weights([np.zeros_like(w) for w in self.model.get_weights()])


@pytest.mark.parametrize("hook", ["on_epoch_end", "on_train_end"])
def test_the_weights_a_callback_sets_are_the_classifiers(hook, images):
    clf = dense(SetsToZero(hook), epochs=1).fit(*images)
    assert all(np.all(w == 0) for w in clf.model_.get_weights())


def test_an_average_of_the_weights_is_taken_by_its_callback(images):
    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    shared = {"optimizer": "sgd", "optimizer__learning_rate": 0.1, "epochs": 3}
    mean = custom(network, optimizer__use_ema=True, callbacks=[swap], **shared).fit(*images)
    last = custom(network, **shared).fit(*images)
    distance = [np.abs(a - b).max() for a, b in zip(mean._weights, last._weights, strict=True)]
    assert max(distance) > 1e-4


class AsksForParameters(keras.callbacks.Callback):
    told = []

    def on_epoch_end(self, epoch, logs=None):
        self.told.append(dict(self.params))


def test_a_callback_is_told_how_long_it_will_take(images):
    AsksForParameters.told.clear()
    dense(AsksForParameters(), epochs=2, batch_size=25).fit(*images)
    assert AsksForParameters.told == [{"epochs": 2, "steps": 3, "verbose": 0}] * 2


@pytest.mark.parametrize("optimizer", ["rmsprop", "adam"])
def test_partial_fit_goes_on_with_and_without_callbacks(optimizer, images):
    X, y = images
    clf = dense(optimizer=optimizer)
    clf.partial_fit(X, y, classes=np.unique(y))
    for callbacks in (None, [keras.callbacks.Callback()], None):
        clf.set_params(callbacks=callbacks).partial_fit(X, y)
    assert len(clf.history_["loss"]) == 4
