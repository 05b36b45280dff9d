"""Run the gallery's comparison of heads on real images: ``python -m benchmarks.heads``.

A run a seed, each in a process of its own. They are kept in ``results/heads/scenes.json``, of
which ``docs/_generated/heads.rst`` tells; ``python -m benchmarks.heads --write`` writes that alone.
"""

import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime, timezone

from benchmarks.harness import machine, versions
from benchmarks.seeds import GALLERY, ROOT, mean_and_error, script_digest

SCRIPT = GALLERY / "plot_7_features_or_fine_tuning.py"
RECORD = ROOT / "benchmarks" / "results" / "heads" / "scenes.json"
PAGE = ROOT / "docs" / "_generated" / "heads.rst"
SEEDS = 3
WAYS = {
    "regression": "features, logistic regression",
    "head": "head alone",
    "fine-tuning": "fine-tuned from block_13",
}
_CODE = "import json, runpy; print(json.dumps(runpy.run_path({!r})['figures']))"


def run(seed):
    """Return the figures of one run."""
    given = {"SKFASHION_GALLERY": "full", "SKFASHION_SEED": str(seed), "MPLBACKEND": "agg"}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", _CODE.format(str(SCRIPT))],
            cwd=folder,
            env={**os.environ, **given, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return json.loads(done.stdout.strip().splitlines()[-1])


def main():
    """Make all runs, and keep them."""
    started = datetime.now(timezone.utc).isoformat(timespec="seconds")
    runs = [run(seed) for seed in range(SEEDS)]
    about = {
        "command": "python -m benchmarks.heads",
        "script_digest": script_digest(SCRIPT),
        "started": started,
        "machine": machine(),
        "load_at_end": list(os.getloadavg()),
        "versions": versions(),
    }
    RECORD.parent.mkdir(exist_ok=True)
    RECORD.write_text(json.dumps({**about, "runs": runs}, indent=1) + "\n", encoding="utf-8")


def page():
    """Return what the gallery shows of the record, in reStructuredText."""
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    runs = record["runs"]
    sizes = sorted({int(key.split("_")[1]) for key in runs[0]})
    lines = [".. admonition:: The long run, on real images", ""]
    lines += ["   .. list-table::", "      :header-rows: 1", ""]
    table = [["test accuracy, loss, CPU seconds", *(f"{size:,} images" for size in sizes)]]
    for way, title in WAYS.items():
        cells = []
        for size in sizes:
            accuracy, loss, seconds = (
                mean_and_error([found[f"{way}_{size}_{what}"] for found in runs])
                for what in ("accuracy", "loss", "seconds")
            )
            share = f"{100 * accuracy[0]:.1f} ± {100 * accuracy[1]:.1f}%"
            cells.append(f"{share}, {loss[0]:.2f}, {seconds[0]:.0f} s")
        table.append([title, *cells])
    for row in table:
        lines += [("      * - " if i == 0 else "        - ") + cell for i, cell in enumerate(row)]
    where, used = record["machine"], record["versions"]
    names = ("tensorflow", "keras", "scikit-learn")
    lines += [
        "",
        f"   Means of {len(runs)} seeds, which draw the images and train the heads, ± standard "
        "errors of the accuracy; 1,002 test images. CPU seconds are of all cores together, from "
        f"files to a fitted Pipeline, on {where['cores']} cores of {where['cpu']} that had other "
        f"work, too. ``{record['command']}``, {record['started'][:10]}; "
        f"{', '.join(f'{name} {used[name]}' for name in names)}. Intel scenes, read at 128 x 128; "
        "MobileNetV2 0.35 with its ImageNet weights.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        main()
    PAGE.write_text(page(), encoding="utf-8")
