"""Several processes: the same results, a fair share of cores, and never a hang."""

import os
import random
import threading

import joblib
import pytest
from estimators import small
from joblib.externals.loky import get_reusable_executor
from scripts import run_python
from searches import assert_same_search
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import skfashion
from skfashion import DenseClassifier
from skfashion._training import processes

GRID = {"hidden_layer_sizes": [8, 16], "learning_rate": [1e-3, 1e-2]}


# In worker processes: test_determinism.py.
def test_threads_find_what_one_thread_finds(images):
    clf = DenseClassifier(epochs=3, dropout=0.2, random_state=0)
    search = GridSearchCV(clf, GRID, cv=2).fit(*images)
    with joblib.parallel_backend("threading", n_jobs=2):
        assert_same_search(clone(search).fit(*images), search)


def test_a_thread_that_draws_random_numbers_changes_nothing(images):
    X, y = images
    ending = threading.Event()

    def draw():
        while not ending.wait(0.0002):
            random.random()

    expected = {}
    for name in ("DenseClassifier", "KerasImageClassifier"):
        skfashion.clear_caches()
        expected[name] = small(name, epochs=1).fit(X, y).history_
    thread = threading.Thread(target=draw)
    thread.start()
    try:
        for _ in range(4):
            for name, history in expected.items():
                skfashion.clear_caches()
                assert small(name, epochs=1).fit(X, y).history_ == history
    finally:
        ending.set()
        thread.join()


def threads_of_tensorflow(X, y):
    DenseClassifier(epochs=1, random_state=0).fit(X, y)
    import tensorflow as tf

    return processes.worker_number(), tf.config.threading.get_intra_op_parallelism_threads()


def test_each_worker_gets_its_share_of_the_cores(images, monkeypatch):
    pytest.importorskip("tensorflow")
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    get_reusable_executor().shutdown(wait=True)  # those of other tests have started theirs
    X, y = images
    with joblib.parallel_config("loky", n_jobs=3, inner_max_num_threads=1):
        told = joblib.Parallel()(joblib.delayed(threads_of_tensorflow)(X, y) for _ in range(3))
    assert {threads for _, threads in told} == {1}
    assert None not in {worker for worker, _ in told}


def test_workers_take_gpus_in_turn(monkeypatch):
    tf = pytest.importorskip("tensorflow")
    chosen, grown = [], []
    monkeypatch.setattr(processes, "_set_threads", lambda *_: None)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: ["one", "two"])
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda gpu, _: chosen.append(gpu))
    monkeypatch.setattr(
        tf.config.experimental, "set_memory_growth", lambda gpu, _: grown.append(gpu)
    )
    for worker in range(2):
        processes._prepare_tensorflow(worker)
    with pytest.warns(match=r"more workers than GPUs \(2\)"):
        processes._prepare_tensorflow(2)
    assert chosen == grown == ["one", "two", "one"]


FORKED = """
import multiprocessing, sys
from skfashion import DenseClassifier
from skfashion.datasets import make_images

X, y = make_images(n_samples=30, n_classes=2, image_size=8, random_state=0)

def fit():
    try:
        DenseClassifier(epochs=1, random_state=0).fit(X, y)
    except RuntimeError as error:
        print(error)
        sys.exit(3)

fit()
child = multiprocessing.get_context("fork").Process(target=fit)
child.start()
child.join(120)
sys.exit(child.exitcode)
"""


LOADED = """
import os, sys
import skfashion
from skfashion.datasets import make_images

X, y = make_images(n_samples=30, n_classes=2, image_size=8, random_state=0)
clf = skfashion.load(sys.argv[1])
if child := os.fork():
    print(clf.predict_proba(X).sum())
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(clf.predict_proba(X).sum(), flush=True)
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_model_loaded_before_the_fork_predicts_after_it(two, tmp_path):
    skfashion.save(DenseClassifier(epochs=1, random_state=0).fit(*two), tmp_path / "model")
    assert run_python(LOADED, tmp_path / "model").split() == ["30.0", "30.0"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_is_refused_and_does_not_hang():
    said = run_python(FORKED, returncode=3)
    for word in ("loky", "spawn", "gunicorn", "os.fork", "load the model before", "predict first"):
        assert word in said
