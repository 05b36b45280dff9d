"""``skfashion search``: find good parameters, train with them, test the result."""

import logging
import os
import time
import warnings
from contextlib import nullcontext
from pathlib import Path

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.model_selection import StratifiedKFold, train_test_split

from skfashion._cli._choice import choose
from skfashion._cli._console import (
    UserError,
    counted,
    last_line,
    loading,
    nearest,
    user_errors,
    without_native_noise,
)
from skfashion._cli._data import NAMES, read_data
from skfashion._cli._place import data_digest, find_folder
from skfashion._utils.image_files import shown_name

# Of --minutes, for comparing candidates; training the best takes the rest.
_SHARE = 0.8


def search(arguments):
    """Carry out ``skfashion search``."""
    started = time.monotonic()
    _check_options(arguments)
    if arguments.data in (None, "fashion-mnist"):
        print("Reading Fashion-MNIST (31 MB, downloaded once if Keras has no copy) ...")
    data = read_data(arguments.data)
    if arguments.backbone and not arguments.model:
        arguments.model = "backbone"
    arguments.model, arguments.size = choose(arguments, data)
    print("Loading Keras and scikit-optimize ...")
    with loading():
        from skfashion._cli import _results, _tuning
        from skfashion.model_selection._explorer import n_drawn
    # TensorFlow warns of traces as if each cost what it does in a loop of one's own.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)

    known = _tuning.models()
    if arguments.model not in known:
        raise UserError(f"--model {arguments.model} is not one of {', '.join(known)}.")
    defaults = known[arguments.model]._command_line
    _check_size(arguments, defaults)
    X, y, sample = _chosen(data, arguments, defaults)
    cv = _folds(y, sample, arguments.folds)
    baseline = Baseline(arguments.scoring, y)
    settings = _settings(arguments, defaults, data, y, sample)
    data.X, data.y = X, y
    tuner, n = _tuning.make_search(settings, files=data.files, cv=cv, jobs=arguments.jobs)
    settings["candidates"] = n
    name = os.path.basename(os.path.abspath(data.name)) if data.files else data.name
    folder = find_folder(arguments.out, f"{name}-{arguments.model}-{arguments.kind}", settings)
    memory = arguments.memory or os.path.join(folder, "memory")
    print(
        f"{arguments.model} on {data.name}, {arguments.kind} search: {counted(n, 'candidate')} x "
        f"{counted(arguments.folds, 'fold')} of {counted(len(sample), 'image')}, "
        f"{len(baseline.dummy.classes_)} classes"
    )
    if arguments.kind == "bayes":
        print(f"Drawn at random: {n_drawn(n)}; chosen by the scores so far: {n - n_drawn(n)}.")
    most = shown_name(baseline.dummy.predict([[0]])[0])
    print(
        f"Score to beat: {baseline.on(y[sample]):.4f}, {baseline.name} of always answering "
        f"{most!r}, the most frequent class."
    )
    if any(Path(memory).glob("*")):
        print(f"Fits that {memory} holds from earlier are read back.")
    print()
    for name, step in tuner.estimator.steps:
        if "memory" in step.get_params():
            tuner.estimator.set_params(**{f"{name}__memory": os.path.abspath(memory)})
    tuner._table_options = {
        "refit": len(y) / (len(sample) * (arguments.folds - 1)),
        "epoch_seconds": lambda: _tuning.epoch_seconds(memory, arguments.folds),
    }
    if arguments.minutes:
        # A parameter of BayesSearchCV, an attribute of scikit-learn's own searches.
        end = started + _SHARE * 60 * arguments.minutes
        tuner.time_budget = max(1e-3, end - time.monotonic())
    _fit(tuner, X, y)
    summary = {
        **settings,
        **_results.describe(tuner, data, baseline),
        "seconds": round(time.monotonic() - started, 1),
        "command": arguments.typed,
    }
    with user_errors(OSError):
        _results.write(folder, tuner, data, summary)
    print(f"\n{_results.as_text(summary)}\n\nIn {folder}:\n{_results.contents(folder, memory)}")


class Baseline:
    """How well a score is without looking: by the most frequent class, and each class's share."""

    def __init__(self, scoring, y):
        self.name = scoring or "accuracy"
        if self.name not in get_scorer_names():
            hint = nearest(scoring, get_scorer_names())
            raise UserError(f"scikit-learn has no scoring {scoring!r}.{hint}")
        self.score = get_scorer(self.name)
        self.dummy = DummyClassifier(strategy="prior").fit(np.zeros((len(y), 1)), y)
        self.on(y)

    def on(self, y):
        """Return the score on images of these labels."""
        with warnings.catch_warnings(), user_errors(ValueError, advice=f"(--scoring {self.name})"):
            warnings.simplefilter("ignore")  # of classes that are never predicted
            return float(self.score(self.dummy, np.zeros((len(y), 1)), y))


def _check_options(arguments):
    if arguments.candidates and arguments.kind in ("grid", "hyperband"):
        raise UserError(
            "--candidates is for bayes and random: with --kind grid their number follows from the "
            "grid, with --kind hyperband it follows from --epochs."
        )
    if arguments.minutes and arguments.kind == "hyperband":
        raise UserError(
            "--minutes is for bayes, random and grid: the time of hyperband follows from --epochs."
        )


def _check_size(arguments, defaults):
    size, model, data = arguments.size, arguments.model, arguments.data or "fashion-mnist"
    if size and data in NAMES and not defaults.size_parameter:
        raise UserError(f"--size is for folders: --model {model} takes {data} as it is.")
    if size and size < defaults.smallest:
        raise UserError(f"--size {size}: --model {model} needs {defaults.smallest} or more.")


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
    with user_errors(ValueError, advice=f"({option} {n}, of {len(y)})"):
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


def _settings(arguments, defaults, data, y, sample):
    """Return what decides about the result of a search, JSON-able."""
    # Hyperband gives few candidates all of the epochs.
    epochs = arguments.epochs or (27 if arguments.kind == "hyperband" else defaults.epochs)
    as_given = ("model", "backbone", "alpha", "augmentation", "class_weight", "scoring", "seed")
    return {
        **{name: getattr(arguments, name) for name in (*as_given, "folds")},
        "data": data.name,
        "data_digest": data_digest(data),
        "search": arguments.kind,
        "candidates": arguments.candidates or defaults.candidates,
        "images_to_compare_on": len(sample),
        "images_to_train_on": len(y),
        "epochs": epochs,
        "size": arguments.size or defaults.size,
    }


def _fit(tuner, X, y):
    # Each worker process imports TensorFlow for itself, whenever it is started.
    with nullcontext() if tuner.n_jobs in (1, "auto") else without_native_noise():
        try:
            tuner.fit(X, y)
        except TimeoutError:
            raise UserError(
                "No candidate was done in the time there is: give more --minutes, and the same "
                "command goes on where it stopped."
            ) from None
        except (ValueError, OSError, MemoryError) as error:
            raise UserError(f"The search failed: {last_line(error)}") from error
