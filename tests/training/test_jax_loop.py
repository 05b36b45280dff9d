"""An epoch as one program trains as Keras' own `fit` does on JAX.

Skips unless the process runs with ``KERAS_BACKEND=jax``.
"""

import functools
import threading
from contextlib import contextmanager

import joblib
import keras
import numpy as np
import pytest
from joblib.externals.loky import get_reusable_executor

if keras.backend.backend() != "jax":
    pytest.skip("runs with KERAS_BACKEND=jax", allow_module_level=True)

from custom import custom
from estimators import dense, mobile
from sklearn.base import clone

import skfashion
from skfashion import ConvClassifier, _training
from skfashion._training import keys, phases, processes, programs
from skfashion._training.jax_loop import JaxLoop
from skfashion._training.loops import KerasLoop
from skfashion.datasets import make_images
from skfashion.inspection import runs_frame

pytestmark = pytest.mark.usefixtures("empty_caches")

N = 40 * 16 + 5  # a last batch of five
custom = functools.partial(custom, model__units=16)
conv = functools.partial(ConvClassifier, filters=8, dense_units=16, random_state=0)


@pytest.fixture(scope="module")
def many():
    return make_images(N, n_classes=3, image_size=8, random_state=0)


@contextmanager
def keras_own(monkeypatch):
    """In the block, train by `keras.Model.fit`."""
    with monkeypatch.context() as patch:
        patch.setattr(programs, "make_loop", lambda model, exclusive=False: KerasLoop(model))
        skfashion.clear_caches()
        yield
    skfashion.clear_caches()


def decaying(rate=1e-2):
    return keras.optimizers.schedules.ExponentialDecay(rate, 7, 0.5)


@keras.saving.register_keras_serializable("tests")
class Threshold(keras.metrics.Metric):
    """A metric of the user's own, which counts what Keras' don't."""

    def __init__(self, name="threshold", **options):
        super().__init__(name=name, **options)
        self.seen = self.add_weight(name="seen", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.seen.assign_add(keras.ops.cast(keras.ops.shape(y_pred)[0], "float32"))

    def result(self):
        return keras.ops.convert_to_tensor(self.seen)


OPTIMIZERS = {
    "adam": {},
    "adam, clipped": {"clipnorm": 0.1},
    "adam, amsgrad": {"amsgrad": True},
    "adam, accumulated": {"gradient_accumulation_steps": 3},
    "adam, a schedule": {"learning_rate": decaying()},
    "adamw": {"weight_decay": 0.1},
    "rmsprop": {"momentum": 0.5, "centered": True},
    "sgd": {"momentum": 0.9, "nesterov": True},
    "adagrad": {},
    "adadelta": {},
    "adamax": {},
    "nadam": {},
    "ftrl": {},
    "lion": {},
}
TRAINED = {
    **{
        f"optimizer {name}": custom(
            optimizer=name.split(",")[0], **{f"optimizer__{k}": v for k, v in options.items()}
        )
        for name, options in OPTIMIZERS.items()
    },
    "dense": dense(),
    "dense, whole batches": dense(batch_size=N // 5),
    "dense, one short batch": dense(batch_size=N + 1),
    "dense, dropout and batch_norm": dense(dropout=0.5, batch_norm=True),
    "dense, class weights": dense(class_weight={0: 5.0, 1: 1.0, 2: 0.2}),
    "dense, cosine": dense(schedule="cosine", learning_rate=0.01),
    "dense, early stopping": dense(early_stopping=True, validation_fraction=0.45),
    "custom, metrics": custom(metrics=["accuracy", Threshold()]),
    "custom, weighted": custom(loss="poisson", metrics=["mae"]),
    "conv": conv(),
    "conv, dropout": conv(dropout=0.5),
    "conv, augmented": conv(augmentation=("flip", "shift", "rotate", "zoom", "erase")),
}


@pytest.mark.parametrize("name", TRAINED)
def test_an_epoch_ends_as_in_keras_fit(name, many, monkeypatch):
    clf = TRAINED[name].set_params(epochs=1)
    if clf.batch_size == 32:
        clf.set_params(batch_size=16)
    ours = clone(clf).fit(*many)
    with keras_own(monkeypatch):
        theirs = clone(clf).fit(*many)
    atol = 1e-4 if isinstance(clf, ConvClassifier) else 1e-5
    assert ours.history_.keys() == theirs.history_.keys()
    for metric, values in ours.history_.items():
        if metric == "phase":
            continue
        np.testing.assert_allclose(values, theirs.history_[metric], rtol=atol, atol=atol)
    for one, other in zip(ours._weights, theirs._weights, strict=True):
        np.testing.assert_allclose(one, other, atol=atol)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16", "bfloat16"])
def test_number_formats(policy, many, monkeypatch):
    clf = dense(epochs=1, batch_size=16, dtype_policy=policy)
    ours = clf.fit(*many).history_["loss"]
    with keras_own(monkeypatch):
        theirs = clf.fit(*many).history_["loss"]
    np.testing.assert_allclose(ours, theirs, rtol=2e-2)


def test_phases_on_a_frozen_part(monkeypatch):
    X, y = make_images(140, n_classes=2, image_size=32, channels=3, random_state=0)
    clf = mobile(batch_size=16, unfreeze_from="block_16")
    ours = clf.fit(X, y).history_["loss"]
    extractors = [p for p in programs._POOL.values() if isinstance(p, programs.Extractor)]
    # 128 images at a time: the twelve left are computed in a batch of as many.
    assert [extractor.loop.traces for extractor in extractors] == [1, 1]
    proba = clf.predict_proba(X)
    with keras_own(monkeypatch):
        np.testing.assert_allclose(ours, clf.fit(X, y).history_["loss"], rtol=1e-4)
        np.testing.assert_allclose(proba, clf.predict_proba(X), atol=1e-4)


def test_folds_of_one_remainder_share_all_programs(many):
    X, y = many
    clf = dense(batch_size=16, epochs=1)
    clf.fit(X[:604], y[:604]).predict(X[:100])
    before = _training.programs_info()["traces"]
    for n in (588, 620, 636):
        clf.fit(X[:n], y[:n]).predict(X[: n // 5])
    assert _training.programs_info()["traces"] == before
    clf.fit(X[:605], y[:605])  # another last batch, and the same full ones
    assert _training.programs_info()["traces"] == before + 1


def test_two_fits_of_one_program_at_once_are_those_of_one_at_a_time(many):
    X, y = many
    fits = [dense(random_state=i, dropout=0.3, learning_rate=10**-i) for i in (1, 2, 3, 4)]
    alone = [clone(clf).fit(X, y) for clf in fits]
    built = _training.programs_info()["built"]
    threads = [threading.Thread(target=clf.fit, args=(X, y)) for clf in fits]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _training.programs_info()["built"] == built
    for one, other in zip(fits, alone, strict=True):
        assert one.history_ == other.history_
        np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))


def test_weights_are_fetched_when_they_are_asked_for(images, monkeypatch):
    fetched, arrays = [], programs.Training.weights

    def counted(training, before):
        fetched.append(len(before))
        return arrays(training, before)

    monkeypatch.setattr(programs.Training, "weights", counted)
    monkeypatch.setattr(phases, "_CHECKPOINT_SECONDS", 1000)
    dense(epochs=10).fit(*images)
    assert len(fetched) == 1


def test_a_callback_sees_and_sets_the_weights_of_each_epoch(images):
    seen = []

    class Halves(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(self.model.get_weights())
            self.model.set_weights([w / 2 for w in seen[-1]])

    clf = dense(epochs=3, callbacks=[Halves()]).fit(*images)
    assert not any(np.array_equal(a, b) for a, b in zip(seen[0], seen[1], strict=True))
    for one, other in zip(clf._weights, seen[-1], strict=True):
        np.testing.assert_array_equal(one, other / 2)


def test_a_network_that_is_not_to_be_compiled_trains_in_keras_own_loop(images):
    network = dense(epochs=1).fit(*images).model_
    network.compile("adam", "mse", jit_compile=False)
    assert type(programs.make_loop(network)) is KerasLoop
    network.compile("adam", "mse")
    assert type(programs.make_loop(network)) is JaxLoop


def test_results_of_keras_own_loop_are_not_gone_on_from(images, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(keys, "_programs", lambda: ())
        dense(epochs=1, memory=tmp_path).fit(*images)
    clf = dense(epochs=2, memory=tmp_path).fit(*images)
    assert clf.history_ == dense(epochs=2).fit(*images).history_
    assert len(runs_frame(tmp_path)) == 2


def devices_of_jax(X, y):
    dense(epochs=1).fit(X, y)
    compiled = [key for program in programs._POOL.values() for key in program.loop._compiled]
    found = {part.id for key in compiled for part in key if hasattr(part, "id")}
    return processes.worker_number() % 2, found


def test_workers_take_devices_of_jax_in_turn(images, monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=2")
    get_reusable_executor().shutdown(wait=True)
    fits = [joblib.delayed(devices_of_jax)(*images) for _ in range(4)]
    told = joblib.Parallel(n_jobs=2)(fits)
    get_reusable_executor().shutdown(wait=True)  # others have one device
    assert all(devices == {worker} for worker, devices in told)
