"""``skfashion search``: find good parameters, train with them, test the result."""

import logging
import os
import time
from contextlib import nullcontext

import numpy as np
from sklearn.model_selection import StratifiedKFold, train_test_split

from skfashion._cli._console import (
    UserError,
    counted,
    last_line,
    loading,
    say,
    user_errors,
    without_native_noise,
)
from skfashion._cli._data import NAMES, read_data


def search(arguments):
    """Carry out ``skfashion search``."""
    started = time.monotonic()
    if arguments.candidates and arguments.kind in ("grid", "hyperband"):
        raise UserError(
            f"--candidates is for bayes and random: with --kind {arguments.kind} their number "
            "follows from " + ("the grid." if arguments.kind == "grid" else "--epochs.")
        )
    if arguments.data in (None, "fashion-mnist"):
        say("Reading Fashion-MNIST (31 MB, downloaded once if Keras has no copy) ...")
    data = read_data(arguments.data)
    say("Loading Keras and scikit-optimize ...")
    with loading():
        from skfashion._cli import _results, _tuning
    # TensorFlow warns of traces as if each cost what it does in a loop of one's own.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)

    cls = _tuning.models()[arguments.model]
    defaults = cls._command_line
    _check_size(arguments, defaults)
    # Hyperband gives few candidates all of them.
    epochs = arguments.epochs or (27 if arguments.kind == "hyperband" else defaults.epochs)
    X, y, sample = _chosen(data, arguments, defaults)
    cv = _folds(y, sample, arguments.folds)
    folder, memory = _folders(arguments, data)
    with user_errors(OSError):
        goes_on = os.path.isdir(memory) and bool(os.listdir(memory))
    pipeline = _tuning.make_pipeline(
        cls,
        files=data.files,
        size=arguments.size or defaults.size,
        epochs=epochs,
        memory=os.path.abspath(memory),
        seed=arguments.seed,
    )
    tuner, n_candidates = _tuning.make_search(
        arguments.kind,
        pipeline,
        _tuning.make_space(pipeline, arguments.kind),
        candidates=arguments.candidates or defaults.candidates,
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
    if arguments.kind == "bayes":
        drawn = _tuning.n_drawn(n_candidates)
        say(f"Drawn at random: {drawn}; chosen by the scores so far: {n_candidates - drawn}.")
    if goes_on:
        say(f"Fits that {memory} holds from earlier are read back.")
    say()
    _fit(tuner, X, y, _tuning.CandidateTable(n_candidates))
    say()
    with user_errors(ValueError):
        predicted = tuner.best_estimator_.predict(data.X_test)
    summary = {
        "test_accuracy": round(float(np.mean(predicted == data.y_test)), 6),
        "test_images": len(data.y_test),
        **_results.describe(tuner),
        "model": arguments.model,
        "data": data.name,
        "search": arguments.kind,
        "folds": arguments.folds,
        "images_to_compare_on": len(sample),
        "images_to_train_on": len(y),
        "epochs": epochs,
        "seed": arguments.seed,
        "seconds": round(time.monotonic() - started, 1),
        "command": arguments.typed,
        **_results.circumstances(),
    }
    with user_errors(OSError):
        _results.write(folder, tuner, summary)
        _results.write_page(folder, tuner, data, summary)
    say(_results.as_text(summary, tuner.refit_time_))
    say()
    say(f"In {folder}:")
    say(_results.contents(folder, memory))


def _check_size(arguments, defaults):
    if arguments.size is None:
        return
    if arguments.data in (None, *NAMES) and not defaults.size_parameter:
        raise UserError(
            f"--size is for folders of images, and --model {arguments.model} takes those of "
            f"{arguments.data or 'fashion-mnist'} as they are."
        )
    if arguments.size < defaults.smallest:
        raise UserError(
            f"--size {arguments.size} is too small: --model {arguments.model} needs "
            f"{defaults.smallest} or more."
        )


def _chosen(data, arguments, defaults):
    """Return the images to train on, and which of them candidates are compared on."""
    large = data.name == "fashion-mnist"
    images = arguments.images or (defaults.images if large else len(data.y))
    sample = arguments.sample or (defaults.sample if large else images)
    rows = _draw(data.y, images, "--images")
    return data.X[rows], data.y[rows], _draw(data.y[rows], sample, "--sample")


def _draw(y, n, option):
    """Return n row numbers, each class with its share; all if there aren't more."""
    rows = np.arange(len(y))
    if n >= len(y):
        return rows
    n_classes = len(np.unique(y))
    if n < n_classes or len(y) - n < n_classes:
        raise UserError(
            f"{option} {n} leaves no choice that has all {n_classes} classes: give at least "
            f"{n_classes}, and at most {len(y) - n_classes} or all {len(y)}."
        )
    return np.sort(train_test_split(rows, train_size=n, stratify=y, random_state=0)[0])


def _folds(y, sample, folds):
    """Return training and test rows of each fold, of a sample of what the best is trained on."""
    labels, counts = np.unique(y[sample], return_counts=True)
    if counts.min() < folds:
        raise UserError(
            f"Class {str(labels[counts.argmin()])!r} has {counted(int(counts.min()), 'image')} to "
            f"compare candidates on, fewer than --folds {folds}: add images, take more of them "
            "with --images and --sample, or take fewer folds."
        )
    splitter = StratifiedKFold(folds, shuffle=True, random_state=0)
    return [(sample[train], sample[test]) for train, test in splitter.split(sample, y[sample])]


def _folders(arguments, data):
    """Make the folder of the results; return it, and that of finished fits."""
    name = os.path.basename(os.path.abspath(data.name)) if data.files else data.name
    named = f"{name}-{arguments.model}-{arguments.kind}"
    folder = arguments.out or os.path.join("results", named)
    with user_errors(OSError, advice="- choose another one with --out."):
        os.makedirs(folder, exist_ok=True)
    return folder, arguments.memory or os.path.join(folder, "memory")


def _fit(tuner, X, y, rows):
    """Fit a search, with a line a candidate."""

    def tell(parameters, score):
        rows.add(parameters, score)
        if rows.n_done == rows.total:
            say(f"\nTraining the best on {counted(len(y), 'image')} ...")

    tuner._tell = tell
    # Each worker process imports TensorFlow for itself, whenever it is started.
    with without_native_noise() if tuner.n_jobs != 1 else nullcontext():
        try:
            tuner.fit(X, y)
        except (ValueError, OSError, MemoryError) as error:
            raise UserError(f"The search failed: {last_line(error)}") from error
