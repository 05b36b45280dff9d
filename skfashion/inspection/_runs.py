"""The runs in a store, as tables, and keeping the store small.

Knows what `skfashion._training.runs` writes beside the arrays, and loads no Keras.
"""

import json
import os
from dataclasses import dataclass, field

import pandas as pd

from skfashion._store import open_store
from skfashion._utils.typing import Frame, MemoryLike

STATES, RESULTS = "states", "results"

# Which parameter says how long a phase was to be.
_EPOCHS_OF = {"train": "epochs", "head": "epochs", "fine_tune": "fine_tune_epochs"}
_METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")


@dataclass(frozen=True)
class Run:
    """What the store tells of one run."""

    key: str
    finished: bool
    meta: dict
    nbytes: int
    last_used: float

    @property
    def history(self):
        """A list of dicts, one an epoch over all phases."""
        return self.meta["history"]


@dataclass(frozen=True)
class Pruned:
    """What `prune_runs` removed."""

    entries_removed: int
    bytes_removed: int
    bytes_kept: int
    damaged: list = field(default_factory=list)
    deaths_forgiven: int = 0


def runs_frame(memory: MemoryLike, *, curves: bool = False) -> Frame:
    """Tabulate the runs kept in a folder.

    Parameters
    ----------
    memory : str, path or joblib.Memory
        What the estimators were given as `memory`.
    curves : bool, default=False
        Whether to return a row an epoch rather than a row a run.

    Returns
    -------
    pandas.DataFrame
        One row a run, the last used first. A run is a phase of a fit: a fit of two phases
        has two runs, the second with the history of both.

        ================================  =====================================================
        Column                            Meaning
        ================================  =====================================================
        ``key``                           name in the store
        ``estimator``                     class
        ``finished``                      False: killed half way, or still running
        ``phase``                         "train", or "head" and "fine_tune"
        ``epochs``, ``epochs_asked``      trained in this phase, and asked for if known
        ``stopped_early``                 whether early stopping ended it
        ``loss`` and other metrics        of the last epoch; NaN where there is none
        ``n_samples``                     training images
        ``seconds``                       that its epochs took when they were trained, if known
        ``last_used``                     when it was last read or written, UTC
        ``bytes``                         on disk
        ``param_...``                     parameters of the estimator
        ================================  =====================================================

        With `curves`, one row an epoch: ``key``, ``estimator``, ``finished``, ``epoch``
        (counted over all phases, from 1), ``phase``, the learning rate and the metrics of
        that epoch, and the parameters.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    TypeError
        If `memory` names none.

    See Also
    --------
    history_frame : The curves of one search.
    prune_runs : Remove runs.

    Examples
    --------
    >>> import tempfile
    >>> from skfashion.inspection import runs_frame
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     runs_frame(folder).empty
    True
    """
    found = runs(open_existing(memory))
    if curves:
        columns = ["key", "estimator", "finished", "epoch", "phase", "learning_rate", *_METRICS]
        rows = [row for run in found for row in _epoch_rows(run)]
    else:
        columns = [
            *("key", "estimator", "finished", "phase", "epochs", "epochs_asked", "stopped_early"),
            *_METRICS,
            *("n_samples", "seconds", "last_used", "bytes"),
        ]
        rows = [_run_row(run) for run in found]
    frame = pd.DataFrame(rows)
    named = [name for name in frame if name not in columns]
    parameters = [name for name in named if name.startswith("param_")]
    others = [name for name in named if name not in parameters]
    frame = frame.reindex(columns=[*columns, *others, *parameters])
    if not curves:
        frame["last_used"] = pd.to_datetime(frame["last_used"], unit="s", utc=True)
        frame["epochs_asked"] = frame["epochs_asked"].astype("Int64")
    return frame


def prune_runs(memory: MemoryLike, max_bytes: int | None = None, *, verify: bool = True) -> Pruned:
    """Make the folder of `memory` small and sound.

    Removes what dead processes left half-written, what is damaged and, above `max_bytes`,
    what was used least recently: results, checkpoints and outputs of frozen layers alike.
    Trainings that were given up because processes died of them are allowed once more. Safe
    while others read and write.

    Parameters
    ----------
    memory : str, path or joblib.Memory
        What the estimators were given as `memory`.
    max_bytes : int, default=None
        What the store may keep; 0 empties it. None: what `set_config` says, and where that
        says nothing, any number.
    verify : bool, default=True
        Whether to read everything and compare it with its checksum. What is damaged is
        also found, and made again, when it is needed.

    Returns
    -------
    Pruned
        Numbers of what was removed and kept: `entries_removed`, `bytes_removed`,
        `bytes_kept`, `damaged`, `deaths_forgiven`.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    TypeError, ValueError
        If `memory` or `max_bytes` can't be used.

    See Also
    --------
    runs_frame : What there is.

    Examples
    --------
    >>> import tempfile
    >>> from skfashion.inspection import prune_runs
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     prune_runs(folder, max_bytes=1_000_000).bytes_kept
    0
    """
    store = open_existing(memory)
    # Bounds are checked before anything is removed.
    result = store.prune(max_bytes)
    forgiven = store.forgive()
    damaged = store.repair() if verify else []
    n_bytes = sum(size for _, _, size in damaged)
    return Pruned(
        entries_removed=result.entries_removed,
        bytes_removed=result.bytes_removed + n_bytes,
        bytes_kept=result.bytes_kept - n_bytes,
        damaged=[f"{path}: {reason}" for path, reason, _ in damaged],
        deaths_forgiven=forgiven,
    )


def open_existing(memory):
    """Open the store of a folder that must exist."""
    store = open_store(memory)
    if store is None:
        raise TypeError(
            f"memory={memory!r} names no folder: give what the estimators were given as memory=."
        )
    # Of a joblib.Memory the store is a sub-folder, made at the first write.
    folder = store.path if isinstance(memory, str | os.PathLike) else store.path.parent
    if not folder.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(folder)!r}: give the one that the estimators were given "
            "as memory=."
        )
    return store


def runs(store):
    """List the runs of a store."""
    finished, checkpoints = {}, []
    for kind in (RESULTS, STATES):
        for info in store.entries(kind):
            meta = info.meta
            if meta is None or not meta.get("history"):
                continue
            run = Run(info.key, kind == RESULTS, meta, info.nbytes, info.last_used)
            if run.finished:
                finished.setdefault(_identity(meta), []).append(run)
            else:
                checkpoints.append(run)
    rows = []
    for run in checkpoints:
        ended = finished.get(_identity(run.meta))
        if ended:
            first = ended[0]
            ended[0] = Run(first.key, True, first.meta, first.nbytes + run.nbytes, first.last_used)
        else:
            rows.append(run)
    rows += [run for same in finished.values() for run in same]
    return sorted(rows, key=lambda run: -run.last_used)


def _identity(meta):
    # Of a training and its seed to the last bit: no two others have the same losses.
    return json.dumps([meta["history"], meta.get("n_samples")])


def _run_row(run):
    meta, last = run.meta, run.history[-1]
    phase = last.get("phase")
    parameters = meta.get("parameters", {})
    return {
        "key": run.key,
        "estimator": meta.get("estimator"),
        "finished": run.finished,
        "epochs": meta.get("epoch", len(run.history)),
        "epochs_asked": parameters.get(_EPOCHS_OF.get(phase)),
        "stopped_early": bool(meta.get("stopped")),
        **{name: value for name, value in last.items() if name != "learning_rate"},
        "n_samples": meta.get("n_samples"),
        "seconds": _seconds_of(meta, run.history),
        "last_used": run.last_used,
        "bytes": run.nbytes,
        **prefixed(parameters),
    }


def _seconds_of(meta, history):
    """Return what the epochs of the phase took: those of the phases before stand before them."""
    seconds, epochs = meta.get("seconds"), meta.get("epoch", len(history))
    return sum(seconds[len(seconds) - epochs :]) if seconds else None


def _epoch_rows(run):
    about = {
        "key": run.key,
        "estimator": run.meta.get("estimator"),
        "finished": run.finished,
    }
    parameters = prefixed(run.meta.get("parameters", {}))
    seconds = run.meta.get("seconds") or []
    for i, entry in enumerate(run.history):
        took = {"seconds": seconds[i]} if i < len(seconds) else {}
        yield {**about, "epoch": i + 1, **entry, **took, **parameters}


def prefixed(parameters):
    """Name parameters as columns are named, as scikit-learn does in ``cv_results_``."""
    return {f"param_{name}": value for name, value in parameters.items()}
