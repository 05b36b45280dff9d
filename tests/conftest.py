"""What all tests share: one thread count, quiet TensorFlow, and the real data if it is there."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# One of each everywhere: sums of floats depend on how they are split among threads.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

import numpy as np
import pytest


@pytest.fixture(scope="session")
def images():
    """60 learnable images of 3 classes, 8 x 8, grey."""
    from skfashion.datasets import make_images

    return make_images(n_samples=60, n_classes=3, image_size=8, random_state=0)


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
def rng():
    return np.random.default_rng(0)
