"""The table that a search with ``verbose=1`` shows while it runs: a row a candidate."""

import math
import time

import numpy as np
from scipy.optimize import nnls

from skfashion._utils.tables import GrowingTable, short

# Where nothing is known of epochs, this part of a candidate's time counts as independent of them:
# halfway, in orders of magnitude, between none and all of it.
_FIXED = 0.7
# What took less than this part of another one's time was read back from an earlier search.
_READ_BACK = 0.1


class CandidateTable:
    """Shows candidates as they are done: score, best so far, time left, parameters.

    `spaces` hold the values of parameters by name, and `epochs` is what each candidate is trained
    for, in whatever unit. Training the best takes as long as `refit` candidates. `idle` are
    parameters that change nothing, each with another one's name and value beside which it does.
    `epoch_seconds` tells, when called, what an epoch of a candidate takes, or None.
    """

    def __init__(self, spaces, epochs, *, idle, refit, epoch_seconds=None):
        self._total = len(epochs)
        self._costs = np.array([*([1, each] for each in epochs), [refit, refit * max(epochs)]])
        self._idle = idle
        self._epoch_seconds = epoch_seconds if len(set(epochs)) > 1 else None
        self._best = -math.inf
        self._seconds = []
        self._last = time.monotonic()
        widths = {}
        for name, values in (item for space in spaces for item in space.items()):
            widths[name] = max(widths.get(name, 0), _width(values))
        self._names = list(widths)
        shown = [name.rpartition("__")[2] for name in widths]
        shown = shown if len(set(shown)) == len(shown) else self._names
        numbers = {"no.": len(f"{self._total}/{self._total}"), "score": 6, "best": 6}
        widths = dict(zip(shown, widths.values(), strict=True))
        self._table = GrowingTable({**numbers, "time left": 5}, widths)

    @property
    def n_done(self):
        """How many candidates are done."""
        return len(self._seconds)

    def add(self, candidates, scores):
        """Show the rows of candidates that were evaluated together."""
        now = time.monotonic()
        first = self.n_done + 1
        self._seconds += [(now - self._last) / len(candidates)] * len(candidates)
        self._last = now
        epoch = self._epoch_seconds() if self._epoch_seconds else None
        minutes, seconds = divmod(round(seconds_left(self._costs, self._seconds, epoch)), 60)
        for number, (candidate, score) in enumerate(zip(candidates, scores, strict=True), first):
            is_best = score > self._best
            self._best = score if is_best else self._best
            numbers = [
                f"{number}/{self._total}",
                "failed" if math.isnan(score) else f"{score:.4f}",
                "" if self._best == -math.inf else f"{self._best:.4f}",
                f"{minutes}:{seconds:02d}",
            ]
            values = [self._value(name, candidate) for name in self._names]
            self._table.add(numbers, values, "bold" if is_best else None)

    def done(self, *, late, refit):
        """Say that no candidate follows."""
        if late:
            self._table.say(f"\nTime is up after {self.n_done} of {self._total} candidates.")
        if refit:
            self._table.say("\nTraining the best on all images ...")

    def _value(self, name, candidate):
        other, value = self._idle.get(name, (None, None))
        if name not in candidate or (other in candidate and candidate[other] == value):
            return "-"
        return short(candidate[name])


def _width(values):
    """Return how long the text of a parameter's values is, for a distribution of some of them."""
    values = getattr(values, "categories", values)
    some = values.rvs(20, random_state=0) if hasattr(values, "rvs") else values
    return max(len(short(value)) for value in some)


def seconds_left(costs, seconds, epoch=None):
    """Estimate how long all takes that isn't done yet, from what the first candidates took.

    `costs` are fits and epochs of each candidate and of the refit, `epoch` what an epoch takes.
    """
    known, took = costs[: len(seconds)], np.array(seconds)
    if len(took) > 2:
        known, took = known[1:], took[1:]  # the first reads images and compiles for the others
    longest = [took[known[:, 1] <= cost].max() for cost in known[:, 1]]
    counts = took > _READ_BACK * np.array(longest)
    known, took = known[counts], took[counts]
    if (known == known[0]).all():
        fixed = _FIXED if epoch is None else max(0, 1 - epoch * known[0, 1] / took.mean())
        each = took.mean() * np.array([fixed, (1 - fixed) / known[0, 1]])
    else:
        each = nnls(known, took)[0]
    return float(costs[len(seconds) :].sum(axis=0) @ each)
