"""Source that runs when it is pasted."""

import keras
import numpy as np
import pytest
from reports import network
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from skopt.space import Categorical, Real

from skfashion import DenseClassifier
from skfashion.inspection._code import Code
from skfashion.preprocessing import PixelScaler


@pytest.mark.parametrize(
    "value",
    [
        *(np.float64(0.1), float("inf"), (1,), [1, (2, "a")], {"a": None}, "quote ' and \\"),
        *(Categorical(list("abcdefghij")), Real(1e-4, 1e-2, prior="log-uniform")),
        *(np.arange(3), StratifiedKFold(3, shuffle=True), keras.optimizers.SGD(0.5)),
        *(network, make_pipeline(PixelScaler(), DenseClassifier((8, 4), dropout=0.25))),
    ],
    ids=lambda value: type(value).__name__,
)
def test_source_of_values(value):
    code = Code()
    names = {}
    exec(code.block(f"made = {code.of(value)}"), names)
    shown = keras.saving.serialize_keras_object if hasattr(value, "get_config") else repr
    value = value.item() if isinstance(value, np.generic) else value
    assert shown(names["made"]) == shown(value)
    assert "..." not in code.block(code.of(value))


def test_what_has_no_source_is_named():
    code = Code()
    assert code.of({"f": lambda: 1}) == "{'f': ...}"
    assert "lambda" in code.block()
