"""What the command line tries, by how many images there are."""

import pytest
from sklearn.pipeline import Pipeline

from skfashion import BackboneFineTuner, ConvClassifier, DenseClassifier
from skfashion._cli import _tuning


@pytest.mark.parametrize("kind", ["bayes", "random", "grid"])
@pytest.mark.parametrize("cls", [DenseClassifier, ConvClassifier, BackboneFineTuner])
def test_few_images_are_not_one_batch(cls, kind):
    for n_images in (20, 300, 10_000):
        space = _tuning._make_space(Pipeline([("classifier", cls())]), kind, n_images)
        for part in space if isinstance(space, list) else [space]:
            sizes = part.get("classifier__batch_size", [32])
            assert max(sizes) <= max(32, n_images / 8)
            assert n_images < 10_000 or kind == "grid" or max(sizes) > 32
            assert not {"classifier__epochs", "classifier__kernel_size"} & set(part)
