"""Scores of a search against its parameters."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from skfashion._typing import Array, Self
from skfashion._validation import InvalidParameterError
from skfashion.inspection import _parallel, _style
from skfashion.inspection._histories import is_search
from skfashion.inspection._scales import columns_of, is_number, scale_of, short_names, value_text

_KINDS = ("auto", "score", "pair", "parallel")


class SearchDisplay:
    """Scores of a search's candidates against one, two or all parameters.

    Make one with `from_search`.

    Parameters
    ----------
    values : dict of str to list
        Of each parameter, a value per candidate.
    scores : array-like of float
        One per candidate; those that are not finite are left out.
    errors : array-like of float, default=None
        Standard deviation of each score over the folds.
    score_name : str, default="Score"
        What the scores are.

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
    ) -> None:
        self.values = values
        self.scores = scores
        self.errors = errors
        self.score_name = score_name

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
            Where; None makes a figure.

        Returns
        -------
        SearchDisplay

        Raises
        ------
        NotFittedError
            Before `fit`.
        TypeError
            If it is no search.
        ValueError
            If a parameter or score is not in ``cv_results_``, or no candidate has a score.
        """
        if not is_search(search):
            raise TypeError(f"{type(search).__name__} is no search: it has no cv_results_.")
        results = search.cv_results_
        column = score_column(search) if score is None else score
        if column not in results:
            known = [name for name in results if "score" in name and not name.startswith("rank")]
            raise ValueError(
                f"score={column!r} is not in cv_results_, which has {', '.join(map(repr, known))}."
            )
        values = _chosen(columns_of(results["params"]), params, results["params"])
        errors = results.get(column.replace("mean_", "std_", 1)) if "mean_" in column else None
        display = cls(values, results[column], errors=errors, score_name=score_text(column))
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
        ValueError
            If `kind` can't be used with that many parameters, or no score is finite.
        """
        if kind not in _KINDS:
            raise InvalidParameterError(f"kind={kind!r} is none of {', '.join(map(repr, _KINDS))}.")
        n = len(self.values)
        if kind == "auto":
            kind = {1: "score", 2: "pair"}.get(n, "parallel")
        if (kind == "score" and n != 1) or (kind == "pair" and n != 2):
            raise ValueError(
                f"kind={kind!r} shows {'one parameter' if kind == 'score' else 'two parameters'}, "
                f"not {n}: name them with params=, of {', '.join(map(repr, self.values))}."
            )
        scores = np.asarray(self.scores, dtype=float)
        finite = np.isfinite(scores)
        if not finite.any():
            raise ValueError("No candidate has a finite score: all of them failed.")
        plt = _style.pyplot("SearchDisplay")
        if ax is None:
            width = max(5.6, 1.25 * (n + 1)) if kind == "parallel" else 5.6
            _, ax = plt.subplots(figsize=(width, 4), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        values = {
            name: [value for value, known in zip(column, finite, strict=True) if known]
            for name, column in self.values.items()
        }
        errors = None if self.errors is None else np.asarray(self.errors, dtype=float)[finite]
        scores = scores[finite]
        if kind == "parallel":
            _parallel.draw(ax, values, scores, self.score_name)
        elif kind == "score":
            self._draw_score(values, scores, errors)
        else:
            self._draw_pair(values, scores)
        return self

    def _draw_score(self, values, scores, errors):
        ax, ((name, column),) = self.ax_, values.items()
        scale = scale_of(column)
        _style.tidy(ax)
        best = int(np.argmax(scores))
        x = scale.positions
        if len(set(x)) < len(x):
            # Others vary too: the line is of the best at each value.
            tops = {at: scores[x == at].max() for at in sorted(set(x))}
        else:
            tops = dict(sorted(zip(x, scores, strict=True)))
        if len(tops) <= 20:
            ax.plot(list(tops), list(tops.values()), color=_style.GREY, linewidth=1.2, zorder=1)
        if errors is not None and not np.any(errors > 0):
            errors = None  # of a single split there is no deviation
        if errors is not None:
            ax.errorbar(x, scores, errors, fmt="none", ecolor=_style.GREY, elinewidth=1, zorder=1)
        ax.scatter(x, scores, s=34, color=_style.BLUE, linewidths=0, zorder=2)
        ax.scatter(x[best], scores[best], s=70, color=_style.ORANGE, linewidths=0, zorder=3)
        right = x[best] > 0.6
        ax.annotate(
            _style.plain(f"{scores[best]:.3f} at {value_text(column[best])}"),
            (x[best], scores[best]),
            xytext=(-9 if right else 9, 9),
            textcoords="offset points",
            ha="right" if right else "left",
            color=_style.ORANGE,
            fontsize=_style.SMALL,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.8},
        )
        ax.set_xlim(-0.06, 1.06)
        ax.margins(y=0.15)  # room for the text at the best
        _ticks(ax.xaxis, scale)
        ax.set_xlabel(_axis_name(name, scale), color=_style.INK)
        note = "bars: one standard deviation over the folds" if errors is not None else None
        _style.title(ax, self.score_name, note)

    def _draw_pair(self, values, scores):
        (x_name, xs), (y_name, ys) = values.items()
        cells = {}
        for x, y, score in zip(map(value_text, xs), map(value_text, ys), scores, strict=True):
            cells[x, y] = max(score, cells.get((x, y), -np.inf))
        n_x, n_y = len({x for x, _ in cells}), len({y for _, y in cells})
        if len(cells) == n_x * n_y and max(n_x, n_y) <= 10 and min(n_x, n_y) > 1:
            self._draw_table(x_name, _ordered(xs), y_name, _ordered(ys), cells)
        else:
            self._draw_points(x_name, scale_of(xs), y_name, scale_of(ys), scores)

    def _draw_table(self, x_name, xs, y_name, ys, cells):
        ax = self.ax_
        table = np.array([[cells[x, y] for x in xs] for y in ys])
        image = ax.imshow(table, cmap=_style.COLORS, aspect="auto", origin="lower")
        best = np.unravel_index(np.argmax(table), table.shape)
        for (row, column), score in np.ndenumerate(table):
            ax.text(
                *(column, row, f"{score:.3f}"),
                ha="center",
                va="center",
                fontsize=_style.SMALL,
                fontweight="bold" if (row, column) == best else None,
                color="white" if image.norm(score) < 0.55 else "black",
            )
        ax.add_patch(_frame_of(best))
        ax.set_xticks(range(len(xs)), [_style.plain(x) for x in xs])
        ax.set_yticks(range(len(ys)), [_style.plain(y) for y in ys])
        ax.tick_params(length=0, labelcolor=_style.INK, labelsize=_style.SMALL)
        ax.spines[:].set_visible(False)
        ax.set_xlabel(_style.plain(x_name), color=_style.INK)
        ax.set_ylabel(_style.plain(y_name), color=_style.INK)
        _style.title(ax, self.score_name)

    def _draw_points(self, x_name, x, y_name, y, scores):
        ax = self.ax_
        _style.tidy(ax)
        order = np.argsort(scores)
        best = order[-1]
        points = ax.scatter(
            *(x.positions[order], y.positions[order]),
            c=scores[order],
            cmap=_style.COLORS,
            s=70,
            edgecolor="white",
            linewidth=0.6,
        )
        ax.scatter(
            *(x.positions[best], y.positions[best]),
            s=170,
            facecolor="none",
            edgecolor=_style.ORANGE,
            linewidth=2,
        )
        ax.annotate(
            f"{scores[best]:.3f}",
            (x.positions[best], y.positions[best]),
            xytext=(0, 10 if y.positions[best] < 0.9 else -18),
            textcoords="offset points",
            ha="center",
            color=_style.ORANGE,
            fontsize=_style.SMALL,
            fontweight="bold",
        )
        bar = ax.figure.colorbar(points, ax=ax, fraction=0.05, pad=0.02)
        bar.outline.set_visible(False)
        bar.ax.tick_params(length=0, labelcolor=_style.INK, labelsize=_style.SMALL)
        ax.set_xlim(-0.06, 1.06)
        ax.set_ylim(-0.08, 1.08)
        _ticks(ax.xaxis, x)
        _ticks(ax.yaxis, y)
        ax.set_xlabel(_axis_name(x_name, x), color=_style.INK)
        ax.set_ylabel(_axis_name(y_name, y), color=_style.INK)
        _style.title(ax, self.score_name, "colour: score; ring: the best")


def score_column(search):
    """Return the column of ``cv_results_`` with the score that chose the best candidate."""
    refit = getattr(search, "refit", None)
    if getattr(search, "multimetric_", False):
        scores = [name for name in search.cv_results_ if name.startswith("mean_test_")]
        wanted = f"mean_test_{refit}"
        return wanted if wanted in scores else scores[0]
    return "mean_test_score"


def score_text(column):
    """Return a column of ``cv_results_`` in words."""
    text = column.replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def _chosen(varied, params, candidates):
    names = short_names(list(dict.fromkeys(name for each in candidates for name in each)))
    if params is None:
        return {names[name]: values for name, values in varied.items()}
    everything = {name: [each.get(name) for each in candidates] for name in names} | varied
    chosen = {}
    for wanted in [params] if isinstance(params, str) else params:
        found = [name for name in names if wanted in (name, names[name])]
        if not found:
            raise ValueError(
                f"params: {wanted!r} was not searched; the search has "
                f"{', '.join(map(repr, names))}."
            )
        chosen[names[found[0]]] = everything[found[0]]
    return chosen


def _ordered(values):
    """Return the distinct values as text, numbers by size and text in natural order."""
    if all(is_number(value) for value in values):
        return list(dict.fromkeys(value_text(value) for value in sorted(values)))
    return [text for _, text in scale_of(values).ticks]


def _ticks(axis, scale):
    axis.set_ticks([at for at, _ in scale.ticks], [_style.plain(text) for _, text in scale.ticks])


def _axis_name(name, scale):
    return _style.plain(f"{name} (log)" if scale.kind == "log" else name)


def _frame_of(cell):
    from matplotlib.patches import Rectangle

    row, column = cell
    return Rectangle(
        (column - 0.48, row - 0.48), 0.96, 0.96, fill=False, edgecolor=_style.ORANGE, linewidth=2.5
    )
