"""Write README.md and the table of searches for the guide: ``python -m benchmarks.table``."""

import json
from collections import Counter
from datetime import datetime
from pathlib import Path

from benchmarks import quoted, sections
from benchmarks.harness import shown

_FOLDER = Path(__file__).resolve().parent
RESULTS = _FOLDER / "results"
README = _FOLDER / "README.md"
# Included by docs/guide/which_search.md.
FRAGMENT = _FOLDER.parent / "docs" / "guide" / "_searchers_table.md"
# The order of the table; what is not named comes last.
_ORDER = (
    (
        "dense_grid",
        "conv_grid",
        "mobilenet_grid_96",
        "mobilenet_grid_160",
        "mobilenet_grid_flips",
        "reader",
    )
    + ("killed_dense", "killed_mobilenet", "halving", "hyperband", "many_fits")
    + ("overhead_bayes_10", "overhead_bayes_100", "overhead_bayes_200")
    + ("overhead_hyperband_9", "overhead_hyperband_27", "overhead_hyperband_81", "dask")
    + ("n_jobs_dense", "n_jobs_conv", "n_jobs_mobilenet", "jobs_memory_dense", "jobs_memory_conv")
    + ("jobs_memory_mobilenet", "scaling_dense", "scaling_mobilenet")
    + ("fit_dense", "fit_conv", "fit_mobilenet", "memory")
    + ("predict_one_dense", "predict_one_conv", "predict_one_mobilenet")
    + ("predict_many_dense", "predict_many_conv", "predict_many_mobilenet")
    + ("searchers",)
)
_INTRO = """\
# Benchmarks

*Written by `python -m benchmarks.table` from `results/*.json`; a full `pytest benchmarks` does
it at its end. Change neither by hand.*

```
pip install -e ".[test,benchmarks]"
KERAS_HOME=... SKFASHION_DATA=... pytest benchmarks                  # everything
KERAS_HOME=... SKFASHION_DATA=... pytest benchmarks -m "not slow"    # without the long ones
KERAS_HOME=... SKFASHION_DATA=... pytest benchmarks --resume         # go on where it was stopped
KERAS_HOME=... SKFASHION_DATA=... pytest benchmarks --quick          # does it run? no figures
KERAS_HOME=... pytest benchmarks/test_searchers.py                   # searches compared, an hour
python -m benchmarks.search_quality                                  # the best of N candidates
KERAS_BACKEND=jax pytest benchmarks -m gpu                           # on a GPU; torch, tensorflow
python -m benchmarks.contestants dense_grid skfashion n=6000 epochs=5 folds=3   # one contestant
```

`KERAS_HOME` holds Fashion-MNIST and the ImageNet weights of MobileNetV2 0.35 as Keras caches
them, `SKFASHION_DATA` the image folders `intel-scenes` and `cats-vs-dogs`; what is missing is
skipped, with the reason.

**How it is measured.** Every contestant is a new process, so ours starts with empty caches and
nothing traced; they take turns (A B A B) in one run, and a figure is a ratio of medians. Imports
and loading of data are not counted; building, tracing and compiling are, on all sides. Peers are
given what is cheapest for them: images scaled and flattened beforehand. Seconds depend on the
machine, ratios less.

**What fails and what is reported.** What has to be right (scores, steps, rows and decoded files
counted, `cv_results_` equal) is asserted: a benchmark that breaks it fails. A figure that misses
its target is reported as MISSED, here, in the summary of the run and as a `MissedTargetWarning`;
the run goes on.

**The floor** of a figure is the time in which this machine's matrix product (NumPy, float32,
all threads) would do the multiplications and additions that can't be avoided: those of Dense,
Conv2D and DepthwiseConv2D, three times forward where a layer is trained, a frozen layer once an
image. The share says how close we are. **Step**: "fused" is TensorFlow's own kernel for a step
of the optimizer, which rounds differently from "Keras own".
"""


def load(folder=RESULTS):
    """Return the records of a folder in the order of the table."""
    records = [json.loads(path.read_text()) for path in sorted(Path(folder).glob("*.json"))]
    records = [record for record in records if "figures" in record]  # others have their own pages
    rank = {name: i for i, name in enumerate(_ORDER)}
    return sorted(records, key=lambda record: rank.get(record["name"], len(rank)))


def duration(record):
    """Return the seconds a benchmark took, everything counted."""
    started, ended = (datetime.fromisoformat(record[key]) for key in ("started", "ended"))
    return (ended - started).total_seconds()


def rows(record):
    """Return (what, target, measured, verdict) of each figure and check of a record."""
    found = []
    for figure in record["figures"]:
        verdict = {True: "reached", False: "MISSED", None: ""}[figure["reached"]]
        measured = shown(figure)
        if figure["detail"]:
            measured += f" ({figure['detail']})"
        if figure.get("step"):
            measured += f"; {figure['step']}"
        found.append((figure["what"], figure["target"] or "", measured, verdict))
    for check in record["checks"]:
        verdict = "holds" if check["ok"] else "FAILED"
        found.append((check["what"], "must hold", check["detail"], verdict))
    return found


def markdown(records):
    """Return the whole of README.md."""
    if not records:
        return "\n".join([_INTRO, "Nothing has been measured yet.", "", *sections.gpu([])]) + "\n"
    verdicts = [row[3] for record in records for row in rows(record)]
    counts = {name: verdicts.count(name) for name in ("reached", "MISSED", "holds", "FAILED")}
    lines = [
        _INTRO,
        "## Figures",
        "",
        f"Targets reached: {counts['reached']}, MISSED: {counts['MISSED']}. "
        f"Checks that hold: {counts['holds']}, FAILED: {counts['FAILED']}.",
        "",
        *_machines(records),
        "",
        "| benchmark | figure | target | measured | verdict |",
        "|---|---|---|---|---|",
    ]
    usual = Counter(_code(record)["tree"] for record in records).most_common(1)[0][0]
    for record in records:
        if sections.is_apart(record):
            continue
        title = f"**{record['title']}**"
        if _code(record)["tree"] != usual:
            title += f" (at commit {_code(record)['commit'] or 'unknown'})"
        if record["quick"]:
            title += " (quick: not a measurement)"
        for what, target, measured, verdict in rows(record):
            verdict = f"**{verdict}**" if verdict in ("MISSED", "FAILED") else verdict
            cells = (title, what, target, measured, verdict)
            lines.append("| " + " | ".join(str(c).replace("|", "/") for c in cells) + " |")
            title = ""
    lines += ["", "## Searches compared", "", *sections.searchers(records)]
    lines += ["", *sections.gpu(records)]
    lines += ["", *_notes(records)]
    return "\n".join(lines).rstrip() + "\n"


def _machines(records):
    """Say on what and with what the records were made, once for each kind of machine."""
    kinds = {}
    for record in records:
        versions = {name: v for name, v in record["versions"].items() if v}
        kind = json.dumps([record["machine"], versions, _code(record)["commit"]])
        kinds.setdefault(kind, []).append(record)
    lines = []
    for kind, members in kinds.items():
        machine, versions, commit = json.loads(kind)
        days = sorted({record["started"][:10] for record in members})
        lines.append(
            f"Measured {' to '.join(dict.fromkeys((days[0], days[-1])))} on {machine['cores']} "
            f"cores of {machine['cpu']}, {machine.get('ram_gib', '?')} GiB, {machine['system']}; "
            + ", ".join(f"{name} {version}" for name, version in versions.items())
            + (f", commit {commit}" if commit else "")
            + ("." if len(kinds) == 1 else f": {', '.join(r['name'] for r in members)}.")
        )
    return lines


def _code(record):
    """Return what code a record is of; those of before this was kept don't say."""
    return record.get("code", {"commit": None, "tree": None})


def _notes(records):
    lines = ["## Notes and durations", ""]
    for record in records:
        load = record["load_at_start"]
        busy = f", load of the machine {load[0]:.1f} at the start" if load else ""
        rounds = f"{record['rounds']} round{'s' if record['rounds'] != 1 else ''}"
        took = f"{duration(record):.0f} s, {rounds}{busy}"
        command = f"`{record['command']}`"
        notes = " ".join(record["notes"])
        lines.append(f"- `{record['name']}`: {took}; {command}. {notes}".rstrip())
    return lines


def write(folder=RESULTS, readme=README, fragment=FRAGMENT):
    """Write the tables of a folder of records; those of the project, its docs', too."""
    records = load(folder)
    if Path(folder) == RESULTS:
        quoted.write(records)
    Path(readme).write_text(markdown(records))
    Path(fragment).write_text("\n".join(sections.searchers(records)) + "\n")


if __name__ == "__main__":
    write()
