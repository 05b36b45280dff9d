"""Parallel coordinates: an axis a parameter, a line a candidate, the score as the last axis."""

from itertools import pairwise

from skfashion.inspection import _style
from skfashion.inspection._scales import scale_of, shortened, thinned


def draw(ax, values, scores, best, score_name):
    """Draw candidates as lines, those of higher scores in front of others."""
    import matplotlib
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    scales = [scale_of(column) for column in values.values()]
    scales.append(scale_of(scores.tolist(), log=False))
    names = [*values, score_name]
    colors = matplotlib.colormaps[_style.COLORS]
    for i in sorted(range(len(scores)), key=lambda i: (i == best, scores[i])):
        ends = [(k, scale.positions[i]) for k, scale in enumerate(scales)]
        path = [ends[0]]
        for (x, y), (to_x, to_y) in pairwise(ends):
            # Leaves an axis and meets the next one at a right angle.
            path += [(x + 0.4, y), (to_x - 0.4, to_y), (to_x, to_y)]
        curve = Path(path, [Path.MOVETO, *[Path.CURVE4] * (len(path) - 1)])
        color = _style.ORANGE if i == best else colors(scales[-1].positions[i])
        style = {"lw": 2.6, "alpha": 1.0} if i == best else {"lw": 1.2, "alpha": 0.75}
        ax.add_patch(PathPatch(curve, facecolor="none", edgecolor=color, **style))
    ax.set_xlim(-0.05, len(names) - 1 + 0.3)
    ax.set_ylim(-0.04, 1.02)
    ax.set_axis_off()
    _style.settle(ax)
    near = max(0.065, 1.25 * _style.lines_apart(ax))
    room = _style.characters(_style.size_of(ax)[0] / (len(names) - 0.65))
    for k, scale in enumerate(scales):
        ax.plot([k, k], [0, 1], color=_style.INK, linewidth=1, zorder=3)
        at_best = None if best is None else scale.positions[best]
        ticks = thinned(scale.ticks, near, keep=at_best)
        if best is not None and k == len(names) - 1:
            # The best score stands there itself.
            ticks = [tick for tick in ticks if abs(tick[0] - at_best) >= near]
            _write(ax, k, at_best, f"{scores[best]:.3f}", _style.ORANGE, "bold")
        texts = shortened([text for _, text in ticks], max(6, min(14, room - 2)))
        for (at, _), text in zip(ticks, texts, strict=True):
            _write(ax, k, at, text, _style.INK, None)
    for k, (name, scale) in enumerate(zip(names, scales, strict=True)):
        last = k == len(names) - 1
        log = " (log)" if scale.kind == "log" else ""
        # Names alternate in height, so that long ones have room.
        longest = max(6, (2 * room if 0 < k < len(names) - 2 else int(1.4 * room)) - 3 - len(log))
        ax.annotate(
            _style.plain(shortened([name], longest)[0] + log),
            (k, 1),
            xytext=(0, 10 + 14 * (k % 2)),
            textcoords="offset points",
            ha="left" if k == 0 else "right" if last else "center",
            fontsize=_style.SMALL + 0.5,
            color=_style.INK,
            fontweight="bold" if last else None,
        )


def _write(ax, x, y, text, color, weight):
    ax.annotate(
        _style.plain(text),
        (x, y),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        fontsize=_style.SMALL + (1 if weight else 0),
        fontweight=weight,
        color=color,
        zorder=4,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.75},
    )
