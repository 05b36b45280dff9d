"""Values worth trying, as classifiers declare them, for no search in particular."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """One of some values; `grid` are those worth a place in a grid; empty leaves it out."""

    values: tuple
    grid: tuple = ()


@dataclass(frozen=True)
class Number:
    """A number from `low` to `high`; an int if both are. With `log`, orders of magnitude are alike.

    `unless` is name and value of another parameter beside which this one changes nothing.
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
