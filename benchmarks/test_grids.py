"""GridSearchCV over whole networks, against everybody else."""

import statistics

import pytest

from benchmarks import floor, problems
from benchmarks.harness import Side, finish, start
from benchmarks.requirements import needs

_TWO = {"settings": {"n_jobs": 2}, "env": problems.ONE_THREAD}
_SIDE_BY_SIDE = Side("skfashion, side by side", "skfashion", **_TWO)
_SCIKERAS = [Side("scikeras"), Side("scikeras, n_jobs=2", "scikeras", **_TWO)]
_KERAS_STEP = Side("skfashion, Keras' step", "skfashion", settings={"fused": False})


def _floor(specs, settings, n_rates):
    """Return the operations of a grid: training on all folds, and their scores."""
    n, folds, epochs = settings["n"], settings["folds"], settings["epochs"]
    trained = n * (folds - 1) * epochs
    forward = [found["forward"] for found in floor.networks(*specs)]
    return n_rates * sum(
        floor.flops(macs, trained, train=True) + floor.flops(macs, n) for macs in forward
    )


def _side_by_side(record, over_one, over_scikeras):
    """Compare fits side by side with one at a time, and with the better of scikeras' two."""
    name = _SIDE_BY_SIDE.name
    record.faster(name, "skfashion", at_least=over_one)
    better = min((side.name for side in _SCIKERAS), key=record.median)
    what = f"{name}, times faster than scikeras, the better of n_jobs=1 and 2"
    record.faster(name, better, at_least=over_scikeras, what=what)


def _scores_agree(record, case, peers, tolerance, draws=0):
    """Compare mean scores; `draws`: seeds that ours is taken over, if more than the rounds.

    All fits of a search of ours share one seed, so that a round is one draw; most peers draw
    anew for every fit, 18 times a round.
    """
    side = Side("skfashion")
    scores = [outcome["mean_score"] for outcome in record.of(side.name)]
    for turn in range(record.rounds, draws):
        scores.append(finish(start(case, side, record.settings, turn), side.name)["mean_score"])
    ours = statistics.mean(scores)
    if draws:
        error = statistics.stdev(scores) / len(scores) ** 0.5
        detail = f"standard error {error:.4f}"
        record.figure(f"mean score over {len(scores)} seeds", ours, unit="", detail=detail)
    for peer in peers:
        theirs = record.mean(peer, "mean_score")
        detail = f"{ours:.4f} and {theirs:.4f}"
        what = f"mean score not lower than that of {peer} by more than {tolerance}"
        record.check(what, ours >= theirs - tolerance, detail)


def test_dense_grid(bench):
    needs("fashion", "scikeras", "keras_tuner", "skorch", "torch", "jax")
    settings = bench.sizes({"n": 6000, "epochs": 5, "folds": 3}, {"n": 300, "epochs": 1})
    title = "GridSearchCV, dense 784-{64, 128}-10, 3 rates, 3 folds, 6,000 images, 5 epochs"
    peers = ["keras_tuner", "skorch", "sklearn_mlp"]
    sides = [Side("skfashion"), _SIDE_BY_SIDE, _KERAS_STEP, *_SCIKERAS, *map(Side, peers)]
    sides.append(Side("keras_jax", env={"KERAS_BACKEND": "jax"}))
    with bench.record("dense_grid", title, settings) as record:
        record.contest("dense_grid", sides)
        _side_by_side(record, 1.6, 7.5)
        for peer in ("scikeras", "keras_tuner"):
            record.faster("skfashion", peer, at_least=4)
            record.faster(_KERAS_STEP.name, peer)
        for peer in ("skorch", "sklearn_mlp", "keras_jax"):
            record.faster("skfashion", peer, at_least=1)
            record.faster(_KERAS_STEP.name, peer)
        specs = [
            {"network": "dense", "image_shape": (28, 28, 1), "n_classes": 10}
            | {"hidden_layer_sizes": (units,)}
            for units in problems.UNITS
        ]
        for side in (Side("skfashion"), _SIDE_BY_SIDE):
            record.floor(side.name, _floor(specs, settings, len(problems.RATES)))
        if not bench.quick:
            peers = ["scikeras", *peers, "keras_jax"]
            _scores_agree(record, "dense_grid", peers, 0.01, draws=10)


@pytest.mark.slow
def test_conv_grid(bench):
    needs("fashion", "scikeras")
    settings = bench.sizes({"n": 4000, "epochs": 3, "folds": 3}, {"n": 120, "epochs": 1})
    title = "GridSearchCV, ConvClassifier {32-64, 32-64-128}, 3 rates, 3 folds, 4,000 images"
    sides = [Side("skfashion"), _SIDE_BY_SIDE, _KERAS_STEP, *_SCIKERAS]
    with bench.record("conv_grid", title, settings, repeat=2) as record:
        record.contest("conv_grid", sides)
        _side_by_side(record, 1.6, 2.5)
        record.faster("skfashion", "scikeras", at_least=1)
        record.faster(_KERAS_STEP.name, "scikeras")
        specs = [
            {"network": "conv", "image_shape": (28, 28, 1), "n_classes": 10}
            | {"filters": [int(number) for number in filters.split("-")]}
            for filters in problems.FILTERS
        ]
        for side in (Side("skfashion"), _SIDE_BY_SIDE):
            record.floor(side.name, _floor(specs, settings, len(problems.RATES)))
        if not bench.quick:
            _scores_agree(record, "conv_grid", ["scikeras"], 0.02)
