"""A classifier that scores what its parameters say, and searches over it, for tests."""

import os
from pathlib import Path

import joblib
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification

from skfashion._utils.deadline import DeadlineMixin, DeadlineReached
from skfashion.model_selection import BayesSearchCV

X, y = make_classification(60, n_features=4, n_informative=3, n_redundant=0, random_state=0)
# Random points only, for tests that are not about the surrogate.
QUICK = {"n_initial_points": 99}


class Toy(DeadlineMixin, ClassifierMixin, BaseEstimator):
    """Scores what its parameters say, and counts its fits in a file.

    The time of a search is up in a fit with `units` == `endless`; a checkpoint that it
    leaves lets the next such fit end.
    """

    def __init__(
        self, units=8, rate=0.1, layers=(8,), fail=None, fail_below=0, endless=None, log=None
    ):
        self.units = units
        self.rate = rate
        self.layers = layers
        self.fail = fail
        self.fail_below = fail_below
        self.endless = endless
        self.log = log

    def fit(self, X, y, sample_weight=None, mark=None):
        if self.log is not None:
            with open(Path(self.log) / "fits", "a") as file:
                file.write(f"{self.units} {len(X)} {X[:, 0].sum():.9f}\n")
        if self.fail is not None and self.units < self.fail_below:
            if self.fail == "exit":
                os._exit(1)
            raise self.fail("no good")
        if self.units == self.endless and self._deadline is not None:
            checkpoint = Path(self.log) / joblib.hash(X)
            if not checkpoint.exists():
                checkpoint.touch()
                self._deadline.at = 0
                assert self._is_late()
                raise DeadlineReached
        return self._done(y, mark)

    def _done(self, y, mark):
        self.classes_ = np.unique(y)
        self.mark_ = mark
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])

    def score(self, X, y, sample_weight=None):
        return -abs(self.units - 20) / 40 - abs(np.log10(self.rate) + 2) / 10


def fits(folder):
    path = Path(folder) / "fits"
    return path.read_text().splitlines() if path.exists() else []


def run(estimator, space, *, n_iter=6, cv=2, seed=0, fit=None, **kwargs):
    kwargs = {"optimizer_kwargs": QUICK, "refit": False, **kwargs}
    search = BayesSearchCV(estimator, space, n_iter=n_iter, cv=cv, random_state=seed, **kwargs)
    return search.fit(X, y, **(fit or {}))
