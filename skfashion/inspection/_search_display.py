"""Scores of a search against its parameters."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

import numpy as np

from skfashion._utils.scores import score_column
from skfashion._utils.typing import Array, Self
from skfashion._utils.validation import InvalidParameterError
from skfashion.inspection import _style
from skfashion.inspection._axes import axis_of, ranges_of, show_axis
from skfashion.inspection._histories import check_search
from skfashion.inspection._values import columns_of, shortened, value_text

_KINDS = ("auto", "score", "pair", "parallel")
_BEHIND = {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.75}


@dataclass(eq=False, repr=False)
class SearchDisplay:
    """Scores of a search's candidates against parameters; made by `from_search`.

    Parameters
    ----------
    values : dict of str to list
        Values of each parameter, one a candidate. Empty: candidates are told by number.
    scores : array-like of float
        One a candidate; those that are not finite are left out.
    errors : array-like of float, default=None
        Standard deviation of each score over the folds.
    score_name : str, default="Score"
        Name of the scores.
    best : int, "highest" or None, default="highest"
        Candidate to mark, by its place among the scores. None marks none.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        After `plot`.
    ax_ : matplotlib.axes.Axes
        Where the candidates are drawn.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skfashion.inspection import SearchDisplay
    >>> X, y = load_digits(n_class=2, return_X_y=True)
    >>> search = GridSearchCV(LogisticRegression(), {"C": [1e-5, 1e-3, 1e-1]}, cv=2).fit(X, y)
    >>> SearchDisplay.from_search(search).figure_.savefig("search.png")  # doctest: +SKIP
    """

    values: Mapping[str, Sequence[Any]]
    scores: Array
    _: KW_ONLY
    errors: Array | None = None
    score_name: str = "Score"
    best: int | Literal["highest"] | None = "highest"
    _ranges = {}  # of the parameters that were searched

    @classmethod
    def from_search(
        cls,
        search: Any,
        params: str | Sequence[str] | None = None,
        *,
        score: str | None = None,
        kind: Literal["auto", "score", "pair", "parallel"] = "auto",
        ax: Any = None,
    ) -> Self:
        """Plot the candidates of a search.

        Colours are ranks of scores; axes have the scale of the search space. The one marked is the
        search's choice, which need not be the highest; without one, or of another test score, the
        highest. Of times and ranks none is marked.

        Parameters
        ----------
        search : fitted search
            Any with ``cv_results_``.
        params : str or sequence of str, default=None
            Parameters, with or without the step of a Pipeline. None: those that differ.
        score : str, default=None
            Column of ``cv_results_``. None: the mean test score that chose the best.
        kind : {"auto", "score", "pair", "parallel"}, default="auto"
            One parameter against the score, two as points (as a table where every combination
            was tried), or parallel coordinates of any number, by which "auto" goes.
        ax : matplotlib.axes.Axes, default=None
            Axes; None makes a figure. Long names have most room with a constrained layout.

        Returns
        -------
        SearchDisplay

        Raises
        ------
        NotFittedError, TypeError, ValueError, ImportError
            If it is not a fitted search, has no such parameter or score, or no score at all,
            `kind` doesn't fit the number of parameters, or without matplotlib.
        """
        check_search(search)
        results = search.cv_results_
        column = score_column(search) if score is None else score
        if column not in results:
            known = ", ".join(repr(name) for name in results if name.startswith("mean_"))
            raise ValueError(f"score={column!r} is not in cv_results_, which has {known}.")
        values = columns_of(results["params"], params)
        errors = results.get(column.replace("mean_", "std_", 1)) if "mean_" in column else None
        best = "highest" if column.startswith("mean_test_") else None
        if column == score_column(search) and hasattr(search, "best_index_"):
            best = int(search.best_index_)
        name = column[:1].upper() + column[1:].replace("_", " ")
        display = cls(values, results[column], errors=errors, score_name=name, best=best)
        display._ranges = ranges_of(search)
        return display.plot(ax, kind=kind)

    def plot(
        self, ax: Any = None, *, kind: Literal["auto", "score", "pair", "parallel"] = "auto"
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes; None makes a figure.
        kind : {"auto", "score", "pair", "parallel"}, default="auto"
            See `from_search`.

        Returns
        -------
        SearchDisplay
            Itself, with `figure_` and `ax_`.

        Raises
        ------
        ValueError, ImportError
            As `from_search`, or if `best` is not a candidate.
        """
        if kind not in _KINDS:
            raise InvalidParameterError(f"kind={kind!r} is not one of {_KINDS}.")
        scores = np.asarray(self.scores, dtype=float)
        columns = self.values or {"candidate": list(range(1, 1 + len(scores)))}
        n = len(columns)
        if kind == "auto":
            kind = {1: "score", 2: "pair"}.get(n, "parallel")
        if n != {"score": 1, "pair": 2}.get(kind, n):
            shown = "one parameter" if kind == "score" else "two parameters"
            names = ", ".join(map(repr, columns))
            raise ValueError(
                f"kind={kind!r} shows {shown}, not {n}: name them, params= of {names}."
            )
        finite = np.flatnonzero(np.isfinite(scores))
        if not len(finite):
            raise ValueError("No candidate has a finite score: all of them failed.")
        best = finite[np.argmax(scores[finite])] if self.best == "highest" else self.best
        if best is not None and best not in range(len(scores)):
            told = f"best={best!r} is not one of the {len(scores)} scores"
            raise ValueError(f"{told}: give the place of one, 'highest' or None.")
        plt = _style.pyplot("SearchDisplay")
        if ax is None:
            width = max(5.6, 1.25 * (n + 1)) if kind == "parallel" else 5.6
            ax = plt.subplots(figsize=(width, 4), layout="constrained")[1]
        self.ax_, self.figure_ = ax, ax.figure
        axes = {
            name: axis_of([column[i] for i in finite], self._ranges.get(name))
            for name, column in columns.items()
        }
        errors = None if self.errors is None else np.asarray(self.errors, dtype=float)[finite]
        marks = _style.Marks(scores[finite], best, finite)
        draw = {"score": _draw_points, "pair": _draw_pair, "parallel": _draw_parallel}[kind]
        note = draw(ax, axes, marks, errors, self.score_name)
        if kind == "parallel":
            return self
        chosen = marks.best is not None and scores[best] < scores[finite].max()
        notes = [*([note] if note else []), *(["marked: chosen by the search"] if chosen else [])]
        _style.title(ax, self.score_name, "; ".join(notes))
        return self


def _draw_points(ax, axes, marks, errors, score_name):
    """Draw scores against one parameter, or points of two; return what the plot needs said."""
    _style.tidy(ax)
    ax.margins(0.08, 0.15)  # room for the text at the best
    for side, (name, axis) in zip("xy", axes.items(), strict=False):
        show_axis(ax, side, name, axis)
    axis, scores, best = next(iter(axes.values())), marks.scores, marks.best
    x, y = (*(each.places for each in axes.values()), scores)[:2]
    marks.draw(ax, x, y)
    if best is not None:
        text, at = f"{scores[best]:.3f}", axis.ticks.get(x[best]) or value_text(x[best])
        room = max(8, _style.characters(_style.size_of(ax)[0] / 2) - len(text) - 4)
        text += f" at {shortened([at], room)[0]}" if len(axes) == 1 else ""
        _write_best(ax, x[best], y[best], text)
    if len(axes) == 2:
        marks.draw_bar(ax, score_name)
        return None
    if axis.limits is None:
        # Where others vary too, the line is of the highest at each value.
        tops = {at: scores[x == at].max() for at in sorted(set(x))}
        ax.plot(list(tops), list(tops.values()), color=_style.GREY, linewidth=1.2, zorder=1)
    if errors is None or not np.any(errors > 0):  # of a single split there is no deviation
        return None
    ax.errorbar(x, scores, errors, fmt="none", ecolor=_style.GREY, elinewidth=1, zorder=1)
    return "bars: one standard deviation over the folds"


def _draw_pair(ax, axes, marks, errors, score_name):
    """Draw a table where every combination was tried, or else points."""
    columns, rows = (axis.as_categories() for axis in axes.values())
    table = np.full((len(rows.ticks), len(columns.ticks)), -np.inf)
    np.maximum.at(table, (rows.places, columns.places), marks.scores)
    if not np.isfinite(table).all() or max(table.shape) > 10 or min(table.shape) == 1:
        return _draw_points(ax, axes, marks, errors, score_name)
    marked = None
    if marks.best is not None:
        marked = rows.places[marks.best], columns.places[marks.best]
        table[marked] = marks.scores[marks.best]
    _draw_table(ax, table, marked)
    for side, name, axis in zip("xy", axes, (columns, rows), strict=True):
        show_axis(ax, side, name, axis)
    return None


def _draw_table(ax, table, best):
    from matplotlib.colors import to_rgba_array
    from matplotlib.patches import Rectangle

    marks = _style.Marks(table.ravel())
    colors = to_rgba_array(marks.colors)[:, :3].reshape(*table.shape, 3)
    ax.imshow(colors, aspect="auto", origin="lower")
    ax.tick_params(length=0, labelcolor=_style.INK, labelsize=_style.SMALL)
    ax.spines[:].set_visible(False)
    # Smaller where the cells are narrow.
    room = _style.characters(_style.size_of(ax)[0] / table.shape[1])
    style = {"ha": "center", "va": "center", "fontsize": _style.SMALL * min(1, room / 5)}
    for (at, score), color in zip(np.ndenumerate(table), marks.colors, strict=True):
        style["color"] = "black" if color in _style.RANKS[:2] else "white"
        ax.text(*reversed(at), f"{score:.3f}", fontweight="bold" if at == best else None, **style)
    if best is not None:
        style = {"fill": False, "edgecolor": _style.ORANGE, "linewidth": 2.5}
        ax.add_patch(Rectangle((best[1] - 0.48, best[0] - 0.48), 0.96, 0.96, **style))


def _write_best(ax, x, y, text):
    """Write at the best candidate, on the side of it where there is more room."""
    left, high = ax.transAxes.inverted().transform(ax.transData.transform((x, y))) > (0.5, 0.9)
    style = {"ha": "right" if left else "left", "color": _style.ORANGE, "bbox": _BEHIND}
    _style.note(ax, text, (x, y), (-9 if left else 9, -18 if high else 9), **style)


def _draw_parallel(ax, axes, marks, errors, score_name):
    """Draw candidates as lines through an axis a parameter, higher scores in front of others."""
    scores, best = marks.scores, marks.best
    for axis in ax.child_axes[:]:  # of an earlier drawing
        axis.remove()
    axes = {**axes, score_name: axis_of(scores.tolist(), log=False)}
    last = len(axes) - 1
    ax.set(xlim=(0, last), ylim=(0, 1))
    ax.set_axis_off()
    marks.draw_bar(ax, score_name)
    ax.figure.figure.draw_without_rendering()  # so that the size is known
    # Names at the ends will take a little of that.
    room = _style.characters(0.9 * _style.size_of(ax)[0] / last)
    slanted = max(map(len, axes)) + 6 > room
    for k, (name, axis) in enumerate(axes.items()):
        text = f"{name} (log)" if axis.kind == "log" else name
        style = {"rotation": 25, "ha": "left", "rotation_mode": "anchor"} if slanted else {}
        style |= {"xycoords": "axes fraction", "fontweight": "bold" if k == last else None}
        _style.note(ax, text, (k / last, 1), (0, 8), **{"ha": "center", **style})
    heights = [
        _draw_side(ax, k / last, axis, max(6, room - 3)) for k, axis in enumerate(axes.values())
    ]
    marks.draw(ax, np.arange(last + 1), np.transpose(heights))
    if best is not None:  # its values stand below the axes
        style = {"ha": "center", "va": "top", "xycoords": "axes fraction", "color": _style.ORANGE}
        for k, axis in enumerate(axes.values()):
            place = axis.places[best]
            text = axis.ticks.get(place) or value_text(place)
            text = f"{scores[best]:.3f}" if k == last else shortened([text], max(6, room - 1))[0]
            _style.note(ax, text, (k / last, 0), (0, -7), fontweight="bold", **style)


def _draw_side(ax, at, axis, longest):
    """Draw an axis as axes without a width; return how high its values are, from 0 to 1."""
    side = ax.inset_axes((at, 0, 1e-9, 1), zorder=3)
    side.spines[["top", "bottom", "right"]].set_visible(False)
    side.spines["left"].set_color(_style.INK)
    side.set_xticks([])
    side.yaxis.tick_right()
    side.plot(np.zeros(len(axis.places)), axis.places, alpha=0)
    show_axis(side, "y", None, axis, longest)
    style = {"color": _style.INK, "labelcolor": _style.INK, "labelsize": _style.SMALL}
    side.tick_params("y", length=3, **style)
    for label in side.get_yticklabels():
        label.set_bbox(_BEHIND)
    to_side = side.transScale + side.transLimits
    return to_side.transform([(0, place) for place in axis.places])[:, 1]
