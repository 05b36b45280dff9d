"""A search with `ImageReader` in front, keeping decoded images or not."""

from benchmarks import problems
from benchmarks.data import files

_GRID = {
    "mobilenetfinetuner__learning_rate": [1e-3, 3e-3],
    "mobilenetfinetuner__dropout": [0.0, 0.2, 0.4],
}


def keeping(n, epochs, folds, size):
    """As it is: each file is decoded once."""
    return _search(n, epochs, folds, size, forgetful=False)


def forgetful(n, epochs, folds, size):
    """The same, with the reader made to forget before each call."""
    return _search(n, epochs, folds, size, forgetful=True)


def _search(n, epochs, folds, size, *, forgetful):
    from sklearn.pipeline import make_pipeline

    from benchmarks import spy
    from skfashion import MobileNetFineTuner
    from skfashion.preprocessing import ImageReader
    from skfashion.preprocessing._cache import cache

    spy.start_ours()
    decoded = []

    class Forgetful(ImageReader):
        def transform(self, X):
            decoded.append(cache.n_decoded)
            cache.clear()
            return super().transform(X)

    reader = Forgetful(size) if forgetful else ImageReader(size)
    estimator = make_pipeline(
        reader, MobileNetFineTuner(alpha=problems.ALPHA, epochs=epochs, random_state=0)
    )
    X, y = files("cats-vs-dogs", n)
    problem = problems.Problem(estimator, _GRID, X, y)
    work = spy.watch()

    def run():
        search = problems.grid_search(problem, folds).fit(X, y)
        n_decoded = sum(decoded) + cache.n_decoded
        more = {"decoded": n_decoded, **work.counts(), **problems.scores(search)}
        return {**spy.step_of_ours(), **more}

    return run
