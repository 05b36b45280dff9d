"""A grid search on worker processes of Dask, on this machine's loopback."""

import time

from benchmarks import problems


def grid(n, epochs, folds, workers):
    """Run one search to start and warm the workers, then one like it on other images."""
    from benchmarks import spy

    spy.start_ours()
    import distributed
    import joblib

    first = problems.dense(n, epochs=epochs)
    second = problems.dense(n, epochs=epochs, skip=n)

    def run():
        cluster = distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
        )
        with cluster, distributed.Client(cluster), joblib.parallel_config("dask"):
            started = time.perf_counter()
            problems.grid_search(first, folds).fit(first.X, first.y)
            cold = time.perf_counter() - started
            started = time.perf_counter()
            search = problems.grid_search(second, folds).fit(second.X, second.y)
            warm = time.perf_counter() - started
        found = {**spy.step_of_ours(), **problems.scores(search)}
        return {**found, "seconds": warm, "cold_seconds": cold}

    return run
