"""The charts of the report: Matplotlib's SVG, in the page's own colours."""

import io
import re

import numpy as np

from skfashion.inspection import _style
from skfashion.inspection._axes import show_axis
from skfashion.inspection._history_display import HistoryDisplay
from skfashion.inspection._report_html import escape
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


def chart(name, found, of=None):
    """Return a chart, or the one `of` a metric or parameter, as SVG that stands in a page."""
    from matplotlib import style
    from matplotlib.figure import Figure

    (width, height), draw = _CHARTS[name]
    width += 1.1 * len(found.columns) if name == "parallel" else 0
    height += 0.28 * len(found.importance) if name == "importance" else 0
    name, file = name if of is None else f"{name}-{of}", io.StringIO()
    labels = {"axes.labelcolor": _style.INK, "axes.labelsize": _style.SMALL}
    with style.context(["default", {"svg.fonttype": "none", "svg.hashsalt": name, **labels}]):
        figure = Figure((width, height), layout="constrained")
        draw(figure.subplots(), found, *([] if of is None else [of]))
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # A hundredth of a point is seen by nobody, and blanks between elements are not drawn.
    text = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\.\d\d)\d+", r"\1", tag[0]), text)
    text = re.sub(r">\s+<", "><", text)
    text = re.sub(r'<g id="candidate-(\d+)"', r'<g data-candidate="\1"', text)
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    for color, own in _NAMES.items():
        text = re.sub(rf"{color}\b", f"var(--{own})", text, flags=re.IGNORECASE)
    told = f'class="chart" role="img" data-name="{escape(name)}"'
    return text.replace("<svg ", f'<svg {told} style="--natural:{96 * width:.0f}px" ', 1)


def _parallel(ax, found):
    SearchDisplay.from_search(found.search, kind="parallel", ax=ax)


def _part(ax, found, name):
    axis = found.axes[name]
    _points(ax, found, axis.places)
    show_axis(ax, "x", name, axis)


def _curve(ax, found, metric):
    display = HistoryDisplay(found.history, best=found.best)
    display._scores = found.scores
    display.plot(ax, metrics=metric)
    if ax.get_legend() is not None:  # which the page has in words
        ax.get_legend().remove()


def _best_so_far(ax, found):
    numbers, highest = 1 + np.arange(len(found.scores)), np.fmax.accumulate(found.scores)
    style = {"color": _style.ORANGE, "where": "post", "linewidth": 1.8}
    ax.step(numbers, highest, label="best so far", **style)
    _points(ax, found, numbers, "Candidate")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(fontsize=_style.SMALL, edgecolor="none", framealpha=0.7)


def _overfitting(ax, found):
    _points(ax, found, found.train - found.scores, "Training minus test score")


def _reliability(ax, test):
    _style.tidy(ax)
    ax.plot([0, 1], [0, 1], color=_style.GREY, linewidth=1)
    style = {"color": _style.BLUE, "marker": "o", "markersize": 5, "linewidth": 1.4}
    ax.plot(test.confidence, test.right, clip_on=False, **style)
    ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    ax.set(xlabel="Probability of the predicted class", ylabel="Right")


def _importance(ax, found):
    _style.tidy(ax)
    ax.grid(False, axis="y")
    names, means, errors = zip(*reversed(found.importance), strict=True)
    style = {"color": _style.BLUE, "error_kw": {"ecolor": _style.SOFT, "elinewidth": 1}}
    ax.barh([_style.as_it_is(name) for name in names], means, 0.6, xerr=errors, **style)
    ax.set_xlabel("Loss of explained variance when shuffled")


def _points(ax, found, x, label=None):
    _style.tidy(ax)
    ax.margins(0.06)
    _style.Marks(found.scores, found.best).draw(ax, x, found.scores)
    ax.set(xlabel=label, ylabel="Score")


_CHARTS = {  # width and height in inches, to which parameters add
    "parallel": ((1.6, 3.3), _parallel),
    "best-so-far": ((4.4, 2.9), _best_so_far),
    "overfitting": ((4.4, 2.9), _overfitting),
    "importance": ((3.9, 0.9), _importance),
    "reliability": ((3.4, 3.1), _reliability),
    "part": ((2.95, 2.4), _part),
    "curve": ((4.8, 3.1), _curve),
}
