"""The pieces of the report as HTML. Whatever comes from users goes through `escape`."""

import html
import math
import os
import re
from datetime import timedelta

import numpy as np
from PIL import Image

from skfashion._utils.image_files import data_uri
from skfashion.inspection._heatmap import tinted
from skfashion.inspection._mistakes_display import label_text
from skfashion.inspection._values import is_number, shortened, value_text

# More classes than this make a matrix that nobody reads.
_MOST_CLASSES = 25
_HEAT = 32  # pixels of a side: heat is smooth
_PHOTO = 100  # pixels of a side: larger pictures are smaller as JPEG


def escape(text):
    """Return text in which a page finds no tags."""
    return html.escape(str(text))


def tag(name, content, **attributes):
    """Return an element; `klass` stands for class, `_` in other names for a hyphen."""
    named = {k.replace("klass", "class").replace("_", "-"): v for k, v in attributes.items() if v}
    told = "".join(f' {k}="{v}"' for k, v in named.items())
    return f"<{name}{told}>{content}</{name}>"


def table(head, rows, **attributes):
    """Return a table of rows of cells, which scrolls in itself where it is wide."""
    content = tag("thead", f"<tr>{head}</tr>") if head else ""
    content += tag("tbody", "".join(rows))
    return tag("div", tag("table", content, **attributes), klass="wide")


def facts(rows):
    """Return a table of names and values."""
    cells = (
        tag("tr", tag("th", escape(name), scope="row") + tag("td", escape(value)))
        for name, value in rows
    )
    return table("", cells, klass="facts")


def sortable(columns, rows=None, **attributes):
    """Return a table to sort; `columns` has values and a format each, which cells repeat."""
    heads, cells = "", {}
    for name, (values, form) in columns.items():
        numbers = all(is_number(value) or _is_missing(value) for value in values)
        klass = "" if numbers else "text"
        button = tag("button", _breakable(name), type="button") if name else ""
        heads += tag("th", button, scope="col", klass=klass)
        for i, value in enumerate(values):
            if form == "html":
                cells[i] = cells.get(i, "") + tag("td", value)
                continue
            missing = numbers and _is_missing(value)
            text = "\N{EN DASH}" if missing else format(value, form) if form else value_text(value)
            told = {"data_label": escape(name), "klass": klass}
            told["data_value"] = "" if missing else escape(value if numbers else text)
            cells[i] = cells.get(i, "") + tag("td", _breakable(text), **told)
    made = (tag("tr", row, **(rows[i] if rows else {})) for i, row in cells.items())
    return table(heads, made, klass="sortable", **attributes)


def confusion(matrix, names):
    """Return a confusion matrix, of many classes that of those with the most mistakes."""
    told, totals = "Rows: true classes. Columns: predicted ones.", matrix.sum(axis=1)
    if len(names) > _MOST_CLASSES:
        wrong = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * matrix.diagonal()
        most = np.sort(np.argsort(-wrong, kind="stable")[:_MOST_CLASSES])
        matrix, names, totals = matrix[np.ix_(most, most)], [names[i] for i in most], totals[most]
        told += f" The {_MOST_CLASSES} classes with the most mistakes."
    short = [escape(name) for name in shortened(names, 24)]
    heads = (
        tag("th", tag("span", text), scope="col", title=escape(name))
        for text, name in zip(short, names, strict=True)
    )
    rows = []
    for i, counts in enumerate(matrix):
        cells = tag("th", short[i], scope="row", klass="text")
        for j, count in enumerate(counts):
            share = count / max(1, totals[i])
            strength = 0.08 + 0.42 * share if i == j else min(0.75, 2.5 * share)
            color = f"rgba({'0,114,178' if i == j else '213,94,0'},{strength:.2f})"
            style = f"background:{color}" if count else ""
            cells += tag("td", count or "", style=style, title=f"{share:.1%}")
        rows.append(tag("tr", cells))
    text = tag("p", told, klass="soft")
    return table("<td></td>" + "".join(heads), rows, klass="matrix") + text


def mistakes(images, shown, files, heats=None):
    """Return images with what they were taken for, and heat that a switch lays over them."""
    figures = ""
    for k, (image, row) in enumerate(zip(images, shown.itertuples(), strict=True)):
        predicted = label_text(row.predicted, row.predicted_probability)
        true = "is " + label_text(row.true, row.true_probability)
        shown_as = picture(image, f"{row.predicted} taken for {row.true}")
        if heats is not None:
            shown_as = tag("div", shown_as + _layer(heats[k]), klass="layers")
        figures += figure(shown_as, predicted, true, files and files[k])
    return tag("div", figures, klass="mistakes")


def figure(shown, first, second, file=None):
    """Return pictures with two lines of text, and the name of a file if there is one."""
    told = tag("b", escape(first)) + tag("i", escape(second))
    if file:
        # The whole path is shown when pointed at: folders are long, and alike.
        told += tag("small", escape(os.path.basename(file)), title=escape(file))
    return tag("figure", shown + tag("figcaption", told))


def _layer(heat):
    small = Image.fromarray(heat)
    small.thumbnail((_HEAT, _HEAT))
    source = data_uri(Image.fromarray(tinted(np.asarray(small))), kind="PNG", optimize=True)
    return f'<img class="heat" src="{source}" alt="">'


def picture(image, alt):
    """Return an image as an element that holds its pixels."""
    small = max(image.shape[:2]) < _PHOTO
    options = {"kind": "PNG", "optimize": True} if small else {"kind": "JPEG", "quality": 80}
    source = data_uri(Image.fromarray(image), **options)
    return f'<img class="{"small" if small else ""}" src="{source}" alt="{escape(alt)}">'


def seconds_text(seconds):
    """Return a time in words."""
    short = f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
    return short if seconds < 60 else str(timedelta(seconds=round(seconds)))


def _breakable(text):
    """Escape text, and let long names break behind an underline, and words somewhere."""
    return "<wbr>".join(map(escape, re.findall(r"[^_\s]{0,24}(?:_|\s+|$|(?=\S))", str(text))))


def _is_missing(value):
    return isinstance(value, (float, np.floating)) and math.isnan(value)
