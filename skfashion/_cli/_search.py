"""``skfashion search``: find good parameters, train with them, test the result."""

import json
import os
import platform
import shlex
import textwrap
import time
from contextlib import nullcontext
from datetime import datetime, timezone
from importlib.metadata import version

import numpy as np
from sklearn.model_selection import StratifiedKFold, train_test_split

import skfashion
from skfashion._cli._console import (
    UserError,
    counted,
    duration,
    last_line,
    say,
    table,
    user_errors,
    without_native_noise,
)
from skfashion._cli._data import read_data

_PACKAGES = (
    "tensorflow",
    "keras",
    "scikeras",
    "scikit-learn",
    "scikit-optimize",
    "numpy",
    "joblib",
)


def search(arguments, command):
    """Carry out ``skfashion search``.

    Parameters
    ----------
    arguments : argparse.Namespace
        As read by `skfashion.__main__`.
    command : list of str
        What was typed, for the summary.
    """
    started = time.monotonic()
    _check(arguments)
    if arguments.data in (None, "fashion-mnist"):
        say("Reading Fashion-MNIST (31 MB, downloaded once if Keras has no copy) ...")
    data = read_data(arguments.data)
    say("Loading TensorFlow and scikit-optimize ...")
    with without_native_noise():
        from skfashion._cli import _pipelines, _searches
        from skfashion._cli._progress import CandidateTable

        _pipelines.load_keras()
    sizes = _pipelines.SIZES[arguments.model]
    X, y, sample = _chosen(data, arguments, sizes)
    cv = _folds(y, sample, arguments.folds)
    folder = arguments.out or os.path.join("results", _title(arguments, data))
    memory = arguments.memory or os.path.join(folder, "memory")
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"The folder {folder!r} for the results can't be made ({error.strerror}): choose "
            "another one with --out."
        ) from error
    with user_errors(OSError):
        goes_on = os.path.isdir(memory) and any(os.scandir(memory))

    epochs = arguments.epochs or _epochs(arguments.kind, sizes)
    pipeline = _pipelines.make_pipeline(
        arguments.model,
        files=data.files,
        size=arguments.size or sizes.size,
        epochs=epochs,
        memory=os.path.abspath(memory),
        seed=arguments.seed,
    )
    _pipelines.check_weights(pipeline)
    tuner, n_candidates = _searches.make_search(
        arguments.kind,
        pipeline,
        _pipelines.make_space(pipeline, arguments.kind),
        candidates=arguments.candidates or sizes.candidates,
        epochs=epochs,
        cv=cv,
        jobs=arguments.jobs,
        seed=arguments.seed,
    )
    say(
        f"{arguments.model} on {data.name}, {arguments.kind} search: "
        f"{counted(n_candidates, 'candidate')} x {counted(arguments.folds, 'fold')} "
        f"of {counted(len(sample), 'image')}, {len(np.unique(y))} classes"
    )
    if goes_on:
        say(f"Fits that {memory} holds from earlier are read back.")
    say()
    rows = CandidateTable(n_candidates)

    def tell(parameters, scores):
        rows.add(parameters, scores)
        if rows.n_done == n_candidates:
            say(f"\nTraining the best on {counted(len(y), 'image')} ...")

    tuner.tell = tell
    # A worker process imports TensorFlow for itself, now or later.
    with without_native_noise() if arguments.jobs != 1 else nullcontext():
        try:
            tuner.fit(X, y)
        except ValueError as error:
            raise UserError(f"The search failed: {last_line(error)}") from error

    say()
    with user_errors(ValueError):
        predicted = tuner.best_estimator_.predict(data.X_test)
    accuracy = float(np.mean(predicted == data.y_test))
    summary = {
        "test_accuracy": round(accuracy, 6),
        "test_images": len(data.y_test),
        "mean_score": round(_searches.best_score(tuner), 6),
        "candidates": len(tuner.cv_results_["params"]),
        "folds": arguments.folds,
        "best_params": {name: _plain(value) for name, value in tuner.best_params_.items()},
        "model": arguments.model,
        "data": data.name,
        "search": arguments.kind,
        "images_to_compare_on": len(sample),
        "images_to_train_on": len(y),
        "epochs": epochs,
        "seed": arguments.seed,
        "seconds": round(time.monotonic() - started, 1),
        "command": shlex.join(command),
        **_machine(),
    }
    _write(folder, tuner, summary)
    say(_as_text(summary, tuner.refit_time_))
    say()
    say(f"In {folder}:")
    say(_contents(folder, memory))


def _check(arguments):
    if arguments.candidates and arguments.kind in ("grid", "hyperband"):
        raise UserError(
            f"--candidates is for bayes and random: with --kind {arguments.kind} their number "
            "follows from " + ("the grid." if arguments.kind == "grid" else "--epochs.")
        )
    named = arguments.data in (None, "fashion-mnist", "digits")
    if arguments.size and named and arguments.model != "mobilenet":
        raise UserError(
            "--size is for folders of images and for --model mobilenet: "
            f"{arguments.data or 'fashion-mnist'} has its own."
        )
    if arguments.size and arguments.model == "mobilenet" and arguments.size < 32:
        raise UserError(f"--size {arguments.size} is too small: MobileNet needs 32 or more.")


def _chosen(data, arguments, sizes):
    """Return the images to train on, and which of them candidates are compared on."""
    large = data.name == "fashion-mnist"
    images = arguments.images or (sizes.images if large else len(data.y))
    sample = arguments.sample or (sizes.sample if large else images)
    rows = _draw(data.y, np.arange(len(data.y)), images, "--images")
    return data.X[rows], data.y[rows], _draw(data.y[rows], np.arange(len(rows)), sample, "--sample")


def _draw(y, rows, n, option):
    """Return n of the rows, each class with its share; all if there aren't more."""
    if n >= len(rows):
        return rows
    n_classes = len(np.unique(y))
    if n < n_classes or len(rows) - n < n_classes:
        raise UserError(
            f"{option} {n} leaves no choice that has all {n_classes} classes: give at least "
            f"{n_classes}, and at most {len(rows) - n_classes} or all {len(rows)}."
        )
    return np.sort(train_test_split(rows, train_size=n, stratify=y, random_state=0)[0])


def _folds(y, sample, folds):
    labels, counts = np.unique(y[sample], return_counts=True)
    if counts.min() < folds:
        raise UserError(
            f"Class {str(labels[counts.argmin()])!r} has {counted(int(counts.min()), 'image')} to "
            f"compare candidates on, fewer than --folds {folds}: add images, take more of them "
            "with --images and --sample, or take fewer folds."
        )
    splitter = StratifiedKFold(folds, shuffle=True, random_state=0)
    # Candidates meet a sample; the best is then trained on all images.
    return [(sample[train], sample[test]) for train, test in splitter.split(sample, y[sample])]


def _epochs(kind, sizes):
    # Hyperband gives few candidates all of them.
    return 27 if kind == "hyperband" else sizes.epochs


def _title(arguments, data):
    name = os.path.basename(os.path.abspath(data.name)) if data.files else data.name
    return f"{name}-{arguments.model}-{arguments.kind}"


def _plain(value):
    value = value.item() if hasattr(value, "item") else value
    return value if isinstance(value, (int, float, str, bool, type(None))) else repr(value)


def _machine():
    import keras

    return {
        "backend": keras.backend.backend(),
        "versions": {
            "skfashion": skfashion.__version__,
            "python": platform.python_version(),
            **{name: version(name) for name in _PACKAGES},
        },
        "system": f"{platform.system()} {platform.machine()}, {counted(os.cpu_count(), 'core')}",
        "finished": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def _contents(folder, memory):
    inside = os.path.dirname(memory) == folder
    rows = [
        ["model.joblib", f"the model: skfashion predict {shlex.quote(folder)} IMAGE..."],
        ["cv_results.csv", "all candidates with all scores"],
        ["summary.txt", "the lines above, with versions; summary.json: the same"],
        [
            "memory" if inside else f"({memory})",
            f"finished fits: skfashion runs {shlex.quote(folder if inside else memory)}",
        ],
    ]
    return textwrap.indent(table(rows), "  ")


def _as_text(summary, refit_seconds=None):
    best = [
        [name.removeprefix("classifier__"), f"{value:.3g}" if isinstance(value, float) else value]
        for name, value in summary["best_params"].items()
    ]
    trained = f"trained on {counted(summary['images_to_train_on'], 'image')}"
    if refit_seconds is not None:
        trained += f" in {duration(refit_seconds)}"
    return "\n".join(
        [
            f"Best of {counted(summary['candidates'], 'candidate')}, mean score "
            f"{summary['mean_score']:.4f}, {trained}:",
            textwrap.indent(table(best), "  "),
            "",
            f"Test accuracy {summary['test_accuracy']:.4f} on "
            f"{counted(summary['test_images'], 'image')} that took no part in the search",
            f"{duration(summary['seconds'])} in all",
        ]
    )


def _write(folder, tuner, summary):
    import pandas as pd

    from skfashion._cli._models import save_model

    save_model(tuner.best_estimator_, folder)
    pd.DataFrame(tuner.cv_results_).to_csv(os.path.join(folder, "cv_results.csv"), index=False)
    versions = ", ".join(f"{name} {number}" for name, number in summary["versions"].items())
    texts = {
        "summary.json": json.dumps(summary, indent=2),
        "summary.txt": "\n".join(
            [
                f"$ {summary['command']}",
                "",
                _as_text(summary),
                "",
                f"{versions}; Keras on {summary['backend']}; {summary['system']}",
            ]
        ),
    }
    for name, text in texts.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(f"{text}\n")
