"""Parallel coordinates: an axis a parameter, a line a candidate, the score as the last axis."""

from itertools import pairwise

import numpy as np

from skfashion.inspection import _style
from skfashion.inspection._scales import scale_of


def draw(ax, values, scores, score_name):
    """Draw candidates as lines, the better ones in front.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where.
    values : dict of str to list
        Of each parameter, a value per candidate.
    scores : ndarray of float
        One per candidate, finite.
    score_name : str
        Name of the last axis.
    """
    import matplotlib
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    scales = [*(scale_of(column) for column in values.values()), scale_of(scores.tolist())]
    names = [*values, score_name]
    colors = matplotlib.colormaps[_style.COLORS]
    order = np.argsort(scores)
    for rank, i in enumerate(order):
        best = rank == len(order) - 1
        ends = [(k, scale.positions[i]) for k, scale in enumerate(scales)]
        path = [ends[0]]
        for (x, y), (to_x, to_y) in pairwise(ends):
            # Leaves an axis and meets the next one at a right angle.
            path += [(x + 0.4, y), (to_x - 0.4, to_y), (to_x, to_y)]
        curve = Path(path, [Path.MOVETO, *[Path.CURVE4] * (len(path) - 1)])
        color = _style.ORANGE if best else colors(scales[-1].positions[i])
        style = {"lw": 2.6, "alpha": 1.0} if best else {"lw": 1.2, "alpha": 0.75}
        ax.add_patch(PathPatch(curve, facecolor="none", edgecolor=color, **style))
    for k, (name, scale) in enumerate(zip(names, scales, strict=True)):
        ax.plot([k, k], [0, 1], color=_style.INK, linewidth=1, zorder=3)
        for at, text in scale.ticks:
            if k == len(names) - 1 and at > 0.92:
                continue  # the best score stands there
            ax.annotate(
                _style.plain(text if len(text) <= 14 else text[:13] + "\N{HORIZONTAL ELLIPSIS}"),
                (k, at),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=_style.SMALL,
                color=_style.INK,
                zorder=4,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.75},
            )
        # Names alternate in height, so that long ones have room.
        ax.annotate(
            _style.plain(name + (" (log)" if scale.kind == "log" else "")),
            (k, 1),
            xytext=(0, 10 + 14 * (k % 2)),
            textcoords="offset points",
            ha="left" if k == 0 else "right" if k == len(names) - 1 else "center",
            fontsize=_style.SMALL + 0.5,
            color=_style.INK,
            fontweight="bold" if k == len(names) - 1 else None,
        )
    ax.annotate(
        f"{scores.max():.3f}",
        (len(names) - 1, 1),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        fontsize=_style.SMALL + 1,
        color=_style.ORANGE,
        fontweight="bold",
    )
    ax.set_xlim(-0.05, len(names) - 1 + 0.3)
    ax.set_ylim(-0.04, 1.02)
    ax.set_axis_off()
