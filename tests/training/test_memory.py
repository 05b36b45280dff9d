"""What is kept for reuse costs no candidate its memory, and doesn't grow without bound."""

import gc
import threading
import time

import joblib
import keras
import numpy as np
import pytest
from children import result_of
from custom import custom
from estimators import sequential
from searches import assert_same_search
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import skfashion
from skfashion import DenseClassifier
from skfashion._training import loops, phases, programs

pytestmark = pytest.mark.usefixtures("empty_caches")

psutil = pytest.importorskip("psutil")


class Device:
    """Runs out of memory where more is held than there is room for."""

    def __init__(self, monkeypatch, owner, name, *, room=1, error=MemoryError):
        self.calls = self.failures = 0
        old = getattr(owner, name)

        def call(*args, **kwargs):
            self.calls += 1
            if skfashion.cache_info()["programs"]["entries"] > room:
                self.failures += 1
                raise error()
            return old(*args, **kwargs)

        monkeypatch.setattr(owner, name, call)


def oom():
    return RuntimeError("RESOURCE_EXHAUSTED: failed to allocate memory")


def full_gpu():
    return RuntimeError("Failed copying input tensor to GPU:0: Dst tensor is not initialized.")


WHERE = {
    "building": (programs.Program, "__init__", MemoryError),
    "initial weights": (programs, "redraw", oom),
    "training": ("loop", "train_epoch", oom),
    "evaluating": ("loop", "evaluate", MemoryError),
    "predicting": ("loop", "predict", full_gpu),
}


@pytest.fixture(scope="module")
def alone(images):
    """A finished search that had memory enough."""
    clf = DenseClassifier(epochs=2, random_state=0, early_stopping=True, validation_fraction=0.3)
    found = GridSearchCV(clf, {"hidden_layer_sizes": [8, 16, 32]}, cv=2).fit(*images)
    assert np.isfinite(found.cv_results_["mean_test_score"]).all()
    return found


@pytest.mark.parametrize("where", WHERE)
def test_what_idle_programs_hold_is_let_go_before_a_candidate_fails(
    where, images, alone, monkeypatch
):
    owner, name, error = WHERE[where]
    if owner == "loop":
        owner = type(programs.make_loop(custom().fit(*images).model_))
    device = Device(monkeypatch, owner, name, error=error)
    assert_same_search(clone(alone).fit(*images), alone)
    assert device.failures > 0


def test_what_fits_nowhere_fails_with_advice_and_leaves_the_caches_empty(images, monkeypatch):
    DenseClassifier(8, epochs=1, random_state=0).fit(*images)
    device = Device(monkeypatch, programs.Program, "__init__", room=-1)
    with pytest.raises(MemoryError, match="smaller batch_size"):
        DenseClassifier(16, epochs=1, random_state=0).fit(*images)
    assert device.calls == 2
    assert skfashion.cache_info()["programs"]["entries"] == 0


def test_a_model_function_that_runs_out_of_memory_is_called_again(images):
    DenseClassifier(8, epochs=1, random_state=0).fit(*images)
    calls = []

    def network(meta):
        calls.append(skfashion.cache_info()["programs"]["entries"])
        if calls[-1]:
            raise oom()
        return sequential(meta, keras.layers.Flatten())

    custom(network).fit(*images)
    assert calls[:2] == [1, 0]


def test_side_by_side_the_second_try_has_the_memory_for_itself(images, monkeypatch):
    under_way, lock = [], threading.Lock()
    train, epoch = phases._Trainer._train, phases._Trainer._epoch
    failed = []

    def counted(*args):
        with lock:
            under_way.append(threading.get_ident())
        try:
            return train(*args)
        finally:
            with lock:
                under_way.remove(threading.get_ident())

    def room_for_one(*args):
        while not failed and len(under_way) < 2:
            time.sleep(0.01)
        if len(under_way) > 1:
            failed.append(threading.get_ident())
            raise MemoryError
        return epoch(*args)

    monkeypatch.setattr(phases._Trainer, "_train", counted)
    monkeypatch.setattr(phases._Trainer, "_epoch", room_for_one)
    clf = DenseClassifier(8, epochs=3, random_state=0)
    with joblib.parallel_config("skfashion", n_jobs=3):
        found = GridSearchCV(clf, {"batch_size": [4, 8, 16]}, cv=2, refit=False).fit(*images)
    assert failed
    assert np.isfinite(found.cv_results_["mean_test_score"]).all()


def test_callbacks_and_progress_begin_anew_with_the_second_try(images, monkeypatch):
    told = []
    tells = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: told.append(epoch))
    evaluate, calls = loops.KerasLoop.train_epoch, []

    def fails_once(self, *args):
        calls.append(len(calls))
        if len(calls) == 2:
            raise MemoryError
        return evaluate(self, *args)

    monkeypatch.setattr(loops.KerasLoop, "train_epoch", fails_once)
    tells.on_train_batch_end = lambda batch, logs: None
    clf = DenseClassifier(8, epochs=3, random_state=0, callbacks=[tells]).fit(*images)
    assert told == [0, 0, 1, 2]
    assert len(clf.history_["loss"]) == 3


def many_shapes():
    """Fit 200 networks of different shapes; return the bytes after each tenth."""
    from skfashion.datasets import make_images

    X, y = make_images(n_samples=20, n_classes=2, image_size=4, random_state=0)
    process, sizes = psutil.Process(), []
    for units in range(200):
        # The least there is to trace: one hidden layer, an optimizer without slots.
        DenseClassifier(4 + units, epochs=1, optimizer="sgd", random_state=0).fit(X, y)
        if units % 10 == 9:
            gc.collect()
            sizes.append(process.memory_info().rss)
    return sizes, skfashion.cache_info()["programs"], programs.programs_info()["built"]


def test_200_fits_of_200_shapes():
    sizes, info, built = result_of(many_shapes)
    print(f"{max(sizes[3:]) - sizes[2]:,} bytes grown after the first 30")
    assert built == 200
    # The pool is full after the first 24; TensorFlow's kernels come and go.
    assert max(sizes[3:]) - sizes[2] < 60e6
    assert info["entries"] <= info["max_entries"]


def wide_networks():
    """Fit 26 networks of new sizes on 96 x 96 x 3; return what the process grew by."""
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 255, (20, 96, 96, 3), dtype=np.uint8), np.arange(20) % 2
    sizes = []
    for units in range(100, 126):
        DenseClassifier(units, epochs=1, random_state=0).fit(X, y).predict(X)
        sizes.append(psutil.Process().memory_info().rss)
    return sizes, skfashion.cache_info()["programs"]


def test_what_is_kept_of_wide_networks_is_graphs_without_weights():
    sizes, info = result_of(wide_networks)
    assert info["bytes"] < 26 * 4_000_000  # each has 12 MB of weights, and twice that in slots
    # TensorFlow keeps some 40 MB for each shape, until its kernels are let go.
    assert sizes[-1] - sizes[0] < 3 * info["max_bytes"]
