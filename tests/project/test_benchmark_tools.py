"""What the benchmarks stand on: the watch, the checkpoint and the tables."""

import sys
from contextlib import nullcontext

import pytest
from scripts import ROOT

sys.path.insert(0, str(ROOT))  # benchmarks is not installed

from benchmarks import checkpoint, harness, sections
from benchmarks.harness import Side
from benchmarks.watch import Watch


def watched(scores, **settings):
    """Run a search of two folds and one epoch a fold, one candidate a pair of scores."""
    settings = {"target": 0.8, "budget_seconds": 60, "budget_epochs": 100, **settings}
    watch, folds = Watch(folds=2, **settings), []
    with watch.running(lambda: len(folds)):
        for number, score in enumerate(scores):
            folds.append(score)
            watch.fold({"number": number // 2}, score)
    return watch.outcome()


def test_a_search_ends_with_the_candidate_that_reaches_the_target():
    found = watched([0.5, 0.7, 0.9, 0.7, 1.0, 1.0])
    assert (found["reached"], found["ended"]) == (True, "reached")
    assert (found["candidates"], found["epochs_a_fold"]) == (2, 2)
    assert found["best_score"] == pytest.approx(0.8)


def test_a_search_ends_when_its_budget_is_spent():
    assert watched([0.5] * 20, budget_epochs=3)["evaluations"] == 3
    assert watched([0.5] * 20, budget_seconds=0)["ended"] == "out of time"


@pytest.fixture
def started(monkeypatch):
    """What was started, in a place where processes can't be confined to a core."""
    runs = []

    def start(case, side, settings, turn, core):
        runs.append((side.name, turn, core))
        return len(runs)

    monkeypatch.setattr(checkpoint, "start", start)
    monkeypatch.setattr(checkpoint, "finish", lambda process, name: {"number": process})
    monkeypatch.delattr(checkpoint.os, "sched_setaffinity", raising=False)
    return runs


def test_finished_runs_are_not_repeated(started, tmp_path):
    for _ in range(2):  # the second as after an interruption
        runs = checkpoint.Checkpoint(tmp_path / "runs")
        outcomes = runs.run_all("case", [Side("a")], {"n": 1}, turns=2)
        assert outcomes == {("a", 0): {"number": 1}, ("a", 1): {"number": 2}}
    assert started == [("a", 0, None), ("a", 1, None)]
    assert list(tmp_path.glob("*.json")) == []


@pytest.mark.parametrize("changed", ["settings", "versions", "own"])
def test_runs_of_other_settings_or_packages_are(started, tmp_path, monkeypatch, changed):
    checkpoint.Checkpoint(tmp_path).run_all("case", [Side("a")], {"n": 1}, 1)
    side, settings = Side("a"), {"n": 1}
    if changed == "settings":
        settings = {"n": 2}
    elif changed == "own":
        side = Side("a", settings={"fused": False})
    else:
        monkeypatch.setattr(checkpoint, "versions", lambda: {"keras": "4"})
    checkpoint.Checkpoint(tmp_path).run_all("case", [side], settings, 1)
    assert len(started) == 2


@pytest.mark.parametrize(
    ("changed", "is_skipped"),
    [
        ({"commit": "2"}, True),
        ({"tree": "b"}, False),
        ({"tree": None}, False),
        ({"rounds": 2}, False),
    ],
)
def test_the_same_code_is_not_measured_again(changed, is_skipped, tmp_path, monkeypatch):
    code = {"commit": "1", "tree": "a"}
    monkeypatch.setattr(harness, "code", lambda: code)

    def measure():
        made = harness.Bench(tmp_path, repeat=changed.get("rounds"), resume=True)
        with made.record("one", "a title", {"n": 1}) as record:
            record.figure("seconds", 1.0)

    measure()
    code = {**code, **changed}
    with pytest.raises(pytest.skip.Exception) if is_skipped else nullcontext():
        measure()


def outcome(side, reached, seconds):
    counts = {"candidates": 10 * seconds, "epochs_a_fold": seconds, "seconds": seconds}
    return {"side": side, "reached": reached, "best_score": 0.85, **counts}


def test_a_never_counts_as_infinite_in_a_median():
    reached = [outcome("bayes", True, seconds) for seconds in (1, 2, 3)]
    never = [outcome("bayes", False, seconds) for seconds in (1, 1)]
    assert sections.median_of(reached + never, "seconds") == 3
    record = {
        "name": "searchers",
        "quick": False,
        "started": "2026-01-01T00:00:00",
        "settings": {"target": 0.8, "budget_seconds": 5, "budget_epochs": 7},
        "machine": {"cores": 2, "cpu": "a processor"},
        "outcomes": reached + never + [outcome("random", False, 9)],
    }
    table = "\n".join(sections.searchers([record]))
    assert "| `BayesSearchCV` (here) | 3 of 5 | 30 | 3 | 3 | 0.8500 |" in table
    assert "| `RandomizedSearchCV` | 0 of 1 | never | never | never | 0.8500 |" in table


def test_what_was_measured_on_a_chip_says_on_which():
    figure = {"value": 2.0, "unit": "x", "reached": True, "detail": "1 s against 2 s"}
    record = {
        "name": "gpu_dense_jax",
        "title": "DenseClassifier",
        "quick": False,
        "started": "2026-01-01T00:00:00",
        "accelerator": {"backend": "jax", "chip": "a chip"},
        "figures": [{**figure, "step": "jax, Keras own step"}] * 3,
    }
    table = "\n".join(sections.gpu([record]))
    assert "| JAX | a chip | DenseClassifier | 2 | 2 | 2x (1 s against 2 s) " in table
    assert "| jax, Keras own step | 2026-01-01 |" in table
    assert "| JAX | NVIDIA H200 |" not in table
    assert "| PyTorch | | | not measured |" in table
    assert sections.is_apart(record)
