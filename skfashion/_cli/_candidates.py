"""What a search tells while it runs: a line a candidate, and how long it will take."""

import math
import time

import numpy as np
from scipy.optimize import nnls

from skfashion._cli._console import ParameterTable, say, short
from skfashion._utils.search_values import Choice

# Where nothing is known of epochs, this part of a candidate's time counts as independent of them:
# halfway, in orders of magnitude, between none and all of it.
_FIXED = 0.7
# Of the longest candidate: what took less was read back from an earlier search.
_READ_BACK = 0.1


class CandidateTable:
    """Prints candidates as they are done: score, best so far, time left, parameters.

    `declared` are the parameters' values, by name, and `epochs` those that each candidate is
    trained for. Training the best takes as long as `refit` candidates. No candidate is begun
    after `end`; `resumed` says that some may be read back; `epoch_seconds` tells, when called,
    what an epoch of a candidate takes, or None.
    """

    def __init__(
        self, declared, epochs, *, refit=0, step=1, end=math.inf, resumed=False, epoch_seconds=None
    ):
        self.step = step
        self.total = len(epochs)
        self.n_done = 0
        self._declared = declared
        self._costs = np.array([*([1, each] for each in epochs), [refit, refit * max(epochs)]])
        self._end = end
        self._resumed = resumed
        self._epoch_seconds = epoch_seconds if len(set(epochs)) > 1 else None
        self._best = -math.inf
        self._seconds = []
        self._last = time.monotonic()
        numbers = {"no.": len(f"{self.total}/{self.total}"), "score": 6, "best": 6, "time left": 5}
        widths = {name: _width(values) for name, values in declared.items()}
        self._table = ParameterTable(numbers, widths)

    def add(self, candidates, scores):
        """Print the lines of candidates; return whether it is too late for others."""
        now = time.monotonic()
        self._seconds += [(now - self._last) / len(candidates)] * len(candidates)
        self._last = now
        epoch = self._epoch_seconds() if self._epoch_seconds else None
        left = seconds_left(self._costs, self._seconds, resumed=self._resumed, epoch=epoch)
        minutes, seconds = divmod(round(left), 60)
        for candidate, score in zip(candidates, scores, strict=True):
            parameters = {name.rpartition("__")[2]: value for name, value in candidate.items()}
            self._print(parameters, score, f"{minutes}:{seconds:02d}")
        return self._is_late()

    def done(self):
        """Say that no candidate follows."""
        if self._is_late():
            say(f"\nTime is up after {self.n_done} of {self.total} candidates.")
        say("\nTraining the best on all images ...")

    def _is_late(self):
        return self.n_done < self.total and time.monotonic() > self._end

    def _print(self, parameters, score, left):
        self.n_done += 1
        if score > self._best:
            self._best = score
        numbers = [
            f"{self.n_done}/{self.total}",
            "failed" if math.isnan(score) else f"{score:.4f}",
            "" if self._best == -math.inf else f"{self._best:.4f}",
            left,
        ]
        values = [self._value(name, parameters) for name in self._declared]
        say(self._table.line(numbers, values, header=self.n_done == 1))

    def _value(self, name, parameters):
        """Return a parameter's value as text, a dash if it changes nothing."""
        unless = getattr(self._declared[name], "unless", None)
        if name not in parameters or (unless and parameters.get(unless[0], unless) == unless[1]):
            return "-"
        return short(parameters[name])


def _width(values):
    """Return how long the text of a parameter's values is at most."""
    if isinstance(values, Choice):
        return max(len(short(value)) for value in values.values)
    return len(str(values.high)) if values.is_int else 8


def seconds_left(costs, seconds, *, resumed=False, epoch=None):
    """Estimate how long all takes that isn't done yet, from what the first candidates took.

    `costs` are fits and epochs of each candidate and of the refit, `epoch` what an epoch takes.
    """
    known, took = costs[: len(seconds)], np.array(seconds)
    counts = np.full(len(took), True)
    if len(took) > 2:
        counts[0] = False  # it reads images and compiles for the others
    if resumed:
        counts &= took > _READ_BACK * took.max()
    if counts.any():
        known, took = known[counts], took[counts]
    if (known == known[0]).all():
        fixed = _FIXED if epoch is None else max(0, 1 - epoch * known[0, 1] / took.mean())
        each = took.mean() * np.array([fixed, (1 - fixed) / known[0, 1]])
    else:
        each = nnls(known, took)[0]
    return float(costs[len(seconds) :].sum(axis=0) @ each)
