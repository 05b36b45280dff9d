"""The sections of the report, in the order in which they stand."""

import importlib.metadata
import platform
import sys

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, confusion_matrix

from skfashion._version import __version__
from skfashion.inspection import _report_charts as charts
from skfashion.inspection import _report_html as parts
from skfashion.inspection._histories import classifier_of, history_frame
from skfashion.inspection._mistakes_display import find_mistakes
from skfashion.inspection._pictures import image_shape_for, names_of, pictures
from skfashion.inspection._report_html import escape, tag
from skfashion.inspection._search_display import score_column
from skfashion.inspection._values import columns_of, short_names, value_text

_N_IMAGES = 24
_PACKAGES = ("keras", "scikeras", "scikit-learn", "scikit-optimize", "numpy")


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
        self.texts = [
            charts.hover_text(i, score, self.columns) for i, score in enumerate(self.scores)
        ]
        self.n_splits = int(search.n_splits_)
        self.seconds = float(sum(self.results["mean_fit_time"])) * self.n_splits
        classifier = classifier_of(search.estimator)
        self.estimator_name = type(classifier or search.estimator).__name__
        self.history = pd.DataFrame() if classifier is None else history_frame(search)
        self.folds = self.history.dropna(subset=["fold"]) if classifier else self.history
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
        if self.folds.empty or getattr(self.search, "scoring", None) not in (None, "accuracy"):
            return None
        last = self.folds.groupby(["candidate", "fold"])["accuracy"].last()
        return last.groupby("candidate").mean().reindex(range(len(self.params))).to_numpy(float)


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


def summary(found, test):
    """Return the numbers that stand out."""
    tiles = []
    if found.best is not None:
        tiles.append((f"{found.scores[found.best]:.4f}", "best mean test score", " best"))
    if test is not None:
        tiles.append((f"{test.accuracy:.4f}", "accuracy on test images", ""))
    rows, failed = len(found.params), int((~np.isfinite(found.scores)).sum())
    told = "candidates" if rows == found.n_candidates else f"candidates in {rows} rows"
    told += f", {failed} of them failed" if failed else ""
    tiles += [
        (found.n_candidates, told, ""),
        (found.n_splits, "folds", ""),
        (parts.seconds_text(found.seconds), "in fits of the folds", ""),
    ]
    return parts.tiles(tiles)


def best(found):
    """Return the best parameters: to be read, and to be copied."""
    if found.best is None:
        return ""
    params = found.params[found.best]
    exact = {name: _as_python(value) for name, value in params.items()}
    full = tag("summary", "In full, to copy") + tag("pre", escape(repr(exact)))
    rows = zip(short_names(list(params)), map(value_text, params.values()), strict=True)
    return tag("h2", "Best parameters") + parts.facts(rows) + tag("details", full)


def candidates(found, figures):
    """Return parallel coordinates and the table of all candidates."""
    text = tag("h2", "Candidates")
    if np.isfinite(found.scores).any():
        figures["parallel"] = charts.parallel(found.columns, found.scores, found.best, found.texts)
        text += tag(
            "p",
            "A line each, from its parameters to its score; the best in orange. Point at one to "
            "see its values.",
        )
        style = f"min-width:{120 * (len(found.columns) + 1)}px"
        text += tag("div", _chart("parallel", style=style), klass="wide")
    else:
        text += tag("p", "All of them failed.")
    ranks = found.results[found.column.replace("mean_test", "rank_test", 1)]
    columns = {
        "candidate": (range(len(ranks)), "d"),
        "rank": (ranks, ".0f"),
        "test score": (found.scores, ".4f"),
        "std": (found.results[found.column.replace("mean_", "std_", 1)], ".4f"),
    }
    if found.train is not None:
        name = "train accuracy" if found.train_is_watched else "train score"
        columns[name] = (found.train, ".4f")
        columns["train minus test"] = (found.train - found.scores, "+.4f")
    columns["fit s"] = (found.results["mean_fit_time"], ".2f")
    columns |= {name: (values, "") for name, values in found.columns.items()}
    text += tag("p", "A click on a column sorts.", klass="soft")
    return text + parts.candidates(columns, np.argsort(ranks, kind="stable"), found.best)


def learning(found, figures):
    """Return the curves of losses and accuracies."""
    if found.history.empty:
        return ""
    cells = ""
    for metric in ("loss", "accuracy"):
        watched = f"val_{metric}" in found.history
        column = f"val_{metric}" if watched else metric
        if column in found.history and found.history[column].notna().any():
            figures[column] = charts.curves(found.history, column, found.best, found.texts)
            name = f"{'Validation' if watched else 'Training'} {metric}"
            cells += tag("div", tag("b", name) + _chart(column))
    known = 0 if found.folds.empty else found.folds["candidate"].nunique()
    told = (
        f"Means over the folds of {known} candidates; the best in orange."
        if known
        else "Of the best candidate's refit. With memory= and an integer random_state the "
        "classifier keeps those of all candidates."
    )
    return tag("h2", "Learning curves") + tag("p", told) + tag("div", cells, klass="pair")


def overfitting(found, figures):
    """Return how far each candidate is better on what it was trained on."""
    head = tag("h2", "Over-fitting")
    if found.train is None:
        told = (
            "Not known: search with return_train_score=True to see how far training scores lie "
            "above test scores."
        )
        return head + tag("p", told)
    if not np.isfinite(found.train - found.scores).any():
        return ""
    figures["overfitting"] = charts.overfitting(found.train, found.scores, found.best, found.texts)
    told = (
        "How much better each candidate does on the images it was trained on. Up is better, right "
        "is more over-fitted."
    )
    text = head + tag("p", told) + _chart("overfitting")
    if found.train_is_watched:
        how = (
            "Training accuracy is what the last epoch measured while the network was still "
            "changing, with dropout on: too low where training was short. return_train_score=True "
            "scores anew."
        )
        text += tag("p", how, klass="soft")
    return text


def mistakes(test):
    """Return what the best estimator mistakes for what, and the worst of it as images."""
    if test is None:
        return ""
    wrong, worst = len(test.mistakes), test.mistakes.head(_N_IMAGES)
    text = tag("h2", "Mistakes on test images")
    text += tag("p", f"{wrong:,} of {test.n_images:,} test images were classified wrongly.")
    text += parts.confusion(test.matrix, test.names)
    if wrong:
        shown = pictures(test.X, worst["index"], image_shape=test.image_shape)
        text += tag("h2", "The worst of them") + tag("p", "Predicted, and below it what it is.")
        text += parts.mistakes(shown, worst, names_of(test.X, worst["index"]))
    return text


def reuse(found):
    """Tell what was known already, from the histories of the folds."""
    head = tag("h2", "What was reused")
    folds = found.folds
    if folds.empty:
        told = (
            "Not known: finished fits are kept, and reused, where the classifier has memory= and "
            "an integer random_state."
        )
        return head + tag("p", told)
    # Fits that begin alike share their first epochs: no two others have the same losses.
    distinct = set()
    for _, fit in folds.groupby(["candidate", "fold"])[["phase", "learning_rate", "loss"]]:
        epochs = list(fit.itertuples(index=False, name=None))
        distinct |= {tuple(epochs[:n]) for n in range(1, len(epochs) + 1)}
    rows = [
        ("epochs in all fits of the folds", f"{len(folds):,}"),
        ("of these shared with another candidate", f"{len(folds) - len(distinct):,}"),
        ("time in fits, this run", parts.seconds_text(found.seconds)),
    ]
    if "seconds" in folds and folds["seconds"].notna().all():
        alone = folds["seconds"].sum()
        rows.append(("time of these epochs when they were trained", parts.seconds_text(alone)))
        rows.append(("saved", parts.seconds_text(max(0.0, alone - found.seconds))))
    return head + parts.facts(rows)


def again(found, command):
    """Return what to run, and what it was run with."""
    text = tag("h2", "To run it again")
    text += "" if command is None else tag("pre", escape(command))
    # Its length is scikit-learn's to bound, and 700 characters hide most parameters. Folds may
    # be given as arrays of rows, which nobody reads.
    with np.printoptions(threshold=8, edgeitems=2):
        search = found.search.__repr__(N_CHAR_MAX=5000)
    for value in _leaves(found.search.get_params(deep=False)):
        if hasattr(value, "dist"):
            search = search.replace(repr(value), _distribution_text(value))
    return text + tag("pre", escape(search)) + parts.facts(_versions())


def _chart(name, **attributes):
    return tag("div", "", klass="chart", id=name, **attributes)


def _versions():
    """Return the versions of what took part, as (name, version)."""
    where = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    rows = [("skfashion", __version__), ("Python", where)]
    keras = sys.modules.get("keras")  # not loaded for the report's sake
    backend = [] if keras is None else [keras.backend.backend()]
    for name in [*backend, *_PACKAGES]:
        try:
            rows.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return rows


def _leaves(value):
    """Yield what dicts and lists within each other hold."""
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, (list, tuple)):
        yield value
        return
    for each in value:
        yield from _leaves(each)


def _distribution_text(frozen):
    """Return a frozen distribution of SciPy's as it was made: its repr is an address."""
    named = [f"{name}={_as_python(value)!r}" for name, value in frozen.kwds.items()]
    given = [repr(_as_python(value)) for value in frozen.args]
    return f"{frozen.dist.name}({', '.join([*given, *named])})"


def _as_python(value):
    return value.item() if isinstance(value, np.generic) else value
