"""``skfashion check``: what is wrong with images and labels, before anything is trained."""

import os
import textwrap

import joblib
import numpy as np

from skfashion._cli._console import counted, user_errors
from skfashion._cli._data import read_data
from skfashion._utils.image_files import shown_name
from skfashion._utils.tables import table
from skfashion.inspection import inspect_images
from skfashion.inspection._report_facts import size_text
from skfashion.inspection._report_findings import counted_findings

_SHOWN = 5  # of a kind


def check(arguments):
    """Carry out ``skfashion check``: counts and sizes, then what was found, a few of each kind."""
    data = read_data(arguments.data, split=False)
    X, y, n_test = data.X, data.y, len(data.X_test)
    test = {"X_test": data.X_test, "y_test": data.y_test} if n_test else {}
    kept = f", {counted(n_test, 'image')} to test on" if test else ""
    print(
        f"{shown_name(data.name)}: {counted(len(X), 'image')}{kept}, {size_text(X, None)} pixels\n"
    )
    print(f"{_classes(y, test)}\n")
    within = _within(data.name)
    if data.bad_files:
        print(f"{counted(len(data.bad_files), 'file')} can't be read as images, such as")
        print(f"{_listed([shown_name(within(n)), why] for n, why in data.bad_files[:_SHOWN])}\n")
    with user_errors(ValueError), joblib.parallel_config(n_jobs=-1):
        findings = inspect_images(X, y, **test)
    if data.files:
        for column in ("file", "other_file"):
            findings[column] = findings[column].map(within, na_action="ignore")
    for kind, n, name, across in counted_findings(findings):
        print(f"{n:,} {name}{across}")
        own = findings[findings["kind"] == kind].drop_duplicates(["part", "index", "label"])
        print(_listed(map(_told, own.head(_SHOWN).itertuples())))
        print(f"  ... and {n - _SHOWN:,} more\n" if n > _SHOWN else "")
    if findings.empty and not data.bad_files:
        print("Nothing else was found.")
    if arguments.csv:
        with user_errors(OSError):
            findings.to_csv(arguments.csv, index=False)
        print(f"All of it is in {shown_name(arguments.csv)}.")


def _within(name):
    """Return a function that leaves out of names the folder, or that of a table."""
    folder = name if os.path.isdir(name) else os.path.dirname(name)
    return lambda file: os.path.relpath(file, folder or os.curdir)


def _classes(y, test):
    labels, counts = np.unique(y, return_counts=True)
    header, columns = ["class", "images"], [map(shown_name, labels), (f"{n:,}" for n in counts)]
    if test:
        header.append("to test on")
        columns.append(f"{np.sum(test['y_test'] == label):,}" for label in labels)
    return table([*zip(*columns, strict=True)], header, right=(1, 2))


def _listed(rows):
    return textwrap.indent(table(list(rows)), "  ")


def _told(row):
    """Return the cells of a line on a finding."""
    if row.kind == "class":
        return [shown_name(row.label), counted(int(row.value), "image")]
    name, label = _name(row.part, row.index, row.file), shown_name(row.label)
    if row.kind in ("copy", "near copy"):
        other = _name(row.other_part, row.other_index, row.other_file)
        told = f"as {other}" if row.kind == "copy" else f"near {other}, {row.value:.1f} of 255"
        return [name, told, " and ".join(dict.fromkeys([label, shown_name(row.other_label)]))]
    units = {"outlier": "standard deviations", "size": "times the usual", "blank": "grey levels"}
    return [name, f"{row.value:.1f} {units[row.kind]}", label]


def _name(part, index, file):
    return shown_name(file) if isinstance(file, str) else f"{part} image {index}"
