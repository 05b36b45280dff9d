"""Two workers of Dask against one, a thread each."""

import os

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
