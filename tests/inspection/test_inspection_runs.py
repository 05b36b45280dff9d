"""Tables of a store, and pruning it."""

import os
from dataclasses import replace

import joblib
import numpy as np
import pytest
from estimators import mobile
from scripts import run_python

from skfashion import DenseClassifier
from skfashion._store import open_store
from skfashion.inspection import prune_runs, runs_frame


@pytest.fixture(scope="module")
def folder(images, tmp_path_factory):
    """A store with three finished runs of two classifiers."""
    folder = tmp_path_factory.mktemp("runs")
    X, y = images
    settings = {"memory": folder, "random_state": 0}
    for units in (8, (8, 4)):
        DenseClassifier(units, epochs=3, early_stopping=True, **settings).fit(X, y)
    mobile(epochs=2, **settings).fit(X[:24], y[:24])
    return folder


def test_one_row_a_run(folder):
    frame = runs_frame(folder)
    assert len(frame) == 3
    assert frame["finished"].all()
    assert set(frame["estimator"]) == {"DenseClassifier", "MobileNetFineTuner"}
    dense = frame[frame["estimator"] == "DenseClassifier"]
    assert set(dense["param_hidden_layer_sizes"]) == {8, "(8, 4)"}
    assert (dense["epochs"] == 3).all()
    assert (dense["epochs_asked"] == 3).all()
    assert dense["val_accuracy"].between(0, 1).all()
    assert (dense["n_samples"] == 54).all()
    head = frame[frame["phase"] == "head"].iloc[0]
    assert (head["epochs"], head["epochs_asked"], head["n_samples"]) == (2, 2, 24)
    assert np.isnan(head["val_loss"])
    assert frame["bytes"].sum() == sum(entry.nbytes for entry in open_store(folder).entries())
    assert frame["last_used"].is_monotonic_decreasing
    assert str(frame["last_used"].dt.tz) == "UTC"


def test_one_row_an_epoch(folder, images):
    frame = runs_frame(folder, curves=True)
    assert len(frame) == 3 + 3 + 2
    refit = DenseClassifier(8, epochs=3, early_stopping=True, memory=folder, random_state=0)
    history = refit.fit(*images).history_
    mine = frame[frame["param_hidden_layer_sizes"] == 8]
    assert list(mine["epoch"]) == [1, 2, 3]
    for name in history:
        assert list(mine[name]) == history[name]


def test_a_half_done_run_is_not_finished(images, tmp_path):
    clf = DenseClassifier(8, epochs=50, memory=tmp_path, max_fit_seconds=1e-6, random_state=0)
    clf.fit(*images)
    frame = runs_frame(tmp_path)
    assert list(frame["finished"]) == [False]
    assert (frame["epochs"].item(), frame["epochs_asked"].item()) == (1, 50)


def test_an_empty_folder_has_the_same_columns(folder, tmp_path):
    assert runs_frame(tmp_path).empty
    full = [name for name in runs_frame(folder) if not name.startswith("param_")]
    assert list(runs_frame(tmp_path)) == full
    assert runs_frame(tmp_path, curves=True).empty


def test_a_joblib_memory_names_the_same_store(images, tmp_path):
    memory = joblib.Memory(tmp_path, verbose=0)
    assert runs_frame(memory).empty
    DenseClassifier(8, epochs=1, memory=memory, random_state=0).fit(*images)
    assert len(runs_frame(memory)) == 1
    assert prune_runs(memory, 0).entries_removed == 2


@pytest.mark.parametrize("function", [runs_frame, prune_runs])
def test_a_folder_that_is_not_there_is_an_error(function, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder.*nowhere.*memory="):
        function(tmp_path / "nowhere")
    with pytest.raises(TypeError, match=r"None.*memory="):
        function(None)
    assert not (tmp_path / "nowhere").exists()


def test_prune_removes_the_least_recently_used(images, tmp_path):
    for units in (8, 16):
        DenseClassifier(units, epochs=1, memory=tmp_path, random_state=0).fit(*images)
    frame = runs_frame(tmp_path)
    total = int(frame["bytes"].sum())
    untouched = prune_runs(tmp_path)
    assert (untouched.entries_removed, untouched.bytes_kept) == (0, total)
    pruned = prune_runs(tmp_path, total - 1)
    assert pruned.entries_removed >= 1
    assert pruned.bytes_removed + pruned.bytes_kept == total
    assert 16 in set(runs_frame(tmp_path)["param_hidden_layer_sizes"])
    prune_runs(tmp_path, max_bytes=0)
    assert runs_frame(tmp_path).empty
    with pytest.raises((TypeError, ValueError), match="max_bytes"):
        prune_runs(tmp_path, max_bytes=-1)


def test_prune_removes_what_is_damaged(images, tmp_path):
    DenseClassifier(8, epochs=1, memory=tmp_path, random_state=0).fit(*images)
    store = open_store(tmp_path)
    result = next(store.entries("results"))
    content = bytearray(result.path.read_bytes())
    content[-1] ^= 1
    result.path.write_bytes(content)
    rows = store.rows("features", "test", shape=(2,), dtype="float32")
    rows.put([b"k" * 16], np.zeros((1, 2), "float32"))
    shard = next((tmp_path / "v1" / "rows").rglob("*.npy"))
    shard.write_bytes(shard.read_bytes()[:-1])

    assert prune_runs(tmp_path, verify=False).damaged == []
    pruned = prune_runs(tmp_path)
    assert len(pruned.damaged) == 2
    assert pruned.bytes_kept == sum(e.nbytes for e in store.entries())
    assert not result.path.exists()
    assert not shard.exists()
    assert store.verify() == []


def test_prune_clears_crashes_and_sweeps_up(tmp_path):
    script = """
    import os, sys
    from skfashion._store import open_store
    with open_store(sys.argv[1]).crash_guard("ab"):
        os._exit(1)
    """
    for _ in range(2):
        run_python(script, tmp_path, returncode=1)
    assert open_store(tmp_path).crash_guard("ab").crashes == 2
    with open_store(tmp_path).crash_guard("cd"):
        assert prune_runs(tmp_path).crashes_cleared == 2
        assert len(os.listdir(tmp_path / "v1" / "attempts")) == 1
    assert open_store(tmp_path).crash_guard("ab").crashes == 0


def test_no_keras_is_loaded(tmp_path):
    script = """
    import sys
    from skfashion.inspection import runs_frame, prune_runs
    runs_frame(sys.argv[1]); prune_runs(sys.argv[1])
    assert not {'keras', 'tensorflow', 'matplotlib'} & set(sys.modules)
    from skfashion.inspection import HistoryDisplay, SearchDisplay, MistakesDisplay
    assert not {'matplotlib', 'tensorboard'} & set(sys.modules)
    """
    run_python(script, tmp_path)


def test_a_phase_has_its_own_seconds(images, tmp_path, monkeypatch):
    from skfashion._training import phases

    took = iter([10.0, 10.0, 1.0, 1.0, 1.0])
    epoch = phases._Trainer._epoch

    def timed(*args):
        state, logs = epoch(*args)
        return replace(state, seconds=[*state.seconds[:-1], next(took)]), logs

    monkeypatch.setattr(phases._Trainer, "_epoch", timed)
    mobile(epochs=2, fine_tune_epochs=3, unfreeze_from="block_16", memory=tmp_path).fit(*images)
    runs = runs_frame(tmp_path).set_index("phase")
    assert dict(runs["epochs"]) == {"head": 2, "fine_tune": 3}
    assert dict(runs["seconds"]) == {"head": 20.0, "fine_tune": 3.0}
