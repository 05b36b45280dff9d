"""Two workers of Dask against one, a thread each."""

import os
from pathlib import Path

import pytest

from benchmarks.harness import Side, seconds
from benchmarks.requirements import needs


def test_dask(bench):
    needs("fashion", "distributed")
    full = {"n": 20_000, "epochs": 5, "folds": 3}
    settings = bench.sizes(full, {"n": 300, "epochs": 1})
    title = "GridSearchCV of dense networks on Dask: two workers of one thread against one"
    # A thread everywhere: joblib leaves a single worker alone and computes beside it, with as
    # many threads as there are cores, which for so small networks is slower than one.
    env = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    # Workers are started as docs/guide/many.md says, the other side with the same.
    env |= dict.fromkeys(("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"), str(1 << 28))
    sides = [
        Side(f"{n} worker{'s' * (n > 1)}", "grid", settings={"workers": n}, env=env) for n in (1, 2)
    ]
    with bench.record("dask", title, settings) as record:
        record.contest("dask", sides)
        two_cores = {"at_least": 1.6} if (os.cpu_count() or 1) >= 2 else {}
        record.faster("2 workers", "1 worker", **two_cores)
        for side in ("1 worker", "2 workers"):
            cold, warm = record.median(side, "cold_seconds"), record.median(side)
            what = f"{side}: the first search (starting the backend, tracing) takes longer by"
            detail = f"{seconds(cold)} and {seconds(warm)}"
            record.figure(what, cold - warm, unit="s", detail=detail)
        pairs = zip(record.of("1 worker"), record.of("2 workers"), strict=True)
        equal = [repr(one["cv_results"]) == repr(two["cv_results"]) for one, two in pairs]
        record.check("cv_results_ equal bit for bit but for times", all(equal), equal)


@pytest.mark.skipif(not Path("/proc/net/dev").exists(), reason="counts bytes as Linux does")
def test_dask_images(bench):
    needs("imagenet", "PIL", "distributed")
    settings = bench.sizes({"n": 4_000, "side": 224, "folds": 3}, {"n": 90, "side": 64, "folds": 2})
    title = "GridSearchCV of heads on two workers of Dask: images as an array, and read by workers"
    with bench.record("dask_images", title, settings, repeat=1) as record:
        sides = [Side(name, "images", {"lazy": name == "lazy"}) for name in ("array", "lazy")]
        record.contest("dask", sides)
        array, lazy = record.last("array"), record.last("lazy")
        for name, side in (("array", array), ("lazy", lazy)):
            record.figure(f"{name}: sent an image", side["sent"] / settings["n"] / 1e3, unit="KB")
        record.faster("lazy", "array")
        record.check("files are read by workers", lazy["decoded"] >= settings["n"], lazy["decoded"])
        record.check("the same scores", lazy["scores"] == array["scores"])
