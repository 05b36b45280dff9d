"""The sections of the report, in the order in which they stand."""

import html
import json

import numpy as np

from skfashion.inspection import _report_charts as charts
from skfashion.inspection import _report_parts as parts
from skfashion.inspection._pictures import names_of, pictures, take
from skfashion.inspection._scales import short_names, value_text

_N_IMAGES = 24


def summary(found, test):
    """Return the numbers that stand out."""
    failed = int((~np.isfinite(found.scores)).sum())
    facts = []
    if found.best is not None:
        facts.append((f"{found.scores[found.best]:.4f}", "best mean test score", True))
    if test is not None:
        facts.append((f"{test.accuracy:.4f}", "accuracy on test images", False))
    rows = len(found.params)
    told = "candidates" if rows == found.n_candidates else f"candidates in {rows} rows"
    told += f", {failed} of them failed" if failed else ""
    facts.append((found.n_candidates, told, False))
    facts.append((found.n_splits, "folds", False))
    facts.append((parts.seconds_text(found.fit_seconds.sum()), "in fits of the folds", False))
    return parts.tiles(facts)


def best(found):
    """Return the best parameters: to be read, and to be copied."""
    if found.best is None:
        return ""
    params = found.params[found.best]
    names = short_names(list(params))
    rows = [(names[name], value_text(value)) for name, value in params.items()]
    exact = {name: _plain(value) for name, value in params.items()}
    return (
        f"<h2>Best parameters</h2>{parts.facts(rows)}"
        f"<details><summary>In full, to copy</summary><pre>{html.escape(repr(exact))}</pre>"
        "</details>"
    )


def candidates(found, figures):
    """Return parallel coordinates and the table of all candidates."""
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
        watched = "train accuracy" if found.train_is_watched else "train score"
        results[watched] = (found.train, ".4f")
        results["train minus test"] = (found.train - found.scores, "+.4f")
    results["fit s"] = (np.asarray(found.results["mean_fit_time"], dtype=float), ".2f")
    table = parts.candidates(found.columns, results, found.best)
    return f'{text}<p class="soft">A click on a column sorts.</p>{table}'


def learning(found, figures):
    """Return the curves of losses and accuracies."""
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


def overfitting(found, figures):
    """Return how far each candidate is better on what it was trained on."""
    head = "<h2>Over-fitting</h2>"
    if found.train is None:
        return (
            f"{head}<p>Not known: search with return_train_score=True to see how far training "
            "scores lie above test scores.</p>"
        )
    if not np.isfinite(found.train - found.scores).any():
        return ""
    figures["overfitting"] = charts.overfitting(found.train, found.scores, found.best, found.texts)
    how = (
        "Training accuracy is what the last epoch measured while the network was still changing, "
        "with dropout on: too low where training was short. return_train_score=True scores anew."
    )
    return (
        f"{head}<p>How much better each candidate does on the images it was trained "
        "on. Up is better, right is more over-fitted.</p>"
        '<div class="chart" id="overfitting"></div>'
        + (f'<p class="soft">{how}</p>' if found.train_is_watched else "")
    )


def mistakes(test):
    """Return what the best estimator mistakes for what, and the worst of it as images."""
    wrong, worst = len(test.mistakes), test.mistakes.head(_N_IMAGES)
    told = f"{wrong:,} of {test.n_images:,} test images were classified wrongly."
    text = f"<h2>Mistakes on test images</h2><p>{told}</p>"
    text += parts.confusion(test.matrix, test.names)
    if wrong:
        images = take(test.X, worst["index"])
        files = names_of(images)
        shown = pictures(images, image_shape=test.image_shape, like=None if files else test.X)
        text += "<h2>The worst of them</h2><p>Predicted, and below it what it is.</p>"
        text += parts.mistakes(shown, worst, files)
    return text


def reuse(found):
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


def again(found, command):
    """Return what to run, and what it was run with."""
    text = "<h2>To run it again</h2>"
    if command is not None:
        text += f"<pre>{html.escape(command)}</pre>"
    # Its length is scikit-learn's to bound, and 700 characters hide most parameters. Folds may
    # be given as arrays of rows, which nobody reads.
    with np.printoptions(threshold=8, edgeitems=2):
        search = found.search.__repr__(N_CHAR_MAX=5000)
    for value in _leaves(found.search.get_params(deep=False)):
        if hasattr(value, "dist"):
            search = search.replace(repr(value), _distribution_text(value))
    return f"{text}<pre>{html.escape(search)}</pre>{parts.facts(parts.versions())}"


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
    named = [f"{name}={_plain(value)!r}" for name, value in frozen.kwds.items()]
    return f"{frozen.dist.name}({', '.join([*(repr(_plain(v)) for v in frozen.args), *named])})"


def _plain(value):
    return value.item() if isinstance(value, np.generic) else value
