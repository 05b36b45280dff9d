"""The sections of the report, as HTML. Whatever comes from users goes through `escape`."""

import base64
import importlib.metadata
import io
import math
import os
import platform
import sys

import numpy as np

from skfashion._version import __version__
from skfashion.inspection._report_charts import escape
from skfashion.inspection._scales import number_text, value_text

_PACKAGES = ("keras", "scikeras", "scikit-learn", "scikit-optimize", "numpy")
# More classes than this make a matrix that nobody reads.
_MOST_CLASSES = 25


def tiles(facts):
    """Return numbers that stand out: (number, what it is, whether it is the main one)."""
    cells = [
        f'<div class="tile{" best" if main else ""}"><b>{escape(number)}</b>'
        f"<span>{escape(what)}</span></div>"
        for number, what, main in facts
    ]
    return f'<div class="tiles">{"".join(cells)}</div>'


def facts(rows):
    """Return a table of names and values."""
    cells = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
        for name, value in rows
    )
    return f'<div class="wide"><table class="facts"><tbody>{cells}</tbody></table></div>'


def candidates(columns, results, best):
    """Return the table of candidates, best rank first."""
    n = len(next(iter(results.values()))[0])
    heads = [("candidate", False), *((name, False) for name in results)]
    heads += [(name, not _are_numbers(values)) for name, values in columns.items()]
    head = "".join(
        f'<th scope="col"{" class=text" if text else ""}>'
        f'<button type="button">{escape(name)}</button></th>'
        for name, text in heads
    )
    ranks = np.asarray(results["rank"][0], dtype=float)
    body = []
    for i in np.argsort(ranks, kind="stable"):
        cells = [_cell(i, str(i))]
        for values, form in results.values():
            value = values[i]
            known = math.isfinite(value)
            text = format(value, form) if known else "\N{EN DASH}"
            cells.append(_cell(value if known else "", text))
        for values in columns.values():
            text = value_text(values[i])
            number = _are_numbers(values)
            cells.append(_cell(values[i] if number else text, text, text=not number))
        mark = ' class="best"' if i == best else ""
        body.append(f'<tr data-candidate="{i}"{mark}>{"".join(cells)}</tr>')
    assert len(body) == n
    return (
        '<div class="wide"><table class="sortable" id="candidates">'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def confusion(matrix, names):
    """Return a confusion matrix, or its largest mistakes if there are many classes."""
    if len(names) > _MOST_CLASSES:
        return _confusions(matrix, names)
    head = "".join(
        f'<th scope="col" title="{escape(name)}"><span>{_shortened(name)}</span></th>'
        for name in names
    )
    body = []
    for i, name in enumerate(names):
        total = max(1, matrix[i].sum())
        cells = []
        for j, count in enumerate(matrix[i]):
            share = count / total
            # Light enough for dark figures on it.
            color = "0,114,178" if i == j else "213,94,0"
            alpha = 0.08 + 0.42 * share if i == j else min(0.75, 2.5 * share)
            back = f' style="background:rgba({color},{alpha:.2f})"' if count else ""
            cells.append(f'<td{back} title="{share:.1%}">{count or ""}</td>')
        body.append(
            f'<tr><th scope="row" class="text">{_shortened(name)}</th>{"".join(cells)}</tr>'
        )
    return (
        '<div class="wide"><table class="matrix">'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
        '<p class="soft">Rows: true classes. Columns: predicted ones.</p>'
    )


def mistakes(images, table, files):
    """Return images with what they were taken for."""
    figures = []
    for k, (image, row) in enumerate(zip(images, table.itertuples(), strict=True)):
        small = ' class="small"' if max(image.shape[:2]) < 100 else ""
        told = f"{row.predicted} taken for {row.true}"
        name = _file_name(files[k]) if files else ""
        figures.append(
            f'<figure><img{small} src="{_png(image)}" alt="{escape(told)}">'
            f"<figcaption><b>{escape(_told(row.predicted, row.predicted_probability))}</b>"
            f"<i>is {escape(_told(row.true, row.true_probability))}</i>{name}</figcaption></figure>"
        )
    return f'<div class="mistakes">{"".join(figures)}</div>'


def versions():
    """Return the versions of what took part, as (name, version)."""
    where = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    rows = [("skfashion", __version__), ("Python", where)]
    keras = sys.modules.get("keras")  # not loaded for the report's sake
    backend = [] if keras is None else [keras.backend.backend()]
    for name in [*backend, *_PACKAGES]:
        try:
            rows.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return rows


def seconds_text(seconds):
    """Return a time in words."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{number_text(round(seconds, 1))} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02d} min"


def _cell(value, shown, *, text=False):
    mark = ' class="text"' if text else ""
    hint = f' title="{escape(shown)}"' if text else ""
    return f'<td{mark}{hint} data-value="{escape(value)}">{escape(shown)}</td>'


def _are_numbers(values):
    return all(isinstance(v, (int, float, np.number)) and not isinstance(v, bool) for v in values)


def _confusions(matrix, names):
    off = matrix * (1 - np.eye(len(matrix), dtype=matrix.dtype))
    rows = []
    for at in np.argsort(-off, axis=None, kind="stable")[:20]:
        i, j = np.unravel_index(at, off.shape)
        if off[i, j]:
            share = f"{off[i, j]} of {matrix[i].sum()}"
            rows.append((f"{names[i]} taken for {names[j]}", share))
    return f"<p>The most frequent of them:</p>{facts(rows)}"


def _shortened(name):
    return escape(name if len(name) <= 24 else name[:23] + "\N{HORIZONTAL ELLIPSIS}")


def _file_name(path):
    # The whole path is shown when pointed at: folders are long, and alike.
    return f'<small title="{escape(path)}">{escape(os.path.basename(path))}</small>'


def _told(label, probability):
    return str(label) if math.isnan(probability) else f"{label} {probability:.0%}"


def _png(image):
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
