"""The images most wrongly classified."""

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import column_or_1d

from skfashion._utils.typing import Array, Frame, Self, Shape
from skfashion._utils.validation import InvalidParameterError
from skfashion.inspection import _heatmap, _style
from skfashion.inspection._pictures import image_shape_for, pictures
from skfashion.inspection._values import shortened

# In points: what two lines of labels take above an image, and a cell too narrow for them.
_ABOVE, _NARROW = 28, 80
_LABEL = "mistake"  # of the axes of an image


@dataclass(eq=False, repr=False)
class MistakesDisplay:
    """Images most wrongly classified; made by `from_predictions` or `from_estimator`.

    Parameters
    ----------
    images : list of ndarray of shape (h, w) or (h, w, 3), uint8
        Images, the worst first.
    mistakes : pandas.DataFrame
        A row an image: ``index`` (in X), ``true``, ``predicted`` (labels),
        ``true_probability`` and ``predicted_probability`` (NaN if not known).
    n_mistakes, n_samples : int
        Images classified wrongly, and all of them.
    heatmaps : list of ndarray of shape (h, w), default=None
        Heat from 0 to 1 to lay over the images, see `heatmap`.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        After `plot`.
    axes_ : ndarray of matplotlib.axes.Axes
        One an image.

    See Also
    --------
    heatmap : What `explain` draws.
    sklearn.metrics.ConfusionMatrixDisplay : Which classes are taken for which.

    Examples
    --------
    >>> import numpy as np
    >>> from skfashion.inspection import MistakesDisplay
    >>> X, y_pred = np.zeros((3, 8, 8), np.uint8), ["cat", "cat", "dog"]
    >>> MistakesDisplay.from_predictions(X, ["cat", "dog", "dog"], y_pred)  # doctest: +SKIP
    """

    images: Sequence[Any]
    mistakes: Frame
    _: KW_ONLY
    n_mistakes: int
    n_samples: int
    heatmaps: Sequence[Any] | None = None

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Array,
        y: Array,
        *,
        n_images: int = 12,
        display_labels: Array | None = None,
        explain: bool = False,
        ax: Any = None,
    ) -> Self:
        """Let an estimator predict, and plot where it was wrong.

        Parameters
        ----------
        estimator : fitted classifier
            With `predict_proba`, or else `predict`; a Pipeline or search, too.
        X, y : array-like or sequence of str
            Images as the estimator takes them, arrays or file names, and their labels.
        n_images : int, default=12
            Images to show at most.
        display_labels : array-like of shape (n_classes,), default=None
            Names of the classes, in the order of ``estimator.classes_``.
        explain : bool, default=False
            Whether to lay over each image where the network saw what it predicted, see
            `heatmap`. The images are then shown as the network is given them.
        ax : matplotlib.axes.Axes, default=None
            Axes; None makes a figure.

        Returns
        -------
        MistakesDisplay

        Raises
        ------
        NotFittedError, ValueError, ImportError
            Before `fit`, if lengths or numbers of classes don't fit together, if `explain` and
            there is no heat of the estimator, or without matplotlib.
        """
        predict = getattr(estimator, "predict_proba", None) or estimator.predict
        told = {"classes": estimator.classes_, "image_shape": image_shape_for(estimator)}
        told |= {"n_images": n_images, "display_labels": display_labels}
        display = cls._undrawn(X, y, predict(X), **told)
        if explain:
            worst = display.mistakes["index"]
            display.images, display.heatmaps = _heatmap.explained(estimator, X, worst)
        return display.plot(ax)

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

        The worst are those whose true class got the lowest probability; of labels alone, the
        first ones.

        Parameters
        ----------
        X : array-like or sequence of str
            Images, as arrays of any form that classifiers take, or file names.
        y_true : array-like of shape (n,)
            Labels.
        y_pred : array-like of shape (n, n_classes) or (n,)
            Probabilities or labels.
        classes : array-like of shape (n_classes,), default=None
            Labels of the columns of `y_pred`; None: those in `y_true`, sorted.
        n_images : int, default=12
            Images to show at most.
        display_labels : array-like of shape (n_classes,), default=None
            Names of the classes, in the same order.
        image_shape : tuple of int, default=None
            Height, width and channels of flat rows; channels first where planes stand first.
        ax : matplotlib.axes.Axes, default=None
            Axes; None makes a figure.

        Returns
        -------
        MistakesDisplay

        Raises
        ------
        ValueError, ImportError
            As `from_estimator`.
        """
        told = {"classes": classes, "image_shape": image_shape}
        told |= {"n_images": n_images, "display_labels": display_labels}
        return cls._undrawn(X, y_true, y_pred, **told).plot(ax)

    @classmethod
    def _undrawn(cls, X, y_true, y_pred, *, classes, image_shape, n_images, display_labels):
        _check_whole("n_images", n_images, 0)
        mistakes = find_mistakes(y_true, y_pred, classes=classes, display_labels=display_labels)
        if len(X) != len(y_true):
            raise ValueError(f"X has {len(X)} images and y_true {len(y_true)} labels.")
        worst = mistakes.head(n_images)
        images = pictures(X, worst["index"], image_shape=image_shape) if len(worst) else []
        return cls(images, worst, n_mistakes=len(mistakes), n_samples=len(y_true))

    def plot(self, ax: Any = None, *, n_cols: int | None = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes, divided among the images. None makes a figure.
        n_cols : int, default=None
            Images in a row; None for 4 or fewer, in a figure of our own 6.

        Returns
        -------
        MistakesDisplay
            Itself, with `figure_` and `axes_`.

        Raises
        ------
        ValueError, ImportError
            If `n_cols` is not a whole number of 1 or more, or matplotlib is not installed.
        """
        if n_cols is not None:
            _check_whole("n_cols", n_cols, 1)
        plt = _style.pyplot("MistakesDisplay")
        n = len(self.images)
        n_cols = max(1, min(n, n_cols or (6 if ax is None else 4)))
        n_rows = max(1, math.ceil(n / n_cols))
        if ax is None:
            size = (max(4.0, 1.45 * n_cols), 1.78 * n_rows + 0.45 if n else 0.6)
            ax = plt.subplots(figsize=size, layout="constrained")[1]
        self.figure_ = ax.figure
        for drawn in [axes for axes in ax.child_axes if axes.get_label() == _LABEL]:
            drawn.remove()
        ax.set_axis_off()
        told = f"{self.n_mistakes:,} of {self.n_samples:,} wrong: predicted above, true below"
        _style.title(ax, told if self.n_mistakes else f"All {self.n_samples:,} right")
        self.figure_.figure.draw_without_rendering()  # so that the size is known
        width, height = _style.size_of(ax)
        above = min(0.5, _ABOVE * n_rows / height)  # of the height of a cell
        corners = [(i % n_cols / n_cols, 1 - (i // n_cols + 1) / n_rows) for i in range(n)]
        size = (0.94 / n_cols, (1 - above) / n_rows)
        axes = [ax.inset_axes((*corner, *size), label=_LABEL) for corner in corners]
        self.axes_ = np.array(axes, dtype=object)
        width /= n_cols  # of a cell
        size = _style.SMALL if width >= _NARROW else 0.75 * _style.SMALL
        known = self.mistakes["true_probability"].notna().any()
        room = _style.characters(width * _style.SMALL / size) - (4 if known else 0)
        labels = list(map(str, [*self.mistakes["predicted"], *self.mistakes["true"]]))
        short = dict(zip(labels, shortened(labels, max(5, room)), strict=True))
        rows = self.mistakes.itertuples()
        style = {"xycoords": "axes fraction", "ha": "center", "fontsize": size}
        heats = [None] * n if self.heatmaps is None else self.heatmaps
        for axis, image, heat, row in zip(self.axes_, self.images, heats, rows, strict=True):
            axis.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            if heat is not None:
                extent = axis.images[0].get_extent()
                axis.imshow(_heatmap.tinted(heat), extent=extent, interpolation="bilinear")
            axis.set_axis_off()
            told = label_text(short[str(row.predicted)], row.predicted_probability)
            truth = label_text(short[str(row.true)], row.true_probability)
            _style.note(axis, told, (0.5, 1), (0, 14), color=_style.ORANGE, **style)
            _style.note(axis, truth, (0.5, 1), (0, 3), color=_style.BLUE, **style)
        return self


def _check_whole(name, value, least):
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise InvalidParameterError(f"{name}={value!r} must be a whole number, {least} or more.")


def label_text(label, probability):
    """Return a label with its probability, where that is known."""
    return str(label) if math.isnan(probability) else f"{label} {probability:.0%}"


def find_mistakes(y_true, y_pred, *, classes=None, display_labels=None):
    """List wrong predictions, the worst first."""
    if np.ndim(y_true) == 2 and np.shape(y_true)[1] > 1:
        raise ValueError(
            "Mistakes are told of images with one label each, and these have several: "
            "sklearn.metrics.classification_report(y, clf.predict(X)) tells of each label, and "
            "write_report of a search where it is given no test images."
        )
    y_true, y_pred = column_or_1d(y_true), np.asarray(y_pred)
    if len(y_true) != len(y_pred):
        raise ValueError(f"y_true has {len(y_true)} labels and y_pred {len(y_pred)} predictions.")
    known = np.isin(y_pred, y_true if classes is None else classes)
    if y_pred.ndim == 1 and len(y_pred) and y_pred.dtype.kind == "f" and not known.any():
        raise ValueError(
            "y_pred holds numbers that are not labels. Probabilities need a column for each class, "
            "as predict_proba returns them."
        )
    if classes is None:
        classes = np.unique(y_true if y_pred.ndim == 2 else np.concatenate([y_true, y_pred]))
    classes = np.asarray(classes)
    names = classes if display_labels is None else np.asarray(display_labels)
    if len(names) != len(classes):
        raise ValueError(f"display_labels has {len(names)} names for {len(classes)} classes.")
    if y_pred.ndim == 1:
        predicted, given, best = y_pred, *np.full((2, len(y_true)), np.nan)
    elif y_pred.shape[1] != len(classes):
        raise ValueError(
            f"y_pred has {y_pred.shape[1]} columns for {len(classes)} classes: say which class "
            "each column is of, classes=estimator.classes_."
        )
    else:
        predicted, best = classes[y_pred.argmax(axis=1)], y_pred.max(axis=1)
        truth = pd.Index(classes.tolist(), dtype=object).get_indexer(y_true.tolist())
        given = np.where(truth >= 0, y_pred[np.arange(len(y_true)), truth], 0.0)
    wrong = np.flatnonzero(y_true != predicted)
    # The lowest probability of the truth first; of equals, the surest mistake.
    wrong = wrong[np.lexsort((-best[wrong], given[wrong]))]
    called = dict(zip(classes.tolist(), names.tolist(), strict=True))
    return pd.DataFrame(
        {
            "index": wrong,
            "true": [called.get(label, label) for label in y_true[wrong].tolist()],
            "predicted": [called.get(label, label) for label in predicted[wrong].tolist()],
            "true_probability": given[wrong],
            "predicted_probability": best[wrong],
        }
    )
