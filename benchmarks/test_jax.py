"""`fit` on Keras' JAX backend, on a CPU, against `keras.Model.fit` there: second fits."""

import pytest

from benchmarks.harness import Side
from benchmarks.requirements import needs

_ENV = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
_SETTINGS = {
    "dense": ({"n": 6_000, "epochs": 5, "size": 28}, {"n": 320, "epochs": 1}, 1.3),
    "conv": ({"n": 2_000, "epochs": 2, "size": 28}, {"n": 96, "epochs": 1}, 1),
    "mobilenet": ({"n": 600, "epochs": 2, "size": 96}, {"n": 32, "epochs": 1, "size": 32}, 1),
}


@pytest.mark.parametrize("classifier", _SETTINGS)
def test_fit(bench, classifier):
    needs("jax")
    full, quick, at_least = _SETTINGS[classifier]
    settings = {"classifier": classifier, "batch_size": 32, **bench.sizes(full, quick)}
    title = f"a second fit on JAX, {classifier}: {settings['n']:,} images, batches of 32"
    sides = [Side("skfashion", env=_ENV), Side("keras", env=_ENV)]
    with bench.record(f"jax_{classifier}", title, settings) as record:
        record.contest("gpu", sides)
        record.faster("skfashion", "keras", at_least=at_least)
        cold = {side.name: record.median(side.name, "cold_seconds") for side in sides}
        ratio = cold["keras"] / cold["skfashion"]
        detail = f"{cold['skfashion']:.1f} s against {cold['keras']:.1f} s"
        record.figure("the first fit, which compiles: times faster", ratio, detail=detail)
