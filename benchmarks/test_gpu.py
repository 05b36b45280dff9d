"""Training on an accelerator: ``pytest benchmarks -m gpu``, on each backend by its name.

``KERAS_BACKEND=jax pytest benchmarks -m gpu`` measures JAX, and so on; TensorFlow has to be
installed for itself only. ``--accelerator any --quick`` runs the same on a CPU.
"""

import os
from contextlib import contextmanager

import pytest

from benchmarks.harness import Side, finish, seconds, start

pytestmark = pytest.mark.gpu

_BACKEND = os.environ.get("KERAS_BACKEND", "tensorflow")
_ENV = {"KERAS_BACKEND": _BACKEND}
_SMALL = {"n": 60_000, "epochs": 5, "batch_size": 128, "size": 28}
_SETTINGS = {
    "dense": (_SMALL, {"n": 256, "epochs": 1}),
    "conv": (_SMALL, {"n": 96, "epochs": 1, "batch_size": 32}),
    "mobilenet": (
        {"n": 6_000, "epochs": 3, "batch_size": 128, "size": 96},
        {"n": 32, "epochs": 1, "batch_size": 16, "size": 32},
    ),
}
_NAMES = {
    "dense": "DenseClassifier",
    "conv": "ConvClassifier",
    "mobilenet": "MobileNetFineTuner",
}
# How many times faster than a bare Keras loop a second fit is to be.
_AT_LEAST = {
    "tensorflow": {"dense": 5, "conv": 1.2, "mobilenet": 1.5},
    "jax": {"dense": 15, "conv": 1.2, "mobilenet": 1.5},
}
# How long a search of 18 fits may take, in times that one takes.
_AT_MOST = {"tensorflow": 6, "jax": 3}


@pytest.fixture(scope="module")
def accelerator(pytestconfig):
    """What the backend computes on; without an accelerator all is skipped."""
    found = finish(start("gpu", Side("accelerator", env=_ENV), {}), "accelerator")
    backend = found["backend"]
    if found["missing"]:
        pytest.skip(f"Keras' backend {backend} is not installed (KERAS_BACKEND names another)")
    if found["chip"] is None and pytestconfig.option.accelerator != "any":
        pytest.skip(
            f"Keras' backend {backend} sees no accelerator "
            "(--accelerator any --quick shows that this runs)"
        )
    return {"backend": backend, "chip": found["chip"] or "CPU, no accelerator"}


@pytest.mark.parametrize("classifier", _SETTINGS)
def test_fit(bench, accelerator, classifier):
    settings = {"classifier": classifier, **bench.sizes(*_SETTINGS[classifier])}
    title = f"{_NAMES[classifier]}, {settings['n']:,} images, batches of {settings['batch_size']}"
    with _record(bench, accelerator, f"gpu_{classifier}", title, settings) as record:
        record.contest("gpu", [Side("skfashion", env=_ENV), Side("keras", env=_ENV)])
        _rates(record, "skfashion")
        at_least = _AT_LEAST.get(_BACKEND, {}).get(classifier)
        what = "times faster than the loop by hand"
        record.faster("skfashion", "keras", at_least=at_least, what=what)
        what = "the first fit, which compiles: times faster than the loop by hand"
        record.faster("skfashion", "keras", key="cold_seconds", at_least=1, what=what)


def test_search(bench, accelerator):
    full = {"n": 60_000, "epochs": 5, "batch_size": 128}
    settings = {"folds": 3, **bench.sizes(full, {"n": 96, "epochs": 1, "batch_size": 32})}
    title = f"18 fits of DenseClassifier in a search, 3 folds of {settings['n']:,} images"
    with _record(bench, accelerator, "gpu_search", title, settings) as record:
        apart = Side("each alone", "search", {"stack_fits": False}, env=_ENV)
        sides = [Side("search", env=_ENV), apart, Side("fit_of_a_search", env=_ENV)]
        record.contest("gpu", sides)
        _rates(record, "search")
        ratio = record.median("search") / record.median("fit_of_a_search")
        detail = f"{seconds(record.median('search'))}, compiled before"
        what = "time of 18 fits over that of one"
        record.figure(what, ratio, at_most=_AT_MOST.get(_BACKEND), detail=detail)
        record.faster("search", "each alone")


@contextmanager
def _record(bench, accelerator, name, title, settings):
    backend = accelerator["backend"]
    # A machine with an accelerator is lent for minutes, and little else runs on it.
    with bench.record(f"{name}_{backend}", f"{title}, {backend}", settings, repeat=1) as record:
        record.accelerator = accelerator
        yield record


def _rates(record, side):
    step = record.last(side)["step"]
    for what, key in (("images", "images_per_second"), ("steps", "steps_per_second")):
        record.figure(f"{what} per second", record.median(side, key), unit="/s", step=step)
