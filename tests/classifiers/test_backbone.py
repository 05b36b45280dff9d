"""BackboneFineTuner: every backbone in both phases, and a function that makes one."""

import functools
import os

import keras
import numpy as np
import pytest
from estimators import computed, small_backbone
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV

import skfashion
from skfashion import BackboneFineTuner, MobileNetFineTuner, _training, networks
from skfashion._persistence._networks import _check_layers
from skfashion._training.cut import split
from skfashion._training.programs import program_of
from skfashion.model_selection import search_space
from skfashion.networks import _backbones
from skfashion.networks._layers import FixedBatchNormalization, VariableDropout

BACKBONES = _backbones.BACKBONES
SMALL = "mobilenet_v3_small"
# Building the others takes seconds each, and tracing half a minute.
asked = pytest.mark.skipif("SKFASHION_BACKBONES" not in os.environ, reason="takes minutes")


def each_backbone(*quick):
    """Run a test on some backbones, and on all of them where that is asked for."""
    marks = {name: () if name in quick else asked for name in BACKBONES}
    return pytest.mark.parametrize("name", [pytest.param(n, marks=m) for n, m in marks.items()])


def tuner(backbone=SMALL, **parameters):
    defaults = {"weights": None, "epochs": 1, "fine_tune_epochs": 1, "random_state": 0}
    return BackboneFineTuner(backbone, **{**defaults, **parameters})


def build(name, **parameters):
    side = BACKBONES[name].smallest
    with _training.build_scope(0):
        return networks.fine_tuned((side, side, 3), 2, backbone=name, **parameters)


@each_backbone("mobilenet_v1", SMALL, "efficientnet_v2_b0", "convnext_tiny")
def test_the_frozen_part_of_each_is_cut_off_below_its_head_and_below_its_last_block(name):
    whole = build(name)
    n = len(whole.weights)
    lower = split(whole).lower
    assert len(lower.weights) == n - 2  # all but the head's
    assert not lower.trainable_weights
    blocks = _backbones.last_blocks(name)
    first = _backbones.unfreeze_index(_backbones.backbone_layers(name), blocks[0])
    above = build(name, unfreeze_from=blocks[0])
    parts = split(above)
    assert 0 < len(parts.lower.weights) < n - 2
    frozen = {layer.name for layer in parts.lower.layers}
    assert frozen <= {"pixels", "resize", "standardize"} | set(
        _backbones.backbone_layers(name)[1:first]
    )
    # The layers are those that are named: where they are built doesn't matter.
    assert set(_backbones.backbone_layers(name)[1:]) <= {layer.name for layer in above.layers}
    norms = [x for x in above.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert all(type(norm) is FixedBatchNormalization for norm in norms)


@each_backbone("mobilenet_v1", SMALL)
def test_each_trains_a_step_in_both_phases_and_is_saved(name, rgb, tmp_path):
    X, y = rgb
    settings = {"image_size": BACKBONES[name].smallest, "batch_size": 12}
    last = _backbones.last_blocks(name)[0]
    clf = tuner(name, unfreeze_from=last, learning_rate=1e-2, **settings).fit(X, y)
    assert clf.history_["phase"] == ["head", "fine_tune"]
    assert _backbones.block_of(clf.unfreeze_from_) == last
    assert 0 < clf.n_trainable_layers_ < len(_backbones.backbone_layers(name)) / 2
    skfashion.save(clf, tmp_path / "model")
    loaded = skfashion.load(tmp_path / "model")
    assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("efficientnet_v2_b0", "stem_conv"),
        ("densenet121", "zero_padding2d"),
        ("convnext_tiny", "convnext_tiny_stem"),
    ],
)
def test_pixels_are_what_the_weights_were_made_for(name, first):
    black, white = BACKBONES[name].black_and_white
    network = build(name, rescaling=((white - black) / 255, black))
    seen = keras.Model(network.input, network.get_layer(first).input)(
        np.full((1, 32, 32, 3), 255.0)
    )
    mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    assert_allclose(seen[0, 0, 0], (1 - np.array(mean)) / deviation, rtol=1e-4)


def test_dropout_of_the_backbone_runs_where_it_is_trained_and_keeps_its_rates(rgb):
    name = "efficientnet_v2_b0"
    frozen = [x for x in build(name).layers if isinstance(x, keras.layers.Dropout)]
    assert {x.rate for x in frozen} == {0.0}
    clf = tuner(name, unfreeze_from="block6g", dropout=0.5)
    clf.input_range_ = "0-255"
    head, second = clf._phases((32, 32, 3), 2)
    assert head.dropout_rates == (0.5,)
    own = [0.2 * 19 / 21, 0.2 * 20 / 21]  # Keras' drop-connect, the higher the more
    assert_allclose(second.dropout_rates, [*own, 0.5])
    trained = build(name, unfreeze_from=second.network["unfreeze_from"], dropout=0.5)
    assert_allclose(
        [x.rate for x in trained.layers if type(x) is keras.layers.Dropout][-3:],
        second.dropout_rates,
    )
    clf.fit(*rgb)
    plan = clf._plan
    with program_of(plan, plan.phases[1], clf._new_network, cut=True) as program:
        layers = [x for x in program.model.layers if type(x) is VariableDropout]
        assert [x._noise_shape for x in layers] == [(None, 1, 1, 1)] * 2 + [None]


def test_a_search_over_backbones_computes_the_rows_of_each_once(rgb):
    X, y = rgb
    skfashion.clear_caches()
    before = computed()
    backbones = [small_backbone, functools.partial(small_backbone, last=6)]
    grid = {"backbone": backbones, "learning_rate": [1e-3, 1e-2]}
    search = GridSearchCV(tuner(), grid, cv=2).fit(X, y)
    search.predict(X)
    assert computed() - before == 2 * len(X)


def test_mobilenet_is_a_special_case(rgb):
    X, y = rgb
    settings = {"weights": None, "alpha": 0.35, "random_state": 0, "epochs": 2}
    settings |= {"unfreeze_from": "block_16", "fine_tune_epochs": 1, "dropout": 0.2}
    special = MobileNetFineTuner("v2", **settings).fit(X, y)
    general = BackboneFineTuner("mobilenet_v2", **settings).fit(X, y)
    assert special.history_ == general.history_
    assert_array_equal(special.predict_proba(X), general.predict_proba(X))
    assert search_space(special, "grid") == search_space(general, "grid")


@pytest.mark.parametrize("multilabel", [False, True])
def test_a_head_begins_at_zero(multilabel, rgb):
    X, y = rgb
    still = tuner("mobilenet_v2", alpha=0.35, learning_rate=1e-30, multilabel=multilabel)
    told = still.fit(X, np.eye(2, dtype=int)[y] if multilabel else y).predict_proba(X)
    assert_array_equal(told, np.full((len(X), 2), 0.5))


# A key made otherwise finds nothing that is kept.
def test_what_mobilenet_has_kept_is_found_again():
    clf = MobileNetFineTuner(weights=None, alpha=0.35, unfreeze_from="block_16", dropout=0.2)
    clf.input_range_ = "0-255"
    keys = [(phase.network_key, phase.dropout_rates) for phase in clf._phases((32, 32, 3), 2)]
    assert keys == [
        ("0bbfab3b83c936129f46674620d4ace6", (0.2,)),
        ("aebfd3b55fa0ce97a54593190365ba96", (0.2,)),
    ]


@pytest.mark.parametrize(
    ("name", "unfreeze_from", "first"),
    [
        ("efficientnet_v2_b0", "block6", "block6a_expand_conv"),
        ("efficientnet_v2_b0", "block6h", "block6h_expand_conv"),
        ("efficientnet_v2_b0", -1, "top_activation"),
        ("convnext_tiny", "stage_3", "convnext_tiny_stage_3_block_0_depthwise_conv"),
        ("convnext_tiny", "convnext_tiny_stage_3_block_2_layer_scale", None),
        ("convnext_tiny", "convnext_tiny_stem", None),
        ("resnet50_v2", "conv5_block3", "conv5_block3_preact_bn"),
        ("resnet50_v2", "conv5", "conv5_block1_preact_bn"),
        ("densenet121", "conv5_block1", "conv5_block1_0_bn"),
        ("xception", "block14", "block14_sepconv1"),
        ("mobilenet_v3_small", "expanded_conv_1", "expanded_conv_1_expand"),
    ],
)
def test_unfreeze_from(name, unfreeze_from, first):
    names = _backbones.backbone_layers(name)
    assert names[_backbones.unfreeze_index(names, unfreeze_from)] == (first or unfreeze_from)


def test_what_does_not_fit_the_backbone_is_refused(rgb):
    X, y = rgb
    with pytest.raises(ValueError, match=r"alpha=0.5 is the width of a MobileNet"):
        tuner("efficientnet_v2_b0", alpha=0.5).fit(X, y)
    with pytest.raises(ValueError, match=r"image_size=32 is too small for Xception: give 71"):
        tuner("xception", image_size=32).fit(X, y)
    with pytest.raises(ValueError, match=r"BackboneFineTuner sees 1 or 3 channels"):
        tuner().fit(np.zeros((24, 32, 32, 4), np.uint8), y)
    with pytest.raises(ValueError, match=r"The 'backbone' parameter .*'mobilenet_v3_small'"):
        tuner("resnet").fit(X, y)


@pytest.mark.parametrize("name", ["efficientnet_v2_b0", "convnext_tiny"])
def test_weights_from_a_file(name, tmp_path):
    path = tmp_path / "backbone.weights.h5"
    with _training.build_scope(0):  # in which Keras numbers layers from the start
        source = _backbones.standalone(name, 1.0)
    source.save_weights(path)
    network = build(name)
    _backbones.pretrain(network, backbone=name, alpha=1.0, weights=str(path))
    for layer in filter(lambda layer: layer.weights, source.layers):
        ours = network.get_layer(layer.name).get_weights()
        for mine, theirs in zip(ours, layer.get_weights(), strict=True):
            assert_array_equal(mine, theirs)
    with pytest.raises(ValueError, match=r"holds no weights of ResNet50V2 without its top"):
        _backbones.pretrain(network, backbone="resnet50_v2", alpha=1.0, weights=str(path))


# ------------------------------------------------------------------- a function


def sequential_backbone(input_shape):
    return keras.Sequential(small_backbone(input_shape).layers)


@pytest.mark.parametrize("function", [small_backbone, sequential_backbone])
def test_a_function_that_returns_a_model(function, rgb, tmp_path):
    X, y = rgb
    clf = tuner(function, unfreeze_from="block2", dropout=0.5, memory=tmp_path / "runs").fit(X, y)
    assert clf.unfreeze_from_ == "block2_conv"
    assert [phase.dropout_rates for phase in clf._plan.phases] == [(0.5,), (0.125, 0.5)]
    assert [layer.name for layer in clf.model_.layers][-1] == "classes"
    skfashion.save(clf, tmp_path / "model")
    loaded = skfashion.load(tmp_path / "model")
    assert loaded.backbone is None
    assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    # The same function is the same network, in spite of the numbers that Keras gives layers.
    before = computed()
    again = tuner(function, unfreeze_from="block2", dropout=0.5, memory=tmp_path / "runs")
    assert_array_equal(again.fit(X, y).predict_proba(X), clf.predict_proba(X))
    assert computed() == before
    other = tuner(functools.partial(small_backbone, last=6)).fit(X, y)
    assert other._weights[-2].shape == (6, 2)


def test_a_function_keeps_its_weights_or_reads_a_file(rgb, tmp_path):
    made = small_backbone((32, 32, 3))
    made.set_weights([array + 0.1 for array in made.get_weights()])
    path = tmp_path / "own.weights.h5"
    made.save_weights(path)

    def copy(input_shape):
        network = small_backbone(input_shape)
        network.set_weights(made.get_weights())
        return network

    kept = tuner(copy, weights="imagenet").fit(*rgb)
    read = tuner(small_backbone, weights=path).fit(*rgb)
    for clf in (kept, read):
        assert_array_equal(clf._weights[0], made.get_weights()[0])
    assert_array_equal(kept.predict_proba(rgb[0]), read.predict_proba(rgb[0]))


class OwnLayer(keras.layers.Layer):
    def call(self, inputs):
        return inputs


def test_a_function_that_returns_something_else(rgb):
    rows = keras.Sequential([keras.Input((8,)), keras.layers.Dense(2)])
    own = keras.Sequential([keras.Input((32, 32, 3)), OwnLayer()])
    made = small_backbone((32, 32, 3))
    in_dict = keras.Model(made.input, {"features": made.output})
    grey = keras.Sequential([keras.Input((32, 32, 1)), keras.layers.Conv2D(4, 3)])
    with pytest.raises(TypeError, match="backbone is a Functional: give a function"):
        tuner(made).fit(*rgb)
    with pytest.raises(TypeError, match="it returned int"):
        tuner(lambda input_shape: 3).fit(*rgb)
    for returned in (rows, in_dict, grey):
        with pytest.raises(ValueError, match=r"give one from images \(None, 32, 32, 3\)"):
            tuner(lambda input_shape, returned=returned: returned).fit(*rgb)
    with pytest.raises(ValueError, match=r"with OwnLayer.* KerasImageClassifier"):
        tuner(lambda input_shape: own).fit(*rgb)


def test_convnext_of_the_users_own_may_be_saved():
    shape = {"include_top": False, "weights": None, "input_shape": (32, 32, 3)}
    with _training.build_scope(0):
        base = keras.applications.ConvNeXtTiny(**shape)
        outputs = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(base.output))
        network = keras.Model(base.input, outputs)
    _check_layers(keras.saving.serialize_keras_object(network))
