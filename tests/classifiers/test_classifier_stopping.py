"""Stopping early, in time, and going on: the same for every classifier."""

import functools
import time
from math import cos, pi

import keras
import numpy as np
import pytest
from estimators import KINDS, dense, on_small_backbone, small
from numpy.testing import assert_allclose, assert_array_equal

from skfashion._training.programs import Training

# -------------------------------------------------------------- partial_fit


@pytest.mark.parametrize("name", KINDS)
def test_partial_fit_is_fit_an_epoch_at_a_time(name, two):
    X, y = two
    whole = small(name, epochs=4).fit(X, y)
    parts = small(name, epochs=4)
    for i in range(4):
        assert parts.partial_fit(X, y, classes=[0, 1] if i == 0 else None) is parts
        assert parts.n_iter_ == i + 1
    assert parts.history_ == whole.history_
    assert_array_equal(parts.predict_proba(X), whole.predict_proba(X))


def test_a_warm_start_with_another_activation(images):
    X, y = images
    clf = dense(warm_start=True, epochs=1).fit(X, y)
    before = clf.predict_proba(X)
    clf.set_params(activation="tanh", learning_rate=1e-9).fit(X, y)
    assert np.abs(clf.predict_proba(X) - before).max() > 1e-3


def test_partial_fit_sees_classes_one_by_one(images):
    X, y = images
    clf = dense(learning_rate=1e-2)
    clf.partial_fit(X[y == 0], y[y == 0], classes=[2, 0, 1])
    assert_array_equal(clf.classes_, [0, 1, 2])
    for _ in range(10):
        for label in (1, 2, 0):
            clf.partial_fit(X[y == label], y[y == label])
    assert clf.predict_proba(X).shape == (60, 3)
    clf.partial_fit(X, y, classes=[0, 1, 2])


def test_partial_fit_after_fit_goes_on(two):
    X, y = two
    clf = dense().fit(X, y)
    before = clf.predict_proba(X)
    clf.partial_fit(X, y)
    assert clf.n_iter_ == 4
    assert np.abs(clf.predict_proba(X) - before).max() > 1e-6
    clf.fit(X, y)
    assert clf.n_iter_ == 3
    assert_array_equal(clf.predict_proba(X), before)


# --------------------------------------------------------------- warm start


def test_warm_start_goes_on_with_the_weights(two):
    X, y = two
    warm = dense(warm_start=True, epochs=5, learning_rate=1e-2)
    losses = [warm.fit(X, y).history_["loss"] for _ in range(3)]

    assert losses[1][0] < losses[0][0]
    assert losses[2][-1] < losses[0][-1]
    cold = dense(epochs=5, learning_rate=1e-2)
    assert cold.fit(X, y).history_ == cold.fit(X, y).history_


def test_warm_start_may_change_what_is_no_part_of_the_network(two):
    X, y = two
    clf = dense(warm_start=True).fit(X, y)
    clf.set_params(learning_rate=1e-2, epochs=2, dropout=0.2, batch_size=8, optimizer="sgd")
    assert clf.fit(X[:30], y[:30]).n_iter_ == 2


# ----------------------------------------------------------- early stopping


def test_early_stopping_is_stratified_and_seeded(two, trained_on):
    X, y = two
    order = np.argsort(y, kind="stable")
    for seed in (0, 0, 1):
        clf = dense(early_stopping=True, validation_fraction=0.25, random_state=seed)
        clf.fit(X[order], y[order])
    seen = [data for _, data in trained_on]
    assert len(seen[0].X_val) == 10
    assert_array_equal(np.bincount(seen[0].y_val.astype(int)), [5, 5])
    assert len(seen[0].X) == 30
    assert_array_equal(seen[0].X_val, seen[1].X_val)
    assert not np.array_equal(seen[0].X_val, seen[2].X_val)


def test_early_stopping_restores_the_best_weights(two, rng):
    X, y = two
    X_val = X[:20]
    y_val = rng.permutation(y[:20])  # what can be learnt of this is luck
    clf = dense(early_stopping=True, n_iter_no_change=4, epochs=200, learning_rate=1e-2)
    clf.fit(X, y, X_val=X_val, y_val=y_val)
    scores = clf.history_["val_accuracy"]
    assert clf.n_iter_ == len(scores) < 200
    assert clf.score(X_val, y_val) == pytest.approx(max(scores))
    best = int(np.argmax(scores))
    assert clf.n_iter_ - best - 1 >= 4
    assert_array_equal(
        clf.predict_proba(X), dense(epochs=best + 1, learning_rate=1e-2).fit(X, y).predict_proba(X)
    )


def test_weights_stay_on_the_device_between_epochs(two, monkeypatch):
    fetched, weights = [], Training.weights
    spied = lambda training, before: fetched.append(1) or weights(training, before)  # noqa: E731
    monkeypatch.setattr(Training, "weights", spied)
    clf = dense(early_stopping=True, n_iter_no_change=9, learning_rate=1e-3).fit(*two)
    losses = clf.history_["val_loss"]
    assert losses[-1] < losses[0]  # the best weights were not the first
    assert len(fetched) == 1  # at the end


@pytest.mark.parametrize("early_stopping", [False, True])
def test_validation_images_are_recorded_and_the_rest_is_trained_on(early_stopping, images):
    X, y = images
    clf = dense(early_stopping=early_stopping, epochs=4)
    clf.fit(X[:50], y[:50], X_val=X[50:], y_val=y[50:])
    plain = dense(epochs=4).fit(X[:50], y[:50])
    assert clf.history_["loss"] == plain.history_["loss"]
    assert len(clf.history_["val_loss"]) == len(clf.history_["val_accuracy"]) == clf.n_iter_ == 4


def test_tol_is_what_counts_as_rising(two):
    X, y = two
    clf = dense(early_stopping=True, n_iter_no_change=2, tol=2.0, epochs=30).fit(X, y)
    assert clf.n_iter_ <= 4


# -------------------------------------------------------------------- in time


def test_max_fit_seconds_ends_the_fit_with_the_epoch(two):
    X, y = two
    dense(epochs=1).fit(X, y)
    started = time.monotonic()
    clf = dense(epochs=100_000, max_fit_seconds=0.3).fit(X, y)
    assert time.monotonic() - started < 10
    assert clf.stopped_by_time_ is True
    assert 1 <= clf.n_iter_ < 100_000
    assert clf.predict(X).shape == (40,)
    assert dense(epochs=2, max_fit_seconds=600).fit(X, y).stopped_by_time_ is False


def test_max_fit_seconds_keeps_the_best_weights(two, rng):
    X, y = two
    y_val = rng.permutation(y)
    settings = {"early_stopping": True, "n_iter_no_change": 10_000, "epochs": 100_000}
    clf = dense(**settings, max_fit_seconds=0.3, learning_rate=1e-2)
    clf.fit(X, y, X_val=X, y_val=y_val)
    assert clf.stopped_by_time_
    assert clf.score(X, y_val) == pytest.approx(max(clf.history_["val_accuracy"]))


def test_time_that_is_over_with_a_phase_begins_no_other(images, tmp_path):
    settings = {"unfreeze_from": "block2", "memory": tmp_path}
    head = on_small_backbone(**settings, max_fit_seconds=1e-6).fit(*images)
    assert head.history_["phase"] == ["head"]
    assert head.stopped_by_time_ is True
    whole = on_small_backbone(**settings).fit(*images)  # goes on from there
    assert whole.history_["phase"] == ["head", "fine_tune"]
    assert whole.stopped_by_time_ is False
    fresh = on_small_backbone(**{**settings, "memory": None}).fit(*images)
    assert whole.history_ == fresh.history_


# ------------------------------------------------ a rate that falls along a cosine


cosine = functools.partial(dense, epochs=6, schedule="cosine")


def rates(clf):
    return clf.history_["learning_rate"]


def test_it_trains_what_keras_own_callback_trains(images):
    falling = [1e-3 * (1 + cos(pi * epoch / 6)) / 2 for epoch in range(6)]
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, _: falling[epoch])
    ours = cosine().fit(*images)
    theirs = cosine(schedule="constant", callbacks=[schedule]).fit(*images)
    assert_allclose(ours.history_["loss"], theirs.history_["loss"], rtol=1e-4)
    constant = cosine(schedule="constant").fit(*images)
    assert not np.allclose(ours.history_["loss"], constant.history_["loss"], rtol=1e-4)
    assert_allclose(rates(constant), 1e-3)  # on the program that fell before


def test_a_callback_of_the_user_has_the_last_word(images):
    fixed = keras.callbacks.LearningRateScheduler(lambda epoch, _: 0.005)
    clf = cosine(callbacks=[fixed]).fit(*images)
    assert_allclose(rates(clf), 0.005)


def test_partial_fit_leaves_the_rate_alone(images):
    clf = cosine()
    for _ in range(3):
        clf.partial_fit(*images, classes=np.unique(images[1]))
    assert_allclose(rates(clf), 1e-3)


def test_stopped_by_time_it_goes_on_and_from_a_shorter_fit_it_does_not(images, tmp_path):
    X, y = images
    whole = cosine().fit(X, y)
    assert cosine(memory=tmp_path / "cut", max_fit_seconds=1e-6).fit(X, y).n_iter_ == 1
    cosine(memory=tmp_path / "short", epochs=3).fit(X, y)
    for folder in ("cut", "short"):
        clf = cosine(memory=tmp_path / folder).fit(X, y)
        assert clf.history_ == whole.history_
        assert_array_equal(clf.predict_proba(X), whole.predict_proba(X))
