"""Our searches against themselves: continued, killed, many, parallel, larger."""

import time

from benchmarks import problems
from benchmarks.contestants_mobilenet_grid import folder_bytes


def grid(problem, n, folds, memory=None, progress=None, **settings):
    """Run one grid search; `progress` is a file that survives a kill."""
    from benchmarks import spy

    spy.start_ours()
    given = problems.PROBLEMS[problem](n, memory=memory, **settings)

    def run():
        work = spy.watch(progress=progress)
        search = problems.grid_search(given, folds).fit(given.X, given.y)
        return {**spy.step_of_ours(), **work.counts(), **problems.scores(search)}

    return run


def halving(n, folds, memory=None):
    """Nine candidates at 3, three at 9, one at 27 epochs."""
    from benchmarks import spy

    spy.start_ours()
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import HalvingGridSearchCV, StratifiedKFold

    given = problems.dense(n, memory=memory)
    search = HalvingGridSearchCV(
        given.estimator,
        {"hidden_layer_sizes": [32, 64, 128], "learning_rate": list(problems.RATES)},
        resource="epochs",
        factor=3,
        min_resources=3,
        max_resources=27,
        cv=StratifiedKFold(folds),
        refit=False,
    )
    return _counted(search, given)


def hyperband(n, folds, memory=None, max_resources=81):
    """Hyperband with all its brackets, the widest first."""
    from scipy.stats import loguniform

    from benchmarks import spy

    spy.start_ours()
    from sklearn.model_selection import StratifiedKFold

    from skfashion.model_selection import HyperbandSearchCV

    given = problems.dense(n, memory=memory)
    search = HyperbandSearchCV(
        given.estimator,
        {"hidden_layer_sizes": [32, 64], "learning_rate": loguniform(1e-4, 1e-2)},
        resource="epochs",
        max_resources=max_resources,
        factor=3,
        cv=StratifiedKFold(folds),
        refit=False,
        random_state=0,
    )
    return _counted(search, given)


def _counted(search, given):
    """Return what runs a search."""
    from benchmarks import spy

    work = spy.watch()

    def run():
        search.fit(given.X, given.y)
        found = {**spy.step_of_ours(), **work.counts(), **problems.scores(search)}
        return {**found, "fits": len(work.fits)}

    return run


def many(n, epochs, rates, folds):
    """One search of many small fits; both sizes come in the first ten."""
    from benchmarks import spy

    spy.start_ours()
    given = problems.dense(n, epochs=epochs)
    given.grid = [
        {"learning_rate": [1e-4 * 1.2**i], "hidden_layer_sizes": [32, 64]} for i in range(rates)
    ]
    work = spy.watch()

    def run():
        search = problems.grid_search(given, folds).fit(given.X, given.y)
        return {**spy.step_of_ours(), **work.counts(), "fits": work.fits, **problems.scores(search)}

    return run


def jobs(problem, n, folds, n_jobs, backend="loky", stack_fits="auto", **settings):
    """Run a search with new workers, and then one like it on other images with warm ones."""
    import joblib

    from benchmarks import spy

    spy.start_ours().set_config(stack_fits=stack_fits)
    make = problems.PROBLEMS[problem]
    first = make(n, **settings)
    both = 2 * n if problem == "mobilenet" else n  # scenes are counted before the skip
    second = make(both, skip=n, **settings)

    def run():
        seconds = []
        for given in (first, second):
            search = problems.grid_search(given, folds)
            started = time.perf_counter()
            with joblib.parallel_config(backend, n_jobs=n_jobs):
                search.fit(given.X, given.y)
            seconds.append(time.perf_counter() - started)
        found = {**spy.step_of_ours(), **problems.scores(search)}
        return {**found, "seconds": seconds[1], "cold_seconds": seconds[0]}

    return run


def sized(problem, n, candidates, folds, memory, **settings):
    """A search of a given size on a store; candidates differ in their rates."""
    from benchmarks import spy

    spy.start_ours()
    given = problems.PROBLEMS[problem](n, memory=memory, **settings)
    given.grid = {"learning_rate": [3e-4 * 1.5**i for i in range(candidates)]}
    work = spy.watch()

    def run():
        search = problems.grid_search(given, folds).fit(given.X, given.y)
        found = {**spy.step_of_ours(), **work.counts(), **problems.scores(search)}
        return {**found, "store_bytes": folder_bytes(memory)}

    return run
