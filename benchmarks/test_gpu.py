"""Training on an accelerator: ``pytest benchmarks -m gpu``, on each backend by its name.

``KERAS_BACKEND=jax pytest benchmarks -m gpu`` measures JAX, and so on; TensorFlow has to be
installed for itself only. ``--accelerator any --quick`` runs the same on a CPU.
"""

import os

import pytest

from benchmarks.harness import Side, finish, seconds, start

pytestmark = pytest.mark.gpu

_ENV = {"KERAS_BACKEND": os.environ.get("KERAS_BACKEND", "tensorflow")}
_SMALL = {"n": 60_000, "epochs": 5, "batch_size": 128, "size": 28}
_SETTINGS = {
    "dense": (_SMALL, {"n": 256, "epochs": 1}),
    "conv": (_SMALL, {"n": 96, "epochs": 1, "batch_size": 32}),
    "mobilenet": (
        {"n": 6_000, "epochs": 3, "batch_size": 128, "size": 96},
        {"n": 32, "epochs": 1, "batch_size": 16, "size": 32},
    ),
    "keras": (_SMALL, {"n": 96, "epochs": 1, "batch_size": 32}),
}
_NAMES = {
    "dense": "DenseClassifier",
    "conv": "ConvClassifier",
    "mobilenet": "MobileNetFineTuner",
    "keras": "KerasImageClassifier",
}


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
    sizes = bench.sizes(*_SETTINGS[classifier])
    settings = {"classifier": classifier, **sizes}
    title = f"{_NAMES[classifier]}, {sizes['n']:,} images, batches of {sizes['batch_size']}"
    sides = [Side("skfashion", env=_ENV), Side("keras", env=_ENV)]
    _contest(bench, accelerator, f"gpu_{classifier}", title, settings, sides)


def test_search(bench, accelerator):
    full = {"n": 12_000, "epochs": 5, "batch_size": 128, "folds": 3}
    settings = bench.sizes(full, {"n": 96, "epochs": 1, "batch_size": 32})
    title = f"GridSearchCV of DenseClassifier, 4 candidates, 3 folds, {settings['n']:,} images"
    sides = [Side("skfashion", "search", env=_ENV), Side("keras", "search_by_hand", env=_ENV)]
    _contest(bench, accelerator, "gpu_search", title, settings, sides)


def _contest(bench, accelerator, name, title, settings, sides):
    backend = accelerator["backend"]
    with bench.record(f"{name}_{backend}", f"{title}, {backend}", settings) as record:
        record.accelerator = accelerator
        record.contest("gpu", sides)
        step = record.last("skfashion")["step"]
        for what, key in (("images", "images_per_second"), ("steps", "steps_per_second")):
            ours, theirs = record.median("skfashion", key), record.median("keras", key)
            detail = f"the loop by hand: {theirs:,.0f}"
            record.figure(f"{what} per second", ours, unit="/s", detail=detail, step=step)
        what = "times faster than the loop by hand"
        record.faster("skfashion", "keras", at_least=0.95, what=what, step=step)
        for side in ("skfashion", "keras"):
            cold, warm = record.median(side, "cold_seconds"), record.median(side)
            detail = f"{seconds(cold)} and {seconds(warm)}"
            record.figure(f"{side}: compiling takes", cold - warm, unit="s", detail=detail)
