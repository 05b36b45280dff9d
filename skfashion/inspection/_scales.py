"""Where values of a parameter stand on an axis: numbers, orders of magnitude, categories."""

import math
import re
from dataclasses import dataclass
from numbers import Number

import numpy as np

_ABSENT = "\N{EN DASH}"
# Up to so many values stand on the axis themselves, in place of round numbers.
_FEW = 6
# Of the length of an axis: two ticks nearer than this would be written over each other.
_NEAR = 0.065


@dataclass(frozen=True)
class Scale:
    """An axis for the values of one parameter.

    Attributes
    ----------
    kind : {"linear", "log", "category"}
    positions : ndarray of float
        One a value, in [0, 1].
    ticks : list of (float, str)
        Positions and what stands there.
    """

    kind: str
    positions: np.ndarray
    ticks: list


def scale_of(values):
    """Choose an axis for values.

    Positive numbers that span a factor of ten or more, or are each the same multiple of the
    last, stand on a logarithmic axis, other numbers on a linear one; anything else is a
    category, in natural order.

    Parameters
    ----------
    values : list
        Of any kind; None is a value.

    Returns
    -------
    Scale

    Examples
    --------
    >>> from skfashion.inspection._scales import scale_of
    >>> scale = scale_of([0.001, 0.01, 0.1])
    >>> scale.kind, scale.positions.tolist()
    ('log', [0.0, 0.5, 1.0])
    >>> scale_of(["block_13", None, "block_2"]).ticks
    [(0.0, 'None'), (0.5, 'block_2'), (1.0, 'block_13')]
    """
    if all(is_number(value) for value in values):
        numbers = np.array(values, dtype=float)
        low, high = numbers.min(), numbers.max()
        distinct = np.unique(numbers)
        log = low > 0 and (high / low >= 10 or _is_geometric(distinct))
        if len(distinct) <= _FEW:
            ticks = distinct
        else:
            ticks = np.array(_log_ticks(low, high) if log else _linear_ticks(low, high))
        place = np.log if log else np.asarray
        positions = _unit(place(numbers), place(low), place(high))
        where = _unit(place(ticks), place(low), place(high)).tolist()
        texts = [number_text(tick) for tick in ticks]
        return Scale("log" if log else "linear", positions, _apart(where, texts))
    texts = [value_text(value) for value in values]
    known = sorted(dict.fromkeys(texts), key=_natural)
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


def number_text(number):
    """Return a number as short text.

    Examples
    --------
    >>> from skfashion.inspection._scales import number_text
    >>> [number_text(x) for x in (1, 60000, 0.00017783, 0.25, 1e-6)]
    ['1', '60000', '0.000178', '0.25', '1e-06']
    """
    if float(number).is_integer() and abs(number) < 1e7:
        return str(int(number))
    return f"{float(number):.3g}"


def short_names(names):
    """Leave out the steps of a Pipeline in names of parameters where nothing gets lost.

    Parameters
    ----------
    names : list of str

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> from skfashion.inspection._scales import short_names
    >>> short_names(["densenet__epochs", "pca__n_components"])
    {'densenet__epochs': 'epochs', 'pca__n_components': 'n_components'}
    >>> short_names(["a__size", "b__size"])
    {'a__size': 'a__size', 'b__size': 'b__size'}
    """
    short = [name.rpartition("__")[2] for name in names]
    return {
        name: last if short.count(last) == 1 else name
        for name, last in zip(names, short, strict=True)
    }


def columns_of(params):
    """Return the values of each parameter of some candidates that isn't the same in all.

    Parameters
    ----------
    params : list of dict
        As ``cv_results_["params"]``; one that lacks a parameter gets a dash.

    Returns
    -------
    dict of str to list
    """
    names = list(dict.fromkeys(name for each in params for name in each))
    columns = {name: [each.get(name, _ABSENT) for each in params] for name in names}
    varied = {
        name: values
        for name, values in columns.items()
        if len({value_text(value) for value in values}) > 1
    }
    return varied or columns


def _unit(values, low, high):
    span = high - low
    return (values - low) / span if span else np.full(np.shape(values), 0.5)


def _is_geometric(distinct):
    ratios = distinct[1:] / distinct[:-1]
    return len(ratios) >= 2 and bool(np.allclose(ratios, ratios[0]))


def _apart(where, texts):
    kept = []
    for place, text in zip(where, texts, strict=True):
        if not kept or place - kept[-1][0] >= _NEAR:
            kept.append((place, text))
    return kept


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
    rough = (high - low) / 4
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * m for m in (1, 2, 5, 10) if size * m >= rough)
    first = math.ceil(low / step - 1e-9)
    # Rounded, or 3 * 0.1 would be 0.30000000000000004.
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _natural(text):
    parts = re.split(r"(\d+)", text)
    # None and the like before numbers, numbers as numbers.
    return (text != "None", [(int(p), "") if p.isdigit() else (-1, p) for p in parts if p])
