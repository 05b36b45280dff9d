"""What may be wrong with images and their labels, as one table."""

from contextlib import suppress
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_consistent_length, column_or_1d

from skfashion._utils.image_files import sides_of
from skfashion._utils.scores import score_column
from skfashion._utils.typing import Array, Frame
from skfashion._utils.validation import Interval, validate_params
from skfashion._utils.warnings import warn
from skfashion.inspection import _duplicates
from skfashion.inspection._histories import check_search
from skfashion.inspection._pictures import image_shape_for, names_of, thumbnails

_PAIR = ["other_part", "other_index", "other_file", "other_label", "across"]
_COLUMNS = ["kind", "part", "index", "file", "label", "suggested", "value", *_PAIR]
_BLANK = 2  # grey levels that all pixels of a blank image lie within
_STRANGE = 3.5  # standard deviations, of a robust kind
_FEWEST_TO_COMPARE = 50  # images below which nothing is strange among them
_ODD_SIZE, _ODD_SHAPE = 3, 2  # times the usual
_FEW, _RARE = 10, 0.1  # images of a class, and of the usual number
_BEST = 3  # candidates whose probabilities are averaged


@validate_params(
    {
        "X": ["array-like"],
        "y": ["array-like"],
        "search": [object],
        "X_test": ["array-like", None],
        "y_test": ["array-like", None],
        "max_distance": [Interval(Real, 0, 255, closed="both")],
    },
    prefer_skip_nested_validation=True,
)
def inspect_images(
    X: Array,
    y: Array,
    search: Any = None,
    *,
    X_test: Array | None = None,
    y_test: Array | None = None,
    max_distance: float = 8.0,
    **fit_params: Any,
) -> Frame:
    """Look for what is wrong with images and labels, before or after a search.

    Copies and near copies, labels that a search's models contradict, images unlike all others,
    blank ones, odd sizes, and classes that are small. Nothing is trained and nothing changed.

    Parameters
    ----------
    X : array-like or sequence of str
        Images, as arrays of any form that classifiers take, or file names.
    y : array-like of shape (n_samples,)
        One label for each.
    search : fitted search, default=None
        Search over these images and labels, whose classifier had `memory` and an integer
        `random_state`: its models of the folds tell which labels they contradict.
    X_test, y_test : array-like, default=None
        Images kept for the test and their labels, among which copies are looked for, too.
    max_distance : float, default=8.0
        Root mean square difference of pixels, of 255, up to which two images count as near
        copies. Images above 32 x 32, and files, are compared at that size.
    **fit_params : Any
        What else the search's `fit` got, such as ``groups=`` and ``sample_weight=``.

    Returns
    -------
    pandas.DataFrame
        A row a finding, by kind and then the gravest first, with the columns

        kind : str
            ``"copy"`` (equal pixels), ``"near copy"``, ``"label"``, ``"outlier"``, ``"blank"``,
            ``"size"`` or ``"class"``.
        part : {"train", "test"}
            Whether the image is of X or X_test.
        index : Int64
            Its place there; missing for a class.
        file : str
            Its name, where images are files.
        label, suggested : object
            The label it has, and the one that the search's models say, of kind ``"label"``.
        value : float
            Of copies the root mean square difference; of labels the probability of the label; of
            outliers standard deviations from the usual distance; of blank images the span of
            their grey levels; of sizes how many times the usual; of classes the number of images.
        other_part, other_index, other_file, other_label :
            The image that it is a copy of.
        across : str
            What a copy lies across, joined by commas: ``"classes"``, ``"parts"`` and ``"folds"``
            of the search; empty if within each, and of other kinds.

    Raises
    ------
    ValueError, FileNotFoundError, NotFittedError
        If images can't be read, don't fit their labels or each other, or have several labels each.
    TypeError
        If `search` is not one.

    Warns
    -----
    UserWarning
        If nothing can be said of labels, as the search's `memory` doesn't hold its folds.

    See Also
    --------
    duplicate_groups : Groups that keep copies in one fold.
    write_report : Shows what was found, ``findings=``.

    Notes
    -----
    Labels are those that are not the most probable, ranked by self-confidence (Northcutt, Jiang and
    Chuang, "Confident Learning", JAIR 2021): the probability of the label, a mean over models of
    the three best candidates that were not trained on the image. Many are hard images, the first
    ones mostly wrong labels.

    An image is an outlier by its Mahalanobis distance under probabilistic PCA. Of many copies of
    an image, each is listed with the nearest earlier one, and with the nearest across classes,
    parts or folds.

    Examples
    --------
    >>> from skfashion.datasets import make_images
    >>> from skfashion.inspection import inspect_images
    >>> X, y = make_images(n_samples=60, n_classes=2, random_state=0)
    >>> X[7] = X[2]
    >>> inspect_images(X, y)[["kind", "index", "other_index"]]
       kind  index  other_index
    0  copy      7            2
    """
    if (X_test is None) != (y_test is None):
        raise ValueError("X_test and y_test belong together: one was given without the other.")
    shape, folds, known = None, np.full(len(y), -1), None
    parts = [_part("train", X, y)]
    if search is not None:
        check_search(search)
        shape = image_shape_for(getattr(search, "best_estimator_", search.estimator))
        folds, known = _asked(search, X, np.asarray(y), fit_params)
    pixels = [thumbnails(X, _duplicates.SIDE, image_shape=shape)]
    if X_test is not None:
        parts.append(_part("test", X_test, y_test))
        pixels.append(thumbnails(X_test, _duplicates.SIDE, image_shape=shape, like=X))
        shapes = [each.shape[1:] for each in pixels]
        if shapes[0] != shapes[1]:
            raise ValueError(f"X_test has images of shape {shapes[1]}, and X of {shapes[0]}.")
        folds = np.append(folds, np.full(len(y_test), -1))
    images, pixels = pd.concat(parts, ignore_index=True), np.concatenate(pixels)
    rows = _duplicates.as_rows(pixels)
    found = _copies(images, rows, folds, max_distance)
    if known is not None:
        found.append(_labels(images, *known))
    found += [_outliers(images, rows), _blank(images, pixels), _sizes(images), _classes(images)]
    frame = pd.concat([part for part in found if len(part)] or [images[:0]], ignore_index=True)
    frame = frame.reindex(columns=_COLUMNS).astype({"index": "Int64", "other_index": "Int64"})
    return frame.assign(across=frame["across"].astype(object).fillna(""))


def _part(name, X, y):
    """Return a row an image: where it is, and its label."""
    if np.ndim(y) == 2 and np.shape(y)[1] > 1:
        raise ValueError("Images are inspected with one label each, and these have several.")
    y = column_or_1d(y)
    check_consistent_length(X, y)
    known = {"part": name, "index": range(len(y)), "file": names_of(X), "label": y}
    return pd.DataFrame(known, dtype=object)


def _asked(search, X, y, fit_params):
    """Return the fold of each image, and what models of the other folds say of them.

    That are rows, their probabilities, and the labels of these; None where nothing is kept.
    """
    from skfashion.model_selection._out_of_fold import out_of_fold, splits_of

    ranks = search.cv_results_[score_column(search).replace("mean_test", "rank_test", 1)]
    said, folds, why = [], np.full(len(y), -1), None
    for candidate in np.argsort(ranks, kind="stable")[:_BEST]:
        try:
            probabilities, folds = out_of_fold(search, X, y, candidate, **fit_params)
            said.append(probabilities)
        except (LookupError, ValueError) as error:
            why = error
    if not said:
        warn(f"Nothing can be said of labels. {why}")
        with suppress(ValueError):
            for fold, (_, test) in enumerate(splits_of(search, X, y, **fit_params)):
                folds[test] = fold
        return folds, None
    rows = np.flatnonzero(folds >= 0)
    return folds, (rows, np.mean(said, axis=0)[rows], np.unique(y))


def _copies(images, rows, folds, max_distance):
    first = _duplicates.first_of_equals(rows)
    copies, once = np.flatnonzero(first != np.arange(len(rows))), np.unique(first)
    equal = _pairs(images, folds, "copy", first[copies], copies, np.zeros(len(copies)))
    a, b, distances = _duplicates.near_pairs(rows[once], max_distance)
    return [equal, _pairs(images, folds, "near copy", once[a], once[b], distances)]


def _pairs(images, folds, kind, a, b, distances):
    """Return the nearest earlier image of each one, and the nearest across each border."""
    one, other = images.iloc[b].reset_index(drop=True), images.iloc[a].reset_index(drop=True)
    borders = {
        "classes": one["label"] != other["label"],
        "parts": one["part"] != other["part"],
        "folds": (folds[a] != folds[b]) & (folds[a] >= 0) & (folds[b] >= 0),
    }
    across = [
        ",".join(name for name, is_across in zip(borders, row, strict=True) if is_across)
        for row in zip(*borders.values(), strict=True)
    ]
    found = one.assign(kind=kind, value=distances, across=across)
    found = found.join(other.add_prefix("other_")).sort_values("value", kind="stable")
    found = found.drop_duplicates(["part", "index", "across"])
    return found.sort_values("across", key=lambda each: each == "", kind="stable")


def _labels(images, rows, probabilities, classes):
    """Return images whose label is not the most probable one, the least probable label first."""
    y = np.searchsorted(classes, images["label"].to_numpy()[rows].astype(classes.dtype))
    given, likely = probabilities[np.arange(len(y)), y], probabilities.argmax(axis=1)
    found = np.flatnonzero(likely != y)
    found = found[np.argsort(given[found], kind="stable")]
    suggested = np.array(classes.tolist(), dtype=object)[likely[found]]
    return images.iloc[rows[found]].assign(kind="label", value=given[found], suggested=suggested)


def _outliers(images, rows):
    if len(rows) < _FEWEST_TO_COMPARE:
        return images[:0]
    strange = np.log(np.maximum(_duplicates.Projection(rows).strangeness, 1e-9))
    middle = np.median(strange)
    spread = 1.4826 * np.median(np.abs(strange - middle))  # a standard deviation, if it is normal
    return _above(images, "outlier", (strange - middle) / max(spread, 1e-9), _STRANGE)


def _blank(images, pixels):
    """Return images of one colour: in each channel all pixels are alike."""
    spans = np.ptp(pixels, axis=(1, 2)).reshape(len(pixels), -1).max(axis=1).astype(float)
    return images[spans <= _BLANK].assign(kind="blank", value=spans[spans <= _BLANK])


def _sizes(images):
    if images["file"].isna().any():
        return images[:0]
    short, long = sides_of(images["file"]).astype(float).T
    size, shape = np.sqrt(short * long), long / short
    size, shape = size / np.median(size), shape / np.median(shape)
    size, shape = np.maximum(size, 1 / size), np.maximum(shape, 1 / shape)
    odd = np.where((size >= _ODD_SIZE) | (shape >= _ODD_SHAPE), np.maximum(size, shape), 0)
    return _above(images, "size", odd, 1)


def _classes(images):
    counts = images.loc[images["part"] == "train", "label"].value_counts(ascending=True)
    few = counts[counts < max(_FEW, _RARE * counts.median())]
    return pd.DataFrame(
        {"kind": "class", "part": "train", "label": few.index, "value": few.to_numpy(float)}
    )


def _above(images, kind, values, least):
    """Return images whose values are so high, the highest first."""
    found = images[values >= least].assign(kind=kind, value=values[values >= least])
    return found.sort_values("value", ascending=False, kind="stable")
