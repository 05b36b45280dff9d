"""``skfashion search``: find good parameters, train with them, test the result."""

import os
import time
from contextlib import nullcontext

import numpy as np
from sklearn.model_selection import StratifiedKFold, train_test_split

from skfashion._cli._console import (
    UserError,
    counted,
    last_line,
    say,
    user_errors,
    without_native_noise,
)
from skfashion._cli._data import read_data


def search(arguments, command):
    """Carry out ``skfashion search``."""
    started = time.monotonic()
    _check(arguments)
    if arguments.data in (None, "fashion-mnist"):
        say("Reading Fashion-MNIST (31 MB, downloaded once if Keras has no copy) ...")
    data = read_data(arguments.data)
    say("Loading Keras and scikit-optimize ...")
    with without_native_noise():
        from skfashion._cli import _pipelines, _results, _searches

        _pipelines.load_keras()
    sizes = _pipelines.SIZES[arguments.model]
    epochs = arguments.epochs or _epochs(arguments.kind, sizes)
    X, y, sample = _chosen(data, arguments, sizes)
    cv = _folds(y, sample, arguments.folds)
    folder, memory, goes_on = _folders(arguments, data)
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
    if arguments.kind == "bayes":
        drawn = _searches.n_drawn(n_candidates)
        say(f"Drawn at random: {drawn}; chosen by the scores so far: {n_candidates - drawn}.")
    if goes_on:
        say(f"Fits that {memory} holds from earlier are read back.")
    say()
    _fit(tuner, X, y, n_candidates)
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
        **_results.circumstances(command),
    }
    with user_errors(OSError):
        _results.write(folder, tuner, summary)
        _results.write_page(folder, tuner, data, summary)
    say(_results.as_text(summary, tuner.refit_time_))
    say()
    say(f"In {folder}:")
    say(_results.contents(folder, memory))


def _fit(tuner, X, y, n_candidates):
    """Fit a search, with a line a candidate."""
    from skfashion._cli._progress import CandidateTable

    rows = CandidateTable(n_candidates)

    def tell(parameters, scores):
        rows.add(parameters, scores)
        if rows.n_done == n_candidates:
            say(f"\nTraining the best on {counted(len(y), 'image')} ...")

    tuner.tell = tell
    # Each worker process imports TensorFlow for itself, whenever it is started.
    with without_native_noise() if tuner.n_jobs != 1 else nullcontext():
        try:
            tuner.fit(X, y)
        except (ValueError, OSError, MemoryError) as error:
            raise UserError(f"The search failed: {last_line(error)}") from error


def _folders(arguments, data):
    """Make the folder of the results."""
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
        return folder, memory, os.path.isdir(memory) and bool(os.listdir(memory))


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
