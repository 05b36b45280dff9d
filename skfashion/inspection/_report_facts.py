"""What the report tells of a search and of test images, as numbers."""

import time

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

from skfashion._utils.image_files import sides_of
from skfashion._utils.scores import score_column
from skfashion.inspection._axes import axis_of, ranges_of
from skfashion.inspection._histories import classifier_of, history_frame
from skfashion.inspection._mistakes_display import find_mistakes
from skfashion.inspection._pictures import image_shape_for, names_of, pictures
from skfashion.inspection._values import columns_of, is_number

_FEWEST = 8  # candidates from which a forest is asked what mattered
_TIMED = 64  # images
_HEADERS_READ = 200  # files whose size is looked up
_MOST_EXAMPLES = 40  # classes of which a picture is shown


class SearchFacts:
    """What the sections want to know of a search."""

    def __init__(self, search):
        self.search = search
        self.results = search.cv_results_
        self.params = list(self.results["params"])
        self.columns = columns_of(self.params)
        self.column = score_column(search)
        self.scores = self._column(self.column)
        self.best = getattr(search, "best_index_", None)
        self.n_splits = int(search.n_splits_)
        self.ranges = ranges_of(search)
        self.axes = {n: axis_of(v, self.ranges.get(n)) for n, v in self.columns.items()}
        classifier = classifier_of(search.estimator)
        self.estimator_name = type(classifier or search.estimator).__name__
        self.history = pd.DataFrame() if classifier is None else history_frame(search)
        self.folds = self.history.dropna(subset=["fold"]) if classifier else self.history
        self.train = self._column(self.column.replace("_test_", "_train_", 1))
        self.train_is_watched = self.train is None
        if self.train_is_watched:
            self.train = self._watched()
        # What was read back took no time: it is told as it was when it was trained.
        self.spent = float(self._column("mean_fit_time").sum()) * self.n_splits
        trained = self._trained()
        self.fit_seconds = self._column("mean_fit_time") if trained is None else trained
        self.trained = trained is not None
        # (name, mean, standard deviation), the largest first, and what is explained out of bag
        self.importance, self.explained = _importance(self.axes, self.scores)

    @property
    def n_candidates(self):
        """How many there are: a row of ``cv_results_`` each, or one a rung each is in."""
        if "iter" not in self.results:
            return len(self.params)
        own = [{**each, getattr(self.search, "resource", None): None} for each in self.params]
        return len({repr(sorted(each.items(), key=repr)) for each in own})

    def at_ends(self):
        """Return (name, value, "lower" or "upper", range) where the best lies at an end."""
        if self.best is None or len(self.params) < 2:
            return []
        values = {name: column[self.best] for name, column in self.columns.items()}
        known = [(n, values[n], r) for n, r in self.ranges.items() if is_number(values.get(n))]
        return [(n, value, r.end_of(value), r) for n, value, r in known if r.end_of(value)]

    def _column(self, name):
        values = self.results.get(name)
        return None if values is None else np.asarray(values, dtype=float)

    def _watched(self):
        """Return accuracies as training watched them in its last epochs; None if none is known."""
        if self.folds.empty or getattr(self.search, "scoring", None) not in (None, "accuracy"):
            return None
        best = classifier_of(getattr(self.search, "best_estimator_", None))
        if getattr(best, "multilabel_", False):  # then it is the share of labels, not of images
            return None
        return self._mean(self.folds.groupby(["candidate", "fold"])["accuracy"].last())

    def _trained(self):
        """Return the mean seconds of each candidate's fits when they were trained, if known."""
        if "seconds" not in self.folds or self.folds["seconds"].isna().any():
            return None
        seconds = self._mean(self.folds.groupby(["candidate", "fold"])["seconds"].sum())
        return np.where(np.isnan(seconds), self._column("mean_fit_time"), seconds)

    def _mean(self, of_fits):
        """Return means over the folds, NaN of candidates without any."""
        means = of_fits.groupby("candidate").mean()
        return means.reindex(range(len(self.params))).to_numpy(float)


class TestFacts:
    """What the best estimator of a search makes of test images."""

    def __init__(self, search, X, y, display_labels):
        y = np.asarray(y)
        self.search, self.X, self.y, self.image_shape = search, X, y, image_shape_for(search)
        self.classes = np.asarray(search.classes_)
        told = search.predict_proba(X) if hasattr(search, "predict_proba") else search.predict(X)
        predicted = self.classes[told.argmax(axis=1)] if told.ndim == 2 else told
        self.mistakes = find_mistakes(y, told, classes=self.classes, display_labels=display_labels)
        named = self.classes if display_labels is None else display_labels
        self.names = [str(name) for name in named]
        # Means of ten groups by the probability of what was predicted, and what is right of them.
        self.right, self.confidence = None, None
        if told.ndim == 2:
            self.right, self.confidence = calibration_curve(
                (predicted == y).astype(int),
                told.max(axis=1).clip(0, 1),
                n_bins=10,
                strategy="quantile",
            )
        self.accuracy = accuracy_score(y, predicted)
        right = round(self.accuracy * len(y))
        self.interval = binomtest(right, len(y)).proportion_ci(method="wilson")
        self.baseline = pd.Series(y).value_counts(normalize=True).max()
        self.matrix = confusion_matrix(y, predicted, labels=self.classes)
        self.by_class = precision_recall_fscore_support(
            y, predicted, labels=self.classes, zero_division=np.nan
        )
        self.n_timed = min(_TIMED, len(y))
        started = time.perf_counter()
        search.predict(X[: self.n_timed])
        self.milliseconds = 1000 * (time.perf_counter() - started) / self.n_timed


def size_text(X, image_shape):
    """Return how large images are."""
    names = names_of(X)
    if names is None:
        shape = np.shape(X)[1:]
        shape = image_shape if len(shape) == 1 and image_shape is not None else shape
        return " x ".join(map(str, shape))
    sides = sides_of(names[:: -(-len(names) // _HEADERS_READ)])
    low, high = sides[:, 0].min(), sides[:, 0].max()
    middle = " x ".join(f"{side:.0f}" for side in np.median(sides, axis=0))
    return middle if low == high else f"{middle} (shorter sides {low} to {high})"


def examples(X, y, classes, image_shape):
    """Return the first picture of each class, None where there is none or classes are many."""
    if len(classes) > _MOST_EXAMPLES:
        return [None] * len(classes)
    own = np.asarray(y) == np.reshape(classes, (-1, 1))
    shown = pictures(X, own.argmax(axis=1), image_shape=image_shape)
    return [image if mine.any() else None for image, mine in zip(shown, own, strict=True)]


def _importance(axes, scores):
    """Ask a forest, fitted to the table of candidates, which of its columns matter."""
    known = np.isfinite(scores)
    varied = [name for name, axis in axes.items() if len(set(axis.places[known])) > 1]
    if known.sum() < _FEWEST or len(varied) < 2 or np.ptp(scores[known]) == 0:
        return [], 0.0
    table = np.column_stack([axes[name].places[known] for name in varied])
    forest = RandomForestRegressor(100, oob_score=True, min_samples_leaf=2, random_state=0)
    forest.fit(table, scores[known])
    found = permutation_importance(forest, table, scores[known], n_repeats=10, random_state=0)
    order = np.argsort(-found.importances_mean)
    means, errors = found.importances_mean, found.importances_std
    return [(varied[i], means[i], errors[i]) for i in order], forest.oob_score_
