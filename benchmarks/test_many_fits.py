"""Hundreds of fits in one process."""

import statistics

from benchmarks.harness import Side
from benchmarks.requirements import needs


def test_many_fits(bench):
    needs("fashion")
    full = {"n": 1500, "epochs": 3, "rates": 20, "folds": 5}
    settings = bench.sizes(full, {"n": 100, "epochs": 1, "rates": 4})
    title = "200 fits of one small search"
    with bench.record("many_fits", title, settings) as record:
        record.contest("searches", [Side("skfashion", "many")])
        ratios, grown = zip(*map(_growth, record.of("skfashion")), strict=True)
        step = record.last("skfashion")["step"]
        what = "median time of the last 50 fits over that of the first 20"
        record.figure(what, statistics.median(ratios), at_most=1.1, step=step)
        what = "memory grown from the 20th fit to the last"
        record.figure(what, max(grown) / 1e6, unit="MB", at_most=50, step=step)
        fits = record.last("skfashion")["fits"]
        wanted = 2 * settings["rates"] * settings["folds"]
        record.check(f"{wanted} fits", len(fits) == wanted, len(fits))


def _growth(outcome):
    fits = outcome["fits"]
    times = [fit["seconds"] for fit in fits]
    ratio = statistics.median(times[-50:]) / statistics.median(times[:20])
    return ratio, fits[-1]["rss_bytes"] - fits[19]["rss_bytes"]
