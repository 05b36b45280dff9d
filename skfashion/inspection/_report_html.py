"""The pieces of the report as HTML. Whatever comes from users goes through `escape`."""

import base64
import html
import io
import math
import os

import numpy as np

from skfashion.inspection._mistakes_display import label_text
from skfashion.inspection._values import number_text, shortened, value_text

# More classes than this make a matrix that nobody reads.
_MOST_CLASSES = 25


def escape(text):
    """Return text in which a page, and Plotly, find no tags."""
    return html.escape(str(text))


def tag(name, content, **attributes):
    """Return an element; `klass` stands for class."""
    told = "".join(f' {k.replace("klass", "class")}="{v}"' for k, v in attributes.items() if v)
    return f"<{name}{told}>{content}</{name}>"


def table(head, rows, **attributes):
    """Return a table of rows of cells, which scrolls in itself where it is wide."""
    content = tag("thead", f"<tr>{head}</tr>") if head else ""
    content += tag("tbody", "".join(rows))
    return tag("div", tag("table", content, **attributes), klass="wide")


def tiles(facts):
    """Return numbers that stand out: (number, what it is, its class)."""
    cells = (
        tag("div", tag("b", escape(number)) + tag("span", escape(what)), klass=f"tile{klass}")
        for number, what, klass in facts
    )
    return tag("div", "".join(cells), klass="tiles")


def facts(rows):
    """Return a table of names and values."""
    cells = (
        tag("tr", tag("th", escape(name), scope="row") + tag("td", escape(value)))
        for name, value in rows
    )
    return table("", cells, klass="facts")


def candidates(columns, order, best):
    """Return the table of candidates; `columns` has values and a format, "" for parameters."""
    head, cells = "", [""] * len(order)
    for name, (values, form) in columns.items():
        numbers = all(
            isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
            for value in values
        )
        klass = "" if numbers else "text"
        head += tag("th", tag("button", escape(name), type="button"), scope="col", klass=klass)
        for i, value in enumerate(values):
            known = not numbers or math.isfinite(value)
            text = (format(value, form) if form else value_text(value)) if known else "\N{EN DASH}"
            key = escape(value if numbers else text) if known else ""
            hint = "" if numbers else f' title="{escape(text)}" class="text"'
            cells[i] += f'<td{hint} data-value="{key}">{escape(text)}</td>'
    rows = (
        f'<tr data-candidate="{i}"{" class=best" if i == best else ""}>{cells[i]}</tr>'
        for i in order
    )
    return table(head, rows, klass="sortable", id="candidates")


def confusion(matrix, names):
    """Return a confusion matrix, or its largest mistakes if there are many classes."""
    if len(names) > _MOST_CLASSES:
        return _confusions(matrix, names)
    short = [escape(name) for name in shortened(names, 24)]
    heads = (
        tag("th", tag("span", text), scope="col", title=escape(name))
        for text, name in zip(short, names, strict=True)
    )
    rows = []
    for i, counts in enumerate(matrix):
        cells = tag("th", short[i], scope="row", klass="text")
        for j, count in enumerate(counts):
            share = count / max(1, counts.sum())
            # Light enough for dark figures on it.
            color, alpha = (
                ("0,114,178", 0.08 + 0.42 * share) if i == j else ("213,94,0", 2.5 * share)
            )
            back = f"background:rgba({color},{min(0.75, alpha):.2f})" if count else ""
            cells += tag("td", count or "", style=back, title=f"{share:.1%}")
        rows.append(tag("tr", cells))
    text = tag("p", "Rows: true classes. Columns: predicted ones.", klass="soft")
    return table("<td></td>" + "".join(heads), rows, klass="matrix") + text


def mistakes(images, shown, files):
    """Return images with what they were taken for."""
    figures = ""
    for k, (image, row) in enumerate(zip(images, shown.itertuples(), strict=True)):
        small = "small" if max(image.shape[:2]) < 100 else ""
        alt = escape(f"{row.predicted} taken for {row.true}")
        told = tag("b", escape(label_text(row.predicted, row.predicted_probability)))
        told += tag("i", "is " + escape(label_text(row.true, row.true_probability)))
        if files:
            # The whole path is shown when pointed at: folders are long, and alike.
            told += tag("small", escape(os.path.basename(files[k])), title=escape(files[k]))
        picture = f'<img class="{small}" src="{_png(image)}" alt="{alt}">'
        figures += tag("figure", picture + tag("figcaption", told))
    return tag("div", figures, klass="mistakes")


def seconds_text(seconds):
    """Return a time in words."""
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 1 else f"{number_text(round(seconds, 1))} s"
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {seconds:02d} s"


def _confusions(matrix, names):
    off = matrix * (1 - np.eye(len(matrix), dtype=matrix.dtype))
    rows = []
    for at in np.argsort(-off, axis=None, kind="stable")[:20]:
        i, j = np.unravel_index(at, off.shape)
        if off[i, j]:
            share = f"{off[i, j]} of {matrix[i].sum()}"
            rows.append((f"{names[i]} taken for {names[j]}", share))
    return tag("p", "The most frequent of them:") + facts(rows)


def _png(image):
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
