"""What searches take themselves: the estimator does nothing, in no time."""

import warnings

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from benchmarks import problems


class Idle(ClassifierMixin, BaseEstimator):
    """Trains nothing; its score is a smooth function of five parameters, at most 0."""

    def __init__(self, learning_rate=0.1, units=64, dropout=0.1, layers=1, batch_size=32, epochs=1):
        self.learning_rate = learning_rate
        self.units = units
        self.dropout = dropout
        self.layers = layers
        self.batch_size = batch_size
        self.epochs = epochs

    def fit(self, X, y):
        """Take the classes."""
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        """Return the first class."""
        return np.full(len(X), self.classes_[0])

    def score(self, X, y):
        """Return how near the parameters are to good ones, a little nearer with more epochs."""
        rate = np.log10(self.learning_rate / 3e-3) ** 2
        units = (self.units / 200 - 1) ** 2
        return -rate - units - self.dropout - 0.1 * (self.layers - 1) - 0.1 / self.epochs


def bayes(n, folds):
    """Our BayesSearchCV."""
    from skfashion.model_selection import BayesSearchCV

    return _search(BayesSearchCV, Idle(), _skopt_space(), n_iter=n, cv=folds)


def skopt(n, folds):
    """Their BayesSearchCV."""
    from skopt import BayesSearchCV

    return _search(BayesSearchCV, Idle(), _skopt_space(), n_iter=n, cv=folds)


def hyperband(max_resources, folds):
    """Our HyperbandSearchCV, all brackets."""
    from skfashion.model_selection import HyperbandSearchCV

    settings = {"max_resources": max_resources, "cv": folds}
    return _search(HyperbandSearchCV, Idle(), _distributions(), **settings)


def halving(n_candidates, max_resources, folds):
    """scikit-learn's halving, one bracket of as many rows."""
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import HalvingRandomSearchCV

    settings = {"resource": "epochs", "min_resources": 1, "max_resources": max_resources}
    # It scores the training images, too, unless told not to.
    settings |= {"n_candidates": n_candidates, "cv": folds, "return_train_score": False}
    return _search(HalvingRandomSearchCV, Idle(), _distributions(), **settings)


def _skopt_space():
    from skopt.space import Categorical, Integer, Real

    return {
        "learning_rate": Real(1e-5, 1e-1, prior="log-uniform"),
        "units": Integer(32, 512),
        "dropout": Real(0.0, 0.6),
        "layers": Integer(1, 3),
        "batch_size": Categorical([32, 64, 128]),
    }


def _distributions():
    from scipy.stats import loguniform, randint, uniform

    return {
        "learning_rate": loguniform(1e-5, 1e-1),
        "units": randint(32, 513),
        "dropout": uniform(0.0, 0.6),
        "layers": [1, 2, 3],
        "batch_size": [32, 64, 128],
    }


def _search(kind, *given, **settings):
    search = kind(*given, refit=False, random_state=problems.seed(), **settings)
    X, y = np.zeros((300, 4)), np.arange(300) % 3

    def run():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # skopt's, of points it has seen and kernels
            search.fit(X, y)
        scores = search.cv_results_["mean_test_score"]
        return {"rows": len(scores), "best_score": float(np.max(scores))}

    return run
