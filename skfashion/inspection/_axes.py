"""Axes of parameters: linear, logarithmic or of categories, and the range that was searched."""

import math
from dataclasses import dataclass

import numpy as np

from skfashion.inspection import _style, _values

# Up to so many values stand on the axis themselves, in place of round numbers.
_FEW = 6
# Less than this factor is not a logarithmic axis, however even the steps.
_WIDE = 4
_SLANT = 40  # degrees
# How near to an end of its range, as a share of it, a value counts as lying there.
_AT_END = 0.02


@dataclass(frozen=True)
class Range:
    """The numbers that a search chose a parameter from."""

    low: float
    high: float
    log: bool
    tried: tuple = ()  # all of them, where they are a list

    def end_of(self, value):
        """Return "lower" or "upper" for a value at an end of the range, else None."""
        scale = math.log if self.log else float
        low, high = scale(self.low), scale(self.high)
        near = 1e-9 if self.tried else _AT_END
        place = (scale(value) - low) / (high - low)
        return "lower" if place <= near else "upper" if place >= 1 - near else None


@dataclass(frozen=True)
class Axis:
    """An axis for the values of one parameter."""

    kind: str  # "linear", "log" or "category"
    places: np.ndarray  # of the values: numbers, or indices of categories
    ticks: dict  # place -> text; empty where round numbers do
    limits: tuple | None = None  # of the range that was searched

    def as_categories(self):
        """Return an axis on which each value has a place, an equal step from the next."""
        distinct, places = np.unique(self.places, return_inverse=True)
        is_category = self.kind == "category"
        texts = self.ticks.values() if is_category else _values.value_texts(distinct.tolist())
        return Axis("category", places, dict(enumerate(texts)))


def axis_of(values, searched=None, *, log=True):
    """Choose an axis: that of the range that was searched, or what the values look like."""
    if not all(_values.is_number(value) for value in values):
        texts = _values.categories_of(values)
        known = list(dict.fromkeys(text for _, text in sorted(texts)))
        places = np.array([known.index(text) for _, text in texts], dtype=float)
        return Axis("category", places, dict(enumerate(known)))
    numbers = np.array(values, dtype=float)
    log = log and (_spans_orders(numbers) if searched is None else searched.log)
    distinct = np.unique(numbers)
    gaps = np.diff(np.log(distinct) if log else distinct)
    # Numbers that lie too close to each other would be written over each other.
    apart = not len(gaps) or gaps.min() > 0.09 * gaps.sum()
    few = distinct.tolist() if len(distinct) <= _FEW and apart else []
    whole = searched is not None and not searched.tried
    limits = (searched.low, searched.high) if whole else None
    ticks = {} if whole else dict(zip(few, _values.value_texts(few), strict=True))
    return Axis("log" if log else "linear", numbers, ticks, limits)


def show_axis(ax, side, name, axis, longest=24):
    """Give the "x" or "y" axis of a plot its name, scale and ticks of so many characters."""
    from matplotlib import ticker

    log = axis.kind == "log"
    ax.set(**{f"{side}scale": "log" if log else "linear"})
    shown = getattr(ax, f"{side}axis")
    if axis.limits:
        getattr(ax, f"set_{side}lim")(axis.limits)
    if name is not None:
        shown.set_label_text(_style.as_it_is(f"{name} (log)" if log else name), color=_style.INK)
    shown.set_minor_locator(ticker.NullLocator())
    if not axis.ticks:
        low, high = axis.limits or (axis.places.min(), axis.places.max())
        steps = (1,) if log and high / low >= 100 else (1, 2, 5)
        shown.set_major_locator(
            ticker.LogLocator(subs=steps, numticks=6) if log else ticker.MaxNLocator(5)
        )
        shown.set_major_formatter(lambda number, _: _values.number_text(number))
        return
    room = _style.size_of(ax)[side == "y"]
    places = list(axis.ticks)[:: math.ceil(1.9 * _style.SMALL * len(axis.ticks) / room)]
    across = _style.characters(room) // len(places) - 1 if side == "x" else longest
    # Only a layout engine makes room for long names.
    longest = longest if ax.figure.get_layout_engine() else min(12, longest)
    level = side == "x" and across >= 12
    texts = _values.shortened([axis.ticks[place] for place in places], across if level else longest)
    slant = {"rotation": _SLANT, "ha": "right", "va": "top", "rotation_mode": "anchor"}
    slant = slant if max(map(len, texts)) > across else {}
    shown.set_ticks(places, [_style.as_it_is(text) for text in texts], **slant)


def ranges_of(search):
    """Return the range of each parameter that a search chose among numbers, by short name."""
    known = {}
    for attribute in ("search_spaces", "param_distributions", "param_grid"):
        given = getattr(search, attribute, None) or []
        for space in [given] if isinstance(given, dict) else given:
            # BayesSearchCV takes (space, number of candidates), too.
            space = space if isinstance(space, dict) else space[0]
            for name, dimension in space.items():
                known.setdefault(name, []).append(_range_of(dimension))
    short = _values.short_names(list(known))
    return {
        name: found[0]
        for name, found in zip(short, known.values(), strict=True)
        if len(set(found)) == 1 and found[0] is not None
    }


def _range_of(dimension):
    """Return the range of a list, of a distribution of SciPy or Optuna, or of one of skopt."""
    if hasattr(dimension, "dist"):
        low, high = map(float, dimension.support())
        log = dimension.dist.name in ("loguniform", "reciprocal")
    elif hasattr(dimension, "low"):
        low, high = float(dimension.low), float(dimension.high)
        log = getattr(dimension, "log", getattr(dimension, "prior", None) == "log-uniform")
    else:
        values = list(dimension) if isinstance(dimension, (list, tuple, np.ndarray)) else []
        if len(values) < 3 or not all(_values.is_number(value) for value in values):
            return None
        numbers = sorted(map(float, values))
        return Range(numbers[0], numbers[-1], _spans_orders(np.array(numbers)), tuple(numbers))
    if not math.isfinite(high - low) or low >= high or (log and low <= 0):
        return None
    return Range(low, high, bool(log))


def _spans_orders(numbers):
    """Whether numbers span a factor of ten, or of four in steps of an equal factor."""
    distinct = np.unique(numbers)
    if distinct[0] <= 0:
        return False
    ratios, span = distinct[1:] / distinct[:-1], distinct[-1] / distinct[0]
    even = len(ratios) >= 2 and bool(np.allclose(ratios, ratios[0]))
    return span >= 10 or (span >= _WIDE and even)
