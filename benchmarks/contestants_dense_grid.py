"""The same grid of small dense networks, six ways, two of them with two workers as well.

Peers are given flat float32 images from 0 to 1, scaled beforehand; ours is given uint8 and
scales inside. All score the accuracy of three stratified folds; nobody fits again at the end.
"""

import tempfile
import warnings

import numpy as np

from benchmarks import problems
from benchmarks.data import fashion
from benchmarks.peers import dense_network, tagged_keras_classifier

_LOSS = "sparse_categorical_crossentropy"


def skfashion(n, epochs, folds, fused=True, n_jobs=1):
    """Ours; side by side where `n_jobs` is more than 1."""
    import joblib

    from benchmarks import spy

    spy.start_ours(fused=fused)
    problem = problems.dense(n, epochs=epochs)
    work = spy.watch()

    def run():
        with joblib.parallel_config("skfashion", n_jobs=n_jobs):
            search = problems.grid_search(problem, folds).fit(problem.X, problem.y)
        return {**spy.step_of_ours(), **work.counts(), **problems.scores(search)}

    return run


def scikeras(n, epochs, folds, n_jobs=1):
    """Keras under GridSearchCV by scikeras."""
    from benchmarks.spy import wake

    wake()
    estimator = tagged_keras_classifier()(
        model=dense_network,
        model__units=64,
        optimizer="adam",
        optimizer__learning_rate=1e-3,
        loss=_LOSS,
        metrics=["accuracy"],
        epochs=epochs,
        batch_size=32,
        verbose=0,
    )
    grid = {
        "model__units": list(problems.UNITS),
        "optimizer__learning_rate": list(problems.RATES),
    }
    return _grid_search(estimator, grid, *fashion(n, flat=True, scaled=True), folds, n_jobs)


def skorch(n, epochs, folds):
    """Torch under GridSearchCV by skorch."""
    import torch
    from skorch import NeuralNetClassifier

    class Network(torch.nn.Module):
        def __init__(self, units=64):
            super().__init__()
            self.layers = torch.nn.Sequential(
                torch.nn.Linear(784, units), torch.nn.ReLU(), torch.nn.Linear(units, 10)
            )

        def forward(self, x):
            return self.layers(x)

    torch.manual_seed(problems.seed())
    estimator = NeuralNetClassifier(
        Network,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        max_epochs=epochs,
        batch_size=32,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    grid = {"module__units": list(problems.UNITS), "lr": list(problems.RATES)}
    return _grid_search(estimator, grid, *fashion(n, flat=True, scaled=True), folds)


def sklearn_mlp(n, epochs, folds):
    """scikit-learn's own network."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    warnings.simplefilter("ignore", ConvergenceWarning)
    estimator = MLPClassifier(
        max_iter=epochs, batch_size=32, alpha=0.0, random_state=problems.seed()
    )
    grid = {
        "hidden_layer_sizes": list(problems.UNITS),
        "learning_rate_init": list(problems.RATES),
    }
    return _grid_search(estimator, grid, *fashion(n, flat=True, scaled=True), folds)


def keras_tuner(n, epochs, folds):
    """keras-tuner's GridSearch, one for each fold: it knows no cross-validation.

    It takes a trial's best epoch for its score, so it validates after each one and its
    scores are a little high.
    """
    import keras_tuner as kt
    from sklearn.model_selection import StratifiedKFold

    from benchmarks.spy import wake

    keras = wake()
    X, y = fashion(n, flat=True, scaled=True)

    def build(hp):
        model = dense_network(hp.Choice("units", list(problems.UNITS)))
        rate = hp.Choice("learning_rate", list(problems.RATES))
        model.compile(keras.optimizers.Adam(rate), loss=_LOSS, metrics=["accuracy"])
        return model

    def run():
        found = []
        with tempfile.TemporaryDirectory() as folder:
            for fold, (train, test) in enumerate(StratifiedKFold(folds).split(X, y)):
                tuner = kt.GridSearch(
                    build,
                    objective="val_accuracy",
                    max_trials=len(problems.UNITS) * len(problems.RATES),
                    directory=folder,
                    project_name=str(fold),
                    overwrite=True,
                )
                tuner.search(
                    X[train],
                    y[train],
                    validation_data=(X[test], y[test]),
                    epochs=epochs,
                    batch_size=32,
                    verbose=0,
                )
                trials = tuner.oracle.trials.values()
                found.append([tuner.oracle.get_trial(trial.trial_id).score for trial in trials])
        means = np.mean(found, axis=0)
        return {"mean_score": float(means.mean()), "best_score": float(means.max())}

    return run


def keras_jax(n, epochs, folds):
    """Keras on JAX, in two loops by hand."""
    from sklearn.model_selection import ParameterGrid, StratifiedKFold

    from benchmarks.spy import wake

    keras = wake()
    assert keras.backend.backend() == "jax"
    X, y = fashion(n, flat=True, scaled=True)

    def run():
        found = []
        grid = {"units": list(problems.UNITS), "rate": list(problems.RATES)}
        for candidate in ParameterGrid(grid):
            accuracies = []
            for train, test in StratifiedKFold(folds).split(X, y):
                model = dense_network(candidate["units"])
                model.compile(
                    keras.optimizers.Adam(candidate["rate"]), loss=_LOSS, metrics=["accuracy"]
                )
                model.fit(X[train], y[train], epochs=epochs, batch_size=32, verbose=0)
                accuracies.append(model.evaluate(X[test], y[test], batch_size=256, verbose=0)[1])
            found.append(np.mean(accuracies))
        return {"mean_score": float(np.mean(found)), "best_score": float(np.max(found))}

    return run


def _grid_search(estimator, grid, X, y, folds, n_jobs=1):
    problem = problems.Problem(estimator, grid, X, y)
    search = problems.grid_search(problem, folds, n_jobs=n_jobs)

    def run():
        search.fit(X, y)
        return problems.scores(search)

    return run
