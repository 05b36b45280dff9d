"""The same grid of convolutional networks, by us and on scikeras."""

from benchmarks import problems
from benchmarks.data import fashion
from benchmarks.peers import conv_network, tagged_keras_classifier


def skfashion(n, epochs, folds, fused=True, n_jobs=1):
    """Ours; side by side where `n_jobs` is more than 1."""
    import joblib

    from benchmarks import spy

    spy.start_ours(fused=fused)
    problem = problems.conv(n, epochs=epochs)
    work = spy.watch()

    def run():
        with joblib.parallel_config("skfashion", n_jobs=n_jobs):
            search = problems.grid_search(problem, folds).fit(problem.X, problem.y)
        return {**spy.step_of_ours(), **work.counts(), **problems.scores(search)}

    return run


def scikeras(n, epochs, folds, n_jobs=1):
    """Keras under GridSearchCV by scikeras, on images scaled beforehand."""
    from benchmarks.spy import wake

    wake()
    estimator = tagged_keras_classifier()(
        model=conv_network,
        model__filters="32-64",
        optimizer="adam",
        optimizer__learning_rate=1e-3,
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        epochs=epochs,
        batch_size=32,
        verbose=0,
    )
    grid = {
        "model__filters": list(problems.FILTERS),
        "optimizer__learning_rate": list(problems.RATES),
    }
    X, y = fashion(n, scaled=True)
    X = X[..., None]
    problem = problems.Problem(estimator, grid, X, y)
    search = problems.grid_search(problem, folds, n_jobs=n_jobs)

    def run():
        search.fit(X, y)
        return problems.scores(search)

    return run
