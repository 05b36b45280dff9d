"""``skfashion runs``: what a folder of finished fits holds, and keeping it small."""

import os

from rich.filesize import decimal

from skfashion._cli._console import counted, note, say, table, user_errors
from skfashion.inspection import prune_runs, runs_frame

_HEADER = (
    *("last used (UTC)", "estimator", "phase", "epochs", "images", "loss", "accuracy"),
    *("took", "size", "state"),
)


def runs(arguments):
    """Carry out ``skfashion runs``."""
    folder = os.path.join(arguments.folder, "memory")
    # The folder of a search does as well as that of its store.
    folder = folder if os.path.isdir(folder) else arguments.folder
    with user_errors():
        if arguments.prune or arguments.max_bytes is not None:
            _tell(prune_runs(folder, arguments.max_bytes))
        frame = runs_frame(folder)
    if frame.empty:
        say(f"No runs in {folder}.")
        return
    rows = [_row(run) for run in frame.to_dict("records")]
    say(table(rows, _HEADER, right=range(3, 9)))
    say()
    say(f"{counted(len(frame), 'run')}, {decimal(frame['bytes'].sum())} in {folder}")


def _tell(pruned):
    say(
        f"Removed {counted(pruned.entries_removed + len(pruned.damaged), 'file')}, "
        f"{decimal(pruned.bytes_removed)}; kept {decimal(pruned.bytes_kept)}."
    )
    for damaged in pruned.damaged:
        note(f"note: was damaged: {damaged}")
    if pruned.crashes_cleared:
        say(f"Tried again from now on, though the process died: {pruned.crashes_cleared}.")


def _row(run):
    return [
        f"{run['last_used']:%Y-%m-%d %H:%M}",
        run["estimator"],
        run["phase"],
        run["epochs"],
        _number(run["n_samples"], ",.0f"),
        _number(run["loss"], ".4f"),
        _number(run["accuracy"], ".4f"),
        _number(run["seconds"], ".1f", " s"),
        decimal(run["bytes"]),
        "done" if run["finished"] else "unfinished",
    ]


def _number(value, form, unit=""):
    missing = value is None or value != value
    return "-" if missing else f"{value:{form}}{unit}"
