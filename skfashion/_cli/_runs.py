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
    candidates = _candidates(results)
    searched = candidates[0][-1] if candidates else {}
    varied = [name for name in texts if name in searched or texts[name].nunique() > 1]
    rows = []
    for _, group in frame.groupby([frame["estimator"], *(texts[n] for n in varied)], sort=False):
        parameters = texts.loc[group.index[0]].to_dict()
        number, score, tried = _matching(parameters, candidates)
        phases = group["phase"][group["finished"]].value_counts()
        fits = str(phases.max() if len(phases) else 0)
        numbers = [number, score, fits, f"{group['seconds'].sum():.1f} s"]
        rows.append((numbers, [_shown({**parameters, **tried}[name]) for name in varied]))
    # In the order of the search; what it doesn't know is of one before, and comes last.
    rows.sort(key=lambda row: int(row[0][0] or len(frame) + 1))
    widths = {name: max(len(row[1][i]) for row in rows) for i, name in enumerate(varied)}
    lines = ParameterTable({"no.": 3, "score": 6, "fits": 4, "took": 7}, widths)
    for i, (numbers, values) in enumerate(rows):
        say(lines.line(numbers, values, header=i == 0))


def _candidates(results):
    """Return number, mean score and parameters of what a search has tried."""
    if not os.path.exists(results):
        return []
    rows = pd.read_csv(results, dtype=str, keep_default_na=False).to_dict("records")
    return [
        (
            str(number),
            f"{float(row['mean_test_score'] or 'nan'):.4f}",
            {
                name.removeprefix("param_").rpartition("__")[2]: _text(value)
                for name, value in row.items()
                if name.startswith("param_")
            },
        )
        for number, row in enumerate(rows, 1)
    ]


def _matching(parameters, candidates):
    """Return the candidate of these parameters, of which it may leave out some."""
    for missing in ("not allowed", ""):
        for candidate in candidates:
            pairs = [(value, parameters.get(name)) for name, value in candidate[-1].items()]
            if all(tried in (value, missing) for tried, value in pairs):
                return candidate
    return "", "", {}


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
