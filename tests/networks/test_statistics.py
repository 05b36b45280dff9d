"""Normalisation of a backbone runs on its moving statistics, whatever else a network holds."""

import numpy as np
import pytest
from estimators import on_small_backbone
from sklearn.metrics import log_loss

from skfashion import MobileNetFineTuner

SMALLEST = {"weights": None, "alpha": 0.35, "epochs": 1, "unfreeze_from": "block_16"}


@pytest.mark.parametrize("dropout", [0.0, 1e-6])
@pytest.mark.parametrize(
    "make",
    [
        lambda **parameters: MobileNetFineTuner(**SMALLEST, **parameters),
        lambda **parameters: on_small_backbone(unfreeze_from="block2_conv", **parameters),
    ],
    ids=["mobilenet", "function with dropout"],
)
def test_training_sees_what_prediction_sees(make, dropout, images):
    X, y = images
    still = {"fine_tune_epochs": 1, "fine_tune_learning_rate": 1e-9, "random_state": 0}
    clf = make(**still, dropout=dropout, batch_size=8).fit(X, y)
    predicted = log_loss(y, clf.predict_proba(X))
    assert clf.history_["phase"][-1] == "fine_tune"
    # Above it dropout of the backbone itself runs, at an eighth.
    assert np.isclose(clf.history_["loss"][-1], predicted, rtol=0.05)
