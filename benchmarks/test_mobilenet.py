"""A grid over two-phase fine-tuning, by us, by hand, and again on its store."""

import pytest

from benchmarks import floor, problems
from benchmarks.harness import Side, seconds
from benchmarks.requirements import needs

_FULL = {"n": 1200, "epochs": 4, "fine_tune_epochs": 3, "folds": 2}
_QUICK = {"n": 48, "epochs": 1, "fine_tune_epochs": 1}


@pytest.mark.slow
@pytest.mark.parametrize("size", [96, 160])
def test_mobilenet_grid(bench, tmp_path, size):
    needs("intel-scenes", "imagenet", "scikeras", "PIL")
    settings = bench.sizes({**_FULL, "size": size}, _QUICK)
    title = (
        f"GridSearchCV, MobileNetV2 0.35 at {size}, 2 head rates x unfreeze_from "
        "{None, 116, 143}, 2 folds, 1,200 scenes, 4 + 3 epochs"
    )
    stores = {"private": lambda turn: {"memory": str(tmp_path / f"store{turn}")}}
    two = {"settings": {"n_jobs": 2}, "env": problems.ONE_THREAD}
    sides = [
        Side("skfashion"),
        Side("skfashion, side by side", "skfashion", **two),
        Side("skfashion, first on a store", "skfashion", **stores),
        Side("skfashion, again on the store", "skfashion", **stores),
        Side("scikeras"),
    ]
    together, first, again = (side.name for side in sides[1:4])
    rounds = {96: 3, 160: 1}[size]
    with bench.record(f"mobilenet_grid_{size}", title, settings, repeat=rounds) as record:
        record.contest("mobilenet_grid", sides)
        target = {"at_least": 8} if size == 96 else {}
        record.faster("skfashion", "scikeras", **target)
        record.faster(together, "skfashion")
        target = {"at_least": 16} if size == 96 else {}
        record.faster(together, "scikeras", **target)
        record.faster(first, "scikeras")
        target = {"at_least": 5} if size == 96 else {}
        record.faster(again, first, what="the same search again: times faster than first", **target)
        target = {"at_least": 30} if size == 96 else {}
        what = "the same search again: times faster than scikeras"
        record.faster(again, "scikeras", what=what, **target)
        _count(record, settings, first, again)
        _share_of_scoring(record, again)
        if size == 160:
            record.note("An image has 2.8 times the pixels that it has at 96.")
        record.floor("skfashion", _floor(settings), what="the backbone once, then what is trained")


@pytest.mark.slow
def test_mobilenet_grid_flips(bench):
    needs("intel-scenes", "imagenet", "scikeras", "PIL")
    settings = bench.sizes({**_FULL, "size": 96, "augmentation": "flip"}, _QUICK)
    title = (
        "GridSearchCV, MobileNetV2 0.35 at 96 with mirrored images, 2 head rates x unfreeze_from "
        "{None, 116, 143}, 2 folds, 1,200 scenes, 4 + 3 epochs"
    )
    with bench.record("mobilenet_grid_flips", title, settings, repeat=1) as record:
        record.contest("mobilenet_grid", [Side("skfashion"), Side("scikeras")])
        record.faster("skfashion", "scikeras", at_least=7)
        _alike(record)
        rows, n = record.last("skfashion")["rows"], settings["n"]
        record.check("two views an image and place to cut", rows == 6 * n, f"{rows} rows")


def _alike(record):
    ours, theirs = (record.mean(s, "mean_score") for s in ("skfashion", "scikeras"))
    close = record.bench.quick or abs(ours - theirs) <= 0.02
    record.check("mean scores within 0.02 of scikeras", close, f"{ours:.4f} and {theirs:.4f}")


def _count(record, settings, first, again):
    rerun = record.last(again)
    detail = f"{rerun['steps']} steps, {rerun['rows']} rows"
    record.check("again: 0 training steps and 0 backbone rows", detail == "0 steps, 0 rows", detail)
    one, other, plain = (record.last(s)["cv_results"] for s in (first, again, "skfashion"))
    record.check("again: cv_results_ equal but for times", one == other)
    record.check("with and without a store: cv_results_ equal but for times", one == plain)
    _alike(record)
    runs = record.last("skfashion")
    record.note(
        f"Ours trained {runs['steps']} steps without a store and {record.last(first)['steps']} "
        f"with one (heads are shared between candidates there), and computed {runs['rows']} rows "
        f"of the frozen part for {settings['n']} images, over three places to cut."
    )


def _share_of_scoring(record, again):
    """Say how much of the second run goes to scores, whose predictions are read back."""
    whole = record.median(again)
    spent = record.median(again, "seconds_in_score")
    record.figure(
        "again: share of the time spent in scoring",
        100 * spent / whole,
        unit="%",
        detail=f"{seconds(spent)} of {seconds(whole)}",
    )


def _floor(settings):
    size, n, folds = settings["size"], settings["n"], settings["folds"]
    shape = {"network": "mobilenet", "image_shape": (size, size, 3), "n_classes": 6}
    shape["alpha"] = problems.ALPHA
    specs = [shape] + [{**shape, "unfreeze_from": i} for i in problems.UNFREEZE if i is not None]
    head, *deeper = floor.networks(*specs)
    n_rates, trained = len(problems.HEAD_RATES), n * (folds - 1)
    total = floor.flops(head["forward"] - head["trainable"], n)
    heads = len(specs) * trained * settings["epochs"]
    total += n_rates * floor.flops(head["trainable"], heads, train=True)
    for found in deeper:
        images = trained * settings["fine_tune_epochs"]
        total += n_rates * floor.flops(found["trainable"], images, train=True)
        total += n_rates * floor.flops(found["trainable"], n)
    return total
