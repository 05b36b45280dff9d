"""Reading image files inside a search."""

from benchmarks.harness import Side, seconds
from benchmarks.requirements import needs


def test_reader(bench):
    needs("cats-vs-dogs", "imagenet", "PIL")
    full = {"n": 2000, "epochs": 2, "folds": 3, "size": 96}
    settings = bench.sizes(full, {"n": 60, "epochs": 1})
    title = "ImageReader in front, cats-vs-dogs, 6 candidates x 3 folds"
    with bench.record("reader", title, settings) as record:
        record.contest("reader", [Side("keeping"), Side("forgetful")])
        saved = record.median("forgetful") - record.median("keeping")
        step = record.last("keeping")["step"]
        detail = f"{seconds(record.median('keeping'))} in all"
        record.figure("seconds saved by decoding once", saved, unit="s", detail=detail, step=step)
        record.faster("keeping", "forgetful", what="times faster than without reader memory")
        n = settings["n"]
        for side, wanted in (("keeping", n), ("forgetful", 18 * n)):
            decoded = record.last(side)["decoded"]
            record.check(f"{side}: {wanted:,} files decoded", decoded == wanted, f"{decoded:,}")
        same = record.last("keeping")["cv_results"] == record.last("forgetful")["cv_results"]
        record.check("cv_results_ equal but for times", same)
