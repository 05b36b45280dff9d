"""The sections of the report, in the order in which they stand."""

import importlib.metadata
import platform
import sys

import numpy as np

from skfashion._version import __version__
from skfashion.inspection import _report_charts as charts
from skfashion.inspection import _report_facts as known
from skfashion.inspection import _report_html as parts
from skfashion.inspection._code import Code, estimator_code, load_code, search_code
from skfashion.inspection._pictures import names_of, pictures
from skfashion.inspection._report_html import escape, note, section, tag
from skfashion.inspection._values import number_text, short_names

_N_IMAGES = 24
_N_PARTS = 7
_PACKAGES = ("keras", "scikeras", "scikit-learn", "scikit-optimize", "numpy")


def all_of(found, test, *, command, train, model):
    """Return all sections as HTML; `train` is images and labels of the search, or None."""
    return "\n".join(
        [
            _summary(found, test),
            tag("div", _best(found) + _use(found, model), klass="pair"),
            _candidates(found),
            tag("div", _best_so_far(found) + _overfitting(found), klass="pair halves"),
            _table(found),
            _what_mattered(found),
            _learning(found),
            tag("div", _classes(test, train) + _confusion(test), klass="pair halves stack"),
            _worst(test),
            _reuse(found),
            _again(found, command),
        ]
    )


def _summary(found, test):
    """Return the numbers that stand out, those of images that nobody tuned to first."""
    told = []
    if test is not None:
        low, high = test.interval
        where = f"accuracy on {test.n_images:,} held-out test images; 95% interval"
        told.append((f"{test.accuracy:.4f}", f"{where} {low:.3f} to {high:.3f}", "large"))
    if found.best is not None:
        spread = found.results[found.column.replace("mean_", "std_", 1)][found.best]
        text = f"cross-validated, best candidate; \N{PLUS-MINUS SIGN} {spread:.3f} between folds"
        told.append((f"{found.scores[found.best]:.4f}", text, ""))
    if test is not None:
        told.append((f"{test.baseline:.4f}", "accuracy of the most frequent class", ""))
    rows, failed = len(found.params), int((~np.isfinite(found.scores)).sum())
    text = "candidates" if rows == found.n_candidates else f"candidates in {rows} rows"
    text += f" on {found.n_splits} folds" + (f", {failed} of them failed" if failed else "")
    told.append((found.n_candidates, text, ""))
    seconds = np.nansum(found.fit_seconds) * found.n_splits
    told.append((parts.seconds_text(seconds), "in fits of the folds, as trained", ""))
    size = known.size_of_model(found.search)
    if size is not None:
        text = f"model: {size[0]:,} parameters"
        told.append((f"{number_text(size[1] / 1e6)} MB", text, ""))
    if test is not None:
        what = f"an image, {test.n_timed} at once, files read" if names_of(test.X) else None
        what = what or f"an image, {test.n_timed} at once"
        told.append((f"{number_text(test.milliseconds, 2)} ms", what, ""))
    cells = (
        tag("div", tag("b", escape(number)) + tag("span", escape(what)), klass=f"tile {klass}")
        for number, what, klass in told
    )
    return tag("div", "".join(cells), klass="tiles")


def _best(found):
    """Return the best parameters, and a warning of those at an end of what was searched."""
    if found.best is None:
        return ""
    texts = known.best_texts(found)
    rows = zip(short_names(list(texts)), texts.values(), strict=True)
    at_ends = [
        f"{name} = {number_text(value)} lies at the {end} end of {number_text(each.low)} to "
        f"{number_text(each.high)}."
        for name, value, end, each in found.at_ends()
    ]
    advice = "A wider range may hold a better value."
    warning = tag("p", escape(" ".join([*at_ends, advice])), klass="warning") if at_ends else ""
    exact = Code().of(dict(found.params[found.best]))
    full = tag("details", tag("summary", "In full, to copy") + tag("pre", escape(exact)))
    return section("Best parameters", parts.facts(rows), warning, full)


def _use(found, model):
    """Return a program that reads the model, or else makes it anew."""
    blocks = []
    if model is not None:
        blocks.append(load_code(model))
    if hasattr(found.search, "best_estimator_"):
        blocks.append(estimator_code(found.search.best_estimator_))
    text = "".join(tag("pre", escape(block), klass="code") for block in blocks)
    if model is None and blocks:
        text += note(
            "skfashion.save(search.best_estimator_, 'model.skfashion') keeps it as trained, and "
            "skfashion.load reads it."
        )
    return section("Use this model", text) if blocks else ""


def _candidates(found):
    """Return a line a candidate, from its parameters to its score."""
    if not np.isfinite(found.scores).any():
        return section("Candidates", tag("p", "All of them failed."))
    told = "A line each, from its parameters to its score; the best in orange, others by rank."
    chart = tag("div", charts.parallel(found), klass="wide")
    return section("Candidates", note(f"{told} Point at one to see its values."), chart)


def _best_so_far(found):
    """Return the scores in the order of candidates."""
    if not np.isfinite(found.scores).any():
        return ""
    told = "Candidates in the order in which they were tried; the line is the best of them so far."
    return section("Best so far", note(told), charts.best_so_far(found))


def _table(found):
    """Return the table of all candidates, the best first."""
    ranks = found.results[found.column.replace("mean_test", "rank_test", 1)]
    order = np.argsort(ranks, kind="stable")
    columns = {
        "rank": (ranks, ".0f"),
        "candidate": (1 + np.arange(len(ranks)), "d"),
        "test score": (found.scores, ".4f"),
        "std": (found.results[found.column.replace("mean_", "std_", 1)], ".4f"),
    }
    if found.train is not None:
        name = "train accuracy" if found.train_is_watched else "train score"
        columns[name] = (found.train, ".4f")
        columns["train minus test"] = (found.train - found.scores, "+.4f")
    columns["seconds a fit"] = (found.fit_seconds, ".2f")
    columns |= {name: (values, "") for name, values in found.columns.items()}
    columns = {name: ([values[i] for i in order], form) for name, (values, form) in columns.items()}
    rows = [{"data_candidate": i + 1, "klass": "best" if i == found.best else ""} for i in order]
    sorts = note("A click on the name of a column sorts.")
    return section("All candidates", sorts, parts.sortable(columns, rows, id="candidates"))


def _what_mattered(found):
    """Return which parameters mattered, and the scores against each of the first."""
    if found.importance is None:
        return ""
    bars, explained = found.importance
    told = (
        "Permutation importance (scikit-learn) in a random forest fitted to the table of "
        f"candidates, which explains {max(0, explained):.0%} of the variance of scores out of "
        "bag. "
    )
    told += "Little: read it with care." if explained < 0.3 else "Beside it the scores themselves."
    slices = "".join(charts.part(found, name) for name, _, _ in bars[:_N_PARTS])
    content = tag("div", charts.importance(found) + slices, klass="row")
    return section("What mattered", note(told), content)


def _learning(found):
    """Return the curves of losses and accuracies."""
    cells = ""
    for metric in ("loss", "accuracy"):
        if metric in found.history and np.isfinite(found.history[metric].astype(float)).any():
            cells += charts.curves(found, metric)
    n = 0 if found.folds.empty else found.folds["candidate"].nunique()
    told = (
        f"Means over the folds of {n} candidates; the best in orange, others by rank."
        if n
        else "Of the best candidate's refit. With memory= and an integer random_state the "
        "classifier keeps those of all candidates."
    )
    return section("Learning curves", note(told), tag("div", cells, klass="row")) if cells else ""


def _overfitting(found):
    """Return how far each candidate is better on what it was trained on."""
    if found.train is None:
        told = (
            "Not known: search with return_train_score=True to see how far training scores lie "
            "above test scores."
        )
        return section("Over-fitting", note(told))
    if not np.isfinite(found.train - found.scores).any():
        return ""
    told = (
        "How much better each candidate does on the images it was trained on. Up is better, right "
        "is more over-fitted. "
    )
    if found.train_is_watched:
        told += (
            "Training accuracy is what the last epoch measured while the network was still "
            "changing, with dropout on: too low where training was short. return_train_score=True "
            "scores anew."
        )
    return section("Over-fitting", note(told), charts.overfitting(found))


def _classes(test, train):
    """Return what the data are, and what is right of each class."""
    if test is None:
        return ""
    X, y = (test.X, test.y) if train is None else train
    sizes = f"{len(X):,} images" + (" for the test" if train is None else " to train on")
    sizes += f", {known.size_text(X, test.image_shape)} pixels"
    shown = known.examples(X, y, test.classes, test.image_shape)
    columns = {}
    if any(image is not None for image in shown):
        cells = [
            "" if image is None else parts.picture(image, name)
            for image, name in zip(shown, test.names, strict=True)
        ]
        columns[""] = (cells, "html")
    columns["class"] = (test.names, "")
    if train is not None:
        counts = [int(np.sum(np.asarray(y) == label)) for label in test.classes]
        columns["training images"] = (counts, ",d")
    precision, recall, f1, support = test.by_class
    columns |= {
        "test images": (support, ",d"),
        "precision": (precision, ".3f"),
        "recall": (recall, ".3f"),
        "F1": (f1, ".3f"),
    }
    told = (
        f"{sizes}. Precision: of images said to be of a class, the share that is. Recall: of "
        "images of a class, the share that is found."
    )
    return section("Data and classes", note(told), parts.sortable(columns, id="classes"))


def _confusion(test):
    """Return what the best estimator mistakes for what."""
    if test is None:
        return ""
    wrong = len(test.mistakes)
    told = tag("p", f"{wrong:,} of {test.n_images:,} test images were classified wrongly.")
    return section("Mistakes on test images", told, parts.confusion(test.matrix, test.names))


def _worst(test):
    """Return the images that the best estimator is most wrong of."""
    if test is None or not len(test.mistakes):
        return ""
    worst = test.mistakes.head(_N_IMAGES)
    shown = pictures(test.X, worst["index"], image_shape=test.image_shape)
    figures = parts.mistakes(shown, worst, names_of(test.X, worst["index"]))
    return section("The worst of them", note("Predicted, and below it what it is."), figures)


def _reuse(found):
    """Tell what was known already, from the histories of the folds."""
    folds = found.folds
    if folds.empty:
        told = (
            "Not known: finished fits are kept, and reused, where the classifier has memory= and "
            "an integer random_state."
        )
        return section("What was reused", note(told))
    # Fits that begin alike share their first epochs: no two others have the same losses.
    distinct = set()
    for _, fit in folds.groupby(["candidate", "fold"])[["phase", "learning_rate", "loss"]]:
        epochs = list(fit.itertuples(index=False, name=None))
        distinct |= {tuple(epochs[:n]) for n in range(1, len(epochs) + 1)}
    rows = [
        ("epochs in all fits of the folds", f"{len(folds):,}"),
        ("of these shared with another candidate", f"{len(folds) - len(distinct):,}"),
        ("time in fits, this run", parts.seconds_text(found.spent)),
    ]
    if found.trained:
        alone = folds["seconds"].sum()
        rows.append(("time of these epochs when they were trained", parts.seconds_text(alone)))
        rows.append(("saved", parts.seconds_text(max(0.0, alone - found.spent))))
    return section("What was reused", parts.facts(rows))


def _again(found, command):
    """Return what to run, and what it was run with."""
    text = "" if command is None else tag("pre", escape(command))
    code = tag("pre", escape(search_code(found.search, found.n_splits)), klass="code")
    return section("To run it again", text, code, parts.facts(_versions()))


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
