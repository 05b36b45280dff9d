"""On Keras' JAX backend, on a CPU: second fits against `keras.Model.fit`, and fits as one."""

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


def test_fits_that_train_together(bench):
    needs("jax", "fashion")
    settings = {"problem": "dense", "backend": "skfashion"}
    settings |= bench.sizes({"n": 6_000, "epochs": 5, "folds": 3}, {"n": 300, "epochs": 1})
    sides = [
        Side(name, "jobs", settings={"n_jobs": n, "stack_fits": stacks}, env=_ENV)
        for name, n, stacks in (
            ("as one", 18, True),
            ("one at a time", 1, False),
            ("side by side", 2, False),
        )
    ]
    title = "GridSearchCV of 18 dense fits on JAX, trained as one or not: second searches"
    with bench.record("jax_stacked", title, settings) as record:
        record.contest("searches", sides)
        record.faster("as one", "one at a time", at_least=1.2)
        record.faster("as one", "side by side")
