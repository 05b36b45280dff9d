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
    """The same, with the reader, and nothing else, made to forget before each call."""
    return _search(n, epochs, folds, size, forgetful=True)


def _search(n, epochs, folds, size, *, forgetful):
    from sklearn.pipeline import make_pipeline

    from benchmarks import spy
    from skfashion import MobileNetFineTuner
    from skfashion.preprocessing import ImageReader, _fetch, _reader

    spy.start_ours()
    decode, decoded = _reader.decode_image, []

    def counting(name, **how):
        decoded.append(name)
        return decode(name, **how)

    _reader.decode_image = counting

    class Forgetful(ImageReader):
        def transform(self, X):
            _fetch._CACHE.clear()
            return super().transform(X)

        def fit_transform(self, X, y=None):
            return self.fit(X).transform(X)

    reader = Forgetful(size) if forgetful else ImageReader(size)
    estimator = make_pipeline(
        reader, MobileNetFineTuner(alpha=problems.ALPHA, epochs=epochs, random_state=0)
    )
    X, y = files("cats-vs-dogs", n)
    problem = problems.Problem(estimator, _GRID, X, y)
    work = spy.watch()

    def run():
        search = problems.grid_search(problem, folds).fit(X, y)
        more = {"decoded": len(decoded), **work.counts(), **problems.scores(search)}
        return {**spy.step_of_ours(), **more}

    return run
