"""The five seed projects, reproduced: ``pytest benchmarks -m seeds``.

One run a row and seed, hours in all. Each is kept as soon as it is done, and a run that is
kept is not made again: stop at any time, and start again. Delete a record to make its run
anew; a script that was changed makes its runs anew by itself. A run that was stopped half way
goes on from ``runs/seeds``.
"""

import json
import os
import shutil
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest

from benchmarks import seeds_table
from benchmarks.harness import code, machine, versions
from benchmarks.requirements import needs
from benchmarks.seeds import (
    PICTURES,
    ROOT,
    ROWS,
    is_current,
    path_of,
    pictures_of,
    script_digest,
)

RUNS = [(name, seed) for name, row in ROWS.items() for seed in range(row.seeds)]


@pytest.mark.seeds
@pytest.mark.slow
@pytest.mark.parametrize(("name", "seed"), RUNS, ids=[f"{name}-{seed}" for name, seed in RUNS])
def test_seed_project(name, seed, pytestconfig, tmp_path):
    options = pytestconfig.option
    row = ROWS[name]
    if options.quick:
        found = run(name, seed, tmp_path, quick=True, pictures=tmp_path)
        assert all(path.stat().st_size for path in pictures_of(name, tmp_path))
        assert {figure.name for figure in row.figures} == set(found["figures"])
        return
    if "seeds" not in (options.markexpr or ""):
        pytest.skip("takes long: ask for it, with -m seeds")
    needs(*row.needs)
    # A folder of the user's own is no place for the table's own records.
    folder = Path(options.results, "seeds") if options.results else seeds_table.seeds.RESULTS
    if is_current(name, seed, folder):
        pytest.skip(f"{path_of(name, seed, folder)} holds this run: delete it to make it anew")
    work = ROOT / "runs" / "seeds" / f"{name}-{seed}"
    resumed = work.exists()
    work.mkdir(parents=True, exist_ok=True)
    started = _now()
    load = list(os.getloadavg()) if hasattr(os, "getloadavg") else None
    own = folder == seeds_table.seeds.RESULTS
    found = run(name, seed, work, pictures=PICTURES if own and seed == 0 else None)
    record = {
        "row": name,
        "seed": seed,
        "script": row.script.name,
        "script_digest": script_digest(row.script),
        "command": f"pytest benchmarks -m seeds -k {name}-{seed}",
        "started": started,
        "ended": _now(),
        "resumed": resumed,
        "machine": machine(),
        "load_at_start": load,
        "versions": versions(),
        "code": code(),
        **found,
    }
    keep(record, path_of(name, seed, folder))
    shutil.rmtree(work)
    if own:
        seeds_table.write()


def run(name, seed, cwd, *, quick=False, pictures=None):
    """Run the script of a row in a process of its own; return what it reported.

    Its pictures are kept in a folder, if one is given.
    """
    given = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "MPLBACKEND": "agg"}
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {**os.environ, **given, "PYTHONPATH": os.pathsep.join(paths)}
    env["SKFASHION_GALLERY"] = "" if quick else "full"
    kept = [] if pictures is None else [str(pictures)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.contestants_seeds", name, str(seed), *kept],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-1000:]}\n{done.stderr[-3000:]}"
    return json.loads(done.stdout.strip().splitlines()[-1])


def keep(record, path):
    """Write a record in one go: a run that is killed now leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)


def _now():
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
