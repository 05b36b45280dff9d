"""A search as runs for TensorBoard, hyperparameters included."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skfashion._utils.scores import score_column
from skfashion._utils.typing import PathLike
from skfashion.inspection._histories import check_search, classifier_of, history_frame
from skfashion.inspection._values import columns_of, is_number, value_text


def write_tensorboard(search: Any, log_dir: PathLike) -> Path:
    """Write a search for TensorBoard and its HParams dashboard: ``tensorboard --logdir LOG_DIR``.

    Parameters
    ----------
    search : fitted search
        Any of scikit-learn's or of this package. Scalars by epoch need a classifier of
        this package, and those of all candidates its `memory`; see `history_frame`.
    log_dir : str or path
        A folder without TensorBoard's files in it; made if need be.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    NotFittedError, TypeError, FileExistsError, ImportError
        If it is not a fitted search, the folder holds runs already, which TensorBoard would
        mix, or TensorBoard or TensorFlow is not installed.

    Notes
    -----
    The run ``candidate_007`` has parameters, scores, and losses and accuracies by epoch, means
    over the folds; ``candidate_007/fold_0`` and ``candidate_007/refit`` have those of one fit.
    Candidates are numbered from 1, as in the report.
    """
    try:
        import tensorflow as tf
        from tensorboard.plugins.hparams import api as hp
        from tensorboard.plugins.hparams import api_pb2, summary
    except ImportError as error:
        raise ImportError(
            "write_tensorboard needs TensorBoard and TensorFlow: pip install tensorboard "
            "tensorflow."
        ) from error
    check_search(search)
    log_dir = Path(log_dir)
    if any(log_dir.rglob("events.out.tfevents.*")):
        raise FileExistsError(
            f"{str(log_dir)!r} holds runs of TensorBoard already, and these would be mixed with "
            "them: give another folder, or remove them first."
        )

    def writing(folder):
        return tf.summary.create_file_writer(str(folder)).as_default()

    def write(metrics):
        for epoch, entry in enumerate(metrics.to_dict("records"), start=1):
            for name, value in entry.items():
                if math.isfinite(value):
                    tf.summary.scalar(name, value, epoch)

    results = search.cv_results_
    params = columns_of(results["params"])
    params = {name: _as_hyperparameters(values) for name, values in params.items()}
    column = score_column(search)
    names = [column, column.replace("_test_", "_train_", 1), "mean_fit_time"]
    scores = {name: results[name] for name in names if name in results}
    with writing(log_dir):
        hp.hparams_config(
            [hp.HParam(name, _domain(hp, values)) for name, values in params.items()],
            [hp.Metric(name) for name in scores],
        )
    fits = _fits_of(search)
    n = len(results["params"])
    for i in range(n):
        folder = log_dir / f"candidate_{i + 1:0{max(3, len(str(n)))}d}"
        mine = {fold: fit for (candidate, fold), fit in fits if candidate == i}
        folds = [fit for fold, fit in mine.items() if fold >= 0] or list(mine.values())
        with writing(folder):
            hp.hparams({name: values[i] for name, values in params.items()}, folder.name)
            if folds:
                write(pd.concat(folds).groupby(level="epoch").mean())
            write(pd.DataFrame([{name: values[i] for name, values in scores.items()}]))
            end = summary.session_end_pb(api_pb2.STATUS_SUCCESS)
            tf.summary.experimental.write_raw_pb(end.SerializeToString(), step=0)
        for fold, fit in mine.items():
            with writing(folder / ("refit" if fold < 0 else f"fold_{fold}")):
                write(fit)
    return log_dir


def _fits_of(search):
    """Return (candidate, fold) and metrics of each fit known, the fold of a refit being -1."""
    if classifier_of(search.estimator) is None:
        return []
    frame = history_frame(search)
    frame = frame.assign(fold=frame["fold"].fillna(-1)).set_index(["candidate", "fold", "epoch"])
    metrics = [name for name in frame if not name.startswith(("param_", "seconds"))]
    return list(frame[metrics].select_dtypes("number").groupby(level=["candidate", "fold"]))


def _as_hyperparameters(values):
    """Return the values of a parameter as TensorBoard takes them: all numbers, bools or text."""
    if all(is_number(value) for value in values):
        return [float(value) for value in values]
    if all(isinstance(value, (bool, np.bool_)) for value in values):
        return [bool(value) for value in values]
    return [value_text(value) for value in values]


def _domain(hp, values):
    real = isinstance(values[0], float)
    return hp.RealInterval(min(values), max(values)) if real else hp.Discrete(sorted(set(values)))
