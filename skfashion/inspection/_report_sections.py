"""What stands in the places of report.html."""

import platform

import numpy as np

from skfashion._utils.show_versions import versions
from skfashion.inspection import _report_html as parts
from skfashion.inspection._code import Code, estimator_code, load_code, search_code
from skfashion.inspection._heatmap import NotExplainedError, explained
from skfashion.inspection._histories import classifier_of
from skfashion.inspection._pictures import names_of, pictures
from skfashion.inspection._report_charts import chart
from skfashion.inspection._report_facts import examples, size_text
from skfashion.inspection._report_html import escape
from skfashion.inspection._values import number_text, short_names, value_text

_N_IMAGES = 24
_N_PARTS = 7
_LITTLE = 0.3  # of the variance explained: not enough to believe in what mattered


def of_search(found):
    """Return what is told of a search."""
    failed = int((~np.isfinite(found.scores)).sum())
    n_rows, some = len(found.params), np.isfinite(found.scores).any()
    seconds = np.nansum(found.fit_seconds) * found.n_splits
    compared = found.train is not None and np.isfinite(found.train - found.scores).any()
    python = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return {
        "n_candidates": found.n_candidates,
        "n_rows": "" if n_rows == found.n_candidates else f" in {n_rows} rows",
        "n_splits": found.n_splits,
        "failed": f", {failed} of them failed" if failed else "",
        "seconds": parts.seconds_text(seconds),
        "as_trained": ", as trained" if found.trained else "",
        "all_failed": "" if some else n_rows,
        "parallel": chart("parallel", found) if some else "",
        "best_so_far": chart("best-so-far", found) if some else "",
        "overfitting": chart("overfitting", found) if compared else "",
        "watched": found.train_is_watched,
        "no_train": found.train is None,
        "candidates": _candidates(found),
        "versions": parts.facts({"Python": python, **versions()}.items()),
        "again": escape(search_code(found.search, found.n_splits)),
        **_what_mattered(found),
        **_curves(found),
        "no_folds": found.folds.empty,
        "reuse": "" if found.folds.empty else _reuse(found),
    }


def of_best(found, model):
    """Return what is told of the best candidate, and of the model that it became."""
    if found.best is None:
        return {}
    params, spread = found.params[found.best], found.column.replace("mean_", "std_", 1)
    rows = zip(short_names(list(params)), map(value_text, params.values()), strict=True)
    at_ends = [
        f"{name} = {number_text(value)} lies at the {end} end of {number_text(searched.low)} to "
        f"{number_text(searched.high)}."
        for name, value, end, searched in found.at_ends()
    ]
    told = {
        "best": parts.facts(rows),
        "score": f"{found.scores[found.best]:.4f}",
        "spread": f"{found.results[spread][found.best]:.3f}",
        "at_ends": escape(" ".join(at_ends)),
        "exact": escape(Code().of(dict(params))),
    }
    if hasattr(found.search, "best_estimator_"):
        told["estimator"] = escape(estimator_code(found.search.best_estimator_))
        told["load"] = "" if model is None else escape(load_code(model))
        told["not_saved"] = "" if model is not None else "model.skfashion"
    best = classifier_of(getattr(found.search, "best_estimator_", None))
    if hasattr(best, "model_"):
        told["n_weights"] = f"{best.model_.count_params():,}"
        n_bytes = sum(weight.nbytes for weight in best.model_.get_weights())
        told["megabytes"] = number_text(n_bytes / 1e6, 2)
    return told


def of_test(test, train):
    """Return what is told of test images; `train` is images and labels of the search, or None."""
    worst = test.mistakes.head(_N_IMAGES)
    names = names_of(test.X, worst["index"])
    shown, heats = _worst_of(test, worst["index"])
    X = test.X if train is None else train[0]
    what = f"{len(X):,} images {'for the test' if train is None else 'to train on'}"
    reliable = {}
    if test.right is not None:
        off = np.abs(test.right - test.confidence).mean()
        reliable = {"reliability": chart("reliability", test), "off": f"{off:.3f}"}
    return {
        **reliable,
        "test_accuracy": f"{test.accuracy:.4f}",
        "n_test": f"{len(test.y):,}",
        "interval": "{:.3f} to {:.3f}".format(*test.interval),
        "baseline": f"{test.baseline:.4f}",
        "milliseconds": number_text(test.milliseconds, 2),
        "n_timed": test.n_timed,
        "read_too": "" if names_of(test.X) is None else ", files read",
        "data": f"{what}, {size_text(X, test.image_shape)} pixels",
        "classes": _classes(test, train),
        "n_wrong": f"{len(test.mistakes):,}",
        "confusion": parts.confusion(test.matrix, test.names),
        "worst": parts.mistakes(shown, worst, names, heats) if len(worst) else "",
        "heat": heats is not None,
    }


def _worst_of(test, index):
    """Return pictures of test images, and heat to lay over them, None where there is none."""
    try:
        return explained(test.search, test.X, index)
    except (NotExplainedError, NotImplementedError):
        return pictures(test.X, index, image_shape=test.image_shape), None


def _candidates(found):
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
    return parts.sortable(columns, rows, id="candidates")


def _what_mattered(found):
    if not found.importance:
        return {}
    slices = [chart("part", found, name) for name, _, _ in found.importance[:_N_PARTS]]
    return {
        "importance": chart("importance", found),
        "explained": f"{max(0, found.explained):.0%}",
        "little": found.explained < _LITTLE,
        "parts": "".join(slices),
    }


def _curves(found):
    known = [
        metric
        for metric in ("loss", "accuracy")
        if metric in found.history and np.isfinite(found.history[metric].astype(float)).any()
    ]
    n = 0 if found.folds.empty else found.folds["candidate"].nunique()
    curves = "".join(chart("curve", found, metric) for metric in known)
    return {"curves": curves, "n_curves": n, "refit_alone": not n}


def _classes(test, train):
    """Return a table of classes: a picture of each, its images, what is right of it."""
    X, y = (test.X, test.y) if train is None else train
    shown = examples(X, y, test.classes, test.image_shape)
    images = ["" if each is None else parts.picture(each, "") for each in shown]
    columns = {"": (images, "html")} if any(images) else {}
    columns["class"] = (test.names, "")
    if train is not None:
        counts = [int(np.sum(np.asarray(y) == label)) for label in test.classes]
        columns["training images"] = (counts, ",d")
    columns["test images"] = (test.by_class[-1].astype(int), ",d")
    for name, values in zip(("precision", "recall", "F1"), test.by_class, strict=False):
        columns[name] = (values, ".3f")
    return parts.sortable(columns, id="classes")


def _reuse(found):
    """Tell what was known already, from the histories of the folds."""
    folds = found.folds
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
    return parts.facts(rows)
