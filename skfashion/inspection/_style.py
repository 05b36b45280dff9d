"""How plots look: colours that colour-blind readers can tell, little ink, labels at lines."""

# Okabe and Ito's palette (jfly.uni-koeln.de/color): told apart with every kind of
# colour blindness.
BLUE, ORANGE, GREY, INK = "#0072B2", "#D55E00", "#B4B8BD", "#33373D"
# Dark is bad and light is good, in print too.
COLORS = "cividis"
SMALL = 8.5

METRIC_NAMES = {
    "loss": "Loss",
    "accuracy": "Accuracy",
    "learning_rate": "Learning rate",
}


def pyplot(caller):
    """Import `matplotlib.pyplot`.

    Parameters
    ----------
    caller : str
        What needs it, for the message.

    Returns
    -------
    module

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{caller} needs matplotlib: install it, or the extra that names it, with "
            "pip install 'skfashion[plots]'."
        ) from error
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


def label_ends(ax, ends, *, limits=None):
    """Write names at the right ends of lines, moved apart where they would overlap.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        With its limits and size as they will be.
    ends : list of (float, float, str, color)
        End of each line in data coordinates, what to write and in which colour.
    limits : (float, float), default=None
        Where text may stand, in axes coordinates; None for the whole height.
    """
    low, high = limits or (0.0, 1.0)
    height = ax.get_window_extent().height * 72 / ax.figure.dpi
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
