"""Write down each candidate of a search, and end the search when it has found enough."""

import time
from contextlib import contextmanager, suppress


class Ended(BaseException):
    """The search is over: no `except Exception` of a search is to take it for a failure."""


class Watch:
    """Takes the scores of the folds one by one.

    Parameters
    ----------
    target : float
        Mean score at which a search has done its work.
    folds : int
        Scores that make a candidate.
    budget_seconds, budget_epochs : float
        Spent without the target, the search ends; epochs are counted a fold.
    """

    def __init__(self, target, folds, budget_seconds, budget_epochs):
        self.target, self.folds = target, folds
        self.budget_seconds, self.budget_epochs = budget_seconds, budget_epochs
        self.ended = "searched"  # everything there was
        self.trace = []
        self._settings = set()
        self._scores = []

    @contextmanager
    def running(self, epochs):
        """Let a search run until it is ended; `epochs` tells how many were trained so far."""
        self._epochs, self._started = epochs, time.perf_counter()
        with suppress(Ended):
            yield

    def fold(self, setting, score):
        """Take the score of one fold; all folds of a candidate come one after the other.

        Parameters
        ----------
        setting : dict
            What makes it another candidate; how long it was trained doesn't.
        score : float

        Raises
        ------
        Ended
            When the target is reached or the budget is spent.
        """
        self._scores.append(score)
        if len(self._scores) < self.folds:
            return
        mean = sum(self._scores) / self.folds
        self._scores = []
        self._settings.add(repr(sorted(setting.items())))
        seconds, epochs = time.perf_counter() - self._started, self._epochs() / self.folds
        self.trace.append([seconds, epochs, len(self._settings), mean])
        if mean >= self.target:
            self.ended = "reached"
        elif seconds >= self.budget_seconds:
            self.ended = "out of time"
        elif epochs >= self.budget_epochs:
            self.ended = "out of epochs"
        else:
            return
        raise Ended

    def outcome(self):
        """Return what came of it: seconds, epochs a fold and candidates until the end."""
        seconds, epochs, candidates, _ = self.trace[-1]
        return {
            "reached": self.ended == "reached",
            "ended": self.ended,
            "seconds": seconds,
            "epochs_a_fold": epochs,
            "candidates": candidates,
            "evaluations": len(self.trace),
            "best_score": max(mean for *_, mean in self.trace),
            "trace": self.trace,
        }
