"""Two workers, processes and threads, against one."""

import os

import pytest

from benchmarks.harness import Side, seconds
from benchmarks.problems import ONE_THREAD
from benchmarks.requirements import needs

# Left alone, ours gives each worker its share of the cores; TensorFlow would take all of them.
_ALL_CORES = {"TF_NUM_INTRAOP_THREADS": str(os.cpu_count())}
_ALL_CORES["TF_NUM_INTEROP_THREADS"] = str(os.cpu_count())
_SETTINGS = {
    "dense": ({"n": 6000, "folds": 3}, {"n": 300}),
    "conv": ({"n": 1000, "folds": 3}, {"n": 90}),
    "mobilenet": ({"n": 600, "folds": 2}, {"n": 48}),
}
_WANTED = {"dense": ("n_jobs=2", "side by side"), "conv": ("side by side",)}
_DATA = {"dense": ["fashion"], "conv": ["fashion"], "mobilenet": ["intel-scenes", "imagenet"]}


@pytest.mark.slow
@pytest.mark.parametrize("problem", _SETTINGS)
def test_n_jobs(bench, problem):
    needs(*_DATA[problem])
    settings = {"problem": problem, **bench.sizes(*_SETTINGS[problem])}
    title = f"GridSearchCV with n_jobs=2 against n_jobs=1, {problem}, workers warm"
    one, two = {"n_jobs": 1}, {"n_jobs": 2}
    sides = [
        Side("n_jobs=1", "jobs", settings=one),
        Side("n_jobs=2", "jobs", settings=two),
        Side("n_jobs=2, a thread a core in each", "jobs", settings=two, env=_ALL_CORES),
        Side("side by side", "jobs", settings={**two, "backend": "skfashion"}, env=ONE_THREAD),
    ]
    rounds = 1 if problem == "mobilenet" else 3
    with bench.record(f"n_jobs_{problem}", title, settings, repeat=rounds) as record:
        record.contest("searches", sides)
        for side in sides[1:]:
            wanted = side.name in _WANTED.get(problem, ())
            record.faster(side.name, "n_jobs=1", **({"at_least": 1.6} if wanted else {}))
        for side in sides:
            cold, warm = record.median(side.name, "cold_seconds"), record.median(side.name)
            what = f"{side.name}: the first search takes longer (starting workers, tracing) by"
            detail = f"{seconds(cold)} and {seconds(warm)}"
            record.figure(what, cold - warm, unit="s", detail=detail)
        scores = {side.name: record.last(side.name)["mean_score"] for side in sides}
        spread = max(scores.values()) - min(scores.values())
        record.check("mean scores within 0.01 of each other", spread <= 0.01, f"{spread:.4f}")


@pytest.mark.slow
@pytest.mark.parametrize("problem", _SETTINGS)
def test_memory_side_by_side(bench, problem):
    needs(*_DATA[problem])
    settings = {"problem": problem, **bench.sizes(*_SETTINGS[problem]), "backend": "skfashion"}
    title = f"Memory of fits side by side, {problem}"
    sides = [
        Side(f"{n} side by side", "jobs", settings={"n_jobs": n}, env=ONE_THREAD) for n in (1, 2, 4)
    ]
    with bench.record(f"jobs_memory_{problem}", title, settings, repeat=1) as record:
        record.contest("searches", sides)
        peaks = [record.median(side.name, "peak_rss_bytes") / 1e6 for side in sides]
        for side, peak in zip(sides, peaks, strict=True):
            record.figure(f"peak of the process, {side.name}", peak, unit="MB")
        more = (peaks[-1] - peaks[0]) / 3
        record.figure("each fit more", more, unit="MB", detail="4 against 1")
