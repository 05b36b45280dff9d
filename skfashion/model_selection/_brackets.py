"""The arithmetic of Hyperband: who runs how long."""

import math

import pandas as pd


def plan_brackets(max_resources, min_resources, factor):
    """Tabulate the rungs of each bracket, the widest bracket first.

    A bracket's number is that of its rungs after the first one, as Li et al. number brackets; of
    each rung's candidates the best go on to the next.
    """
    last = 0
    # Multiplied up, since log(243, 3) is less than 5.
    while min_resources * factor ** (last + 1) <= max_resources:
        last += 1
    rungs = []
    for bracket in range(last, -1, -1):
        n_first = math.ceil(round((last + 1) * factor**bracket / (bracket + 1), 9))
        before = 0
        for i in range(bracket + 1):
            n = max(1, _floor(n_first / factor**i))
            resources = max(min_resources, _floor(max_resources / factor ** (bracket - i)))
            rungs.append((bracket, i, n, resources, n * resources, n * (resources - before)))
            before = resources
    columns = ["bracket", "iter", "n_candidates", "n_resources", "total", "total_continued"]
    return pd.DataFrame(rungs, columns=columns)


def _floor(x):
    # 80.99999999999999 candidates are 81.
    return math.floor(round(x, 9))
