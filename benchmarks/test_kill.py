"""A search that is killed half way and run again."""

import os
import signal
import time

import pytest

from benchmarks.harness import Side, finish, start, wait_for
from benchmarks.requirements import needs

_SETTINGS = {
    "dense": ({"n": 6000, "folds": 3}, {"n": 600}),
    "mobilenet": ({"n": 1200, "folds": 2}, {"n": 60}),
}
_DATA = {"dense": ["fashion"], "mobilenet": ["intel-scenes", "imagenet"]}


@pytest.mark.parametrize("problem", _SETTINGS)
def test_killed_half_way(bench, tmp_path, problem):
    needs(*_DATA[problem])
    settings = {"problem": problem, **bench.sizes(*_SETTINGS[problem])}
    title = f"GridSearchCV on a store, {problem}: killed half way by SIGKILL, then run again"
    with bench.record(f"killed_{problem}", title, settings, repeat=1) as record:
        for turn in range(record.rounds):
            _round(record, tmp_path, turn)
        whole = record.median("never killed")
        both = record.median("killed") + record.median("run again")
        detail = f"{both:.1f} s in two parts against {whole:.1f} s"
        step = record.last("run again")["step"]
        # A second process traces its networks again, which no store can spare it: a few
        # seconds, much beside this search and little beside one worth killing.
        what = "time of both parts over that of a run never killed, imports excluded"
        record.figure(what, both / whole, detail=detail, step=step)
        begun = [o["steps_begun"] for o in record.of("killed")]
        again = [o["steps"] for o in record.of("run again")]
        steps = record.last("never killed")["steps"]
        ratio = max(a + b for a, b in zip(begun, again, strict=True)) / steps
        what = "training steps of both parts, a begun epoch counted in full, over never killed"
        record.figure(what, ratio, at_most=1.1, detail=f"{steps:,} steps never killed", step=step)
        one, other = (record.last(s)["cv_results"] for s in ("never killed", "run again"))
        record.check("cv_results_ equal but for times", one == other)


def _round(record, tmp_path, turn):
    folder = tmp_path / str(turn)
    folder.mkdir()

    def side(name, store, log):
        private = {"memory": str(folder / store), "progress": str(folder / log)}
        return Side(name, "grid", private=lambda turn: private)

    whole = side("never killed", "whole", "whole.log")
    outcome = finish(start("searches", whole, record.settings), whole.name)
    record.add("searches", whole, outcome, turn)
    killed = side("killed", "killed", "killed.log")
    process = start("searches", killed, record.settings)
    log = folder / "killed.log"
    half = outcome["steps"] / 2
    assert wait_for(lambda: _begun(log) > half, process), "it ended before it could be killed"
    os.kill(process.pid, signal.SIGKILL)
    ended = time.time()
    process.communicate()
    begun = float(log.read_text().split()[0])
    counts = {"seconds": ended - begun, "steps_begun": _begun(log)}
    record.add("searches", killed, counts, turn)
    again = side("run again", "killed", "again.log")
    record.add("searches", again, finish(start("searches", again, record.settings)), turn)


def _begun(log):
    """Return the steps of all epochs begun, the first line being the time of the start."""
    if not log.exists():
        return 0
    return sum(int(line) for line in log.read_text().splitlines()[1:])
