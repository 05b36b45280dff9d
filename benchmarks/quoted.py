"""The few figures that docs/measured.md quotes, between its two marks."""

from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "measured.md"
BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"
_INTRO = """\
Measured on two cores, ratios in one run. All of them, with the targets that were missed, the
least time the work itself takes, and what else the machine had to do meanwhile, stand in
`benchmarks/README.md`:

| | against | |
|---|---|---|
"""
_THREE = ("dense", "conv", "mobilenet")
_FASTER = "skfashion, times faster than"
# What is measured, against what, and the figures as (record, beginning of the figure's name),
# with the unit where several have the same name.
_ROWS = (
    (
        "`GridSearchCV`, 6 dense networks x 3 folds, 6,000 images",
        "scikeras; keras-tuner; skorch; `MLPClassifier`; the same in Keras on JAX",
        [
            ("dense_grid", f"{_FASTER} {peer}")
            for peer in ("scikeras", "keras_tuner", "skorch", "sklearn_mlp", "keras_jax")
        ],
        "{} times faster",
    ),
    (
        "`GridSearchCV`, 6 convolutional networks x 3 folds, 4,000 images",
        "scikeras",
        [("conv_grid", f"{_FASTER} scikeras")],
        "{} times faster",
    ),
    (
        "`GridSearchCV`, MobileNetV2 fine-tuned, 6 candidates x 2 folds, 1,200 images of 96 and of "
        "160 pixels",
        "the same by hand on scikeras",
        [(f"mobilenet_grid_{size}", f"{_FASTER} scikeras") for size in (96, 160)],
        "{} times faster",
    ),
    (
        "that search run again on its `memory` folder, 96 pixels",
        "its first run; scikeras",
        [
            ("mobilenet_grid_96", f"the same search again: times faster than {peer}")
            for peer in ("first", "scikeras")
        ],
        "{} times faster",
    ),
    (
        "one `fit`: dense, convolutional, MobileNet in two phases",
        "the same network in a bare Keras loop",
        [
            (f"fit_{name}", f"{side}: time of fit")
            for side in ("skfashion", "skfashion, Keras' step")
            for name in _THREE
        ],
        "{}; {}; {} of its time; {}; {}; {} by Keras' own step, then with equal losses",
    ),
    (
        "one image through `predict`: dense, convolutional, MobileNet",
        "scikeras",
        [(f"predict_one_{name}", f"{_FASTER} scikeras") for name in _THREE],
        "{} times faster",
    ),
    (
        "killed half way by `kill -9` and run again: dense grid, MobileNet grid",
        "never killed",
        [
            (f"killed_{name}", what)
            for what in ("training steps of both parts", "time of both parts")
            for name in ("dense", "mobilenet")
        ],
        "{}; {} of its training steps, {}; {} of its time, the same result",
    ),
    (
        "85.5% mean accuracy on 10,000 images: our Bayes (among its first ten candidates, drawn at "
        "random); Hyperband; halving; random; Optuna's TPE",
        "`keras_tuner.Hyperband`",
        [
            ("searchers", f"{name}: until then (median)", "s")
            for name in ("bayes", "hyperband", "halving", "random", "optuna", "keras_tuner")
        ],
        "{} s, median of five seeds",
    ),
    (
        "choosing 100; 200 candidates by `BayesSearchCV`, where fitting costs nothing",
        "scikit-optimize's",
        [(f"overhead_bayes_{n}", f"{n} candidates: times cheaper than skopt") for n in (100, 200)],
        "{} times cheaper",
    ),
    (
        "two Dask workers of one thread, a grid of dense networks",
        "one",
        [("dask", "2 workers, times faster")],
        "{} times faster",
    ),
    (
        "200 fits in one process, the last 50",
        "its own first 20",
        [("many_fits", "median time of the last 50")],
        "{} of their time",
    ),
)


def markdown(records):
    """Return the table of what was measured; a row with a figure that wasn't is left out.

    Parameters
    ----------
    records : list of dict
        As `benchmarks.table.load` returns them.

    Returns
    -------
    str
    """
    lines = []
    for what, against, wanted, text in _ROWS:
        numbers = [_number(records, *figure) for figure in wanted]
        if None not in numbers:
            several = text.count("{}") > 1
            shown = text.format(*numbers) if several else text.format("; ".join(numbers))
            lines.append(f"| {what} | {against} | {shown} |")
    return _INTRO + "\n".join(lines) + "\n"


def write(records, page=PAGE):
    """Put the table where the page has its marks."""
    text = page.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{markdown(records)}{END}{after}")


def _number(records, name, beginning, unit=None):
    for record in records:
        if record["name"] == name and not record["quick"]:
            for figure in record["figures"]:
                if figure["what"].startswith(beginning) and unit in (None, figure["unit"]):
                    value = figure["value"]
                    return f"{value:.0f}" if value >= 10 else f"{value:.{2 + (value < 2)}g}"
    return None
