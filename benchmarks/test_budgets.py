"""Searches that train some candidates longer: are only the added epochs trained?"""

import pytest

from benchmarks.harness import Side
from benchmarks.requirements import needs


def _contest(record, tmp_path, function, **settings):
    store = {"private": lambda turn: {"memory": str(tmp_path / f"store{turn}")}}
    continued, anew = Side("continued", function, **store), Side("anew", function)
    record.contest("searches", [continued, anew], **settings)
    record.faster("continued", "anew", what="times faster than every rung from the start")
    one, other = (record.last(side)["cv_results"] for side in ("continued", "anew"))
    record.check("cv_results_ equal but for times", repr(one) == repr(other))


def test_halving(bench, tmp_path):
    needs("fashion")
    settings = bench.sizes({"n": 6000, "folds": 3}, {"n": 120})
    title = "HalvingGridSearchCV over epochs, factor 3: 9, 3, 1 candidates at 3, 9, 27 epochs"
    with bench.record("halving", title, settings) as record:
        _contest(record, tmp_path, "halving")
        for side, wanted in (("continued", 63), ("anew", 81)):
            epochs = record.last(side)["epochs"] / settings["folds"]
            record.check(f"{side}: {wanted} epochs a fold", epochs == wanted, f"{epochs:g}")
        record.note("The least there is to train is 63 of 81 epochs: 1.29 times faster.")


@pytest.mark.slow
def test_hyperband(bench, tmp_path):
    needs("fashion")
    settings = bench.sizes({"n": 6000, "folds": 2}, {"n": 64})
    wide = 27 if bench.quick else 81
    # By hand from the brackets: 81, 27, 9, 3 and 1 candidates for 1, 3, 9, 27 and 81 epochs; ...
    counts = {81: (1581, 1902), 27: (357, 423)}[wide]
    title = f"HyperbandSearchCV to {wide} epochs, factor 3"
    with bench.record("hyperband", title, settings, repeat=1) as record:
        _contest(record, tmp_path, "hyperband", max_resources=wide)
        for side, wanted in zip(("continued", "anew"), counts, strict=True):
            epochs = record.last(side)["epochs"] / settings["folds"]
            record.check(f"{side}: {wanted} epochs a fold", epochs == wanted, f"{epochs:g}")
