"""What a candidate costs where fitting costs nothing: the search alone."""

import pytest

from benchmarks.harness import Side
from benchmarks.requirements import needs

# First rungs of halving that make about as many rows as Hyperband.
_HALVING = {3: 5, 9: 15, 27: 46, 81: 138}


def _a_candidate(record, ours, peer, what, *, at_least=None):
    """Keep milliseconds a candidate of both, and how many times faster ours is."""
    for outcome in record.outcomes:
        outcome["ms_a_candidate"] = 1000 * outcome["seconds"] / outcome["rows"]
    for side in (ours, peer):
        rows, value = record.last(side)["rows"], record.median(side, "ms_a_candidate")
        record.figure(f"{what}: {side}", value, unit="ms a candidate", detail=f"{rows} rows")
    one, other = (record.median(side, "ms_a_candidate") for side in (ours, peer))
    detail = f"{one:.3g} ms against {other:.3g} ms a candidate"
    record.figure(
        f"{what}: times cheaper than {peer}", other / one, at_least=at_least, detail=detail
    )


@pytest.mark.parametrize("n", [10, 100, pytest.param(200, marks=pytest.mark.slow)])
def test_bayes(bench, n):
    needs("skopt")
    settings = bench.sizes({"n": n, "folds": 3}, {"n": min(n, 12)})
    title = f"Overhead of BayesSearchCV, {n} candidates, five dimensions, 3 folds"
    rounds = {10: 5, 100: 2, 200: 1}[n]  # skopt's takes minutes for 200
    with bench.record(f"overhead_bayes_{n}", title, settings, repeat=rounds) as record:
        record.contest("overhead", [Side("bayes"), Side("skopt")])
        _a_candidate(record, "bayes", "skopt", f"{n} candidates", at_least=1)
        for side in ("bayes", "skopt"):
            rows = record.last(side)["rows"]
            record.check(f"{side}: {settings['n']} rows", rows == settings["n"], rows)
        if n > 10 and not bench.quick:
            ours, theirs = (record.mean(side, "best_score") for side in ("bayes", "skopt"))
            what = "best score not lower than skopt's by more than 0.02"
            record.check(what, ours >= theirs - 0.02, f"{ours:.4f} and {theirs:.4f}")


@pytest.mark.parametrize("max_resources", [9, 27, 81])
def test_hyperband(bench, max_resources):
    settings = {"max_resources": 3 if bench.quick else max_resources, "folds": 3}
    first = _HALVING[settings["max_resources"]]
    halving = Side("halving", settings={"n_candidates": first})
    title = f"Overhead of HyperbandSearchCV to {max_resources} epochs, five dimensions, 3 folds"
    with bench.record(f"overhead_hyperband_{max_resources}", title, settings) as record:
        record.contest("overhead", [Side("hyperband"), halving])
        _a_candidate(record, "hyperband", "halving", "a row")
