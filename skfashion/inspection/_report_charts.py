"""The charts of the report: Matplotlib's SVG, in the page's own colours."""

import io
import re

import numpy as np

from skfashion.inspection import _style
from skfashion.inspection._axes import show_axis
from skfashion.inspection._history_display import HistoryDisplay
from skfashion.inspection._search_display import SearchDisplay

# What stands for a colour in the page, where the reader's light or dark theme sets it.
_NAMES = {
    _style.INK: "ink",
    _style.GREY: "grey",
    _style.LINE: "line",
    _style.SOFT: "soft",
    _style.BLUE: "blue",
    _style.ORANGE: "best",
    "#ffffff": "back",
    "#000000": "ink",
    **{color: f"rank{k}" for k, color in enumerate(_style.RANKS)},
}


def parallel(found):
    """Draw a line a candidate through an axis a parameter."""

    def draw(figure):
        SearchDisplay.from_search(found.search, kind="parallel", ax=figure.subplots())

    return _svg("parallel", (1.1 * len(found.columns) + 1.6, 3.3), draw)


def best_so_far(found):
    """Draw the scores in the order of candidates, and the highest of those so far."""

    def draw(figure):
        ax = figure.subplots()
        numbers = 1 + np.arange(len(found.scores))
        highest = np.fmax.accumulate(found.scores)
        style = {"color": _style.ORANGE, "where": "post", "linewidth": 1.8}
        ax.step(numbers, highest, label="best so far", **style)
        _points(ax, numbers, found.scores, found)
        _labelled(ax, "Candidate", "Score")
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend(fontsize=_style.SMALL, edgecolor="none", framealpha=0.7)

    return _svg("best-so-far", (4.4, 2.9), draw)


def overfitting(found):
    """Draw training minus test score of each candidate, against its test score."""

    def draw(figure):
        ax = figure.subplots()
        _points(ax, found.train - found.scores, found.scores, found)
        _labelled(ax, "Training minus test score", "Test score")

    return _svg("overfitting", (4.4, 2.9), draw)


def curves(found, metric):
    """Draw the learning curves of all candidates, the best in front."""

    def draw(figure):
        display = HistoryDisplay.from_search(found.search, metrics=metric, ax=figure.subplots())
        (ax,) = display.axes_
        if ax.get_legend() is not None:
            ax.get_legend().remove()

    return _svg(f"curve-{metric}", (4.8, 3.1), draw)


def importance(found):
    """Draw how much a forest loses where a parameter is shuffled."""

    def draw(figure):
        ax = figure.subplots()
        _style.tidy(ax)
        ax.grid(False, axis="y")
        names, means, errors = zip(*reversed(found.importance.bars), strict=True)
        style = {"color": _style.BLUE, "error_kw": {"ecolor": _style.SOFT, "elinewidth": 1}}
        ax.barh(names, means, 0.6, xerr=errors, **style)
        ax.set_xlabel("Loss of explained variance when shuffled", fontsize=_style.SMALL)

    return _svg("importance", (3.9, 0.28 * len(found.importance.bars) + 0.9), draw)


def part(found, name):
    """Draw the scores against one parameter."""

    def draw(figure):
        ax = figure.subplots()
        axis = found.axes[name]
        _points(ax, axis.places, found.scores, found)
        _labelled(ax, name, "Score")
        show_axis(ax, "x", name, axis)

    return _svg(f"part-{name}", (2.95, 2.4), draw)


def _points(ax, x, y, found):
    colors, _ = _style.rank_colors(found.scores)
    for i in sorted(np.flatnonzero(np.isfinite(x + y)), key=lambda i: i == found.best):
        color, size = (_style.ORANGE, 8) if i == found.best else (colors[i], 6)
        style = {"color": color, "markersize": size, "clip_on": False}
        ax.plot(x[i], y[i], "o", gid=f"candidate-{i + 1}", **style)


def _labelled(ax, x, y):
    _style.tidy(ax)
    ax.margins(0.06)
    ax.set_xlabel(_style.as_it_is(x), color=_style.INK, fontsize=_style.SMALL)
    ax.set_ylabel(y, color=_style.INK, fontsize=_style.SMALL)


def _svg(name, size, draw):
    """Return a figure as SVG that stands in a page, each candidate's marks by its number."""
    from matplotlib import style
    from matplotlib.figure import Figure

    file = io.StringIO()
    with style.context(["default", {"svg.fonttype": "none", "svg.hashsalt": name}]):
        figure = Figure(size, layout="constrained")
        draw(figure)
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="candidate-(\d+)"', r'<g data-candidate="\1"', text)
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    for color, own in _NAMES.items():
        text = re.sub(rf"{color}\b", f"var(--{own})", text, flags=re.IGNORECASE)
    told = f'class="chart" role="img" data-name="{name}" style="--natural:{96 * size[0]:.0f}px"'
    return text.replace("<svg ", f"<svg {told} ", 1)
