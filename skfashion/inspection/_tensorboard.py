"""A search as runs for TensorBoard, hyperparameters included."""

import math
import time
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np

from skfashion._utils.typing import PathLike
from skfashion.inspection._histories import classifier_of, is_search, search_curves
from skfashion.inspection._scales import columns_of, short_names, value_text
from skfashion.inspection._search_display import score_column


def write_tensorboard(search: Any, log_dir: PathLike) -> Any:
    """Write a search for TensorBoard and its HParams dashboard.

    Afterwards: ``tensorboard --logdir LOG_DIR``.

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
    FileExistsError
        If the folder holds runs already: TensorBoard would mix them.
    ImportError
        If TensorBoard is not installed.
    NotFittedError, TypeError
        If it is no fitted search.

    See Also
    --------
    write_report : One page in place of a server.

    Notes
    -----
    What is written:

    ========================  ====================================================
    Run                       What is in it
    ========================  ====================================================
    ``.``                     what was tuned, for HParams
    ``candidate_007``         its parameters and scores, and its losses and
                              accuracies by epoch: means over the folds
    ``candidate_007/fold_0``  those of one fold
    ``candidate_007/refit``   those of the refit
    ========================  ====================================================

    References
    ----------
    https://www.tensorflow.org/tensorboard/hyperparameter_tuning_with_hparams

    Examples
    --------
    >>> from skfashion.inspection import write_tensorboard
    >>> write_tensorboard(search, "logs/search")  # doctest: +SKIP
    PosixPath('logs/search')
    """
    board = _Board()
    if not is_search(search):
        raise TypeError(f"{type(search).__name__} is no search: it has no cv_results_.")
    log_dir = Path(log_dir)
    if any(log_dir.rglob("events.out.tfevents.*")):
        raise FileExistsError(
            f"{str(log_dir)!r} holds runs of TensorBoard already, and these would be mixed with "
            "them: give another folder, or remove them first."
        )
    results = search.cv_results_
    columns = columns_of(results["params"])
    names = short_names(list(columns))
    columns = {names[name]: values for name, values in columns.items()}
    scores = _scores(results, score_column(search))
    board.write_experiment(log_dir, columns, list(scores))
    by_candidate = {}
    if classifier_of(search.estimator) is not None:
        for curve in search_curves(search):
            by_candidate.setdefault(curve.candidate, []).append(curve)
    digits = max(3, len(str(len(results["params"]) - 1)))
    for candidate in range(len(results["params"])):
        folder = log_dir / f"candidate_{candidate:0{digits}d}"
        curves = by_candidate.get(candidate, [])
        folds = [curve.history for curve in curves if curve.fold is not None]
        board.write_candidate(
            folder,
            {name: values[candidate] for name, values in columns.items()},
            {name: values[candidate] for name, values in scores.items()},
            _means(folds or [curve.history for curve in curves]),
        )
        for curve in curves:
            name = "refit" if curve.fold is None else f"fold_{curve.fold}"
            board.write_history(folder / name, curve.history)
    return log_dir


class _Board:
    """The parts of TensorBoard that are used: its writer and its messages."""

    def __init__(self):
        try:
            from tensorboard.compat.proto import event_pb2, summary_pb2
            from tensorboard.plugins.hparams import api_pb2, summary
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError as error:
            raise ImportError(
                "write_tensorboard needs TensorBoard: pip install tensorboard."
            ) from error
        self._event, self._summary = event_pb2.Event, summary_pb2.Summary
        self._api, self._hparams = api_pb2, summary
        self._writer = EventFileWriter

    def write_experiment(self, folder, columns, scores):
        """Write what was tuned and what was scored."""
        infos, self._texts = [], set()
        for name, values in columns.items():
            info = self._api.HParamInfo(name=name, type=self._type_of(values))
            if info.type == self._api.DATA_TYPE_STRING:
                self._texts.add(name)
                for text in sorted({value_text(value) for value in values}):
                    info.domain_discrete.values.add().string_value = text
            infos.append(info)
        metrics = [self._api.MetricInfo(name=self._api.MetricName(tag=tag)) for tag in scores]
        message = self._hparams.experiment_pb(infos, metrics, time_created_secs=time.time())
        self._write(folder, [(0, message)])

    def write_candidate(self, folder, params, scores, history):
        """Write a candidate's parameters, scores and mean history."""
        # What is declared as text is written as text, numbers among it as well.
        values = {n: value_text(v) if n in self._texts else _plain(v) for n, v in params.items()}
        end = self._hparams.session_end_pb(self._api.STATUS_SUCCESS)
        self._write(
            folder,
            [
                (0, self._hparams.session_start_pb(values, start_time_secs=time.time())),
                *self._scalars(history),
                *self._scalars([scores]),
                (0, end),
            ],
        )

    def write_history(self, folder, history):
        """Write a history, a scalar a metric and epoch."""
        self._write(folder, self._scalars(history))

    def _scalars(self, history):
        for epoch, entry in enumerate(history, start=1):
            values = [
                self._summary.Value(tag=name, simple_value=value)
                for name, value in entry.items()
                if isinstance(value, Real) and math.isfinite(value)
            ]
            yield epoch, self._summary(value=values)

    def _write(self, folder, messages):
        writer = self._writer(str(folder))
        try:
            for step, message in messages:
                event = self._event(wall_time=time.time(), step=step)
                # With TensorFlow about, some messages are of its classes, not TensorBoard's.
                event.summary.ParseFromString(message.SerializeToString())
                writer.add_event(event)
        finally:
            writer.close()

    def _type_of(self, values):
        kinds = {type(_plain(value)) for value in values}
        if kinds <= {int, float}:
            return self._api.DATA_TYPE_FLOAT64
        return self._api.DATA_TYPE_BOOL if kinds == {bool} else self._api.DATA_TYPE_STRING


def _plain(value):
    """Return a value as TensorBoard can hold it: a bool, a number or text."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else value_text(value)


def _scores(results, column):
    train = column.replace("_test_", "_train_", 1)
    names = [name for name in (column, train, "mean_fit_time") if name in results]
    return {name: [float(value) for value in results[name]] for name in names}


def _means(histories):
    """Return the mean of some histories, by epoch, of those that got so far."""
    means = []
    for entries in _epochs(histories):
        names = dict.fromkeys(name for entry in entries for name in entry)
        known = {name: [entry[name] for entry in entries if name in entry] for name in names}
        means.append({name: sum(v) / len(v) for name, v in known.items() if isinstance(v[0], Real)})
    return means


def _epochs(histories):
    for epoch in range(max(map(len, histories), default=0)):
        yield [history[epoch] for history in histories if epoch < len(history)]
