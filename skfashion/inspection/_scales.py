"""Where values of a parameter stand on an axis: numbers, orders of magnitude, categories."""

import math
import re
from collections import Counter
from dataclasses import dataclass
from numbers import Number, Real

import numpy as np

_ABSENT = "\N{EN DASH}"
# Up to so many values stand on the axis themselves, in place of round numbers.
_FEW = 6
# Of the length of an axis: two ticks nearer than this would be written over each other.
_NEAR = 0.065
# Fewer orders than this are no logarithmic axis, however even the steps.
_WIDE = 4
# Of a number, as far as that tells it from others.
_DIGITS = 3
_CUT = "\N{HORIZONTAL ELLIPSIS}"


@dataclass(frozen=True)
class Scale:
    """An axis for the values of one parameter."""

    kind: str
    positions: np.ndarray
    ticks: list


def scale_of(values, *, log=True):
    """Choose an axis for values.

    Positive numbers that span a factor of ten or more, or of four or more in steps that are
    each the same multiple of the last, stand on a logarithmic axis, other numbers on a
    linear one. With anything else among them they are categories: None and what is absent
    first, then numbers by size, then text in natural order.
    """
    if all(is_number(value) for value in values):
        numbers = np.array(values, dtype=float)
        low, high = numbers.min(), numbers.max()
        distinct = np.unique(numbers)
        log = log and low > 0 and (high / low >= 10 or _is_geometric(distinct))
        if len(distinct) <= _FEW:
            ticks = distinct
        else:
            ticks = np.array(_log_ticks(low, high) if log else _linear_ticks(low, high))
        place = np.log if log else np.asarray
        positions = _unit(place(numbers), place(low), place(high))
        where = _unit(place(ticks), place(low), place(high)).tolist()
        ticks = thinned(list(zip(where, value_texts(ticks), strict=True)))
        return Scale("log" if log else "linear", positions, ticks)
    texts = value_texts(values)
    first = dict(zip(reversed(texts), reversed(values), strict=True))
    known = sorted(first, key=lambda text: _rank(first[text], text))
    step = 1 / max(1, len(known) - 1)
    place = {text: i * step if len(known) > 1 else 0.5 for i, text in enumerate(known)}
    positions = np.array([place[text] for text in texts])
    return Scale("category", positions, [(place[text], text) for text in known])


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
    digits = _DIGITS
    while digits < 17 and len({number_text(n, digits) for n in numbers}) < len(numbers):
        digits += 1
    known, alike = {}, Counter()
    for key, value in distinct.items():
        text = number_text(value, digits) if is_number(value) else value_text(value)
        alike[text] += 1
        known[key] = text if alike[text] == 1 else f"{text} ({alike[text]})"
    return [known[key] for key in keys]


def number_text(number, digits=_DIGITS):
    """Return a number as short text, and no fraction as a whole number."""
    number = float(number)
    if number.is_integer():
        return str(int(number)) if abs(number) < 1e7 else f"{number:.{digits}g}"
    while digits < 17 and float(f"{number:.{digits}g}").is_integer():
        digits += 1
    return f"{number:.{digits}g}"


def thinned(ticks, near=_NEAR, *, keep=None):
    """Leave out ticks that would be written over others."""
    kept = [tick for tick in ticks if keep is not None and math.isclose(tick[0], keep)][:1]
    for tick in ticks:
        # A little less is near enough: steps are not exact.
        if all(abs(tick[0] - at) >= near * (1 - 1e-9) for at, _ in kept):
            kept.append(tick)
    return sorted(kept)


def shortened(texts, longest):
    """Shorten texts in the middle; those that this makes the same, to where they differ."""
    head = longest // 2
    short = {
        text: text if len(text) <= longest else text[:head] + _CUT + text[1 + head - longest :]
        for text in texts
    }
    alike = {}
    for text, cut in short.items():
        alike.setdefault(cut, []).append(text)
    for same in alike.values():
        if len(same) > 1:
            differs = (i for i, each in enumerate(zip(*same, strict=False)) if len(set(each)) > 1)
            start = next(differs, min(map(len, same))) - 1
            for text in same:
                part = text[start : start + longest - 2]
                short[text] = _CUT + part + (_CUT if start + longest - 2 < len(text) else "")
    return [short[text] for text in texts]


def short_names(names):
    """Leave out the steps of a Pipeline in names of parameters where nothing gets lost."""
    short = [name.rpartition("__")[2] for name in names]
    return {
        name: last if short.count(last) == 1 else name
        for name, last in zip(names, short, strict=True)
    }


def columns_of(params):
    """Return the values of each parameter of some candidates that isn't the same in all."""
    names = list(dict.fromkeys(name for each in params for name in each))
    columns = {name: [each.get(name, _ABSENT) for each in params] for name in names}
    varied = {
        name: values
        for name, values in columns.items()
        if len({_identity(value) for value in values}) > 1
    }
    return varied or columns


def _identity(value):
    """Return what values share that are the same: how they look, but for numbers and functions."""
    if is_number(value):
        return value
    return value_text(value), id(value) if callable(value) and hasattr(value, "__name__") else None


def _unit(values, low, high):
    span = high - low
    return (values - low) / span if span else np.full(np.shape(values), 0.5)


def _is_geometric(distinct):
    ratios = distinct[1:] / distinct[:-1]
    wide = distinct[-1] / distinct[0] >= _WIDE
    return len(ratios) >= 2 and wide and bool(np.allclose(ratios, ratios[0]))


def _log_ticks(low, high):
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in ((1,), (1, 3), (1, 2, 5)):
        ticks = [d * 10.0**n for n in decades for d in digits if low <= d * 10.0**n <= high]
        if len(ticks) >= 3:
            return ticks
    return [low, high]


def _linear_ticks(low, high):
    if low == high:
        return [low]
    size = 10.0 ** math.floor(math.log10((high - low) / 4))
    for m in (10, 5, 2, 1):
        step = size * m
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first >= 2:
            break
    # Rounded, or 3 * 0.1 would be 0.30000000000000004.
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


def _rank(value, text):
    """Return what categories are sorted by: None, what is absent, numbers, text."""
    if value is None or text == _ABSENT:
        return (0, value is not None, [])
    if isinstance(value, Real) and not isinstance(value, (bool, np.bool_)) and value == value:
        return (1, float(value), [])
    return (2, 0, _natural(text))


def _natural(text):
    # Numbers in text as numbers, those with a point or an exponent too.
    parts = re.split(r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?)", text)
    return [(float(p), "") if i % 2 else (-1.0, p) for i, p in enumerate(parts) if p]
