"""How plots look: colours that colour-blind readers can tell, little ink."""

import math

from skfashion.inspection._values import number_text, shortened, thinned

# Okabe and Ito's palette (jfly.uni-koeln.de/color): told apart with every kind of
# colour blindness.
BLUE, ORANGE, GREY, INK = "#0072B2", "#D55E00", "#B4B8BD", "#33373D"
# Dark is bad and light is good, in print too.
COLORS = "cividis"
SMALL = 8.5
_SLANT = 40  # degrees


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
    ax.grid(axis="y", color="#E6E8EA", linewidth=0.8)
    ax.set_axisbelow(True)


def title(ax, text, small=None):
    """Write a title at the left, and a smaller line below it."""
    ax.set_title(as_it_is(text), loc="left", color=INK, fontsize=11, pad=6 if not small else 19)
    if small:
        note(ax, small, (0, 1), (0, 6), xycoords="axes fraction", color="#6A7078")


def note(ax, text, at, shift, **style):
    """Write small text so many points from a place."""
    style = {"fontsize": SMALL, "color": INK, **style}
    return ax.annotate(as_it_is(text), at, xytext=shift, textcoords="offset points", **style)


def as_it_is(text):
    """Return text that matplotlib shows as it is, dollar signs too."""
    return str(text).replace("$", r"\$")


def size_of(ax):
    """Return width and height of axes in points."""
    box = ax.get_window_extent()
    return box.width * 72 / ax.figure.dpi, box.height * 72 / ax.figure.dpi


def show_scale(ax, side, name, scale):
    """Give the axis "x" or "y" a name, a scale and its ticks."""
    log = scale.kind == "log"
    label = as_it_is(f"{name} (log)" if log else name)
    ax.set(**{f"{side}label": label, f"{side}scale": "log" if log else "linear"})
    axis = getattr(ax, f"{side}axis")
    axis.label.set_color(INK)
    if not scale.ticks:
        if log:
            axis.set_major_formatter(lambda number, _: number_text(number))
        return
    room = max(1, axis.get_tick_space())
    at = dict(zip(scale.unit(list(scale.ticks)).tolist(), scale.ticks, strict=True))
    ticks = thinned(scale.unit_ticks(), 1.1 / room)
    across = characters(size_of(ax)[0]) // len(ticks) - 1
    level = side == "x" and across >= 12
    # Only a layout engine makes room for long names.
    longest = across if level else 24 if ax.figure.get_layout_engine() else 12
    names = shortened([text for _, text in ticks], longest)
    slant = {}
    if side == "x" and max(map(len, names)) > across:
        slant = {"rotation": _SLANT, "ha": "right", "va": "top", "rotation_mode": "anchor"}
    axis.set_ticks([at[place] for place, _ in ticks], [as_it_is(name) for name in names], **slant)
    axis.set_ticks([], minor=True)


def characters(points):
    """Return how many characters of small text, of average width, there is room for in points."""
    return math.floor(points / (0.62 * SMALL))
