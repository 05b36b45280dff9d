"""Write the table of the seed projects: ``python -m benchmarks.seeds_table``.

Into ``docs/_generated`` for the gallery, and into docs/measured.md between its two marks.
"""

import statistics
from pathlib import Path

from benchmarks import seeds
from benchmarks.seeds import DATA, ROOT, ROWS

GENERATED = ROOT / "docs" / "_generated"
PAGE = ROOT / "docs" / "measured.md"
BEGIN, END = "<!-- seeds: begin -->", "<!-- seeds: end -->"
_HEADER = ("project", "published", "to reach", "reached", "runs")
_NOTHING = "not run yet"
_NOTE = (
    "Means of the runs, one a random seed, ± their standard errors; minutes are medians, of runs "
    "with one core each. What is to be reached was set before the runs."
)


def shown(figure, value):
    """Return a number as text, such as 90.12% or 0.187."""
    if figure.kind == "share":
        return f"{100 * value:.2f}%"
    return f"{value:.3f}" if figure.kind == "loss" else f"{value:.1f} min"


def shown_mean(figure, values):
    """Return mean and standard error as text."""
    mean, error = seeds.mean_and_error(values)
    if error is None:
        return shown(figure, mean)
    if figure.kind == "share":
        return f"{100 * mean:.2f} ± {100 * error:.2f}%"
    if figure.kind == "loss":
        return f"{mean:.3f} ± {error:.3f}"
    return f"{mean:.1f} ± {error:.1f} min"


def target(figure):
    """Return what is to be reached as text."""
    if figure.at_least is not None:
        return f"{100 * figure.at_least:.1f}%"
    if figure.at_most is not None:
        return f"{figure.at_most:g}" + (" min" if figure.kind == "minutes" else "")
    return ""


def verdict(figure, values):
    """Return "", or that the mean misses its target."""
    reached = seeds.is_reached(figure, seeds.mean_and_error(values)[0])
    return ", **missed**" if reached is False else ""


def cells(name, records):
    """Return the cells of a row, each a list of lines."""
    row = ROWS[name]
    title = [f"**{row.title}**", row.did]
    published = [f"{f.what} {f.published}" for f in row.figures if f.published]
    reach = [f"{f.what} {target(f)}" for f in row.figures if target(f)]
    if not records:
        return [title, published, reach, [_NOTHING], [f"0 of {row.seeds}"]]
    reached = []
    for figure in row.figures:
        values = [record["figures"][figure.name] for record in records]
        text = f"{figure.what} {shown_mean(figure, values)}"
        reached.append(text + verdict(figure, values))
    if row.tried:
        reached.append(row.tried)
    runs = [f"{len(records)} of {row.seeds}"]
    whole = [record["seconds"] / 60 for record in records if not record["resumed"]]
    if whole:
        runs.append(f"{statistics.median(whole):.0f} min each")
    return [title, published, reach, reached, runs]


def markdown(folder=seeds.RESULTS):
    """Return the table for docs/measured.md."""
    if not any(seeds.load(name, folder) for name in ROWS):
        return "No long run on real images has been made yet."
    lines = ["| " + " | ".join(_HEADER) + " |", "|" + "---|" * len(_HEADER)]
    for name in ROWS:
        row = cells(name, seeds.load(name, folder))
        lines.append("| " + " | ".join("<br>".join(cell).replace("|", "/") for cell in row) + " |")
    lines += ["", f"{_NOTE} Data: "]
    lines[-1] += " ".join(f"{title}: {origin}." for title, origin in DATA.values())
    return "\n".join(lines)


def rest(folder=seeds.RESULTS):
    """Return the table for the gallery."""
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 30 20 18 22 10", ""]
    lines += _rest_row([[text] for text in _HEADER])
    for name in ROWS:
        lines += _rest_row(cells(name, seeds.load(name, folder)))
    lines += ["", _NOTE, ""]
    lines += [f"- {title}: {origin}." for title, origin in DATA.values()]
    return "\n".join(lines) + "\n"


def _rest_row(row):
    lines = []
    for i, cell in enumerate(row):
        begin = "   * -" if i == 0 else "     -"
        rows = [line.replace("`", "``") for line in cell] or [""]
        # One line a figure: a line block.
        lines += [f"{begin} | {rows[0]}".rstrip(" |")] + [f"       | {line}" for line in rows[1:]]
    return lines


def rest_of_row(name, folder=seeds.RESULTS):
    """Return what the page of one row holds: the figures of all its runs."""
    row, records = ROWS[name], seeds.load(name, folder)
    origins = " ".join(f"{DATA[key][0]}: {DATA[key][1]}." for key in row.data)
    lines = [".. admonition:: The long run, on real images", ""]
    header = ["", "published", "to reach", "mean", *(f"seed {r['seed']}" for r in records)]
    lines += ["   .. list-table::", "      :header-rows: 1", ""]
    table = [header]
    for figure in row.figures:
        values = [record["figures"][figure.name] for record in records]
        mean = shown_mean(figure, values) + verdict(figure, values) if values else _NOTHING
        runs = [shown(figure, value) for value in values]
        table.append([figure.what, figure.published, target(figure), mean, *runs])
    for line in table:
        for i, cell in enumerate(line):
            lines.append(("      * - " if i == 0 else "        - ") + cell)
    lines += ["", *(f"   {line}" for line in _how(row, records)), "", f"   {origins}"]
    for path, what in seeds.pictures_of(name).items():
        if path.exists():
            lines += ["", f"   .. image:: /_static/gallery/{path.name}", f"      :alt: {what}"]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _how(row, records):
    """Say when, on what and with what the runs were made."""
    if not records:
        return [f"``pytest benchmarks -m seeds`` makes {row.seeds} runs and fills this table."]
    days = sorted({record["started"][:10] for record in records})
    days = " to ".join(dict.fromkeys((days[0], days[-1])))
    last = records[-1]
    names = ("skfashion", "tensorflow", "keras", "scikit-learn", "numpy")
    versions = ", ".join(f"{n} {last['versions'][n]}" for n in names if last["versions"].get(n))
    machine = last["machine"]
    minutes = ", ".join(f"{record['seconds'] / 60:.0f}" for record in records)
    lines = [
        f"{days}, {machine['cores']} cores of {machine['cpu']}; {versions}. "
        f"Minutes a run: {minutes}."
    ]
    if any(record["resumed"] for record in records):
        lines.append("Runs that were stopped and went on count only the last part.")
    chosen = [record["chosen"] for record in records if record["chosen"]]
    for record in records if chosen else []:
        picked = ", ".join(f"{key} {_short(value)}" for key, value in record["chosen"].items())
        lines += ["", f"Seed {record['seed']} chose {picked}."]
    return lines


def _short(value):
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def pages(folder=seeds.RESULTS):
    """Return what is written to docs/_generated: file name -> text."""
    of_rows = {f"seeds_{name}.rst": rest_of_row(name, folder) for name in ROWS}
    return {"seeds.rst": rest(folder), **of_rows}


def write(folder=seeds.RESULTS, generated=GENERATED, page=PAGE):
    """Write the pages, and the part of docs/measured.md between the marks."""
    Path(generated).mkdir(parents=True, exist_ok=True)
    for name, text in pages(folder).items():
        (Path(generated) / name).write_text(text, encoding="utf-8")
    text = Path(page).read_text(encoding="utf-8")
    before, _, rest_of_text = text.partition(BEGIN)
    _, mark, after = rest_of_text.partition(END)
    if not mark:
        raise ValueError(f"{page} lacks the marks {BEGIN} and {END}: put them back.")
    text = f"{before}{BEGIN}\n{markdown(folder)}\n{END}{after}"
    Path(page).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
