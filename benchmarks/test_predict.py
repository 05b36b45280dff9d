"""Prediction of one image and of ten thousand."""

import pytest

from benchmarks import floor, problems
from benchmarks.harness import Side
from benchmarks.requirements import needs

_CLASSIFIERS = ["dense", "conv", "mobilenet"]


def _needs(classifier):
    needs("fashion", "scikeras", *(["imagenet"] if classifier == "mobilenet" else []))


@pytest.mark.parametrize("classifier", _CLASSIFIERS)
def test_one_image(bench, classifier):
    _needs(classifier)
    settings = {"classifier": classifier, **bench.sizes({"calls": 200, "n": 1}, {"calls": 10})}
    title = f"predict of one image, {classifier}, median of {settings['calls']} calls"
    with bench.record(f"predict_one_{classifier}", title, settings) as record:
        record.contest("predict", [Side("skfashion"), Side("scikeras")])
        record.faster("skfashion", "scikeras", at_least=5)
        record.floor("skfashion", floor.flops(_forward(classifier), 1))


@pytest.mark.parametrize("classifier", _CLASSIFIERS)
def test_ten_thousand_images(bench, classifier):
    _needs(classifier)
    # Ours would have the frozen part's output the second time: one call on new images.
    calls = 1 if classifier == "mobilenet" else 5
    settings = {"classifier": classifier, "calls": calls}
    settings |= bench.sizes({"n": 10_000}, {"n": 200})
    title = f"predict of 10,000 images, {classifier}, against Keras in batches of 1,024"
    with bench.record(f"predict_many_{classifier}", title, settings) as record:
        record.contest("predict", [Side("skfashion"), Side("keras")])
        record.faster("skfashion", "keras", at_least=1)
        record.floor("skfashion", floor.flops(_forward(classifier), settings["n"]))


def _forward(classifier):
    spec = {"network": classifier, "image_shape": (28, 28, 1), "n_classes": 10}
    if classifier == "mobilenet":
        spec |= {"image_size": (96, 96), "alpha": problems.ALPHA}
    return floor.networks(spec)[0]["forward"]
