"""The folder of a search's results: one for each data set and settings."""

import hashlib
import itertools
import json
import os
from contextlib import suppress
from pathlib import Path

from skfashion._cli._console import UserError, user_errors

CANDIDATES, TEXT = "cv_results.csv", "summary.txt"
_SUMMARY = "summary.json"


def find_folder(out, named, settings):
    """Make the folder for a search, and return it.

    One that holds another search is left alone: without `out` the next number is taken.
    """
    wanted = out or os.path.join("results", named)
    for number in itertools.count(1):
        folder = wanted if number == 1 else f"{wanted}-{number}"
        earlier = read_summary(folder)
        difference = _difference(earlier, settings) if earlier else None
        if difference is None:
            break
        told = f"{folder} holds another search, {difference}"
        if out:
            raise UserError(f"{told}: choose another --out, or remove it to search anew.")
        print(f"{told}.")
    with user_errors(OSError, advice="- choose another one with --out."):
        os.makedirs(folder, exist_ok=True)
        if not earlier:
            write_summary(folder, settings)
    return folder


def read_summary(folder):
    """Return what a search has noted down in its folder, nothing where none has."""
    with suppress(OSError, ValueError, TypeError):
        return dict(json.loads(Path(folder, _SUMMARY).read_text("utf-8")))
    return {}


def write_summary(folder, summary):
    """Note down what a search is asked for, and at its end what it has found."""
    # Names of folders may not be text, which JSON writes as escapes.
    Path(folder, _SUMMARY).write_text(f"{json.dumps(summary, indent=2)}\n", "utf-8")


def data_digest(data):
    """Return what stands for the files of a data set: their names within it, labels and sizes."""
    if not data.files:
        return data.name
    names, y = [*data.X, *data.X_test], [*data.y, *data.y_test]
    labels = dict(zip(map(os.path.abspath, names), y, strict=True))
    root, known = os.path.commonpath(labels), []
    with user_errors():
        for name, label in sorted(labels.items()):
            told = f"{os.path.relpath(name, root)} {os.path.getsize(name)}"
            in_folder = os.path.basename(os.path.dirname(name)) == label
            known.append(told if in_folder else f"{told} {label}")
    return hashlib.sha256(os.fsencode("\n".join(known))).hexdigest()


def file_digest(path):
    """Return what stands for the content of a file."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _difference(earlier, settings):
    """Say in what an earlier search differs; None if it doesn't, or ends where this one goes on."""
    if earlier.get("data_digest") != settings["data_digest"]:
        return f"on other images of {earlier.get('data')!r}"
    changed = [
        f"{name} {earlier.get(name)}, now {value}"
        for name, value in settings.items()
        if name != "data"
        # More candidates go on where fewer ended.
        and (earlier.get(name, 0) > value if name == "candidates" else earlier.get(name) != value)
    ]
    return f"with {'; '.join(changed)}" if changed else None
