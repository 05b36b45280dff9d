"""The runs in a store, as tables, and keeping the store small; Keras isn't loaded."""

import json
import os

import pandas as pd

from skfashion._store import RESULTS, STATES, PruneResult, open_store
from skfashion._utils.typing import Frame, MemoryLike

_METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")


class Run:
    """What the store tells of one run."""

    def __init__(self, info, finished, meta):
        self.key, self.nbytes, self.last_used = info.key, info.nbytes, info.last_used
        self.finished, self.meta = finished, meta
        self.history = meta["history"]  # a dict an epoch, over all phases
        self.data = meta.get("data", info.key)  # stands for the images and labels
        self.when = meta.get("when", info.last_used)  # it ended, in seconds

    def rows(self, curves):
        """Return the rows of `runs_frame`."""
        meta, seconds = self.meta, self.meta.get("seconds") or []
        about = {"key": self.key, "estimator": meta.get("estimator"), "finished": self.finished}
        parameters = {f"param_{k}": v for k, v in meta.get("parameters", {}).items()}
        if curves:
            took = [{"seconds": each} for each in seconds] or [{}] * len(self.history)
            epochs = zip(self.history, took, strict=True)
            return [
                {**about, "epoch": i, **entry, **each, **parameters}
                for i, (entry, each) in enumerate(epochs, start=1)
            ]
        last = {k: v for k, v in self.history[-1].items() if k != "learning_rate"}
        epochs = meta.get("epoch", len(self.history))  # those of the phases before stand first
        about |= {
            **last,
            "epochs": epochs,
            "epochs_asked": meta.get("epochs_asked", {}).get(last["phase"]),
            "stopped_early": bool(meta.get("stopped")),
            "n_samples": meta.get("n_samples"),
            "seconds": sum(seconds[len(seconds) - epochs :]) if seconds else None,
            "last_used": self.last_used,
            "bytes": self.nbytes,
        }
        return [{**about, **parameters}]


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
        ``phase``                         name of the phase, such as "train" or "head"
        ``epochs``, ``epochs_asked``      trained in this phase, and asked for
        ``stopped_early``                 whether early stopping ended it
        ``loss`` and other metrics        of the last epoch; NaN where there is none
        ``n_samples``                     training images
        ``seconds``                       that its epochs took when they were trained
        ``last_used``                     when it was last read or written, UTC
        ``bytes``                         on disk
        ``param_...``                     parameters of the estimator
        ================================  =====================================================

        With `curves`, one row an epoch: ``key``, ``estimator``, ``finished``, ``epoch`` (over
        all phases, from 1), ``phase``, learning rate, metrics and parameters.

    Raises
    ------
    FileNotFoundError, TypeError
        If there is no such folder, or `memory` doesn't name one.

    Examples
    --------
    >>> import tempfile
    >>> from skfashion.inspection import runs_frame
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     runs_frame(folder).empty
    True
    """
    rows = [row for run in runs(open_existing(memory)) for row in run.rows(curves)]
    columns = ["key", "estimator", "finished"]
    if curves:
        columns += ["epoch", "phase", "learning_rate", *_METRICS]
    else:
        columns += ["phase", "epochs", "epochs_asked", "stopped_early", *_METRICS]
        columns += ["n_samples", "seconds", "last_used", "bytes"]
    frame = pd.DataFrame(rows)
    others = [name for name in frame if name not in columns]
    columns += sorted(others, key=lambda name: name.startswith("param_"))
    frame = frame.reindex(columns=columns)
    if not curves:
        frame["last_used"] = pd.to_datetime(frame["last_used"], unit="s", utc=True)
        frame["epochs_asked"] = frame["epochs_asked"].astype("Int64")
    return frame


def prune_runs(
    memory: MemoryLike, max_bytes: int | None = None, *, verify: bool = True
) -> PruneResult:
    """Make the folder of `memory` small and sound, also while others read and write.

    Removes what dead processes left half-written, what is damaged and, above `max_bytes`, what was
    used least recently. Trainings that were given up after three crashes are tried again.

    Parameters
    ----------
    memory : str, path or joblib.Memory
        What the estimators were given as `memory`.
    max_bytes : int, default=None
        Bytes to keep at most; 0 empties the store. None: what `set_config` says, if anything.
    verify : bool, default=True
        Whether to compare everything with its checksum, as is done when it is needed, too.

    Returns
    -------
    PruneResult
        Numbers of what was removed and kept: `entries_removed`, `bytes_removed`,
        `bytes_kept`, `damaged`, `crashes_cleared`.

    Raises
    ------
    FileNotFoundError, TypeError, ValueError
        If there is no such folder, or `memory` or `max_bytes` can't be used.

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
    cleared = store.clear_crashes()
    damaged = store.repair() if verify else []
    n_bytes = sum(size for _, _, size in damaged)
    return result._replace(
        bytes_removed=result.bytes_removed + n_bytes,
        bytes_kept=result.bytes_kept - n_bytes,
        damaged=[f"{path}: {reason}" for path, reason, _ in damaged],
        crashes_cleared=cleared,
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
    """List the runs of a store, the last used first, checkpoints of finished ones with these."""
    found, ended = [], {}
    for kind in (RESULTS, STATES):
        for info in store.entries(kind):
            meta = store.meta(kind, info.key)
            if meta is None or not meta.get("history"):
                continue
            run = Run(info, kind == RESULTS, meta)
            # Of a training and its seed to the last bit: no two others have the same losses.
            identity = json.dumps([meta["history"], meta.get("n_samples")])
            if run.finished:
                ended.setdefault(identity, run)
            elif identity in ended:
                ended[identity].nbytes += run.nbytes
                continue
            found.append(run)
    return sorted(found, key=lambda run: -run.last_used)
