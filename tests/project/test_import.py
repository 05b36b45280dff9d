"""`import skfashion` costs nothing and changes nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

# In a process of its own: this one has imported everything.
HEAVY = ("keras", "tensorflow", "scikeras", "sklearn", "skopt", "pandas", "numpy", "PIL", "joblib")


def run(code):
    done = subprocess.run(
        [sys.executable, "-W", "error::ImportWarning", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_loads_nothing_heavy():
    loaded = run("import sys, skfashion; print(*{name.partition('.')[0] for name in sys.modules})")
    assert not {*HEAVY} & set(loaded.split())


def test_dir_and_all_load_nothing_heavy():
    loaded = run(
        "import sys, skfashion; dir(skfashion); skfashion.__all__\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    assert not {*HEAVY} & set(loaded.split())


@pytest.mark.parametrize("name", ["datasets", "preprocessing"])
def test_data_and_transformers_need_no_keras(name):
    loaded = run(
        f"import sys, skfashion; module = skfashion.{name}\n"
        "[getattr(module, each) for each in module.__all__]\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    assert not {"keras", "tensorflow", "scikeras", "skopt"} & set(loaded.split())


def test_every_public_name_is_there():
    run(
        "import skfashion\n"
        "for name in skfashion.__all__: getattr(skfashion, name)\n"
        "assert set(skfashion.__all__) <= set(dir(skfashion))"
    )


def test_an_unknown_name_is_an_attribute_error():
    run(
        "import skfashion\n"
        "try: skfashion.NoSuchClassifier\n"
        "except AttributeError as error: assert 'NoSuchClassifier' in str(error)\n"
        "else: raise AssertionError"
    )


STATE = """
import os, random, signal, socket, threading, warnings
import numpy, keras, tensorflow
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
        "methods": {cls: dict(vars(cls)) for cls in classes},
        "warnings": list(warnings.filters),
        "show": warnings.showwarning,
        "environment": dict(os.environ),
        "random": random.getstate(),
        "numpy": [str(part) for part in numpy.random.get_state()],
        "errors": numpy.geterr(),
        "keras": (keras.config.floatx(), keras.config.image_data_format(), seeds is None),
        "policy": keras.config.dtype_policy().name,
        "sigint": signal.getsignal(signal.SIGINT),
        "timeout": socket.getdefaulttimeout(),
        "threads": threading.active_count(),
        "sklearn": sklearn.get_config(),
    }

before = state()
{action}
after = state()
for name in before:
    assert before[name] == after[name], name
"""


def test_import_changes_nothing():
    run(STATE.replace("{action}", "import skfashion"))


def test_using_every_public_name_changes_nothing():
    action = """
import skfashion
for name in skfashion.__all__:
    module = getattr(skfashion, name)
    for each in getattr(module, "__all__", ()):
        getattr(module, each)
"""
    run(STATE.replace("{action}", action))
