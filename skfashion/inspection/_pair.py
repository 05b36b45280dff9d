"""Two parameters against each other, the score as colour: a table or points."""

from weakref import WeakKeyDictionary, ref

import numpy as np

from skfashion.inspection import _style
from skfashion.inspection._scales import is_number, scale_of, value_texts

# The colour bar at some axes: drawn on again, they keep one.
_BARS = WeakKeyDictionary()


def draw(ax, values, scores, best, score_name, note):
    """Draw a table where every combination was tried, or else points."""
    (x_name, xs), (y_name, ys) = values.items()
    cells = {}
    pairs = list(zip(value_texts(xs), value_texts(ys), strict=True))
    for pair, score in zip(pairs, scores, strict=True):
        cells[pair] = max(score, cells.get(pair, -np.inf))
    marked = None if best is None else pairs[best]
    if marked:
        cells[marked] = scores[best]
    x_texts, y_texts = _ordered(xs), _ordered(ys)
    n_x, n_y = len(x_texts), len(y_texts)
    if len(cells) == n_x * n_y and max(n_x, n_y) <= 10 and min(n_x, n_y) > 1:
        _style.title(ax, score_name, note and f"frame: {note}")
        _draw_table(ax, x_name, x_texts, y_name, y_texts, cells, marked)
    else:
        what = "colour: score"
        _style.title(ax, score_name, f"{what}; ring: {note}" if note else what)
        _draw_points(ax, x_name, scale_of(xs), y_name, scale_of(ys), scores, best)


def axis_name(name, scale):
    """Return what is written at an axis."""
    return _style.plain(f"{name} (log)" if scale.kind == "log" else name)


def _draw_table(ax, x_name, xs, y_name, ys, cells, marked):
    table = np.array([[cells[x, y] for x in xs] for y in ys])
    image = ax.imshow(table, cmap=_style.COLORS, aspect="auto", origin="lower")
    ax.tick_params(length=0, labelcolor=_style.INK, labelsize=_style.SMALL)
    ax.spines[:].set_visible(False)
    ax.set_xlabel(_style.plain(x_name), color=_style.INK)
    ax.set_ylabel(_style.plain(y_name), color=_style.INK)
    _style.name_y_ticks(ax, list(enumerate(ys)))
    _style.settle(ax)
    _style.name_x_ticks(ax, list(enumerate(xs)), slant=True)
    best = (ys.index(marked[1]), xs.index(marked[0])) if marked else None
    texts = {at: f"{score:.3f}" for at, score in np.ndenumerate(table)}
    # Smaller where the cells are narrow.
    room = _style.characters(_style.size_of(ax)[0] / len(xs))
    size = _style.SMALL * min(1, room / max(map(len, texts.values())))
    for (row, column), text in texts.items():
        ax.text(
            *(column, row, text),
            ha="center",
            va="center",
            fontsize=size,
            fontweight="bold" if (row, column) == best else None,
            color="white" if image.norm(table[row, column]) < 0.55 else "black",
        )
    if best:
        ax.add_patch(_frame_of(best))


def _draw_points(ax, x_name, x, y_name, y, scores, best):
    _style.tidy(ax)
    order = np.argsort(scores)
    points = ax.scatter(
        *(x.positions[order], y.positions[order]),
        c=scores[order],
        cmap=_style.COLORS,
        s=70,
        edgecolor="white",
        linewidth=0.6,
    )
    at = (None, None) if best is None else (x.positions[best], y.positions[best])
    if best is not None:
        ax.scatter(*at, s=170, facecolor="none", edgecolor=_style.ORANGE, linewidth=2)
        ax.annotate(
            f"{scores[best]:.3f}",
            at,
            xytext=(0, 10 if at[1] < 0.9 else -18),
            textcoords="offset points",
            ha="left" if at[0] < 0.06 else "right" if at[0] > 0.94 else "center",
            color=_style.ORANGE,
            fontsize=_style.SMALL,
            fontweight="bold",
        )
    _draw_bar(ax, points)
    ax.set_xlim(-0.06, 1.06)
    ax.set_ylim(-0.08, 1.08)
    ax.set_xlabel(axis_name(x_name, x), color=_style.INK)
    ax.set_ylabel(axis_name(y_name, y), color=_style.INK)
    _style.name_y_ticks(ax, y.ticks, keep=at[1])
    _style.settle(ax)
    _style.name_x_ticks(ax, x.ticks, slant=x.kind == "category", keep=at[0])


def _draw_bar(ax, points):
    old = _BARS[ax]() if ax in _BARS else None
    if old in ax.figure.axes:
        old.clear()
        bar = ax.figure.colorbar(points, cax=old)
    else:
        bar = ax.figure.colorbar(points, ax=ax, fraction=0.05, pad=0.02)
        _BARS[ax] = ref(bar.ax)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelcolor=_style.INK, labelsize=_style.SMALL)


def _ordered(values):
    """Return the distinct values as text, numbers by size and text in natural order."""
    if all(is_number(value) for value in values):
        return list(dict.fromkeys(value_texts(sorted(values))))
    return [text for _, text in scale_of(values).ticks]


def _frame_of(cell):
    from matplotlib.patches import Rectangle

    row, column = cell
    return Rectangle(
        (column - 0.48, row - 0.48), 0.96, 0.96, fill=False, edgecolor=_style.ORANGE, linewidth=2.5
    )
