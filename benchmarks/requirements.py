"""What a benchmark needs on the machine; without it, it is skipped with the reason."""

import os
from importlib.util import find_spec
from pathlib import Path

import pytest


def needs(*names):
    """Skip unless all of these are there.

    Parameters
    ----------
    *names : str
        "fashion" and "imagenet" (under ``KERAS_HOME``), "intel-scenes" and "cats-vs-dogs"
        (under ``SKFASHION_DATA``), or the name of a package.
    """
    for name in names:
        if name == "fashion":
            _found("KERAS_HOME", "datasets/fashion-mnist/*.gz", "Fashion-MNIST")
        elif name == "imagenet":
            pattern = "models/mobilenet_v2*_0.35_224_no_top.h5"
            _found("KERAS_HOME", pattern, "the weights of MobileNetV2 0.35")
        elif name in ("intel-scenes", "cats-vs-dogs"):
            _found("SKFASHION_DATA", f"{name}/train/*", name)
        elif find_spec(name) is None:
            pytest.skip(f"{name} is missing: pip install skfashion[benchmarks]")


def _found(variable, pattern, what):
    folder = os.environ.get(variable)
    if not folder or not any(Path(folder).glob(pattern)):
        pytest.skip(f"{variable} names no folder with {what}")
