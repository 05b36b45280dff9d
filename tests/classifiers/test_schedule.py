"""A learning rate that falls along a cosine: stopped and gone on with."""

import functools
from math import cos, pi

import estimators
import keras
import numpy as np
import pytest

from skfashion import DenseClassifier
from skfashion.classifiers._base import BaseImageClassifier


def falling(rate, epochs):
    return [rate * (1 + cos(pi * epoch / epochs)) / 2 for epoch in range(epochs)]


dense = functools.partial(estimators.dense, epochs=6, schedule="cosine")


def rates(clf):
    return clf.history_["learning_rate"]


def test_it_trains_what_keras_own_callback_trains(images):
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, _: falling(1e-3, 6)[epoch])
    ours = dense().fit(*images)
    theirs = dense(schedule="constant", callbacks=[schedule]).fit(*images)
    np.testing.assert_allclose(ours.history_["loss"], theirs.history_["loss"], rtol=1e-4)
    constant = dense(schedule="constant").fit(*images)
    assert not np.allclose(ours.history_["loss"], constant.history_["loss"], rtol=1e-4)


class Scheduled(DenseClassifier):
    def _phase(self, name, epochs, network):
        decay = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
        optimizer = {"optimizer": "adam", "optimizer__learning_rate": decay}
        return BaseImageClassifier._phase(
            self, name, epochs, network, schedule=self.schedule, metrics=["accuracy"], **optimizer
        )


def test_two_schedules_are_one_too_many(images):
    with pytest.raises(ValueError, match=r"schedule='cosine' .* a schedule of its own"):
        Scheduled(4, schedule="cosine").fit(*images)
    Scheduled(4, epochs=1).fit(*images)


def test_a_callback_of_the_user_has_the_last_word(images):
    fixed = keras.callbacks.LearningRateScheduler(lambda epoch, _: 0.005)
    clf = dense(callbacks=[fixed]).fit(*images)
    np.testing.assert_allclose(rates(clf), 0.005)


def test_stopped_by_time_it_goes_on_where_it_was(images, tmp_path):
    whole = dense().fit(*images)
    stopped = dense(memory=tmp_path, max_fit_seconds=1e-6).fit(*images)
    assert stopped.n_iter_ == 1
    on = dense(memory=tmp_path).fit(*images)
    assert rates(on) == rates(whole)
    np.testing.assert_array_equal(on.predict_proba(images[0]), whole.predict_proba(images[0]))


def test_a_shorter_fit_is_no_beginning_of_a_longer_one(images, tmp_path):
    dense(memory=tmp_path, epochs=3).fit(*images)
    longer = dense(memory=tmp_path).fit(*images)
    fresh = dense().fit(*images)
    assert longer.history_ == fresh.history_
    np.testing.assert_array_equal(longer.predict_proba(images[0]), fresh.predict_proba(images[0]))


def test_it_does_not_stay_in_a_program_that_is_lent_again(images):
    dense().fit(*images)
    after = dense(schedule="constant").fit(*images)
    np.testing.assert_allclose(rates(after), 1e-3)


def test_partial_fit_leaves_the_rate_alone(images):
    clf = dense()
    for _ in range(3):
        clf.partial_fit(*images, classes=np.unique(images[1]))
    np.testing.assert_allclose(rates(clf), 1e-3)
