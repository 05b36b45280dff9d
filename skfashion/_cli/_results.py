"""What a search leaves: the model, the table of candidates, a summary, a report."""

import contextlib
import json
import os
import platform
import shlex
import textwrap
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version

import keras
import pandas as pd

from skfashion._cli._console import counted, short, table
from skfashion._cli._predict import FILE
from skfashion._persistence import save
from skfashion._version import __version__
from skfashion.inspection import write_report

REPORT = "report.html"
_PACKAGES = (
    *("tensorflow", "keras", "scikeras", "scikit-learn", "scikit-optimize"),
    *("numpy", "joblib"),
)


def describe(tuner):
    """Return what a fitted search has found, JSON-able."""
    return {
        "mean_score": round(float(tuner.best_score_), 6),
        "candidates": len(tuner.cv_results_["params"]),
        "best_params": {name: _plain(value) for name, value in tuner.best_params_.items()},
    }


def circumstances():
    """Return with what, on what and when."""
    return {
        "backend": keras.backend.backend(),
        "versions": {
            "skfashion": __version__,
            "python": platform.python_version(),
            **{name: known for name in _PACKAGES if (known := _version(name))},
        },
        "system": f"{platform.system()} {platform.machine()}, {counted(os.cpu_count(), 'core')}",
        "finished": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def _version(name):
    with contextlib.suppress(PackageNotFoundError):  # TensorFlow has packages of other names
        return version(name)


def _plain(value):
    value = value.item() if hasattr(value, "item") else value
    return value if isinstance(value, (int, float, str, bool, type(None))) else repr(value)


def contents(folder, memory):
    """Return what is in the folder of the results, and what to do with it."""
    inside = os.path.abspath(memory) == os.path.join(os.path.abspath(folder), "memory")
    report = "not written, as it takes Matplotlib: pip install matplotlib"
    if os.path.exists(os.path.join(folder, REPORT)):
        report = "candidates, curves and mistakes, for a browser"
    rows = [
        [FILE, f"the model: skfashion predict {shlex.quote(folder)} IMAGE..."],
        [REPORT, report],
        ["cv_results.csv", "all candidates with all scores"],
        ["summary.txt", "the lines above, with versions; summary.json: the same"],
        [
            "memory" if inside else f"({memory})",
            f"finished fits: skfashion runs {shlex.quote(folder if inside else memory)}",
        ],
    ]
    return textwrap.indent(table(rows), "  ")


def as_text(summary, refit_seconds=None):
    """Return a summary as a person reads it."""
    best = [
        [name.removeprefix("classifier__"), short(value)]
        for name, value in summary["best_params"].items()
    ]
    trained = f"trained on {counted(summary['images_to_train_on'], 'image')}"
    if refit_seconds is not None:
        trained += f" in {_duration(refit_seconds)}"
    return "\n".join(
        [
            f"Best of {counted(summary['candidates'], 'candidate')}, mean score "
            f"{summary['mean_score']:.4f}, {trained}:",
            textwrap.indent(table(best), "  "),
            "",
            f"Test accuracy {summary['test_accuracy']:.4f} on "
            f"{counted(summary['test_images'], 'image')} that took no part in the search",
            f"{_duration(summary['seconds'])} in all",
        ]
    )


def _duration(seconds):
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"


def write_page(folder, tuner, data, summary):
    """Write the report; without Matplotlib there is none, and none of an earlier search either."""
    path = os.path.join(folder, REPORT)
    try:
        write_report(
            tuner,
            path,
            X_test=data.X_test,
            y_test=data.y_test,
            X_train=data.X,
            y_train=data.y,
            model=os.path.join(os.path.abspath(folder), FILE),
            title=f"{summary['model']} on {summary['data']}",
            command=summary["command"],
        )
    except ImportError:
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)


def write(folder, tuner, summary):
    """Write the model, the table of candidates, and the summary."""
    save(tuner.best_estimator_, os.path.join(folder, FILE))
    pd.DataFrame(tuner.cv_results_).to_csv(os.path.join(folder, "cv_results.csv"), index=False)
    versions = ", ".join(f"{name} {number}" for name, number in summary["versions"].items())
    machine = f"{versions}; Keras on {summary['backend']}; {summary['system']}"
    texts = {
        "summary.json": json.dumps(summary, indent=2),
        "summary.txt": f"$ {summary['command']}\n\n{as_text(summary)}\n\n{machine}",
    }
    for name, text in texts.items():
        place = os.path.join(folder, name)
        # Names of folders may not be text.
        with open(place, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{text}\n")
