"""Outcomes kept until a long benchmark is whole, so that it can be interrupted."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

from benchmarks.harness import finish, start, versions


class Checkpoint:
    """A folder with the outcome of each run, by side and round.

    A run counts as done where everything it was given is the same, and so are the versions
    of the packages.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder):
        self._folder = folder
        self._versions = versions()

    def run_all(self, case, sides, settings, turns):
        """Let every side run once a round, as many runs at a time as there are cores.

        Each has one core to itself, so that none waits for another. Where the system can't
        confine a process to a core, one runs after the other on all of them.

        Returns
        -------
        dict
            (name of the side, round) -> what it reported, now or before an interruption.
        """
        can = hasattr(os, "sched_setaffinity")
        cores, free = sorted(os.sched_getaffinity(0)) if can else [None], SimpleQueue()
        for core in cores:
            free.put(core)

        def run(side, turn):
            core = free.get()
            try:
                return self._run(case, side, settings, turn, core)
            finally:
                free.put(core)

        runs = {(side.name, turn): (side, turn) for turn in range(turns) for side in sides}
        with ThreadPoolExecutor(len(cores)) as pool:
            under_way = {key: pool.submit(run, *each) for key, each in runs.items()}
            return {key: future.result() for key, future in under_way.items()}

    def _run(self, case, side, settings, turn, core):
        path = self._folder / f"{side.name}-{turn}.json"
        given = {"case": case, "settings": settings, "own": side.settings, "env": side.env}
        given |= {"one_core": core is not None, "versions": self._versions}
        given = json.loads(json.dumps(given))
        if path.exists():
            kept = json.loads(path.read_text())
            if kept["given"] == given:
                return kept["outcome"]
        outcome = finish(start(case, side, settings, turn, core), side.name)
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps({"given": given, "outcome": outcome}))
        partial.replace(path)
        return outcome

    def clear(self):
        """Forget all: the benchmark is whole, and its next run begins anew."""
        if self._folder.is_dir():
            for path in self._folder.iterdir():
                path.unlink()
            self._folder.rmdir()
