"""The arithmetic of Hyperband: who runs how long, and who goes on."""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rung:
    """Candidates trained alike, of which the best go on to the next rung.

    `bracket` is the number of rungs after the first of its bracket, as Li et al. number brackets;
    `iter` the number of rungs before this one.
    """

    bracket: int
    iter: int
    n_candidates: int
    n_resources: int
    n_resources_before: int


def plan_brackets(max_resources, min_resources, factor):
    """List the rungs of each bracket, the widest bracket first."""
    last = 0
    # Multiplied up, since log(243, 3) is less than 5.
    while min_resources * factor ** (last + 1) <= max_resources:
        last += 1
    brackets = []
    for bracket in range(last, -1, -1):
        n_candidates = _ceil((last + 1) * factor**bracket / (bracket + 1))
        rungs = []
        for i in range(bracket + 1):
            rungs.append(
                Rung(
                    bracket=bracket,
                    iter=i,
                    n_candidates=max(1, _floor(n_candidates / factor**i)),
                    n_resources=max(min_resources, _floor(max_resources / factor ** (bracket - i))),
                    n_resources_before=rungs[-1].n_resources if rungs else 0,
                )
            )
        brackets.append(rungs)
    return brackets


def best_first(scores):
    """Order candidates that did not fail by score, the best first, ties as they come."""
    scores = np.asarray(scores, dtype=float)
    order = np.argsort(-scores, kind="stable")
    return order[np.isfinite(scores[order])]


def _floor(x):
    # 80.99999999999999 candidates are 81.
    return math.floor(round(x, 9))


def _ceil(x):
    return math.ceil(round(x, 9))
