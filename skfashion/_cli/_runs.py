"""``skfashion runs``: what a folder of finished fits holds, and keeping it small."""

import os

import pandas as pd
from rich.filesize import decimal

from skfashion._cli._console import ParameterTable, counted, note, say, user_errors
from skfashion._cli._place import CANDIDATES
from skfashion.inspection import prune_runs, runs_frame


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
    _list(frame, os.path.join(arguments.folder, CANDIDATES))
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


def _list(frame, results):
    """Print a line for all fits of the same parameters, with their score where it is known."""
    texts = frame.filter(like="param_").map(_text)
    texts.columns = [name.removeprefix("param_") for name in texts]
    searched, known = _candidates(results)
    varied = [name for name in texts if name in searched or texts[name].nunique() > 1]
    rows = []
    for _, group in frame.groupby([frame["estimator"], *(texts[n] for n in varied)], sort=False):
        text = texts.loc[group.index[0]]
        number, score = known.get(tuple(text.get(name) for name in searched), ("", ""))
        phases = group["phase"][group["finished"]].value_counts()
        fits = str(phases.max() if len(phases) else 0)
        seconds = f"{group['seconds'].sum():.1f} s"
        rows.append(([number, score, fits, seconds], [_shown(text[name]) for name in varied]))
    # In the order of the search; what it doesn't know is of one before, and comes last.
    rows.sort(key=lambda row: int(row[0][0] or len(frame) + 1))
    widths = {name: max(len(row[1][i]) for row in rows) for i, name in enumerate(varied)}
    lines = ParameterTable({"no.": 3, "score": 6, "fits": 4, "took": 7}, widths)
    for i, (numbers, values) in enumerate(rows):
        say(lines.line(numbers, values, header=i == 0))


def _candidates(results):
    """Return what a search tried: its parameters, and by their values number and mean score."""
    if not os.path.exists(results):
        return [], {}
    table = pd.read_csv(results, dtype=str, keep_default_na=False)
    columns = [name for name in table if name.startswith("param_")]
    names = [name.removeprefix("param_").rpartition("__")[2] for name in columns]
    found = {}
    for number, row in enumerate(table.to_dict("records"), 1):
        values = tuple(_text(row[column]) for column in columns)
        found.setdefault(values, (str(number), f"{float(row['mean_test_score'] or 'nan'):.4f}"))
    return names, found


def _text(value):
    """Return a parameter's value as text that is the same in a table of runs and in a file."""
    text = "" if value is None else str(value)
    try:
        return "" if float(text) != float(text) else repr(float(text))
    except ValueError:
        return text


def _shown(text):
    try:
        return f"{float(text):.3g}"
    except ValueError:
        return text or "-"
