"""The tables that stand by themselves: searches compared, and accelerators."""

import math
import statistics

from benchmarks.harness import shown

BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
# Before there were figures of this table: one run of each, by hand, of version 0.1.0.dev0 at the
# commit 0c10f82, with TensorFlow 2.21, Keras 3.15.1 and JAX 0.11; steps a second, ours and Keras'.
_FIRST = {
    "tensorflow": {"dense": (637, 469), "conv": (273, 373)},
    "jax": {"dense": (729, 848), "conv": (663, 751)},
}
_FIRST_SECONDS = {"tensorflow": (1.22, 1.27), "jax": (1.53, 0.63)}  # of MobileNetV2 0.35
_LABELS = {
    "random": "`RandomizedSearchCV`",
    "bayes": "`BayesSearchCV` (here)",
    "halving": "`HalvingRandomSearchCV`",
    "hyperband": "`HyperbandSearchCV` (here)",
    "optuna": "`OptunaSearchCV` (TPE)",
    "keras_tuner": "`keras_tuner.Hyperband`",
}


def is_apart(record):
    """Tell whether a record has a table of its own."""
    return record["name"] == "searchers" or bool(record.get("accelerator"))


def gpu(records):
    """Return the section on accelerators: what was measured, and what was not.

    Parameters
    ----------
    records : list of dict

    Returns
    -------
    list of str
        Lines of Markdown.
    """
    lines = [
        "## On a GPU",
        "",
        "`pytest benchmarks -m gpu`, with `KERAS_BACKEND` naming the backend: a second `fit` of "
        "the same shapes, compiled before, against `keras.Model.fit` of the same network.",
        "",
        "| backend | chip | benchmark | images/s | steps/s | against the loop by hand, or one fit "
        "| path | date |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for backend, name in BACKENDS.items():
        found = [r for r in records if (r.get("accelerator") or {}).get("backend") == backend]
        if not found:
            lines += _first(backend, name)
        for record in found:
            quick = " (quick: not a measurement)" if record["quick"] else ""
            images, steps, faster = record["figures"][:3]
            verdict = " **MISSED**" if faster["reached"] is False else ""
            cells = (
                name,
                record["accelerator"]["chip"],
                record["title"] + quick,
                *(f"{figure['value']:,.0f}" for figure in (images, steps)),
                f"{shown(faster)} ({faster['detail']}){verdict}",
                images.get("step") or "",
                record["started"][:10],
            )
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def _first(backend, name):
    """Return the lines of a backend that this table's benchmark has not measured yet."""
    if backend not in _FIRST:
        return [f"| {name} | | | not measured | | | | |"]
    size = "20,000 images, batches of 128"
    end = "before epochs were compiled whole | 2026-11-26 |"
    start = f"| {name} | NVIDIA H200 |"
    lines = [
        f"{start} {classifier}, {size} | | {ours} | {ours / theirs:.2f}x ({theirs}) | {end}"
        for classifier, (ours, theirs) in _FIRST[backend].items()
    ]
    ours, theirs = _FIRST_SECONDS[backend]
    network = "MobileNetV2 0.35, 3,000 images at 96, 3 + 3 epochs"
    told = f"{theirs / ours:.2f}x ({ours} s against {theirs} s)"
    return [*lines, f"{start} {network} | | | {told} | {end}"]


def searchers(records):
    """Return the table of searches: what each needed to find a good network.

    Parameters
    ----------
    records : list of dict

    Returns
    -------
    list of str
        Lines of Markdown.
    """
    record = next((r for r in records if r["name"] == "searchers"), None)
    if record is None:
        return ["Not measured yet."]
    settings, machine = record["settings"], record["machine"]
    sides = dict.fromkeys(outcome["side"] for outcome in record["outcomes"])
    lines = [
        "| Search | Seeds that got there | Candidates | Epochs a fold | Seconds | Best score |",
        "|---|---|---|---|---|---|",
    ]
    for side in sides:
        outcomes = [outcome for outcome in record["outcomes"] if outcome["side"] == side]
        reached = sum(outcome["reached"] for outcome in outcomes)
        medians = [_shown(outcomes, key) for key in ("candidates", "epochs_a_fold", "seconds")]
        best = statistics.median(outcome["best_score"] for outcome in outcomes)
        cells = (_LABELS.get(side, side), f"{reached} of {len(outcomes)}", *medians, f"{best:.4f}")
        lines.append("| " + " | ".join(cells) + " |")
    quick = "A quick run, which measures nothing. " if record["quick"] else ""
    lines += [
        "",
        f"{quick}Medians until the first candidate of {settings['target']:.1%} mean accuracy, "
        f"measured {record['started'][:10]} on {machine['cores']} cores of {machine['cpu']}. "
        f"A seed is given up with the candidate in which {settings['budget_seconds']} s or "
        f"{settings['budget_epochs']} epochs a fold are spent; *never* is where most were. The "
        "best score is the median of what each seed had seen when it ended.",
    ]
    return lines


def median_of(outcomes, key):
    """Return the median of what runs took; one that never got there took for ever."""
    return statistics.median(o[key] if o["reached"] else math.inf for o in outcomes)


def _shown(outcomes, key):
    median = median_of(outcomes, key)
    return f"{median:,.0f}" if math.isfinite(median) else "never"
