"""What a search leaves: the model, the table of candidates, a summary, a report."""

import os
import platform
import shlex
import textwrap
import warnings
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from skfashion._cli._console import counted, user_errors
from skfashion._cli._likeness import looks_of
from skfashion._cli._place import CANDIDATES, TEXT, file_digest, write_summary
from skfashion._cli._predict import FILE, reader_of
from skfashion._persistence import save
from skfashion._utils.image_files import shown_name
from skfashion._utils.show_versions import versions
from skfashion._utils.tables import short, table
from skfashion.inspection import inspect_images, write_report

REPORT = "report.html"
LEFT_OUT = "left_out.txt"


def describe(tuner, data, baseline):
    """Return what a fitted search has found, with what, on what and when, JSON-able."""
    best, y = tuner.best_estimator_, data.y_test
    with user_errors(ValueError):
        right = np.mean(best.predict(data.X_test) == y)
        scored = baseline.name == "accuracy"
        test_score = right if scored else baseline.score(best, data.X_test, y)
    found = {
        "test_accuracy": right,
        "test_score": test_score,
        "baseline_test_score": baseline.on(y),
        "mean_score": tuner.best_score_,
    }
    return {
        **{name: round(float(value), 6) for name, value in found.items()},
        "test_images": len(y),
        "candidates": len(tuner.cv_results_["params"]),
        "best_params": {name: _plain(value) for name, value in tuner.best_params_.items()},
        "seconds_to_train": round(tuner.refit_time_, 3),
        "looks": looks_of(data.X, reader_of(best)),
        "backend": keras.backend.backend(),
        "versions": {**versions(), "python": platform.python_version()},
        "system": f"{platform.system()} {platform.machine()}, {counted(os.cpu_count(), 'core')}",
        "finished": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def _plain(value):
    value = value.item() if hasattr(value, "item") else value
    return value if isinstance(value, (int, float, str, bool, type(None))) else repr(value)


def contents(folder, memory):
    """Return what is in the folder of the results, and what to do with it."""
    inside = os.path.abspath(memory) == os.path.join(os.path.abspath(folder), "memory")
    place, kept = shlex.quote(folder), shlex.quote(folder if inside else memory)
    rows = {
        FILE: f"the model: skfashion predict {place} IMAGE...",
        REPORT: "candidates, curves and mistakes, for a browser",
        CANDIDATES: "all candidates with all scores",
        TEXT: f"the lines above, with versions: skfashion info {place}",
        LEFT_OUT: "files that can't be read as images, with the reasons",
    }
    if not os.path.exists(os.path.join(folder, REPORT)):
        rows[REPORT] = "not written, as it takes Matplotlib: pip install matplotlib"
    rows = [[name, text] for name, text in rows.items() if name in (*os.listdir(folder), REPORT)]
    rows.append(["memory" if inside else f"({memory})", f"finished fits: skfashion runs {kept}"])
    return textwrap.indent(table(rows), "  ")


def as_text(summary):
    """Return a summary as a person reads it."""
    best = [[name.rpartition("__")[2], short(v)] for name, v in summary["best_params"].items()]
    scored, test = "", f"Test accuracy {summary['test_accuracy']:.4f}"
    if summary["scoring"] is not None:
        scored = f" ({summary['scoring']})"
        test += f", {summary['scoring']} {summary['test_score']:.4f}"
    return (
        f"Best of {counted(summary['candidates'], 'candidate')}, mean score "
        f"{summary['mean_score']:.4f}{scored}, trained on "
        f"{counted(summary['images_to_train_on'], 'image')} of {summary['data']} "
        f"in {_duration(summary['seconds_to_train'])}:\n{textwrap.indent(table(best), '  ')}\n\n"
        f"{test} on {counted(summary['test_images'], 'image')} that took no part in the search "
        f"(to beat: {summary['baseline_test_score']:.4f})\n{_duration(summary['seconds'])} in all"
    )


def _duration(seconds):
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{seconds:.1f} s"


def write(folder, tuner, data, summary):
    """Write the model, the table of candidates, the summary, the report, and what was left out."""
    model = os.path.join(folder, FILE)
    save(tuner.best_estimator_, model)
    pd.DataFrame(tuner.cv_results_).to_csv(os.path.join(folder, CANDIDATES), index=False)
    packages = ", ".join(f"{name} {number}" for name, number in summary["versions"].items())
    machine = f"{packages}; Keras on {summary['backend']}; {summary['system']}"
    texts = {
        TEXT: f"$ {summary['command']}\n\n{as_text(summary)}\n\n{summary['finished']}: {machine}",
        LEFT_OUT: "\n".join(f"{shown_name(name)}\t{reason}" for name, reason in data.bad_files),
    }
    for name, text in texts.items():
        if text:  # in which names of folders may not be text
            Path(folder, name).write_text(f"{text}\n", "utf-8", "backslashreplace")
    write_summary(folder, {**summary, "model_digest": file_digest(model)})
    # Without Matplotlib there is no report, and none of an earlier search either.
    page = Path(folder, REPORT)
    page.unlink(missing_ok=True)
    parts = {"X_test": data.X_test, "y_test": data.y_test}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a memory that doesn't hold all fits
        findings = inspect_images(data.X, data.y, tuner, **parts)
    with suppress(ImportError):
        write_report(
            tuner,
            page,
            **{**parts, "X_train": data.X, "y_train": data.y, "findings": findings},
            model=os.path.abspath(model),
            title=f"{summary['model']} on {summary['data']}",
            command=summary["command"],
        )
