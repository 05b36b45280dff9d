"""Values worth trying, as classifiers declare them, for no search in particular."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """One of some values; `grid` are those worth a place in a grid; empty leaves it out."""

    values: tuple
    grid: tuple = ()


@dataclass(frozen=True)
class Number:
    """A number between `low` and `high`, both included; an int if both are.

    With `log`, orders of magnitude are alike, rather than differences. `unless` is the name of
    another parameter and the value of it beside which this one changes nothing.
    """

    low: float
    high: float
    log: bool = False
    grid: tuple = ()
    unless: tuple | None = None

    @property
    def is_int(self):
        """Whether the range is one of ints."""
        return isinstance(self.low, int) and isinstance(self.high, int)
