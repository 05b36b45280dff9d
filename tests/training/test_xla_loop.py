"""Epochs compiled by XLA under TensorFlow: as on a GPU, and here on a CPU, for equality alone."""

import keras
import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
if keras.backend.backend() != "tensorflow":
    pytest.skip("TensorFlow alone", allow_module_level=True)

from estimators import dense
from sklearn.base import clone

import skfashion
from skfashion import ConvClassifier, _training
from skfashion._training import processes, programs
from skfashion._training.graph import GraphLoop
from skfashion._training.xla_loop import XlaLoop
from skfashion.datasets import make_images
from skfashion.inspection import runs_frame

FITS = {
    "dense": (dense(batch_size=16, epochs=1), 1e-6),
    "dense, one short batch": (dense(batch_size=200, epochs=1), 1e-6),
    "dense, batch_norm": (dense(batch_size=16, epochs=1, batch_norm=True), 1e-6),
    "dense, adamw": (dense(batch_size=16, epochs=1, optimizer="adamw"), 1e-6),
    "dense, early stopping": (dense(batch_size=16, epochs=2, early_stopping=True), 1e-5),
    "dense, half precision": (dense(batch_size=16, epochs=1, dtype_policy="mixed_float16"), 1e-2),
    "conv": (ConvClassifier(8, dense_units=16, batch_size=16, epochs=1, random_state=0), 1e-4),
}


@pytest.fixture(scope="module")
def many():
    return make_images(150, n_classes=3, image_size=8, random_state=0)


def loops():
    return {type(program.loop) for program in programs._POOL.values()}


@pytest.mark.parametrize("name", FITS)
def test_an_epoch_ends_as_in_a_plain_graph(name, many, xla):
    clf, atol = FITS[name]
    ours = clone(clf).fit(*many)
    assert issubclass(*loops(), XlaLoop)
    xla.undo()
    skfashion.clear_caches()
    with skfashion.config_context(fused_optimizers=False):
        plain = clone(clf).fit(*many)
    assert loops() == {GraphLoop}
    assert ours.history_.keys() == plain.history_.keys()
    np.testing.assert_allclose(ours.history_["loss"], plain.history_["loss"], rtol=10 * atol)
    for one, other in zip(ours._weights, plain._weights, strict=True):
        np.testing.assert_allclose(one, other, atol=atol)


def test_dropout_is_drawn_from_the_seed(many, xla):
    clf = dense(batch_size=16, dropout=0.5)
    first = clf.fit(*many).history_
    assert clf.fit(*many).history_ == first
    assert clf.set_params(random_state=1).fit(*many).history_ != first


def test_folds_of_one_remainder_share_all_programs(many, xla):
    X, y = many
    clf = dense(batch_size=16, epochs=1)
    clf.fit(X[:144], y[:144])
    before = _training.programs_info()["traces"]
    clf.fit(X[: 128 + 8], y[: 128 + 8])
    assert _training.programs_info()["traces"] == before + 1
    clf.fit(X[6:150], y[6:150])
    assert _training.programs_info()["traces"] == before + 1


def test_what_is_not_compiled_on_a_gpu_by_keras_is_not_here(many, xla):
    layer = keras.layers.Flatten()
    layer.supports_jit = False
    network = keras.Sequential([keras.Input((8, 8)), layer, keras.layers.Dense(3)])
    network.compile("adam", "mse")
    assert type(programs.make_loop(network)) is GraphLoop


def test_results_of_the_two_are_kept_apart(images, tmp_path, xla):
    dense(epochs=1, memory=tmp_path).fit(*images)
    xla.undo()
    dense(epochs=2, memory=tmp_path).fit(*images)
    assert len(runs_frame(tmp_path)) == 2


def test_a_fit_says_so(images, xla, capsys):
    for augmentation, is_compiled in ((None, True), ("rotate", False)):
        conv = ConvClassifier(4, dense_units=0, epochs=1, augmentation=augmentation, verbose=1)
        conv.fit(*images)
        assert ("XLA" in capsys.readouterr().out) == is_compiled


def test_a_cpu_is_left_alone(images):
    assert not processes.compiles_epochs()
    dense(epochs=1).fit(*images)
    assert loops() == {GraphLoop}
