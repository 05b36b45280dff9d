"""What stands for a parameter in the key of a fit: equal for equal ones, and only for these."""

import keras
import numpy as np
import pytest
from scripts import run_python

from skfashion import DenseClassifier
from skfashion._training.keys import digest, freeze
from skfashion.inspection import runs_frame

PAIRS = [
    (np.float64(0.5), 0.5),
    (np.float32(0.5), 0.5),
    (np.int64(3), 3),
    (np.str_("relu"), "relu"),
    (np.bool_(True), True),
    ([np.float64(1), np.str_("a")], (1.0, "a")),
    ({"a": 1, "b": np.float64(2)}, {"b": 2.0, "a": 1}),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_numbers_of_numpy_are_the_numbers_they_are(one, other):
    assert digest(freeze(one)) == digest(freeze(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [(0.5, 0.25), (1, "1"), (None, "None"), (1, True), ([1], [1, 1]), ("a", ["a"])],
)
def test_what_differs_differs(one, other):
    assert digest(freeze(one)) != digest(freeze(other))


def test_arrays_are_told_apart_in_the_middle():
    one = np.zeros(5000)
    other = one.copy()
    other[2500] = 1
    assert freeze(one) != freeze(other)
    assert freeze(one) == freeze(one.copy())
    assert freeze(one) != freeze(one.reshape(50, 100))


def test_keys_of_two_types():
    assert len(freeze({1: "a", "1": None})) == 2


class Plain(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, rate):
        super().__init__()
        self.rate = rate

    def __call__(self, step):
        return self.rate + 0 * keras.ops.cast(step, "float32")

    def get_config(self):
        return {"rate": self.rate}


def test_objects_of_ones_own_are_what_they_are_made_of():
    assert freeze(Plain(0.1)) == freeze(Plain(0.1)) != freeze(Plain(0.2))


def test_code_without_source_is_never_that_of_another_process():
    code = (
        "from skfashion._training.keys import freeze, digest\n"
        "def f(): pass\n"
        "assert freeze(f) == freeze(f)\n"
        "print(digest(freeze(f)))"
    )
    assert run_python(code) != run_python(code)


def test_numbers_that_a_search_draws_find_the_fit_of_plain_ones(images, tmp_path):
    """What SciPy and skopt draw are numbers of NumPy; the fits are the same."""
    for kind in (float, np.float64):
        clf = DenseClassifier(4, epochs=1, memory=str(tmp_path), random_state=0)
        text = np.str_ if kind is np.float64 else str
        clf.set_params(learning_rate=kind(0.01), dropout=kind(0.25), activation=text("relu"))
        clf.fit(*images)
    assert len(runs_frame(tmp_path)) == 1
