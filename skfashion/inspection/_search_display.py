"""Scores of a search against its parameters."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from skfashion._utils.typing import Array, Self
from skfashion._utils.validation import InvalidParameterError
from skfashion.inspection import _style
from skfashion.inspection._histories import check_search
from skfashion.inspection._values import (
    categories_of,
    columns_of,
    scale_of,
    shortened,
    thinned,
    value_text,
)

_KINDS = ("auto", "score", "pair", "parallel")


class SearchDisplay:
    """Scores of a search's candidates against one, two or all parameters.

    Make one with `from_search`.

    Parameters
    ----------
    values : dict of str to list
        Of each parameter, a value per candidate. Empty: candidates are told by number.
    scores : array-like of float
        One per candidate; those that are not finite are left out.
    errors : array-like of float, default=None
        Standard deviation of each score over the folds.
    score_name : str, default="Score"
        What the scores are.
    best : int, "highest" or None, default="highest"
        The candidate to mark, by its place among the scores: the one that a search chose
        need not be the highest. None marks none.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        After `plot`.
    ax_ : matplotlib.axes.Axes
        Where the candidates are drawn.

    See Also
    --------
    HistoryDisplay : How the candidates learned.
    write_report : The same and more, to click on.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skfashion.inspection import SearchDisplay
    >>> X, y = load_digits(n_class=2, return_X_y=True)
    >>> search = GridSearchCV(LogisticRegression(), {"C": [1e-5, 1e-3, 1e-1]}, cv=2).fit(X, y)
    >>> display = SearchDisplay.from_search(search)  # doctest: +SKIP
    >>> display.figure_.savefig("search.png")  # doctest: +SKIP
    """

    def __init__(
        self,
        values: Mapping[str, Sequence[Any]],
        scores: Array,
        *,
        errors: Array | None = None,
        score_name: str = "Score",
        best: int | Literal["highest"] | None = "highest",
    ) -> None:
        self.values = values
        self.scores = scores
        self.errors = errors
        self.score_name = score_name
        self.best = best

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

        The one marked is the search's choice (``best_index_``), which with halving,
        Hyperband or a callable `refit` need not be the highest; without one, or of another
        test score, it is the highest. Of times and ranks none is marked.

        Parameters
        ----------
        search : fitted search
            Any with ``cv_results_``.
        params : str or sequence of str, default=None
            Parameters to plot, with or without the step of a Pipeline before them. None:
            those that differ between candidates.
        score : str, default=None
            Column of ``cv_results_``. None: the mean test score that chose the best.
        kind : {"auto", "score", "pair", "parallel"}, default="auto"
            One parameter against the score, two parameters with the score as colour (as a
            table where every combination was tried), or parallel coordinates of any
            number. "auto" goes by the number of parameters.
        ax : matplotlib.axes.Axes, default=None
            Where; None makes a figure. Long names have most room in a figure with
            ``layout="constrained"``.

        Returns
        -------
        SearchDisplay

        Raises
        ------
        NotFittedError, TypeError, ValueError, ImportError
            If it is not a fitted search, a parameter or score is not in ``cv_results_``,
            `kind` can't be used with that many parameters, no candidate has a score, or
            matplotlib is not installed.
        """
        check_search(search)
        results = search.cv_results_
        column = score_column(search) if score is None else score
        if column not in results:
            known = [name for name in results if name.startswith("mean_")]
            raise ValueError(
                f"score={column!r} is not in cv_results_, which has {', '.join(map(repr, known))}."
            )
        values = columns_of(results["params"], params)
        errors = results.get(column.replace("mean_", "std_", 1)) if "mean_" in column else None
        best = "highest" if column.startswith("mean_test_") else None
        if column == score_column(search) and hasattr(search, "best_index_"):
            best = int(search.best_index_)
        name = column[:1].upper() + column[1:].replace("_", " ")
        display = cls(values, results[column], errors=errors, score_name=name, best=best)
        return display.plot(ax, kind=kind)

    def plot(
        self, ax: Any = None, *, kind: Literal["auto", "score", "pair", "parallel"] = "auto"
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where; None makes a figure.
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
            raise InvalidParameterError(
                f"kind={kind!r} is not one of {', '.join(map(repr, _KINDS))}."
            )
        scores = np.asarray(self.scores, dtype=float)
        columns = self.values or {"candidate": list(range(len(scores)))}
        n = len(columns)
        if kind == "auto":
            kind = {1: "score", 2: "pair"}.get(n, "parallel")
        if n != {"score": 1, "pair": 2}.get(kind, n):
            raise ValueError(
                f"kind={kind!r} shows {'one parameter' if kind == 'score' else 'two parameters'}, "
                f"not {n}: name them with params=, of {', '.join(map(repr, columns))}."
            )
        finite = np.isfinite(scores)
        if not finite.any():
            raise ValueError("No candidate has a finite score: all of them failed.")
        best = self._best(scores, finite)
        plt = _style.pyplot("SearchDisplay")
        if ax is None:
            width = max(5.6, 1.25 * (n + 1)) if kind == "parallel" else 5.6
            ax = plt.subplots(figsize=(width, 4), layout="constrained")[1]
        self.ax_, self.figure_ = ax, ax.figure
        values = {
            name: [value for value, known in zip(column, finite, strict=True) if known]
            for name, column in columns.items()
        }
        errors = None if self.errors is None else np.asarray(self.errors, dtype=float)[finite]
        scores = scores[finite]
        if kind == "parallel":
            _draw_parallel(ax, values, scores, best, self.score_name)
            return self
        note = None
        if best is not None:
            note = "the best" if scores[best] == scores.max() else "chosen by the search"
        if kind == "score":
            note = _draw_score(ax, values, scores, errors, best, note)
        else:
            note = _draw_pair(ax, values, scores, best, note)
        _style.title(ax, self.score_name, note)
        return self

    def _best(self, scores, finite):
        """Return the place of the candidate to mark among those with a score."""
        if self.best is None:
            return None
        if self.best == "highest":
            return int(np.argmax(scores[finite]))
        if self.best not in range(len(scores)):
            raise ValueError(
                f"best={self.best!r} is not one of the {len(scores)} scores: give the place of "
                "one, 'highest' or None."
            )
        return int(finite[: self.best].sum()) if finite[self.best] else None


def _draw_score(ax, values, scores, errors, best, note):
    """Draw scores against one parameter; return what the plot needs said."""
    ((name, column),) = values.items()
    scale = scale_of(column)
    x = scale.places
    _style.tidy(ax)
    ax.margins(y=0.15)  # room for the text at the best
    _style.show_scale(ax, "x", name, scale)
    # Where others vary too, the line is of the highest at each value.
    tops = {at: scores[x == at].max() for at in sorted(set(x))}
    if len(tops) <= 20:
        ax.plot(list(tops), list(tops.values()), color=_style.GREY, linewidth=1.2, zorder=1)
    notes = []
    if errors is not None and np.any(errors > 0):  # of a single split there is no deviation
        ax.errorbar(x, scores, errors, fmt="none", ecolor=_style.GREY, elinewidth=1, zorder=1)
        notes.append("bars: one standard deviation over the folds")
    ax.scatter(x, scores, s=34, color=_style.BLUE, linewidths=0, zorder=2)
    if best is not None:
        ax.scatter(x[best], scores[best], s=70, color=_style.ORANGE, linewidths=0, zorder=3)
        text = f"{scores[best]:.3f} at "
        room = max(8, _style.characters(_style.size_of(ax)[0] / 2) - len(text))
        text += shortened([value_text(column[best])], room)[0]
        _write_best(ax, (x[best], scores[best]), text, scale.unit()[best] > 0.5, 9)
        notes += [f"orange: {note}"] if note != "the best" else []
    return "; ".join(notes)


def _draw_pair(ax, values, scores, best, note):
    """Draw a table where every combination was tried, or else points; return what to say."""
    rows, columns = map(categories_of, reversed(values.values()))
    at = list(zip(rows.places.astype(int), columns.places.astype(int), strict=True))
    table = np.full((len(rows.ticks), len(columns.ticks)), -np.inf)
    np.maximum.at(table, tuple(zip(*at, strict=True)), scores)
    marked = None if best is None else at[best]
    if marked is not None:
        table[marked] = scores[best]
    if np.isfinite(table).all() and max(table.shape) <= 10 and min(table.shape) > 1:
        _draw_table(ax, table, zip(values, (columns, rows), strict=True), marked)
        return note and f"frame: {note}"
    _draw_points(ax, values, scores, best)
    return f"colour: score; ring: {note}" if note else "colour: score"


def _draw_table(ax, table, scales, best):
    from matplotlib.patches import Rectangle

    image = ax.imshow(table, cmap=_style.COLORS, aspect="auto", origin="lower")
    ax.tick_params(length=0, labelcolor=_style.INK, labelsize=_style.SMALL)
    ax.spines[:].set_visible(False)
    for side, (name, scale) in zip("xy", scales, strict=True):
        _style.show_scale(ax, side, name, scale)
    texts = {at: f"{score:.3f}" for at, score in np.ndenumerate(table)}
    # Smaller where the cells are narrow.
    room = _style.characters(_style.size_of(ax)[0] / table.shape[1])
    size = _style.SMALL * min(1, room / max(map(len, texts.values())))
    for at, text in texts.items():
        ax.text(
            *(*reversed(at), text),
            ha="center",
            va="center",
            fontsize=size,
            fontweight="bold" if at == best else None,
            color="white" if image.norm(table[at]) < 0.55 else "black",
        )
    if best is not None:
        style = {"fill": False, "edgecolor": _style.ORANGE, "linewidth": 2.5}
        ax.add_patch(Rectangle((best[1] - 0.48, best[0] - 0.48), 0.96, 0.96, **style))


def _draw_points(ax, values, scores, best):
    _style.tidy(ax)
    x, y = scales = [scale_of(column) for column in values.values()]
    for side, name, scale in zip("xy", values, scales, strict=True):
        _style.show_scale(ax, side, name, scale)
    for drawn in ax.collections:  # drawn on again, axes keep one colour bar
        if drawn.colorbar is not None:
            drawn.colorbar.remove()
    order = np.argsort(scores)
    style = {"cmap": _style.COLORS, "edgecolor": "white", "linewidth": 0.6}
    points = ax.scatter(x.places[order], y.places[order], 70, scores[order], **style)
    ax.margins(0.08)
    bar = ax.figure.colorbar(points, ax=ax, fraction=0.05, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelcolor=_style.INK, labelsize=_style.SMALL)
    if best is not None:
        at = x.places[best], y.places[best]
        ax.scatter(*at, s=170, facecolor="none", edgecolor=_style.ORANGE, linewidth=2)
        up = 10 if y.unit()[best] < 0.9 else -18
        _write_best(ax, at, f"{scores[best]:.3f}", x.unit()[best] > 0.5, up)


def _write_best(ax, at, text, left, up):
    """Write at the best candidate, to its left or to its right."""
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.8}
    style = {"ha": "right" if left else "left", "color": _style.ORANGE, "bbox": box}
    _style.note(ax, text, at, (-9 if left else 9, up), **style)


def _draw_parallel(ax, values, scores, best, score_name):
    """Draw candidates as lines, those of higher scores in front of others."""
    import matplotlib
    from matplotlib.patches import PathPatch

    scales = [*map(scale_of, values.values()), scale_of(scores.tolist(), log=False)]
    units = np.array([scale.unit() for scale in scales])
    last = len(scales) - 1
    colors = matplotlib.colormaps[_style.COLORS]
    for i in sorted(range(len(scores)), key=lambda i: (i == best, scores[i])):
        color = _style.ORANGE if i == best else colors(units[last, i])
        style = {"lw": 2.6, "alpha": 1.0} if i == best else {"lw": 1.2, "alpha": 0.75}
        curve = _curve_through(list(enumerate(units[:, i])))
        ax.add_patch(PathPatch(curve, facecolor="none", edgecolor=color, **style))
    ax.set_xlim(-0.05, last + 0.3)
    ax.set_ylim(-0.04, 1.02)
    ax.set_axis_off()
    ax.figure.figure.draw_without_rendering()  # so that the size is known
    width, height = _style.size_of(ax)
    near = max(0.065, 1.7 * _style.SMALL / height)
    room = _style.characters(width / (last + 0.35))
    for k, (name, scale) in enumerate(zip([*values, score_name], scales, strict=True)):
        ax.plot([k, k], [0, 1], color=_style.INK, linewidth=1, zorder=3)
        ticks = scale.unit_ticks()
        if best is not None:
            # The best's own value stands on each axis.
            at = units[k, best]
            text = f"{scores[best]:.3f}" if k == last else value_text(values[name][best])
            ticks = [(at, text), *ticks]
        texts = shortened([text for _, text in ticks], max(6, min(14, room - 2)))
        ticks = thinned(zip([at for at, _ in ticks], texts, strict=True), near)
        for i, (at, text) in enumerate(ticks):
            marked = best is not None and i == 0
            style = {"color": _style.ORANGE, "fontweight": "bold"} if marked else {}
            box = {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.75}
            _style.note(ax, text, (k, at), (4, 0), va="center", zorder=4, bbox=box, **style)
        # Names alternate in height, so that long ones have room.
        log = " (log)" if scale.kind == "log" else ""
        longest = max(6, (2 * room if 0 < k < last - 1 else int(1.4 * room)) - 3 - len(log))
        style = {"ha": "left" if k == 0 else "right" if k == last else "center"}
        style |= {"fontsize": _style.SMALL + 0.5, "fontweight": "bold" if k == last else None}
        _style.note(
            ax, shortened([name], longest)[0] + log, (k, 1), (0, 10 + 14 * (k % 2)), **style
        )


def _curve_through(ends):
    """Return a curve that leaves each axis and meets the next one at a right angle."""
    from matplotlib.path import Path

    path = [ends[0]]
    for (x, y), (to_x, to_y) in pairwise(ends):
        path += [(x + 0.4, y), (to_x - 0.4, to_y), (to_x, to_y)]
    return Path(path, [Path.MOVETO, *[Path.CURVE4] * (len(path) - 1)])


def score_column(search):
    """Return the column of ``cv_results_`` with the score that chose the best candidate."""
    refit = getattr(search, "refit", None)
    if not getattr(search, "multimetric_", False):
        return "mean_test_score"
    scores = [name for name in search.cv_results_ if name.startswith("mean_test_")]
    return f"mean_test_{refit}" if f"mean_test_{refit}" in scores else scores[0]
