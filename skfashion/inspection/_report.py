"""One page on a search that needs nothing but a browser."""

import contextlib
import datetime
import html
import json
import os
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, confusion_matrix

from skfashion._typing import Array, PathLike
from skfashion.inspection import _report_charts as charts
from skfashion.inspection import _report_parts as parts
from skfashion.inspection._histories import classifier_of, history_frame, is_search, search_curves
from skfashion.inspection._mistakes import find_mistakes
from skfashion.inspection._pictures import image_shape_for, names_of, pictures, take
from skfashion.inspection._scales import columns_of, short_names, value_text
from skfashion.inspection._search_display import score_column

_N_IMAGES = 24
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{css}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p class="soft">{subtitle}</p>
{body}
</main>
<script type="application/json" id="charts">{charts}</script>
<script>{plotly}</script>
<script>{js}</script>
</body>
</html>
"""


def write_report(
    search: Any,
    path: PathLike = "report.html",
    *,
    X_test: Array | None = None,
    y_test: Array | None = None,
    title: str | None = None,
    command: str | None = None,
    display_labels: Array | None = None,
) -> Any:
    """Write a search up as one HTML page.

    The page needs no network: scripts and images are in it (about 5 MB, nearly all of it
    Plotly). It has the best parameters, parallel coordinates and learning curves to point
    at, the candidates as a table to sort, over-fitting, mistakes on test images, what was
    reused, and the versions that took part.

    Parameters
    ----------
    search : fitted search
        Any of scikit-learn's or of this package. Learning curves need a classifier of this
        package, and those of all candidates its `memory`; see `history_frame`.
    path : str or path, default="report.html"
        The file, replaced if it exists.
    X_test : array-like or sequence of str, default=None
        Images that took no part in the search, as its estimator takes them.
    y_test : array-like of shape (n,), default=None
        Their labels.
    title : str, default=None
        None: the classes of search and estimator.
    command : str, default=None
        What ran the search, to be shown.
    display_labels : array-like of shape (n_classes,), default=None
        What to call the classes, in the order of ``search.classes_``.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ImportError
        If Plotly is not installed.
    NotFittedError
        Before `fit`.
    TypeError, ValueError
        If it is no search, or test images and labels can't be used.

    See Also
    --------
    SearchDisplay, HistoryDisplay, MistakesDisplay : The same as pictures.

    Examples
    --------
    >>> from skfashion.inspection import write_report
    >>> write_report(search, "report.html", X_test=X, y_test=y)  # doctest: +SKIP
    PosixPath('report.html')
    """
    plotly = _plotly()
    if not is_search(search):
        raise TypeError(f"{type(search).__name__} is no search: it has no cv_results_.")
    if (X_test is None) != (y_test is None):
        raise ValueError("X_test and y_test belong together: one was given, the other not.")
    if X_test is not None and not hasattr(search, "best_estimator_"):
        raise ValueError("X_test needs a search that has refitted its best: refit=True.")
    found = _Search(search)
    test = None if X_test is None else _Test(search, X_test, y_test, display_labels)
    figures = {}
    body = [
        _summary(found, test),
        _best(found),
        _candidates(found, figures),
        _learning(found, figures),
        _overfitting(found, figures),
        "" if test is None else test.section(),
        _reuse(found),
        _again(found, command),
    ]
    name = type(search).__name__
    subtitle = f"{name}, {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC"
    page = _PAGE.format(
        title=html.escape(title or f"{name} of {found.estimator_name}"),
        subtitle=subtitle,
        css=_resource("report.css"),
        js=_resource("report.js"),
        plotly=plotly,
        body="\n".join(body),
        # A script ends where the page says so, whatever stands within quotes.
        charts=json.dumps(figures, allow_nan=False).replace("<", r"\u003c"),
    )
    return _write(Path(path), page)


class _Search:
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
        self.train = self._column(self.column.replace("_test_", "_train_", 1))
        best = getattr(search, "best_index_", None)
        self.best = None if best is None else int(best)
        self.texts = [
            charts.hover_text(i, score, self.columns) for i, score in enumerate(self.scores)
        ]
        self.n_splits = int(search.n_splits_)
        self.fit_seconds = np.asarray(self.results["mean_fit_time"]) * self.n_splits
        classifier = classifier_of(search.estimator)
        self.estimator_name = type(classifier or search.estimator).__name__
        self.memory = getattr(classifier, "memory", None)
        self.curves = self.history = None
        if classifier is not None:
            self.curves = search_curves(search)
            self.history = history_frame(search)

    def _column(self, name):
        values = self.results.get(name)
        return None if values is None else np.asarray(values, dtype=float)


class _Test:
    """What the best estimator makes of test images."""

    def __init__(self, search, X, y, display_labels):
        y = np.asarray(y)
        if len(X) != len(y):
            raise ValueError(f"X_test has {len(X)} images and y_test {len(y)} labels.")
        self._X, self._shape = X, image_shape_for(search)
        classes = np.asarray(search.classes_)
        told = search.predict_proba(X) if hasattr(search, "predict_proba") else search.predict(X)
        predicted = classes[told.argmax(axis=1)] if told.ndim == 2 else told
        self._table = find_mistakes(y, told, classes=classes, display_labels=display_labels)
        self._names = [str(n) for n in (classes if display_labels is None else display_labels)]
        self._n = len(y)
        self.accuracy = accuracy_score(y, predicted)
        self._matrix = confusion_matrix(y, predicted, labels=classes)

    def section(self):
        wrong, worst = len(self._table), self._table.head(_N_IMAGES)
        told = f"{wrong:,} of {self._n:,} test images were classified wrongly."
        text = f"<h2>Mistakes on test images</h2><p>{told}</p>"
        text += parts.confusion(self._matrix, self._names)
        if wrong:
            files = names_of(take(self._X, worst["index"]))
            like = None if files else self._X
            worst_images = take(self._X, worst["index"])
            images = pictures(worst_images, image_shape=self._shape, like=like)
            text += "<h2>The worst of them</h2><p>Predicted, and below it what it is.</p>"
            text += parts.mistakes(images, worst, files)
        return text


def _summary(found, test):
    failed = int((~np.isfinite(found.scores)).sum())
    facts = []
    if found.best is not None:
        facts.append((f"{found.scores[found.best]:.4f}", "best mean test score", True))
    if test is not None:
        facts.append((f"{test.accuracy:.4f}", "accuracy on test images", False))
    candidates = f"candidates, {failed} of them failed" if failed else "candidates"
    facts.append((len(found.params), candidates, False))
    facts.append((found.n_splits, "folds", False))
    facts.append((parts.seconds_text(found.fit_seconds.sum()), "in fits of the folds", False))
    return parts.tiles(facts)


def _best(found):
    if found.best is None:
        return ""
    params = found.params[found.best]
    names = short_names(list(params))
    rows = [(names[name], value_text(value)) for name, value in params.items()]
    return f"<h2>Best parameters</h2>{parts.facts(rows)}"


def _candidates(found, figures):
    if np.isfinite(found.scores).any():
        figures["parallel"] = charts.parallel(found.columns, found.scores, found.best, found.texts)
    width = 120 * (len(found.columns) + 1)
    text = (
        "<h2>Candidates</h2><p>A line each, from its parameters to its score; the best in "
        "orange. Point at one to see its values.</p>"
        f'<div class="wide"><div class="chart" id="parallel" style="min-width:{width}px"></div>'
        "</div>"
        if "parallel" in figures
        else "<h2>Candidates</h2><p>All of them failed.</p>"
    )
    rank = found.results.get(found.column.replace("mean_test", "rank_test", 1))
    results = {"rank": (rank, ".0f"), "test score": (found.scores, ".4f")}
    std = found.results.get(found.column.replace("mean_", "std_", 1))
    if std is not None:
        results["std"] = (np.asarray(std, dtype=float), ".4f")
    if found.train is not None:
        results["train score"] = (found.train, ".4f")
        results["train minus test"] = (found.train - found.scores, "+.4f")
    results["fit s"] = (np.asarray(found.results["mean_fit_time"], dtype=float), ".2f")
    table = parts.candidates(found.columns, results, found.best)
    return f'{text}<p class="soft">A click on a column sorts.</p>{table}'


def _learning(found, figures):
    if found.history is None or found.history.empty:
        return ""
    chosen = []
    for name in ("loss", "accuracy"):
        watched = f"val_{name}"
        column = watched if watched in found.history else name
        if column in found.history and found.history[column].notna().any():
            chosen.append(column)
            figures[column] = charts.curves(found.history, column, found.best, found.texts)
    cells = [
        f'<div><b>{_curve_title(column)}</b><div class="chart" id="{column}"></div></div>'
        for column in chosen
    ]
    known = found.history.loc[found.history["fold"].notna(), "candidate"].nunique()
    told = (
        f"Means over the folds of {known} candidates; the best in orange."
        if known
        else "Of the best candidate's refit. With memory= and an integer random_state the "
        "classifier keeps those of all candidates."
    )
    return f'<h2>Learning curves</h2><p>{told}</p><div class="pair">{"".join(cells)}</div>'


def _curve_title(column):
    metric = column.removeprefix("val_")
    return f"{'Training' if metric == column else 'Validation'} {metric}"


def _overfitting(found, figures):
    if found.train is None:
        return (
            "<h2>Over-fitting</h2><p>Not known: search with return_train_score=True to see how "
            "far training scores lie above test scores.</p>"
        )
    if not np.isfinite(found.train - found.scores).any():
        return ""
    figures["overfitting"] = charts.overfitting(found.train, found.scores, found.best, found.texts)
    return (
        "<h2>Over-fitting</h2><p>How much better each candidate does on the images it was trained "
        "on. Up is better, right is more over-fitted.</p>"
        '<div class="chart" id="overfitting"></div>'
    )


def _reuse(found):
    """Tell what was known already, from the histories of the folds."""
    head = "<h2>What was reused</h2>"
    folds = [curve for curve in found.curves or () if curve.fold is not None]
    if not folds:
        return (
            f"{head}<p>Not known: finished fits are kept, and reused, where the classifier has "
            "memory= and an integer random_state.</p>"
        )
    total = sum(len(curve.history) for curve in folds)
    # Fits that begin alike share their first epochs: no two others have the same losses.
    distinct = set()
    for curve in folds:
        text = ""
        for entry in curve.history:
            text = str(hash((text, json.dumps(entry, sort_keys=True))))
            distinct.add(text)
    rows = [("epochs in all fits of the folds", f"{total:,}")]
    shared = total - len(distinct)
    rows.append(("of these shared with another candidate", f"{shared:,}"))
    spent = float(found.fit_seconds.sum())
    rows.append(("time in fits, this run", parts.seconds_text(spent)))
    if all(curve.seconds for curve in folds):
        alone = sum(sum(curve.seconds) for curve in folds)
        rows.append(("time of these epochs when they were trained", parts.seconds_text(alone)))
        rows.append(("saved", parts.seconds_text(max(0.0, alone - spent))))
    return head + parts.facts(rows)


def _again(found, command):
    text = "<h2>To run it again</h2>"
    if command is not None:
        text += f"<pre>{html.escape(command)}</pre>"
    # Its length is scikit-learn's to bound, and 700 characters hide most parameters.
    search = found.search.__repr__(N_CHAR_MAX=5000)
    return f"{text}<pre>{html.escape(search)}</pre>{parts.facts(parts.versions())}"


def _plotly():
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise ImportError(
            "write_report needs Plotly: install it, or the extra that names it, with "
            "pip install 'skfashion[report]'."
        ) from error
    return get_plotlyjs()


def _resource(name):
    return files("skfashion.inspection").joinpath(name).read_text(encoding="utf-8")


def _write(path, page):
    # Not one half of a page over a good one.
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        half.write_text(page, encoding="utf-8")
        os.replace(half, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            half.unlink()
    return path
