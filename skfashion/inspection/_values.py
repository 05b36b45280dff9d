"""Values of parameters: as text, and by column."""

import math
import re
from collections import Counter
from numbers import Number, Real

import numpy as np

_ABSENT = "\N{EN DASH}"
_CUT = "\N{HORIZONTAL ELLIPSIS}"


def categories_of(values):
    """Return rank and text of each value: None and what is absent, numbers by size, text."""
    texts = value_texts(values)
    first = dict(zip(reversed(texts), reversed(values), strict=True))
    return [(_rank(first[text], text), text) for text in texts]


def is_number(value):
    """Whether a value is a finite number, bools not counted."""
    return (
        isinstance(value, Number)
        and not isinstance(value, (bool, np.bool_, complex))
        and math.isfinite(value)
    )


def value_text(value):
    """Return a value of a parameter as short text."""
    if is_number(value):
        return number_text(value)
    if isinstance(value, str):
        return value
    return getattr(value, "__name__", None) or re.sub(r"\s+", " ", str(value))


def value_texts(values):
    """Return values as short texts, different values as different ones."""
    keys = [_identity(value) for value in values]
    distinct = dict(zip(keys, values, strict=True))
    numbers = [value for value in distinct.values() if is_number(value)]
    digits = 3
    while digits < 17 and len({number_text(n, digits) for n in numbers}) < len(numbers):
        digits += 1
    known, alike = {}, Counter()
    for key, value in distinct.items():
        text = number_text(value, digits) if is_number(value) else value_text(value)
        alike[text] += 1
        known[key] = text if alike[text] == 1 else f"{text} ({alike[text]})"
    return [known[key] for key in keys]


def number_text(number, digits=3):
    """Return a number as short text, and no fraction as a whole number."""
    number = float(number)
    if number.is_integer():
        return str(int(number)) if abs(number) < 1e7 else f"{number:.{digits}g}"
    while digits < 17 and float(f"{number:.{digits}g}").is_integer():
        digits += 1
    return f"{number:.{digits}g}"


def shortened(texts, longest):
    """Shorten texts in the middle; those that this makes the same, to where they differ."""
    head = longest // 2
    cut = {
        text: text if len(text) <= longest else text[:head] + _CUT + text[1 + head - longest :]
        for text in texts
    }
    short = dict(cut)
    for text in cut:
        same = [other for other in cut if cut[other] == cut[text]]
        if len(same) > 1:
            differs = (i for i, each in enumerate(zip(*same, strict=False)) if len(set(each)) > 1)
            start = max(0, next(differs, longest) - 1)
            short[text] = _CUT + text[start : start + longest - 1]
    return [short[text] for text in texts]


def short_names(names):
    """Leave out the steps of a Pipeline in names of parameters where nothing gets lost."""
    short = [name.rpartition("__")[2] for name in names]
    return [
        last if short.count(last) == 1 else name for name, last in zip(names, short, strict=True)
    ]


def columns_of(params, wanted=None):
    """Return values of parameters by short name; None wanted: of those that differ."""
    names = list(dict.fromkeys(name for each in params for name in each))
    short = dict(zip(names, short_names(names), strict=True))
    columns = {name: [each.get(name, _ABSENT) for each in params] for name in names}
    if wanted is None:
        varied = [n for n in names if len({_identity(value) for value in columns[n]}) > 1]
        return {short[name]: columns[name] for name in varied or names}
    chosen = {}
    for each in [wanted] if isinstance(wanted, str) else wanted:
        found = [name for name in names if each in (name, short[name])]
        if not found:
            raise ValueError(
                f"params: {each!r} was not searched; the search has {', '.join(map(repr, names))}."
            )
        chosen[short[found[0]]] = columns[found[0]]
    return chosen


def _identity(value):
    """Return what values share that are the same: how they look, but for numbers and functions."""
    if is_number(value):
        return value
    return value_text(value), id(value) if callable(value) and hasattr(value, "__name__") else None


def _rank(value, text):
    """Return what categories are sorted by: None, what is absent, numbers, text."""
    if value is None or text == _ABSENT:
        return (0, value is not None, [])
    if isinstance(value, Real) and not isinstance(value, (bool, np.bool_)) and value == value:
        return (1, float(value), [])
    # Numbers in text as numbers, those with a point or an exponent too.
    parts = re.split(r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?)", text)
    return (2, 0, [(float(p), "") if i % 2 else (-1.0, p) for i, p in enumerate(parts) if p])
