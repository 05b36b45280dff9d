"""Images that are there more than once, or nearly."""

import math
from numbers import Real

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.decomposition import PCA

from skfashion._utils.typing import Array, NDArray, Shape
from skfashion._utils.validation import Interval, validate_params
from skfashion.inspection._pictures import thumbnails

SIDE = 32  # pixels: what is larger is compared at this size
_COMPONENTS = 48
_SAMPLE = 5_000  # images that the components are fitted to
_BLOCK = 1_024  # rows whose distances to others are computed at once
_EXACT_BLOCK = 4_096  # pairs
_SLACK = 1.01, 2e-6  # for what float32 rounds: of a distance, and of the largest square


@validate_params(
    {
        "X": ["array-like"],
        "max_distance": [Interval(Real, 0, 255, closed="both")],
        "image_shape": ["array-like", None],
    },
    prefer_skip_nested_validation=True,
)
def duplicate_groups(
    X: Array, *, max_distance: float = 8.0, image_shape: Shape | None = None
) -> NDArray:
    """Give images numbers, which copies and near copies of one picture share.

    For splitters that keep groups together, so that no image is tested on whose copy was trained
    on: `sklearn.model_selection.StratifiedGroupKFold` and others.

    Parameters
    ----------
    X : array-like or sequence of str
        Images, as arrays of any form that classifiers take, or file names.
    max_distance : float, default=8.0
        Root mean square difference of pixels, of 255, up to which two images count as copies;
        0 for equal ones alone. Images above 32 x 32, and files, are compared at that size.
    image_shape : tuple of int, default=None
        Height, width and channels of flat rows; channels first where planes stand first.

    Returns
    -------
    ndarray of shape (n_samples,), int
        Groups, numbered from 0. What is near to a copy of an image is in its group, too.

    Raises
    ------
    ValueError, FileNotFoundError
        If images or files can't be read.

    See Also
    --------
    inspect_images : Lists the copies, and what else may be wrong with images and labels.

    Examples
    --------
    >>> import numpy as np
    >>> from skfashion.datasets import make_images
    >>> from skfashion.inspection import duplicate_groups
    >>> X, y = make_images(n_samples=4, n_classes=2, random_state=0)
    >>> duplicate_groups(np.concatenate([X, X[:2]])).tolist()
    [0, 1, 2, 3, 0, 1]
    """
    rows = as_rows(thumbnails(X, SIDE, image_shape=image_shape))
    first = first_of_equals(rows)
    once = np.unique(first)
    a, b, _ = near_pairs(rows[once], max_distance)
    a, b = np.concatenate([once[a], first]), np.concatenate([once[b], np.arange(len(rows))])
    graph = coo_array((np.ones(len(a), bool), (a, b)), shape=(len(rows), len(rows)))
    return connected_components(graph, directed=False)[1]


def as_rows(images):
    """Return images as rows of bytes."""
    return np.ascontiguousarray(images).reshape(len(images), -1)


def first_of_equals(rows):
    """Return for each row the place of the first one that is equal."""
    first = {}
    return np.array([first.setdefault(row.tobytes(), i) for i, row in enumerate(rows)], dtype=int)


class Projection:
    """Rows in few dimensions, in which no two are further apart than they are.

    `scores` are principal components, and the length of what these leave out. `strangeness` is
    the squared Mahalanobis distance from the mean, under probabilistic PCA.
    """

    def __init__(self, rows):
        n, d = rows.shape
        sample = rows
        if n > _SAMPLE:
            sample = rows[np.random.default_rng(0).choice(n, _SAMPLE, replace=False)]
        k = max(1, min(_COMPONENTS, d - 1, n // 10))
        solver = "randomized" if 4 * k < min(d, len(sample)) else "full"
        with np.errstate(invalid="ignore"):  # of shares of no variance, where all are alike
            pca = PCA(k, svd_solver=solver, random_state=0).fit(sample.astype(np.float32))
        self.scores = np.empty((n, k + 1), np.float32)
        for start in range(0, n, _BLOCK):
            part = slice(start, start + _BLOCK)
            centred = rows[part] - pca.mean_
            self.scores[part, :k] = known = centred @ pca.components_.T
            left = (centred**2).sum(axis=1) - (known**2).sum(axis=1)
            self.scores[part, k] = np.sqrt(np.maximum(left, 0))
        variances = np.append(pca.explained_variance_, pca.noise_variance_)
        self.strangeness = (self.scores**2 / np.maximum(variances, 1e-3)).sum(axis=1)


def near_pairs(rows, max_distance):
    """Return the places of rows that are so near, the lower first, and root mean squares.

    Those that lie near in the projection are compared in full. Sorted by its first component,
    each row needs looking at a few others only.
    """
    found = [(np.empty(0, int), np.empty(0, int), np.empty(0))]
    if len(rows) < 2:
        return found[0]
    reach = _SLACK[0] * max_distance * math.sqrt(rows.shape[1])
    scores = Projection(rows).scores
    order = np.argsort(scores[:, 0], kind="stable")
    scores = scores[order]
    squares = (scores**2).sum(axis=1)
    most = reach**2 + _SLACK[1] * squares.max()
    for start in range(0, len(rows), _BLOCK):
        block = scores[start : start + _BLOCK]
        end = np.searchsorted(scores[:, 0], block[-1, 0] + math.sqrt(most), "right")
        distances = block @ scores[start:end].T
        distances *= -2
        distances += squares[start : start + _BLOCK, np.newaxis]
        distances += squares[start:end]
        i, j = np.nonzero(distances <= most)
        later = j > i
        found += _compared(rows, order[start + i[later]], order[start + j[later]], max_distance)
    a, b, distances = map(np.concatenate, zip(*found, strict=True))
    return np.minimum(a, b), np.maximum(a, b), distances


def _compared(rows, a, b, max_distance):
    """Yield the pairs that are near with all their pixels."""
    for start in range(0, len(a), _EXACT_BLOCK):
        i, j = a[start : start + _EXACT_BLOCK], b[start : start + _EXACT_BLOCK]
        difference = rows[i].astype(np.float32) - rows[j]
        distances = np.sqrt((difference**2).mean(axis=1, dtype=np.float64))
        near = distances <= max_distance
        yield i[near], j[near], distances[near]
