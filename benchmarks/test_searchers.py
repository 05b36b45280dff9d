"""Candidates, epochs and seconds until a search has found a good network.

Each run ends as soon as a candidate reaches the target, or its budget is spent, which makes
it a "never". A comparison that is interrupted goes on where it was: finished runs wait in
``results/searchers_runs`` until all are there.
"""

import math
import statistics

import pytest

from benchmarks.checkpoint import Checkpoint
from benchmarks.harness import Side
from benchmarks.requirements import needs
from benchmarks.sections import median_of

SEARCHERS = ("random", "bayes", "halving", "hyperband", "optuna", "keras_tuner")
_FULL = {"n": 10_000, "epochs": 18, "target": 0.855, "folds": 3}
_QUICK = {"n": 300, "epochs": 9, "target": 0.6, "budget_seconds": 30}


@pytest.mark.slow
def test_searchers(bench, tmp_path):
    needs("fashion", "optuna", "optuna_integration", "keras_tuner")
    # 40 candidates trained in full.
    budget = {"budget_seconds": 150, "budget_epochs": 40 * _FULL["epochs"]}
    settings = bench.sizes({**_FULL, **budget}, _QUICK)
    title = f"Searches for a dense network of {settings['target']:.1%} mean accuracy"
    runs = Checkpoint(bench.results / "searchers_runs")
    with bench.record("searchers", title, settings, repeat=5) as record:
        stores = {
            name: lambda turn, name=name: {"folder": str(tmp_path / f"{name}{turn}")}
            for name in SEARCHERS
        }
        sides = [Side(name, private=stores[name]) for name in SEARCHERS]
        outcomes = runs.run_all("searchers", sides, settings, record.rounds)
        for turn in range(record.rounds):
            for side in sides:
                record.add("searchers", side, outcomes[side.name, turn], turn)
        for name in SEARCHERS:
            _figures(record, name)
        _check(record, settings)
        record.note(
            f"A candidate is the mean accuracy of {settings['folds']} folds on "
            f"{settings['n']:,} images, its budget {settings['epochs']} epochs; a run that "
            f"spends {settings['budget_seconds']} s or {settings['budget_epochs']} epochs a "
            "fold without the target is a never, and a never counts as infinite in a median. "
            "keras-tuner's trials train all folds by an override of run_trial. Each run has one "
            "core to itself, and as many run at a time as there are cores."
        )
        runs.clear()  # with the record, which is written now


def _figures(record, name):
    outcomes = record.of(name)
    reached = [outcome for outcome in outcomes if outcome["reached"]]
    best = statistics.median(outcome["best_score"] for outcome in outcomes)
    record.figure(
        f"{name}: seeds that reached it",
        len(reached),
        unit=f"of {len(outcomes)}",
        detail=f"median of the best scores {best:.4f}",
    )
    units = {"candidates": "candidates", "epochs_a_fold": "epochs a fold", "seconds": "s"}
    for key, unit in units.items():
        median = median_of(outcomes, key)
        if math.isfinite(median):
            record.figure(f"{name}: until then (median)", median, unit=unit)


def _check(record, settings):
    for name in SEARCHERS:
        outcomes = record.of(name)
        fits = [outcome.get("fits") for outcome in outcomes]
        if all(fits):
            wanted = [settings["folds"] * outcome["evaluations"] for outcome in outcomes]
            record.check(f"{name}: every fit was scored", fits == wanted, f"{sum(fits)} fits")
        same = {outcome["ended"] != "searched" for outcome in outcomes} == {True}
        ended = ", ".join(outcome["ended"] for outcome in outcomes)
        record.check(f"{name}: ended by target or budget", same, ended)
