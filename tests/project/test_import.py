"""`import skfashion` costs nothing and changes nothing."""

import pytest
from scripts import run_python

# In a process of its own: this one has imported everything.
KERAS = {"keras", "tensorflow", "scikeras", "skopt"}
HEAVY = KERAS | {"sklearn", "pandas", "numpy", "PIL", "joblib"}


def run(code):
    return run_python(code, options=["-W", "error::ImportWarning"])


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("", HEAVY),
        ("dir(skfashion); skfashion.__all__", HEAVY),
        ("module = skfashion.datasets; [getattr(module, x) for x in module.__all__]", KERAS),
        ("module = skfashion.preprocessing; [getattr(module, x) for x in module.__all__]", KERAS),
    ],
    ids=["import", "dir", "datasets", "preprocessing"],
)
def test_nothing_heavy_is_loaded_before_it_is_used(code, heavy):
    told = "print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = run(f"import sys, skfashion\n{code}\n{told}").split()
    assert "skfashion" in loaded
    assert not heavy & set(loaded)


STATE = """
import os, random, signal, socket, sys, threading, warnings
import numpy, keras, tensorflow
from tensorflow.python.framework import config
# What the classifiers stand on may have manners of its own: not what is tested here.
import joblib, PIL, pandas, sklearn.model_selection, skopt

def state():
    classes = (
        keras.Model, keras.Sequential, keras.Optimizer, keras.losses.Loss, keras.metrics.Metric,
        keras.layers.Layer, keras.layers.Dropout, keras.layers.BatchNormalization,
    )
    from keras.src.backend.common import global_state
    seeds = global_state.get_global_attribute("global_seed_generator")
    return {
        # Python makes annotations where somebody asks for them.
        "methods": {cls: {**vars(cls), "__annotations__": None} for cls in classes},
        "warnings": list(warnings.filters),
        "show": warnings.showwarning,
        "environment": dict(os.environ),
        "random": random.getstate(),
        "numpy": [str(part) for part in numpy.random.get_state()],
        "errors": numpy.geterr(),
        "keras": (keras.config.floatx(), keras.config.image_data_format(), seeds is None),
        "policy": keras.config.dtype_policy().name,
        "deterministic": config.is_op_determinism_enabled(),
        "sigint": signal.getsignal(signal.SIGINT),
        "timeout": socket.getdefaulttimeout(),
        "threads": threading.active_count(),
        "sklearn": sklearn.get_config(),
    }

def check():
    after = state()
    for name in before:
        assert before[name] == after[name], name

before = state()
import skfashion
check()
for name in skfashion.__all__:
    module = getattr(skfashion, name)
    for each in getattr(module, "__all__", ()):
        getattr(module, each)
check()
X, y = skfashion.datasets.make_images(20, n_classes=2, image_size=4, random_state=0)
skfashion.DenseClassifier(2, epochs=1).fit(X, y).predict(X)
assert "scikeras" in sys.modules  # which patches Keras, where it is imported as it is
check()
assert set(skfashion.__all__) <= set(dir(skfashion))
try:
    skfashion.NoSuchClassifier
except AttributeError as error:
    assert "NoSuchClassifier" in str(error)
else:
    raise AssertionError
"""


def test_import_and_every_public_name_and_a_fit_change_nothing():
    run(STATE)
