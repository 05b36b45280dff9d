"""A grid search on worker processes of Dask, on this machine's loopback."""

import time
from contextlib import contextmanager
from pathlib import Path

from benchmarks import problems


def grid(n, epochs, folds, workers):
    """Run one search to start and warm the workers, then one like it on other images."""
    from benchmarks import spy

    spy.start_ours()

    first = problems.dense(n, epochs=epochs)
    second = problems.dense(n, epochs=epochs, skip=n)

    def run():
        with _cluster(workers):
            started = time.perf_counter()
            problems.grid_search(first, folds).fit(first.X, first.y)
            cold = time.perf_counter() - started
            started = time.perf_counter()
            search = problems.grid_search(second, folds).fit(second.X, second.y)
            warm = time.perf_counter() - started
        found = {**spy.step_of_ours(), **problems.scores(search)}
        return {**found, "seconds": warm, "cold_seconds": cold}

    return run


def images(n, side, folds, lazy):
    """Search two heads on images of files, as an array or read by the workers; what was sent."""
    from sklearn.model_selection import GridSearchCV

    from benchmarks.contestants_lazy import files
    from skfashion import MobileNetFineTuner
    from skfashion.preprocessing import ImageReader

    names, y = files(n, side)
    clf = MobileNetFineTuner(alpha=problems.ALPHA, image_size=96, epochs=2, random_state=0)
    search = GridSearchCV(clf, {"learning_rate": [1e-3, 1e-2]}, cv=folds, refit=False)

    def run():
        X = ImageReader(side, lazy=lazy).transform(names)
        with _cluster(2) as client:
            started, before = time.perf_counter(), _sent()
            search.fit(X, y)
            seconds, sent = time.perf_counter() - started, _sent() - before
            decoded = sum(client.run(_decoded).values())
        scores = search.cv_results_["mean_test_score"].tolist()
        return {"seconds": seconds, "sent": sent, "decoded": decoded, "scores": scores}

    return run


@contextmanager
def _cluster(n_workers):
    import distributed
    import joblib

    cluster = distributed.LocalCluster(
        n_workers=n_workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
    )
    with cluster, distributed.Client(cluster) as client, joblib.parallel_config("dask"):
        yield client


def _sent():
    """Return the bytes that went over this machine's loopback."""
    lines = Path("/proc/net/dev").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.split()[0] == "lo:")


def _decoded():
    import skfashion

    # A worker that has read none doesn't know of images.
    return skfashion.cache_info().get("images", {}).get("decoded", 0)
