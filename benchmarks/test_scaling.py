"""Cost against size: images, candidates and folds doubled, one at a time."""

import pytest

from benchmarks.harness import Side
from benchmarks.requirements import needs

_SETTINGS = {
    "dense": ({"n": 3000, "candidates": 4, "folds": 3}, {"n": 120}),
    "mobilenet": ({"n": 600, "candidates": 4, "folds": 3}, {"n": 48}),
}
_DATA = {"dense": ["fashion"], "mobilenet": ["intel-scenes", "imagenet"]}
_DOUBLED = {"n": "images", "candidates": "candidates", "folds": "folds"}


@pytest.mark.parametrize("problem", _SETTINGS)
def test_cost_against_size(bench, tmp_path, problem):
    needs(*_DATA[problem])
    settings = {"problem": problem, **bench.sizes(*_SETTINGS[problem])}
    title = f"Cost against size, {problem} on a store"

    def side(name, **changed):
        folder = name.replace(" ", "-")
        private = lambda turn: {"memory": str(tmp_path / f"{folder}-{turn}")}  # noqa: E731
        return Side(name, "sized", settings=changed, private=private)

    sides = [side("base")]
    sides += [side(f"{what} x2", **{key: 2 * settings[key]}) for key, what in _DOUBLED.items()]
    with bench.record(f"scaling_{problem}", title, settings) as record:
        record.contest("searches", sides)
        base = record.last("base")
        for key, what in _DOUBLED.items():
            name = f"{what} x2"
            time = record.median(name) / record.median("base")
            size = record.last(name)["store_bytes"] / base["store_bytes"]
            more = 2.0
            if key == "folds":  # more fits, each of them on more of the images
                k = settings["folds"]
                more = (2 * k - 1) / (k - 1)
            detail = f"{more:.2g} times the image passes, {record.last(name)['steps']:,} steps"
            step = base["step"]
            # 5% is what medians of three runs differ by.
            figure = {"at_most": round(1.05 * more, 3), "detail": detail, "step": step}
            record.figure(f"{what} x2: time", time, **figure)
            store = f"{record.last(name)['store_bytes'] / 1e6:.1f} MB in the store"
            record.figure(f"{what} x2: store bytes", size, at_most=2.1, detail=store)
