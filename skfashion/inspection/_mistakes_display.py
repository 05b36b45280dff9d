"""The images most wrongly classified."""

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Any
from weakref import WeakKeyDictionary, ref

import numpy as np

from skfashion._utils.typing import Array, Frame, Self, Shape
from skfashion._utils.validation import InvalidParameterError
from skfashion.inspection import _style
from skfashion.inspection._mistakes import find_mistakes
from skfashion.inspection._pictures import image_shape_for, names_of, pictures, take
from skfashion.inspection._scales import shortened

# In points: what two lines of labels take above an image, and a cell too narrow for them.
_ABOVE, _NARROW = 27, 80
# What the place of axes was divided into: drawn on again, they lose it.
_CELLS = WeakKeyDictionary()


class MistakesDisplay:
    """The images most wrongly classified, with labels and probabilities.

    Make one with `from_predictions` or `from_estimator`.

    Parameters
    ----------
    images : list of ndarray
        Of uint8 and shape (h, w) or (h, w, 3), the worst first.
    mistakes : pandas.DataFrame
        A row per image: ``index`` (in X), ``true``, ``predicted`` (labels) and
        ``true_probability``, ``predicted_probability`` (NaN if not known).
    n_mistakes, n_samples : int
        Images classified wrongly, and all of them.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        After `plot`.
    axes_ : ndarray of matplotlib.axes.Axes
        One an image.

    See Also
    --------
    sklearn.metrics.ConfusionMatrixDisplay : Which classes are taken for which.

    Examples
    --------
    >>> import numpy as np
    >>> from skfashion.inspection import MistakesDisplay
    >>> images = np.zeros((3, 8, 8), np.uint8)
    >>> display = MistakesDisplay.from_predictions(
    ...     images, ["cat", "dog", "dog"], ["cat", "cat", "dog"]
    ... )  # doctest: +SKIP
    >>> display.mistakes["index"].tolist()  # doctest: +SKIP
    [1]
    """

    def __init__(
        self, images: Sequence[Any], mistakes: Frame, *, n_mistakes: int, n_samples: int
    ) -> None:
        self.images = images
        self.mistakes = mistakes
        self.n_mistakes = n_mistakes
        self.n_samples = n_samples

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Array,
        y: Array,
        *,
        n_images: int = 12,
        display_labels: Array | None = None,
        ax: Any = None,
    ) -> Self:
        """Let an estimator predict, and plot where it was wrong.

        Parameters
        ----------
        estimator : fitted classifier
            With `predict_proba`, or else `predict`; a Pipeline or search, too.
        X : array-like or sequence of str
            Images as the estimator takes them: arrays or file names.
        y : array-like of shape (n,)
            Their labels.
        n_images : int, default=12
            How many to show.
        display_labels : array-like of shape (n_classes,), default=None
            What to call the classes, in the order of ``estimator.classes_``.
        ax : matplotlib.axes.Axes, default=None
            Where; None makes a figure.

        Returns
        -------
        MistakesDisplay

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If lengths or numbers of classes don't fit together, `n_images` is no whole number
            of 0 or more, or `ax` has no place in a grid.
        ImportError
            If matplotlib is not installed.
        """
        known = hasattr(estimator, "predict_proba")
        predicted = estimator.predict_proba(X) if known else estimator.predict(X)
        return cls.from_predictions(
            X,
            y,
            predicted,
            classes=estimator.classes_,
            n_images=n_images,
            display_labels=display_labels,
            image_shape=image_shape_for(estimator),
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        X: Array,
        y_true: Array,
        y_pred: Array,
        *,
        classes: Array | None = None,
        n_images: int = 12,
        display_labels: Array | None = None,
        image_shape: Shape | None = None,
        ax: Any = None,
    ) -> Self:
        """Plot the images whose predictions were furthest from the truth.

        The worst are those whose true class got the lowest probability; given labels
        only, the first ones.

        Parameters
        ----------
        X : array-like or sequence of str
            Images, as arrays of any form that classifiers take, or file names.
        y_true : array-like of shape (n,)
            Labels.
        y_pred : array-like of shape (n, n_classes) or (n,)
            Probabilities or labels.
        classes : array-like of shape (n_classes,), default=None
            Labels of the columns of `y_pred`, as ``estimator.classes_``. None: the labels
            in `y_true`, sorted.
        n_images : int, default=12
            How many to show.
        display_labels : array-like of shape (n_classes,), default=None
            What to call the classes, in the same order.
        image_shape : tuple of int, default=None
            Height, width and channels of flat rows; or channels, height and width, of rows
            and images with all of red first.
        ax : matplotlib.axes.Axes, default=None
            Where; None makes a figure.

        Returns
        -------
        MistakesDisplay

        Raises
        ------
        ValueError
            If lengths or numbers of classes don't fit together, `n_images` is no whole number
            of 0 or more, or `ax` has no place in a grid.
        ImportError
            If matplotlib is not installed.
        """
        _check_whole("n_images", n_images, 0)
        mistakes = find_mistakes(y_true, y_pred, classes=classes, display_labels=display_labels)
        if len(X) != len(y_true):
            raise ValueError(f"X has {len(X)} images and y_true {len(y_true)} labels.")
        worst = mistakes.head(n_images)
        like = None if names_of(X) is not None else X
        images = []
        if len(worst):
            images = pictures(take(X, worst["index"]), image_shape=image_shape, like=like)
        display = cls(images, worst, n_mistakes=len(mistakes), n_samples=len(y_true))
        return display.plot(ax)

    def plot(self, ax: Any = None, *, n_cols: int | None = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where: its place is divided among the images. None makes a figure.
        n_cols : int, default=None
            Images in a row; None for 4 or fewer, in a figure of our own 6.

        Returns
        -------
        MistakesDisplay
            Itself, with `figure_` and `axes_`.

        Raises
        ------
        ValueError
            If `n_cols` is no whole number of 1 or more, or `ax` has no place in a grid, as
            those of ``plt.subplots`` have.
        ImportError
            If matplotlib is not installed.
        """
        if n_cols is not None:
            _check_whole("n_cols", n_cols, 1)
        plt = _style.pyplot("MistakesDisplay")
        n = len(self.images)
        n_cols = max(1, min(n, n_cols or (6 if ax is None else 4)))
        n_rows = max(1, math.ceil(n / n_cols))
        if ax is None:
            size = (max(4.0, 1.45 * n_cols), 1.78 * n_rows + 0.45 if n else 0.6)
            figure = plt.figure(figsize=size, layout="constrained")
            figure.get_layout_engine().set(h_pad=0.06, w_pad=0.06)
            grid = figure.add_gridspec(n_rows, n_cols)
            figure.suptitle(self._headline(), x=0.01, ha="left", fontsize=11, color=_style.INK)
        else:
            figure = ax.figure
            if ax.get_subplotspec() is None:
                raise ValueError("ax must come from plt.subplots: its place is divided up.")
            for cell in _CELLS.pop(ax, []):
                if cell() in figure.axes:
                    cell().remove()
            ax.set_axis_off()
            _style.title(ax, self._headline())
            grid = _divided(ax, n_rows, n_cols)
        self.figure_ = figure
        self.axes_ = np.array(
            [figure.add_subplot(grid[i // n_cols - n_rows, i % n_cols]) for i in range(n)],
            dtype=object,
        )
        if ax is not None:
            _CELLS[ax] = list(map(ref, self.axes_))
        if n:
            self._draw(_style.size_of(ax)[0] / n_cols if ax is not None else 72 * size[0] / n_cols)
        return self

    def _draw(self, width):
        """Draw the images, each in a cell of so many points."""
        size = _style.SMALL if width >= _NARROW else 0.75 * _style.SMALL
        known = self.mistakes["true_probability"].notna().any()
        room = _style.characters(width * _style.SMALL / size) - (4 if known else 0)
        labels = list(map(str, [*self.mistakes["predicted"], *self.mistakes["true"]]))
        short = dict(zip(labels, shortened(labels, max(5, room)), strict=True))
        rows = self.mistakes.itertuples()
        for axis, image, row in zip(self.axes_, self.images, rows, strict=True):
            axis.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            axis.set_axis_off()
            told = _told(short[str(row.predicted)], row.predicted_probability)
            truth = _told(short[str(row.true)], row.true_probability)
            for text, height, color in (
                (told, 14, _style.ORANGE),
                (truth, 3, _style.BLUE),
            ):
                axis.annotate(
                    _style.plain(text),
                    (0.5, 1),
                    xycoords="axes fraction",
                    xytext=(0, height),
                    textcoords="offset points",
                    ha="center",
                    fontsize=size,
                    color=color,
                )

    def _headline(self):
        if not self.n_mistakes:
            return f"All {self.n_samples:,} right"
        count = f"{self.n_mistakes:,} of {self.n_samples:,} wrong"
        return f"{count}: predicted above, true below"


def _divided(ax, n_rows, n_cols):
    """Divide the place of axes into rows, the labels above each, and a first one of titles."""
    engine = ax.figure.get_layout_engine()
    if engine is not None and not engine.adjust_compatible:
        # It makes room for the labels itself.
        space, title = None, 0.2
    else:
        height = (_style.size_of(ax)[1] - n_rows * _ABOVE) / (n_rows + 1)
        space, title = _ABOVE / max(height, 1), 0.01
    ratios = [title, *[1] * n_rows]
    return ax.get_subplotspec().subgridspec(n_rows + 1, n_cols, height_ratios=ratios, hspace=space)


def _check_whole(name, value, least):
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise InvalidParameterError(f"{name}={value!r} must be a whole number, {least} or more.")


def _told(label, probability):
    return label if math.isnan(probability) else f"{label} {probability:.0%}"
