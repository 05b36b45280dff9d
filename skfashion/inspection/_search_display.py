"""Scores of a search against its parameters."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from skfashion._utils.typing import Array, Self
from skfashion._utils.validation import InvalidParameterError
from skfashion.inspection import _pair, _parallel, _style
from skfashion.inspection._histories import is_search
from skfashion.inspection._scales import (
    columns_of,
    scale_of,
    short_names,
    shortened,
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
        NotFittedError
            Before `fit`.
        TypeError
            If it is no search.
        ValueError
            If a parameter or score is not in ``cv_results_``, `kind` is unknown or can't be
            used with that many parameters, or no candidate has a score.
        ImportError
            If matplotlib is not installed.
        """
        if not is_search(search):
            raise TypeError(f"{type(search).__name__} is no search: it has no cv_results_.")
        results = search.cv_results_
        column = score_column(search) if score is None else score
        if column not in results:
            known = [name for name in results if name.startswith("mean_")]
            raise ValueError(
                f"score={column!r} is not in cv_results_, which has {', '.join(map(repr, known))}."
            )
        values = _chosen(columns_of(results["params"]), params, results["params"])
        errors = results.get(column.replace("mean_", "std_", 1)) if "mean_" in column else None
        best = _best_of(search, column)
        name = score_text(column)
        return cls(values, results[column], errors=errors, score_name=name, best=best).plot(
            ax, kind=kind
        )

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
            If `kind` is unknown or can't be used with that many parameters, `best` is no
            candidate, or no score is finite.
        ImportError
            If matplotlib is not installed.
        """
        if kind not in _KINDS:
            raise InvalidParameterError(f"kind={kind!r} is none of {', '.join(map(repr, _KINDS))}.")
        scores = np.asarray(self.scores, dtype=float)
        columns = self.values or {"candidate": list(range(len(scores)))}
        n = len(columns)
        if kind == "auto":
            kind = {1: "score", 2: "pair"}.get(n, "parallel")
        if (kind == "score" and n != 1) or (kind == "pair" and n != 2):
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
            _, ax = plt.subplots(figsize=(width, 4), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        values = {
            name: [value for value, known in zip(column, finite, strict=True) if known]
            for name, column in columns.items()
        }
        errors = None if self.errors is None else np.asarray(self.errors, dtype=float)[finite]
        scores = scores[finite]
        note = None
        if best is not None:
            note = "the best" if scores[best] == scores.max() else "chosen by the search"
        if kind == "parallel":
            _parallel.draw(ax, values, scores, best, self.score_name)
        elif kind == "score":
            self._draw_score(values, scores, errors, best, note)
        else:
            _pair.draw(ax, values, scores, best, self.score_name, note)
        return self

    def _best(self, scores, finite):
        """Return the place of the candidate to mark among those with a score."""
        if self.best is None:
            return None
        if self.best == "highest":
            return int(np.argmax(scores[finite]))
        if self.best not in range(len(scores)):
            raise ValueError(
                f"best={self.best!r} is none of the {len(scores)} scores: give the place of "
                "one, 'highest' or None."
            )
        return int(finite[: self.best].sum()) if finite[self.best] else None

    def _draw_score(self, values, scores, errors, best, note):
        ax, ((name, column),) = self.ax_, values.items()
        scale = scale_of(column)
        _style.tidy(ax)
        x = scale.positions
        if len(set(x)) < len(x):
            # Others vary too: the line is of the highest at each value.
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
        ax.set_xlim(-0.06, 1.06)
        ax.margins(y=0.15)  # room for the text at the best
        ax.set_xlabel(_pair.axis_name(name, scale), color=_style.INK)
        notes = ["bars: one standard deviation over the folds"] if errors is not None else []
        if note and note != "the best":
            notes.append(f"orange: {note}")
        _style.title(ax, self.score_name, "; ".join(notes) or None)
        _style.settle(ax)
        keep = None if best is None else x[best]
        _style.name_x_ticks(ax, scale.ticks, slant=scale.kind == "category", keep=keep)
        if best is not None:
            _mark(ax, x[best], scores[best], value_text(column[best]))


def _mark(ax, x, score, value):
    ax.scatter(x, score, s=70, color=_style.ORANGE, linewidths=0, zorder=3)
    right = x > 0.5
    told = f"{score:.3f} at "
    room = max(8, _style.characters(_style.size_of(ax)[0] / 2) - len(told))
    ax.annotate(
        _style.plain(told + shortened([value], room)[0]),
        (x, score),
        xytext=(-9 if right else 9, 9),
        textcoords="offset points",
        ha="right" if right else "left",
        color=_style.ORANGE,
        fontsize=_style.SMALL,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.8},
    )


def score_column(search):
    """Return the column of ``cv_results_`` with the score that chose the best candidate."""
    refit = getattr(search, "refit", None)
    if getattr(search, "multimetric_", False):
        scores = [name for name in search.cv_results_ if name.startswith("mean_test_")]
        wanted = f"mean_test_{refit}"
        return wanted if wanted in scores else scores[0]
    return "mean_test_score"


def _best_of(search, column):
    """Return the candidate to mark where a column of ``cv_results_`` is drawn."""
    if column == score_column(search) and hasattr(search, "best_index_"):
        return int(search.best_index_)
    return "highest" if column.startswith("mean_test_") else None


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
