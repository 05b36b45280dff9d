"""How plots look: colours that colour-blind readers can tell, little ink, labels at lines."""

import math
from itertools import pairwise

from skfashion.inspection._scales import shortened, thinned

# Okabe and Ito's palette (jfly.uni-koeln.de/color): told apart with every kind of
# colour blindness.
BLUE, ORANGE, GREY, INK = "#0072B2", "#D55E00", "#B4B8BD", "#33373D"
# Dark is bad and light is good, in print too.
COLORS = "cividis"
SMALL = 8.5
# Of small text, in points: how wide a character is at most on average, how high a line.
_CHARACTER, _LINE = 0.62 * SMALL, 1.35 * SMALL
_SLANT = 40

METRIC_NAMES = {
    "loss": "Loss",
    "accuracy": "Accuracy",
    "learning_rate": "Learning rate",
}


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
    for side in ("left", "bottom"):
        ax.spines[side].set_color(GREY)
    ax.tick_params(color=GREY, labelcolor=INK, labelsize=SMALL)
    ax.grid(axis="y", color="#E6E8EA", linewidth=0.8)
    ax.set_axisbelow(True)


def title(ax, text, small=None):
    """Write a title at the left, and a smaller line below it."""
    ax.set_title(plain(text), loc="left", color=INK, fontsize=11, pad=6 if small is None else 19)
    if small is not None:
        ax.annotate(
            plain(small),
            (0, 1),
            xycoords="axes fraction",
            xytext=(0, 6),
            textcoords="offset points",
            color="#6A7078",
            fontsize=SMALL,
        )


def plain(text):
    """Return text that matplotlib shows as it is, dollar signs too."""
    return str(text).replace("$", r"\$")


def settle(ax):
    """Let the figure find its layout, so that sizes are known."""
    ax.figure.figure.draw_without_rendering()


def size_of(ax):
    """Return width and height of axes in points."""
    box = ax.get_window_extent()
    return box.width * 72 / ax.figure.dpi, box.height * 72 / ax.figure.dpi


def has_layout(ax):
    """Whether a layout engine makes room for what stands outside of axes."""
    return ax.figure.get_layout_engine() is not None


def characters(points):
    """Return how many characters of small text stand side by side in so many points."""
    return int(points / _CHARACTER)


def lines_apart(ax):
    """Return the height of a line of small text, in parts of the height of axes."""
    return _LINE / max(1.0, size_of(ax)[1])


def name_y_ticks(ax, ticks, *, keep=None):
    """Name places on the y axis, leaving out names that would lie on others."""
    low, high = ax.get_ylim()
    kept = thinned(ticks, lines_apart(ax) * (high - low), keep=keep)
    names = shortened([text for _, text in kept], 24 if has_layout(ax) else 12)
    ax.set_yticks([at for at, _ in kept], [plain(name) for name in names])


def name_x_ticks(ax, ticks, *, slant, keep=None):
    """Name places on the x axis, so that names do not lie on others."""
    low, high = ax.get_xlim()
    unit = size_of(ax)[0] / (high - low)
    places, names = [at for at, _ in ticks], [text for _, text in ticks]
    step = min((b - a for a, b in pairwise(places)), default=high - low)
    longest = max(map(len, names))
    room = characters(step * unit) - 1
    turned = {}
    if longest > room and not slant:
        ticks = thinned(ticks, (longest + 1) * _CHARACTER / unit, keep=keep)
    elif longest > room >= 12:
        ticks = list(zip(places, shortened(names, room), strict=True))
    elif longest > room:
        ticks = thinned(ticks, _LINE / math.sin(math.radians(_SLANT)) / unit, keep=keep)
        names = shortened([text for _, text in ticks], 24 if has_layout(ax) else 10)
        ticks = [(at, name) for (at, _), name in zip(ticks, names, strict=True)]
        turned = {"rotation": _SLANT, "ha": "right", "va": "top", "rotation_mode": "anchor"}
    ax.set_xticks([at for at, _ in ticks], [plain(text) for _, text in ticks], **turned)


def legend(ax, ends):
    """Name lines inside of axes, where there is no room outside."""
    from matplotlib.lines import Line2D

    box = ax.legend(
        [Line2D([], [], color=color, linewidth=2) for *_, color in ends],
        [plain(text) for _, _, text, _ in ends],
        fontsize=SMALL,
        framealpha=0.85,
        edgecolor="none",
        handlelength=1.2,
    )
    for text, (*_, color) in zip(box.get_texts(), ends, strict=True):
        text.set_color(color)


def label_ends(ax, ends, *, limits=None):
    """Write names at the right ends of lines, moved apart where they would overlap."""
    low, high = limits or (0.0, 1.0)
    height = size_of(ax)[1]
    to_axes = ax.transData + ax.transAxes.inverted()
    labels = []
    for x, y, text, color in ends:
        place = to_axes.transform((x, y))
        # Half the height of the text, in parts of the height of the axes.
        half = 0.7 * SMALL * (1 + text.count("\n")) / height
        labels.append([place[1], place[0], half, text, color])
    labels.sort(key=lambda label: label[0])
    for label in labels:
        label[0] = max(label[0], low + label[2])
        low = label[0] + label[2]
    for label in reversed(labels):
        label[0] = min(label[0], high - label[2])
        high = label[0] - label[2]
    for y, x, _, text, color in labels:
        ax.annotate(
            plain(text),
            (x, y),
            xycoords="axes fraction",
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            color=color,
            fontsize=SMALL,
            annotation_clip=False,
        )
