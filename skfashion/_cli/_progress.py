"""The line a candidate gets: its score, the best so far, the time left, its parameters."""

import math
import time

from skfashion._cli._console import say

# What the time left is reckoned from. Few, because a search that is continued reads its
# first candidates back in no time.
_NEWEST = 5


class CandidateTable:
    """Prints a table while it comes about, one line a candidate."""

    def __init__(self, total, prefix="classifier__"):
        self._total = total
        self._prefix = prefix
        self._columns = None
        self.n_done = 0
        self._best = -math.inf
        self._ends = [time.monotonic()]

    def add(self, parameters, scores):
        """Print the line of a candidate."""
        if self._columns is None:
            self._begin(parameters)
        self.n_done += 1
        self._ends.append(time.monotonic())
        score = sum(scores) / len(scores)
        if score > self._best:
            self._best = score
        values = [
            f"{self.n_done}/{self._total}",
            "failed" if math.isnan(score) else f"{score:.4f}",
            "" if self._best == -math.inf else f"{self._best:.4f}",
            self._left(),
            *(_short(parameters.get(name)) for name in self._names),
        ]
        self._print(values)

    def _begin(self, parameters):
        self._names = list(parameters)
        n = 2 * len(str(self._total)) + 1
        headers = [("candidate", n), ("score", 6), ("best", 6), ("time left", 8)]
        # Text such as 512-256-128 is longer than a number.
        headers += [
            (name.removeprefix(self._prefix), 11 if isinstance(value, str) else 8)
            for name, value in parameters.items()
        ]
        # A name of several words stands in several lines: values are short.
        words = [header.replace("_", " ").split() for header, _ in headers]
        self._columns = [
            max(width, *map(len, parts)) for parts, (_, width) in zip(words, headers, strict=True)
        ]
        height = max(map(len, words))
        for line in range(height):
            self._print([([""] * (height - len(parts)) + parts)[line] for parts in words])

    def _left(self):
        newest = self._ends[-1 - _NEWEST :]
        each = (newest[-1] - newest[0]) / (len(newest) - 1)
        seconds = each * (self._total - self.n_done)
        return _clock(seconds) if self.n_done < self._total else ""

    def _print(self, values):
        pairs = zip(values, self._columns, strict=True)
        say("  ".join(value.rjust(width) for value, width in pairs).rstrip())


def _clock(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02d}"


def _short(value):
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value)
