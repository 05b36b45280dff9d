"""Images made up: seeded, and to be learnt but not for nothing."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from skfashion.datasets import make_images


@pytest.mark.parametrize(
    ("params", "shape"),
    [
        ({}, (200, 16, 16)),
        ({"n_samples": 7, "channels": 3}, (7, 16, 16, 3)),
        ({"image_size": (5, 9), "n_classes": 5}, (200, 5, 9)),
        ({"image_size": 1, "n_samples": 1}, (1, 1, 1)),
    ],
)
def test_made_images(params, shape):
    X, y = make_images(**params, random_state=0)
    assert X.shape == shape
    assert X.dtype == np.uint8
    assert np.issubdtype(y.dtype, np.integer)
    counts = np.bincount(y, minlength=params.get("n_classes", 3))
    assert counts.sum() == shape[0]
    assert counts.max() - counts.min() <= 1


@pytest.mark.usefixtures("_numpy_state_stays")
def test_made_images_are_seeded():
    first, second = make_images(random_state=3), make_images(random_state=3)
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
    assert (make_images(random_state=4)[0] != first[0]).any()
    random = np.random.RandomState(3)
    np.testing.assert_array_equal(make_images(random_state=random)[0], first[0])
    assert (make_images(random_state=random)[0] != first[0]).any()


@pytest.mark.parametrize("seed", range(3))
def test_made_images_can_be_learnt_but_not_for_nothing(seed):
    model = LogisticRegression(max_iter=300)
    scores = []
    for noise in (0.2, 3.0):
        X, y = make_images(noise=noise, random_state=seed)
        scores.append(cross_val_score(model, X.reshape(len(X), -1) / 255, y, cv=3).mean())
    assert scores[0] > 0.75
    assert scores[0] > scores[1]


@pytest.mark.parametrize(
    "params",
    [
        {"n_samples": 0},
        {"n_classes": 1},
        {"image_size": 0},
        {"image_size": (4, 4, 3)},
        {"channels": 4},
        {"noise": -0.1},
        {"random_state": "x"},
    ],
)
def test_made_images_bad_parameters(params):
    with pytest.raises(ValueError, match=next(iter(params))):
        make_images(**params)
