"""What skfashion 0.1.0 pickled goes on predicting, can be saved, and trains further."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import InconsistentVersionWarning

import skfashion
from skfashion.datasets import make_images

DATA = Path(__file__).parent / "data"
# Of the first three images, as 0.1.0 printed them.
FIRST = {
    "dense": [0.47948041558265686, 0.44576412439346313, 0.3054036796092987],
    "keras": [0.4795123040676117, 0.44580721855163574, 0.30542901158332825],
}


@pytest.mark.parametrize("name", FIRST)
def test_a_pickle_of_0_1_0(name, tmp_path):
    with pytest.warns(InconsistentVersionWarning, match=r"0\.1\.0"):
        clf = pickle.loads((DATA / f"{name}-0.1.0.pickle").read_bytes())
    X, y = make_images(30, n_classes=2, image_size=4, random_state=0)
    X = X if name == "dense" else X / 255
    found = clf.predict_proba(X)
    np.testing.assert_allclose(found[:3, 0], FIRST[name], atol=1e-5)
    skfashion.save(clf, tmp_path / "model")
    np.testing.assert_array_equal(skfashion.load(tmp_path / "model").predict_proba(X), found)
    assert clf.partial_fit(X, y).n_iter_ == 3
