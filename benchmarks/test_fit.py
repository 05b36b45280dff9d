"""One `fit` against a bare Keras loop, and the memory of a large one."""

import pytest

from benchmarks import floor, problems
from benchmarks.harness import Side
from benchmarks.requirements import needs

_SETTINGS = {
    "dense": ({"n": 20_000, "epochs": 5}, {"n": 320, "epochs": 2}),
    "conv": ({"n": 6_000, "epochs": 3}, {"n": 96, "epochs": 2}),
    "mobilenet": ({"n": 900, "epochs": 3}, {"n": 48, "epochs": 1}),
}
_DATA = {"dense": ["fashion"], "conv": ["fashion"], "mobilenet": ["intel-scenes", "imagenet"]}
_ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}


@pytest.mark.parametrize("classifier", _SETTINGS)
def test_fit(bench, classifier):
    needs(*_DATA[classifier])
    settings = {"classifier": classifier, **bench.sizes(*_SETTINGS[classifier])}
    phases = "epochs in each phase" if classifier == "mobilenet" else "epochs"
    title = f"fit, {classifier}: {settings['n']:,} images, {settings['epochs']} {phases}"
    keras_step = Side("skfashion, Keras' step", "skfashion", settings={"fused": False})
    with bench.record(f"fit_{classifier}", title, settings) as record:
        record.contest("fit", [Side("skfashion"), keras_step, Side("keras")])
        keras = record.median("keras")
        for side in ("skfashion", keras_step.name):
            ours = record.median(side)
            what = f"{side}: time of fit over that of a bare Keras loop"
            detail = f"{ours:.2f} s against {keras:.2f} s"
            step = record.last(side)["step"]
            record.figure(what, ours / keras, at_most=1.05, detail=detail, step=step)
        _curves(record, settings)
        record.floor("skfashion", _floor(classifier, settings))


def _curves(record, settings):
    """Same weights, same order of the images: is it the same curve?

    A kernel rounds elsewhere, which grows step by step, of convolutions as far as other seeds lie.
    """
    for fused, tolerance in ((False, 1e-5), (True, 0.05)):
        name = f"curves, {'fused step' if fused else 'Keras own step'}"
        side = Side(name, "curves", settings={"fused": fused}, env=_ONE_THREAD)
        record.add("fit", side, _once(side, settings))
        difference = record.last(name)["difference"]
        what = f"{name}: losses within {tolerance:g} of Keras'"
        record.check(what, difference <= tolerance, f"largest relative difference {difference:.1e}")


def _once(side, settings):
    from benchmarks.harness import finish, start

    return finish(start("fit", side, settings), side.name)


def _floor(classifier, settings):
    n, epochs = settings["n"], settings["epochs"]
    if classifier != "mobilenet":
        spec = {"network": classifier, "image_shape": (28, 28, 1), "n_classes": 10}
        (found,) = floor.networks(spec)
        return floor.flops(found["forward"], n * epochs, train=True)
    spec = {"network": "mobilenet", "image_shape": (96, 96, 3), "n_classes": 6}
    spec["alpha"] = problems.ALPHA
    head, top = floor.networks(spec, {**spec, "unfreeze_from": "block_13_expand"})
    both = head["trainable"] + top["trainable"]
    frozen = head["forward"] - head["trainable"]
    return floor.flops(frozen, n) + floor.flops(both, n * epochs, train=True)


@pytest.mark.slow
def test_memory(bench):
    needs("fashion", "imagenet")
    settings = bench.sizes({"n": 60_000, "image_size": 96}, {"n": 300})
    title = "MobileNetFineTuner, 60,000 Fashion-MNIST images at 96, one head epoch"
    with bench.record("memory", title, settings, repeat=1) as record:
        record.contest("fit", [Side("skfashion", "memory")])
        peak = record.median("skfashion", "peak_rss_bytes") / 1e9
        step = record.last("skfashion")["step"]
        record.figure("peak memory of the process", peak, unit="GB", at_most=4, step=step)
        record.figure("time of fit", record.median("skfashion"), unit="s")
        spec = {"network": "mobilenet", "image_shape": (28, 28, 1), "n_classes": 10}
        (found,) = floor.networks({**spec, "image_size": (96, 96), "alpha": problems.ALPHA})
        record.floor("skfashion", floor.flops(found["forward"], settings["n"]))
        rows = record.last("skfashion")["rows"]
        # Equal images are computed once.
        record.check("rows of the backbone: at most one an image", rows <= settings["n"], rows)
