"""Our side of the searches: estimator, grid and data, by name."""

import os
from dataclasses import dataclass

RATES = (3e-4, 1e-3, 3e-3)
HEAD_RATES = (1e-3, 3e-3)
UNFREEZE = (None, 116, 143)
UNITS = (64, 128)
FILTERS = ("32-64", "32-64-128")
ALPHA = 0.35


def seed():
    """Return the seed of this round."""
    return int(os.environ.get("BENCHMARK_SEED", "0"))


@dataclass
class Problem:
    """What a search is given.

    Attributes
    ----------
    estimator : BaseImageClassifier
    grid : dict
    X, y : ndarray
    """

    estimator: object
    grid: dict
    X: object
    y: object


def dense(n, *, epochs=5, memory=None, skip=0):
    """Return six dense networks on Fashion-MNIST."""
    from benchmarks.data import fashion
    from skfashion import DenseClassifier

    estimator = DenseClassifier(epochs=epochs, batch_size=32, memory=memory, random_state=seed())
    grid = {"hidden_layer_sizes": list(UNITS), "learning_rate": list(RATES)}
    return Problem(estimator, grid, *fashion(n, skip=skip))


def conv(n, *, epochs=3, memory=None, skip=0):
    """Return six convolutional networks on Fashion-MNIST."""
    from benchmarks.data import fashion
    from skfashion import ConvClassifier

    estimator = ConvClassifier(epochs=epochs, batch_size=32, memory=memory, random_state=seed())
    grid = {"filters": list(FILTERS), "learning_rate": list(RATES)}
    return Problem(estimator, grid, *fashion(n, skip=skip))


def mobilenet(n, *, epochs=4, fine_tune_epochs=3, size=96, memory=None, skip=0, augmentation=None):
    """Return two head rates and three depths of fine-tuning on Intel scenes."""
    from benchmarks.data import scenes
    from skfashion import MobileNetFineTuner

    estimator = MobileNetFineTuner(
        alpha=ALPHA,
        epochs=epochs,
        fine_tune_epochs=fine_tune_epochs,
        batch_size=32,
        augmentation=augmentation,
        schedule="constant",  # as those by hand
        memory=memory,
        random_state=seed(),
    )
    grid = {"learning_rate": list(HEAD_RATES), "unfreeze_from": list(UNFREEZE)}
    return Problem(estimator, grid, *scenes(n, size, skip=skip))


PROBLEMS = {"dense": dense, "conv": conv, "mobilenet": mobilenet}


def grid_search(problem, folds, **settings):
    """Return a GridSearchCV that fits nothing beyond candidates and folds."""
    from sklearn.model_selection import GridSearchCV, StratifiedKFold

    settings = {"refit": False, "cv": StratifiedKFold(folds), "error_score": "raise", **settings}
    return GridSearchCV(problem.estimator, problem.grid, **settings)


def scores(search):
    """Return what a search found: mean and best score, and all columns but the times."""
    results = search.cv_results_
    columns = {
        name: [_plain(value) for value in column]
        for name, column in results.items()
        if "time" not in name and not name.startswith("param_")
    }
    means = results["mean_test_score"]
    n_splits = sum(name.startswith("split") and "test" in name for name in results)
    return {
        "mean_score": float(means.mean()),
        "best_score": float(means.max()),
        "cv_results": columns,
        "seconds_in_score": float(results["mean_score_time"].sum() * n_splits),
    }


# What fits side by side want of TensorFlow; a contestant wakes it before the search could ask.
ONE_THREAD = {
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": str(os.cpu_count()),
}


def _plain(value):
    if isinstance(value, dict):
        return {name: str(v) for name, v in sorted(value.items())}
    return value.item() if hasattr(value, "item") else value
