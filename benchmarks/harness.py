"""Contestants in processes of their own, taking turns, and a record of what they did.

A contestant is a function ``benchmarks.contestants_<case>.<function>``; the harness never
imports it. Backends, caches and traced programs of one can't reach another that way, and
every one of them starts cold.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = ("skfashion", "tensorflow", "keras", "scikeras", "scikit-learn", "numpy", "joblib") + (
    "scikit-optimize",
    "keras-tuner",
    "optuna",
    "distributed",
    "skorch",
    "torch",
    "jax",
    "jaxlib",
)


class MissedTargetWarning(UserWarning):
    """A figure did not reach its target; the run goes on."""


class ContestantError(RuntimeError):
    """A contestant's process failed; the message holds the end of what it wrote."""


@dataclass(frozen=True)
class Side:
    """One contestant.

    Parameters
    ----------
    name : str
        In the record.
    function : str or None
        In ``benchmarks.contestants_<case>``; None: the name.
    settings : dict
        Of this side only.
    env : dict
        Environment variables of its process.
    private : callable or None
        Round -> settings that are not recorded, such as temporary folders.
    """

    name: str
    function: str | None = None
    settings: dict = field(default_factory=dict)
    env: dict = field(default_factory=dict)
    private: object = None


def start(case, side, settings, turn=0, core=None):
    """Start a contestant's process.

    Parameters
    ----------
    case : str
    side : Side
    settings : dict
        What all sides are given.
    turn : int
        The round.
    core : int or None
        The one it may run on; None: all of this process.

    Returns
    -------
    subprocess.Popen
    """
    given = {**settings, **side.settings, **(side.private(turn) if side.private else {})}
    pairs = [f"{name}={json.dumps(value)}" for name, value in given.items()]
    command = [sys.executable, "-m", "benchmarks.contestants", case, side.function or side.name]
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {
        **os.environ,
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        # One seed a round: all fits of a search share theirs, so one alone is one draw.
        "BENCHMARK_SEED": str(turn),
        "PYTHONPATH": os.pathsep.join(paths),
        **side.env,
    }
    confine = None if core is None else lambda: os.sched_setaffinity(0, {core})
    return subprocess.Popen(
        command + pairs,
        preexec_fn=confine,
        cwd=ROOT,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(process, name=""):
    """Wait for a contestant; return what it reported.

    Raises
    ------
    ContestantError
        If it failed.
    """
    out, err = process.communicate()
    if process.returncode:
        raise ContestantError(f"{name}: exit {process.returncode}\n{out[-500:]}\n{err[-3000:]}")
    return json.loads(out.strip().splitlines()[-1])


class Bench:
    """The settings of a whole run.

    Parameters
    ----------
    results : Path
        Folder of the records.
    quick : bool
        Whether everything is shrunk: shows that it runs, and measures nothing.
    repeat : int or None
        Rounds for every benchmark; None: its own number.
    resume : bool
        Whether what this machine has measured of the same code is left out.
    command : str
        What was typed.
    """

    def __init__(self, results, *, quick=False, repeat=None, resume=False, command=""):
        self.results, self.quick, self.repeat, self.command = results, quick, repeat, command
        self.resume = resume
        self.records = []
        self._rate = None

    def sizes(self, full, quick):
        """Return the settings of this run: `quick` over `full` where it is a quick one."""
        return {**full, **quick} if self.quick else dict(full)

    @contextmanager
    def record(self, name, title, settings, *, repeat=3):
        """Open a record; at the end of the block it is written, and its checks are asserted."""
        rounds = self.repeat or (1 if self.quick else repeat)
        if self.resume and self._is_measured(name, settings, rounds):
            pytest.skip(f"{name} is measured already, of this code and on this machine")
        record = Record(self, name, title, settings, rounds)
        yield record
        record.close()

    def _is_measured(self, name, settings, rounds):
        path = Path(self.results) / f"{name}.json"
        if not path.exists():
            return False
        known, now = json.loads(path.read_text()), {"settings": settings, "rounds": rounds}
        now |= {"machine": machine(), "versions": versions()}
        # The package's tree: a commit that changes only pages or records measures nothing anew.
        tree, before = code()["tree"], known.get("code", {}).get("tree")
        return (
            tree is not None and tree == before and all(known.get(key) == now[key] for key in now)
        )

    def matmul_rate(self):
        """Return the floating point operations a second of a matrix product, measured once."""
        if self._rate is None:
            size = 512 if self.quick else 2048
            self._rate = finish(start("floor", Side("matmul"), {"size": size}))["flops_per_second"]
        return self._rate


class Record:
    """One benchmark: rounds, figures, checks and the floor.

    Parameters
    ----------
    bench : Bench
    name, title : str
    settings : dict
        What all sides are given.
    rounds : int
    """

    def __init__(self, bench, name, title, settings, rounds):
        self.bench, self.name, self.title = bench, name, title
        self.settings, self.rounds = settings, rounds
        self.accelerator = None  # what it ran on beside the CPU: {"backend", "chip"}
        self.outcomes, self.figures, self.checks, self.notes = [], [], [], []
        self._started = datetime.now(timezone.utc).isoformat(timespec="seconds")
        self._load = list(os.getloadavg()) if hasattr(os, "getloadavg") else None

    def contest(self, case, sides, **settings):
        """Let the sides run in turns, A B A B, as many rounds as the record has."""
        for turn in range(self.rounds):
            for side in sides:
                outcome = finish(start(case, side, {**self.settings, **settings}, turn), side.name)
                self.add(case, side, outcome, turn, settings)

    def add(self, case, side, outcome, turn=0, settings=None):
        """Keep what a contestant reported."""
        shown = {**(settings or {}), **side.settings}
        entry = {"case": case, "side": side.name, "round": turn, "settings": shown}
        self.outcomes.append({**entry, "env": side.env, **outcome})

    def of(self, side):
        """Return all outcomes of a side."""
        return [outcome for outcome in self.outcomes if outcome["side"] == side]

    def last(self, side):
        """Return the last outcome of a side."""
        return self.of(side)[-1]

    def median(self, side, key="seconds"):
        """Return the median of a number over a side's rounds."""
        return statistics.median(outcome[key] for outcome in self.of(side))

    def mean(self, side, key):
        """Return the mean of a number over a side's rounds."""
        return statistics.mean(outcome[key] for outcome in self.of(side))

    def figure(self, what, value, *, unit="x", at_least=None, at_most=None, detail="", **more):
        """Keep a figure, with or without a target."""
        target = reached = None
        if at_least is not None:
            target, reached = f"at least {at_least:g}{_spaced(unit)}", bool(value >= at_least)
        elif at_most is not None:
            target, reached = f"at most {at_most:g}{_spaced(unit)}", bool(value <= at_most)
        figure = {"what": what, "value": value, "unit": unit, "target": target}
        self.figures.append({**figure, "reached": reached, "detail": detail, **more})

    def faster(self, ours, peer, *, at_least=None, key="seconds", what=None, step=None):
        """Keep how many times faster one side is than another."""
        one, other = self.median(ours, key), self.median(peer, key)
        detail = f"{seconds(one)} against {seconds(other)}"
        rounds = [b[key] / a[key] for a, b in zip(self.of(ours), self.of(peer), strict=True)]
        if len(rounds) > 1:
            detail += f"; round by round {min(rounds):.3g} to {max(rounds):.3g}"
        what = what or f"{ours}, times faster than {peer}"
        step = step or self.last(ours).get("step")
        self.figure(what, other / one, at_least=at_least, detail=detail, step=step)

    def check(self, what, ok, detail=""):
        """Keep something that has to be right; where it is not, the benchmark fails."""
        self.checks.append({"what": what, "ok": bool(ok), "detail": str(detail)})

    def note(self, text):
        """Keep a sentence for the reader of the table."""
        self.notes.append(text)

    def floor(self, side, flops, *, key="seconds", what="all that has to be computed"):
        """Say how much of a side's time its floating point operations would have taken.

        Parameters
        ----------
        side : str
        flops : float
            Operations that can't be avoided.
        key : str
            The time they are compared with.
        what : str
            What was counted.
        """
        rate = self.bench.matmul_rate()
        floor = flops / rate
        self.figure(
            f"floor of {side}: share of its time that a matrix product would have taken",
            100 * floor / self.median(side, key),
            unit="%",
            detail=f"{flops / 1e9:.3g} GFLOP ({what}) at {rate / 1e9:.0f} GFLOP/s: "
            f"{seconds(floor)}",
            kind="floor",
        )

    def close(self):
        """Write the record, warn of missed targets, and assert the checks."""
        folder = Path(self.bench.results)
        folder.mkdir(parents=True, exist_ok=True)
        data = {
            "name": self.name,
            "title": self.title,
            "quick": self.bench.quick,
            "started": self._started,
            "ended": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "command": self.bench.command,
            "rounds": self.rounds,
            "settings": self.settings,
            "machine": machine(),
            "accelerator": self.accelerator,
            "load_at_start": self._load,
            "versions": versions(),
            "code": code(),
            "figures": self.figures,
            "checks": self.checks,
            "notes": self.notes,
            "outcomes": self.outcomes,
        }
        (folder / f"{self.name}.json").write_text(json.dumps(data, indent=1) + "\n")
        self.bench.records.append(data)
        for figure in self.figures:
            if figure["reached"] is False:
                message = f"MISSED {self.name}: {figure['what']}: {shown(figure)}"
                warnings.warn(f"{message}, {figure['target']}", MissedTargetWarning, stacklevel=4)
        wrong = [f"{c['what']}: {c['detail']}" for c in self.checks if not c["ok"]]
        assert not wrong, "\n".join(wrong)


def _spaced(unit):
    return unit if unit in ("x", "%") else f" {unit}"


def shown(figure):
    """Return a figure's value as text."""
    value = figure["value"]
    number = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return number + _spaced(figure["unit"])


def seconds(value):
    """Return a time as text."""
    if value < 0.1:
        return f"{1000 * value:.2g} ms"
    return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"


def machine():
    """Return what matters of the hardware."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [li for li in cpuinfo.read_text().splitlines() if li.startswith("model name")]
        model = names[0].split(":", 1)[1].strip() if names else model
    found = {"cpu": model, "cores": os.cpu_count(), "system": platform.system()}
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        ram = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        found["ram_gib"] = round(ram / 2**30, 1)
    return found


def versions():
    """Return the versions of Python and of all packages that take part."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    if found["skfashion"] is None:  # run from its folder, not installed
        sys.path.insert(0, str(ROOT))
        import skfashion

        found["skfashion"] = skfashion.__version__
    return found


def code():
    """Return the commit that is measured, and the tree of its package; None where it is changed."""

    def git(*words):
        try:
            done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
        except OSError:  # no git here
            return None
        return None if done.returncode else done.stdout.strip()

    if git("status", "--porcelain", "skfashion") != "":
        return {"commit": None, "tree": None}
    return {
        "commit": git("rev-parse", "--short", "HEAD"),
        "tree": git("rev-parse", "HEAD:skfashion"),
    }


def wait_for(condition, process, poll=0.02, timeout=3600):
    """Wait until a condition holds or a process has ended; return whether it holds."""
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        if condition():
            return True
        if process.poll() is not None:
            return condition()
        time.sleep(poll)
    return False
