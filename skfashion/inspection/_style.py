"""How plots look: colours that colour-blind readers can tell, little ink."""

import math

import numpy as np

# Okabe and Ito's palette (jfly.uni-koeln.de/color): told apart with every kind of
# colour blindness.
BLUE, ORANGE, GREY, INK = "#0072B2", "#D55E00", "#B4B8BD", "#33373D"
LINE, SOFT = "#E6E8EA", "#6A7078"
# From the lowest rank to the highest: all are seen on white, and in print.
RANKS = ("#A6BDDB", "#74A9CF", "#3690C0", "#0570B0", "#045A8D", "#023858")
SMALL = 8.5


def pyplot(caller):
    """Import `matplotlib.pyplot`."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(f"{caller} needs matplotlib: pip install matplotlib.") from error
    return plt


def tidy(ax):
    """Take from axes what carries no information."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(GREY)
    ax.tick_params(color=GREY, labelcolor=INK, labelsize=SMALL)
    ax.grid(axis="y", color=LINE, linewidth=0.8)
    ax.set_axisbelow(True)


def title(ax, text, small=None):
    """Write a title at the left, and a smaller line below it."""
    ax.set_title(as_it_is(text), loc="left", color=INK, fontsize=11, pad=6 if not small else 19)
    if small:
        note(ax, small, (0, 1), (0, 6), xycoords="axes fraction", color=SOFT)


def note(ax, text, at, shift, **style):
    """Write small text so many points from a place."""
    style = {"fontsize": SMALL, "color": INK, **style}
    return ax.annotate(as_it_is(text), at, xytext=shift, textcoords="offset points", **style)


def rank_colors(scores):
    """Return the colours of scores by rank, which no outlier changes, and what a bar shows."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize
    from scipy.stats import rankdata

    # The highest has rank 1; of those that failed there are no ranks.
    ranks = rankdata(-np.nan_to_num(np.asarray(scores, dtype=float), nan=-np.inf), "min")
    shown = ScalarMappable(Normalize(1, max(2, len(ranks))), ListedColormap(RANKS[::-1]))
    return shown.to_rgba(ranks), shown


def rank_bar(ax, shown, name):
    """Draw what the colours of ranks mean; axes that are drawn on again keep one such bar."""
    for drawn in getattr(ax, "rank_bars", []):
        drawn.remove()
    last = int(shown.norm.vmax)
    bar = ax.figure.colorbar(shown, ax=ax, fraction=0.04, pad=0.03, ticks=[1, last])
    bar.ax.invert_yaxis()
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelcolor=INK, labelsize=SMALL)
    bar.set_label(as_it_is(f"Rank of {name}"), color=INK, fontsize=SMALL, labelpad=-4)
    ax.rank_bars = [bar]


def as_it_is(text):
    """Return text that matplotlib shows as it is, dollar signs too."""
    return str(text).replace("$", r"\$")


def size_of(ax):
    """Return width and height of axes in points."""
    box = ax.get_window_extent()
    return box.width * 72 / ax.figure.dpi, box.height * 72 / ax.figure.dpi


def characters(points):
    """Return how many characters of small text, of average width, there is room for in points."""
    return math.floor(points / (0.62 * SMALL))
