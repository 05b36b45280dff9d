"""What the report says of a search, and of its best estimator on test images."""

import numpy as np
from sklearn.metrics import accuracy_score, confusion_matrix

from skfashion.inspection import _report_charts as charts
from skfashion.inspection._histories import classifier_of, frame_of_curves, search_curves
from skfashion.inspection._mistakes import find_mistakes
from skfashion.inspection._pictures import image_shape_for
from skfashion.inspection._scales import columns_of, short_names
from skfashion.inspection._search_display import score_column


class SearchFacts:
    """What the sections want to know of a search."""

    def __init__(self, search):
        self.search = search
        self.results = search.cv_results_
        self.params = list(self.results["params"])
        columns = columns_of(self.params)
        names = short_names(list(columns))
        self.columns = {names[name]: values for name, values in columns.items()}
        self.column = score_column(search)
        self.scores = np.asarray(self.results[self.column], dtype=float)
        best = getattr(search, "best_index_", None)
        self.best = None if best is None else int(best)
        self.texts = [
            charts.hover_text(i, score, self.columns) for i, score in enumerate(self.scores)
        ]
        self.n_splits = int(search.n_splits_)
        self.fit_seconds = np.asarray(self.results["mean_fit_time"]) * self.n_splits
        classifier = classifier_of(search.estimator)
        self.estimator_name = type(classifier or search.estimator).__name__
        self.curves = self.history = None
        if classifier is not None:
            self.curves = search_curves(search)
            self.history = frame_of_curves(self.curves, self.params)
        self.train = self._column(self.column.replace("_test_", "_train_", 1))
        self.train_is_watched = self.train is None
        if self.train_is_watched:
            self.train = self._watched()

    @property
    def n_candidates(self):
        """How many there are: a row of ``cv_results_`` each, or one a rung each is in."""
        if "iter" not in self.results:
            return len(self.params)
        resource = getattr(self.search, "resource", None)
        kinds = [{k: repr(v) for k, v in each.items() if k != resource} for each in self.params]
        return len({repr(sorted(kind.items())) for kind in kinds})

    def _column(self, name):
        values = self.results.get(name)
        return None if values is None else np.asarray(values, dtype=float)

    def _watched(self):
        """Return accuracies as training watched them in its last epochs; None if none is known."""
        history = self.history
        if history is None or "accuracy" not in history:
            return None
        if getattr(self.search, "scoring", None) not in (None, "accuracy"):
            return None
        folds = history[history["fold"].notna()]
        last = folds.groupby(["candidate", "fold"])["accuracy"].last()
        means = last.groupby("candidate").mean().reindex(range(len(self.params)))
        return means.to_numpy(dtype=float) if means.notna().any() else None


class TestFacts:
    """What the best estimator of a search makes of test images."""

    def __init__(self, search, X, y, display_labels):
        y = np.asarray(y)
        if len(X) != len(y):
            raise ValueError(f"X_test has {len(X)} images and y_test {len(y)} labels.")
        self.X, self.image_shape = X, image_shape_for(search)
        classes = np.asarray(search.classes_)
        told = search.predict_proba(X) if hasattr(search, "predict_proba") else search.predict(X)
        predicted = classes[told.argmax(axis=1)] if told.ndim == 2 else told
        self.mistakes = find_mistakes(y, told, classes=classes, display_labels=display_labels)
        self.names = [str(n) for n in (classes if display_labels is None else display_labels)]
        self.n_images = len(y)
        self.accuracy = accuracy_score(y, predicted)
        self.matrix = confusion_matrix(y, predicted, labels=classes)
