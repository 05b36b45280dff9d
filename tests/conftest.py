"""What all tests share: one thread count, quiet TensorFlow, and the real data if it is there.

A warning of our own fails the test that doesn't expect it. Filters can't see to it alone: they
know the line a warning points at, and ours point at the user's.
"""

import functools
import os
import sys
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# One of each everywhere: sums of floats depend on how they are split among threads.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

import numpy as np
import pytest


class OwnWarning(Warning):
    """Of any warning that code of this package gives, whatever line it points at."""


@functools.cache
def own(category):
    return type(category.__name__, (category, OwnWarning), {"__module__": category.__module__})


_warn = warnings.warn


def warn_and_mark(message, category=None, stacklevel=1, source=None, **options):
    """Do as `warnings.warn`; what this package says gets a category that tells."""
    module = sys._getframe(1).f_globals.get("__name__", "")
    if module.partition(".")[0] == "skfashion":
        if isinstance(message, Warning):
            message.__class__ = own(type(message))
        else:
            category = own(category or UserWarning)
    _warn(message, category, max(1, stacklevel) + 1, source, **options)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_protocol():
    # At the end of the list: what a test expects or ignores goes first.
    warnings.filterwarnings("error", category=OwnWarning, append=True)
    warnings.warn = warn_and_mark
    try:
        return (yield)
    finally:
        warnings.warn = _warn


def pytest_addoption(parser):
    parser.addoption(
        "--device",
        choices=["gpu"],
        help="gpu: with deterministic operations and no TF32, as bits are compared; else skip",
    )


def pytest_configure(config):
    if config.getoption("--device") == "gpu":
        os.environ |= {"TF_DETERMINISTIC_OPS": "1", "NVIDIA_TF32_OVERRIDE": "0"}
        os.environ |= {"JAX_DEFAULT_MATMUL_PRECISION": "float32"}
        # Processes that tests start want some of the memory.
        os.environ |= {
            "TF_FORCE_GPU_ALLOW_GROWTH": "true",
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        }
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_gpu_deterministic_ops=true"


def pytest_collection_modifyitems(config, items):
    if config.getoption("--device") == "gpu":
        from skfashion._training.processes import device_kind

        if device_kind() == "cpu":
            for item in items:
                item.add_marker(pytest.mark.skip(reason="Keras' backend finds no GPU"))


@pytest.fixture(scope="session")
def images():
    """60 learnable images of 3 classes, 8 x 8, grey."""
    from skfashion.datasets import make_images

    return make_images(n_samples=60, n_classes=3, image_size=8, random_state=0)


@pytest.fixture(scope="session")
def labelled(images):
    """The same, with labels of text."""
    X, y = images
    return X, np.array(["boot", "coat", "dress"])[y]


@pytest.fixture(scope="session")
def rgb():
    """24 learnable images of 2 classes, 32 x 32, coloured."""
    from skfashion.datasets import make_images

    return make_images(n_samples=24, n_classes=2, image_size=32, channels=3, random_state=0)


@pytest.fixture
def empty_caches():
    import skfashion

    skfashion.clear_caches()


@pytest.fixture(scope="session")
def two():
    """40 learnable images of 2 classes, 8 x 8, grey."""
    from skfashion.datasets import make_images

    return make_images(n_samples=40, n_classes=2, image_size=8, random_state=0)


@pytest.fixture(scope="session")
def fashion():
    """Fashion-MNIST as Keras has it: X, y, X_test, y_test."""
    home = os.environ.get("KERAS_HOME")
    if not home or not (Path(home) / "datasets" / "fashion-mnist").is_dir():
        pytest.skip("KERAS_HOME names no Keras folder with Fashion-MNIST")
    import keras

    (X, y), (X_test, y_test) = keras.datasets.fashion_mnist.load_data()
    return X, y, X_test, y_test


@pytest.fixture(scope="session")
def imagenet():
    """Skip where the ImageNet weights of MobileNetV2 0.35 are not in Keras' cache."""
    home = os.environ.get("KERAS_HOME")
    if not home or not any((Path(home) / "models").glob("mobilenet_v2*_0.35_224_no_top.h5")):
        pytest.skip("KERAS_HOME names no Keras folder with the weights of MobileNetV2 0.35")


@pytest.fixture(scope="session")
def data_dir():
    """Folder with `intel-scenes` and `cats-vs-dogs`."""
    folder = os.environ.get("SKFASHION_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("SKFASHION_DATA names no folder with image data sets")
    return Path(folder)


@pytest.fixture
def store(tmp_path, monkeypatch):
    """An empty store, which doesn't wait for what seems damaged."""
    from skfashion._store import Store, _files

    monkeypatch.setattr(_files, "PAUSES", (0, 0))
    return Store(tmp_path / "store")


@pytest.fixture
def trained(monkeypatch):
    """Numbers of epochs that each fit trains from now on."""
    from skfashion import _training

    epochs, run = [], _training.run

    def counted(*args, **kwargs):
        outcome = run(*args, **kwargs)
        epochs.append(outcome.epochs_trained)
        return outcome

    monkeypatch.setattr(_training, "run", counted)
    return epochs


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def _numpy_state_stays():
    def state():
        # The legacy generator is the very one that mustn't be touched.
        return np.random.get_state()[1].copy()

    before = state()
    yield
    np.testing.assert_array_equal(state(), before)


@pytest.fixture(scope="session")
def found(tmp_path_factory):
    """Folder of a finished search on digits."""
    from commands import search_digits

    return search_digits(tmp_path_factory.mktemp("found"))


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """Folder of images, train and test, of three classes."""
    from commands import write_photos

    return write_photos(tmp_path_factory.mktemp("photos"))
