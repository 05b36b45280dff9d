"""Learning curves of one estimator or of all candidates of a search."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

from skfashion._utils.scores import score_column
from skfashion._utils.typing import Frame, Self
from skfashion.inspection import _style
from skfashion.inspection._histories import check_search, history_frame, is_search
from skfashion.inspection._values import columns_of, value_text


@dataclass(eq=False, repr=False)
class HistoryDisplay:
    """Losses and accuracies, epoch by epoch; made by `from_estimator` or `from_search`.

    Parameters
    ----------
    history : pandas.DataFrame
        One row an epoch, as `history_frame` returns it.
    best : int, default=None
        The candidate that stands in front.
    best_name : str, default=None
        What is written at its curves; None for "best".

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        After `plot`.
    axes_ : ndarray of matplotlib.axes.Axes
        One a metric.
    lines_ : dict of list of matplotlib.lines.Line2D
        Of each metric, in the order of drawing.

    Examples
    --------
    >>> from skfashion import DenseClassifier
    >>> from skfashion.datasets import make_images
    >>> from skfashion.inspection import HistoryDisplay
    >>> X, y = make_images(n_samples=60, n_classes=2, image_size=8, random_state=0)
    >>> clf = DenseClassifier(8, epochs=3, random_state=0).fit(X, y)
    >>> HistoryDisplay.from_estimator(clf).figure_.savefig("history.png")  # doctest: +SKIP
    """

    history: Frame
    _: KW_ONLY
    best: int | None = None
    best_name: str | None = None
    _scores = None  # of candidates, by which their lines are coloured

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, metrics: str | Sequence[str] = ("loss", "accuracy"), ax: Any = None
    ) -> Self:
        """Plot the history of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted classifier of this package or a Pipeline that ends in one; of a search
            its best estimator.
        metrics : sequence of str, default=("loss", "accuracy")
            Columns of `history_frame`, training and validation in one.
        ax : matplotlib.axes.Axes or sequence of them, default=None
            Axes, one a metric. None makes a figure.

        Returns
        -------
        HistoryDisplay

        Raises
        ------
        NotFittedError, TypeError, ValueError, ImportError
            Without a history, such a metric, one of `ax` for each, or matplotlib.
        """
        if is_search(estimator):
            if not hasattr(estimator, "best_estimator_"):
                raise ValueError(
                    f"{type(estimator).__name__} kept no best estimator: let it refit, or use "
                    "HistoryDisplay.from_search."
                )
            estimator = estimator.best_estimator_
        return cls(history_frame(estimator)).plot(ax, metrics=metrics)

    @classmethod
    def from_search(
        cls, search: Any, *, metrics: str | Sequence[str] = ("loss", "accuracy"), ax: Any = None
    ) -> Self:
        """Plot the curves of all candidates of a search, the best in front.

        Curves are means over the folds, in the colour of the rank of the score; the best has a
        band from the lowest to the highest fold. Without `memory` there is the refit alone.

        Parameters
        ----------
        search : fitted search
            Over a classifier of this package.
        metrics : sequence of str, default=("loss", "accuracy")
            Columns of `history_frame`.
        ax : matplotlib.axes.Axes or sequence of them, default=None
            Axes, one a metric. None makes a figure.

        Returns
        -------
        HistoryDisplay

        Raises
        ------
        NotFittedError, TypeError, ValueError, ImportError
            As `from_estimator`.
        """
        check_search(search)
        history = history_frame(search)
        if history.empty:
            raise ValueError(
                "No history is known: let the search refit, or give its classifier memory= and "
                "an integer random_state, so that the histories of its folds are kept."
            )
        best, name = getattr(search, "best_index_", None), None
        if best is not None:
            columns = columns_of(search.cv_results_["params"])
            lines = [f"{name} {value_text(values[best])}" for name, values in columns.items()]
            name = "\n".join(["best:", *lines[:5], *(["..."] if len(lines) > 5 else [])])
        display = cls(history, best=None if best is None else int(best), best_name=name)
        display._scores = search.cv_results_[score_column(search)]
        return display.plot(ax, metrics=metrics)

    def plot(self, ax: Any = None, *, metrics: str | Sequence[str] = ("loss", "accuracy")) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or sequence of them, default=None
            Axes, one a metric. None makes a figure.
        metrics : sequence of str, default=("loss", "accuracy")
            Columns of `history_frame`.

        Returns
        -------
        HistoryDisplay
            Itself, with `figure_`, `axes_` and `lines_`.

        Raises
        ------
        ValueError, ImportError
            As `from_estimator`.
        """
        plt = _style.pyplot("HistoryDisplay")
        metrics = [metrics] if isinstance(metrics, str) else list(metrics)
        known = [
            name
            for name in self.history.select_dtypes("number")
            if not name.startswith(("val_", "param_", "candidate", "fold", "epoch"))
        ]
        if not metrics or not set(metrics) <= set(known):
            raise ValueError(f"metrics={metrics!r}: give some of {', '.join(map(repr, known))}.")
        if ax is None:
            size = (5.2 * len(metrics), 3.6)
            ax = plt.subplots(1, len(metrics), figsize=size, layout="constrained")[1]
        self.axes_ = axes = np.ravel(np.asarray(ax, dtype=object))
        if len(axes) != len(metrics):
            raise ValueError(
                f"ax has {len(axes)} axes for {len(metrics)} metrics, {metrics}: give one each."
            )
        self.figure_, self.lines_ = axes[0].figure, {}
        draw = self._draw_search if "candidate" in self.history else self._draw_estimator
        last = float(self.history["epoch"].max())
        for axis, name in zip(axes, metrics, strict=True):
            _style.tidy(axis)
            axis.set_xlabel("Epoch", color=_style.INK)
            axis.ticklabel_format(axis="y", useOffset=False)
            axis.xaxis.get_major_locator().set_params(integer=True)
            axis.set_xmargin(0.02)
            self.lines_[name] = draw(axis, name)
            self._draw_phases(axis, last)
            if axis.get_legend_handles_labels()[0]:
                style = {"labelcolor": "linecolor", "edgecolor": "none", "handlelength": 1.2}
                # The best candidate, which is many words, is named beside the axes.
                if "candidate" in self.history and axis.figure.get_layout_engine() is not None:
                    style |= {"loc": "upper left", "bbox_to_anchor": (1, 1)}
                axis.legend(fontsize=_style.SMALL, **style)
        return self

    def _draw_estimator(self, ax, name):
        _style.title(ax, name.replace("_", " ").capitalize())
        lines = []
        known = [("training", name, _style.BLUE), ("validation", f"val_{name}", _style.ORANGE)]
        for text, column, color in known:
            if column in self.history and self.history[column].notna().any():
                drawn = self.history.dropna(subset=[column])
                label = f"{text} {drawn[column].iloc[-1]:.3f}"
                style = {"color": color, "linewidth": 1.8, "label": label}
                lines += _plot(ax, drawn["epoch"], drawn[column], **style)
        return lines

    def _draw_search(self, ax, name):
        watched = f"val_{name}"
        known = watched in self.history and self.history[watched].notna().any()
        column = watched if known else name
        folds = self.history[self.history["fold"].notna()]
        drawn = (folds if len(folds) else self.history).dropna(subset=[column])
        means = drawn.groupby(["candidate", "epoch"])[column].agg(["mean", "min", "max"])
        n = drawn["candidate"].nunique()
        where = f"{n} candidates, means over folds" if len(folds) else "refit of the best candidate"
        where += "; stronger colour: higher score" if self._scores is not None and n > 2 else ""
        what = "Validation" if known else "Training"
        _style.title(ax, f"{what} {name.replace('_', ' ')}", where)
        lines = []
        same = np.zeros(1 + int(drawn["candidate"].max()))
        marks = _style.Marks(same if self._scores is None else self._scores, self.best)
        for candidate in marks.order():
            if candidate not in means.index:
                continue
            curve, style = means.loc[candidate], marks.style(candidate)
            if candidate == self.best:
                # Once is enough for many parameters.
                name = self.best_name if ax is self.axes_[-1] else None
                style["label"] = _style.as_it_is(name or "best")
                band = {"color": _style.ORANGE, "alpha": 0.18, "linewidth": 0}
                ax.fill_between(curve.index, curve["min"], curve["max"], **band)
            lines += _plot(ax, curve.index, curve["mean"], **style)
        return lines

    def _draw_phases(self, ax, last):
        """Draw a line where each phase but the first begins, and write its name at the top."""
        history = self.history
        if "candidate" in history and (history["candidate"] == self.best).any():
            history = history[history["candidate"] == self.best]
        phases = history.groupby("phase", sort=False)["epoch"].min() if len(history) else {}
        for phase, epoch in list(dict(phases).items())[1:]:
            ax.axvline(epoch - 0.5, color=_style.INK, linewidth=1, linestyle=(0, (4, 3)))
            ha, shift = ("left", 4) if epoch - 0.5 <= (1 + last) / 2 else ("right", -4)
            style = {"ha": ha, "va": "top", "xycoords": ("data", "axes fraction")}
            _style.note(ax, phase.replace("_", "-"), (epoch - 0.5, 1), (shift, -1), **style)


def _plot(ax, x, y, **style):
    # A line of one epoch would not be seen.
    return ax.plot(x, y, marker="o" if len(x) == 1 else None, markersize=5, **style)
