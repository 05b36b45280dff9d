"""Outcomes kept until a long benchmark is whole, so that it can be interrupted."""

import json

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

    def run(self, case, side, settings, turn):
        """Return what a contestant reported, now or before the interruption."""
        path = self._folder / f"{side.name}-{turn}.json"
        given = {"case": case, "settings": settings, "own": side.settings, "env": side.env}
        given = json.loads(json.dumps({**given, "versions": self._versions}))
        if path.exists():
            kept = json.loads(path.read_text())
            if kept["given"] == given:
                return kept["outcome"]
        outcome = finish(start(case, side, settings, turn), side.name)
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
