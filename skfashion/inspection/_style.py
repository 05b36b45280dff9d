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


class Marks:
    """What is drawn of candidates: a point or a line each, coloured by the rank of its score."""

    def __init__(self, scores, best=None, numbers=None):
        from scipy.stats import rankdata

        self.scores = np.asarray(scores, dtype=float)
        self._numbers = np.arange(len(self.scores)) if numbers is None else np.asarray(numbers)
        at = np.flatnonzero(self._numbers == best)
        self.best = int(at[0]) if best is not None and len(at) else None
        # The highest has rank 1, what failed the last. Ranks are changed by no outlier.
        ranks = rankdata(-np.nan_to_num(self.scores, nan=-np.inf), "min")
        steps = np.linspace(0, len(RANKS) - 1, max(2, len(ranks))).round().astype(int)
        self.colors = [RANKS[::-1][steps[rank - 1]] for rank in ranks]

    def order(self):
        """Return the places of candidates from the last rank to the best one."""
        return sorted(np.argsort(self.scores, kind="stable"), key=lambda i: i == self.best)

    def style(self, i):
        """Return how the line or point of a candidate looks."""
        front = i == self.best
        return {
            "color": ORANGE if front else self.colors[i],
            "linewidth": 2.4 if front else 1.2,
            "zorder": 2.5 if front else 2,
            "gid": f"candidate-{self._numbers[i] + 1}",  # so that a page knows whose it is
        }

    def draw(self, ax, x, y):
        """Draw points, or, of a row of y each, lines."""
        for i in self.order():
            points = np.ndim(y) == 1
            look = {"marker": "o", "markersize": 8 if i == self.best else 6} if points else {}
            if np.all(np.isfinite(y[i])):
                ax.plot(x[i] if points else x, y[i], clip_on=False, **look, **self.style(i))

    def draw_bar(self, ax, name):
        """Draw what the colours mean; axes that are drawn on again keep one such bar."""
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import ListedColormap, Normalize

        for drawn in getattr(ax, "_rank_bars", []):
            drawn.remove()
        last = max(2, len(self.scores))
        shown = ScalarMappable(Normalize(1, last), ListedColormap(RANKS[::-1]))
        bar = ax.figure.colorbar(shown, ax=ax, fraction=0.04, pad=0.03, ticks=[1, last])
        bar.ax.invert_yaxis()
        bar.outline.set_visible(False)
        bar.ax.tick_params(length=0, labelcolor=INK, labelsize=SMALL)
        bar.set_label(as_it_is(f"Rank of {name.lower()}"), color=INK, fontsize=SMALL, labelpad=-4)
        ax._rank_bars = [bar]


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
