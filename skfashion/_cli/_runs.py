"""``skfashion runs``: what a folder of finished fits holds, and keeping it small."""

import os
from contextlib import suppress

import pandas as pd
from rich.filesize import decimal

from skfashion._cli._console import counted, note, user_errors
from skfashion._cli._place import CANDIDATES
from skfashion._utils.tables import GrowingTable
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
        print(f"No runs in {folder}.")
        return
    _list(frame, os.path.join(arguments.folder, CANDIDATES))
    print(f"\n{counted(len(frame), 'run')}, {decimal(frame['bytes'].sum())} in {folder}")


def _tell(pruned):
    print(
        f"Removed {counted(pruned.entries_removed + len(pruned.damaged), 'file')}, "
        f"{decimal(pruned.bytes_removed)}; kept {decimal(pruned.bytes_kept)}."
    )
    for damaged in pruned.damaged:
        note(f"note: was damaged: {damaged}")
    if pruned.crashes_cleared:
        print(f"Tried again from now on, though the process died: {pruned.crashes_cleared}.")


def _list(frame, results):
    """Print a line for all fits of the same parameters, with their score where it is known."""
    known = pd.DataFrame()
    if os.path.exists(results):
        known = pd.read_csv(results, dtype=str, keep_default_na=False)
    texts, tried = _texts(frame), _texts(known)
    varied = [name for name in texts if name in tried or texts[name].nunique() > 1]
    keys = [_numbers(texts, tried), frame["estimator"], *(texts[name] for name in varied)]
    rows = []
    for (number, *_), group in frame.groupby(keys, sort=False):
        parameters = {**texts.loc[group.index[0]], **(tried.loc[number] if number >= 0 else {})}
        score = f"{float(known['mean_test_score'][number] or 'nan'):.4f}" if number >= 0 else ""
        ended = group["phase"][group["finished"]]
        fits = ended.value_counts().max() if len(ended) else 0
        numbers = [number + 1 or "", score, fits, f"{group['seconds'].sum():.1f} s"]
        rows.append((numbers, [parameters[name] for name in varied]))
    # In the order of the search; what it doesn't know is of one before, and comes last.
    rows.sort(key=lambda row: row[0][0] or len(frame) + 1)
    widths = {name: max(len(row[1][i]) for row in rows) for i, name in enumerate(varied)}
    table = GrowingTable({"no.": 3, "score": 6, "fits": 4, "took": 7}, widths)
    for numbers, values in rows:
        table.add(numbers, values)


def _numbers(texts, tried):
    """Return which candidate each fit is of, -1 if of none. One may leave out parameters."""
    numbers = pd.Series(-1, index=texts.index)
    for number in (tried != "-").sum(axis=1).sort_values(ascending=False).index:
        given = tried.loc[number][lambda values: values != "-"]
        same = (texts.reindex(columns=given.index) == given).all(axis=1)
        numbers[same & (numbers < 0)] = number
    return numbers


def _texts(frame):
    """Return the parameters in a table as text, which is the same of runs and of a file."""
    texts = frame.filter(like="param_").map(_text)
    texts.columns = [name.removeprefix("param_").rpartition("__")[2] for name in texts]
    return texts


def _text(value):
    text = str(value)
    with suppress(ValueError):
        text = f"{float(text):.4g}"
    return "-" if text in ("", "nan", "None") else text
