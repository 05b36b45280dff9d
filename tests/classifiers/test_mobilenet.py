"""Fine-tuning in two phases: what each changes, and what never changes; MobileNet's weights."""

import functools

import keras
import numpy as np
import pytest
from estimators import mobile, on_small_backbone
from numpy.testing import assert_allclose, assert_array_equal
from recorder import SEEN, Recorder, events
from sklearn.metrics import log_loss

from skfashion.datasets import make_images

RATES = {"learning_rate": 1e-2, "fine_tune_learning_rate": 1e-3}
tuner = functools.partial(mobile, epochs=2, fine_tune_epochs=2, **RATES)
# What the phases do is the same on every backbone, and this one is traced in no time.
small = functools.partial(on_small_backbone, epochs=2, fine_tune_epochs=2, **RATES)


@pytest.fixture(scope="module")
def initial(two):
    """Weights before any training, by name."""
    return by_name(small(epochs=1, learning_rate=1e-30).fit(*two))


@pytest.fixture(scope="module")
def head(two):
    return small().fit(*two)


@pytest.fixture(scope="module")
def both(two):
    """Fitted in two phases."""
    return small(unfreeze_from="block2", fine_tune_epochs=3).fit(*two)


def by_name(clf):
    """Return the weights of the backbone: layer name -> variable name -> array."""
    return {
        layer.name: dict(zip([w.name for w in layer.weights], layer.get_weights(), strict=True))
        for layer in clf.model_.layers
        if layer.weights and layer.name != "classes"
    }


def changed(before, after):
    return {
        (layer, name)
        for layer, weights in before.items()
        for name, weight in weights.items()
        if not np.array_equal(weight, after[layer][name])
    }


def is_statistic(name):
    return name.startswith("moving_")


def test_head_only_leaves_the_backbone_alone(initial, head):
    assert changed(initial, by_name(head)) == set()
    assert head.history_["phase"] == ["head", "head"]
    assert head.unfreeze_from_ is None
    assert head.n_trainable_layers_ == 0


def test_second_phase_changes_what_is_unfrozen_and_no_statistics(initial, both):
    assert both.unfreeze_from_ == "block2_conv"
    assert both.n_trainable_layers_ == 4
    assert changed(initial, by_name(both)) == {
        (layer, name)
        for layer in ("block2_conv", "block2_bn")
        for name in initial[layer]
        if not is_statistic(name)
    }


def test_history_spans_both_phases_and_the_head_is_the_same_whatever_follows(head, both):
    assert both.history_["phase"] == ["head"] * 2 + ["fine_tune"] * 3
    assert both.n_iter_ == 5
    assert_allclose(both.history_["learning_rate"], [1e-2, 5e-3, 1e-3, 7.5e-4, 2.5e-4])
    assert {len(column) for column in both.history_.values()} == {5}
    assert both.history_["loss"][:2] == head.history_["loss"]


@pytest.mark.parametrize(
    ("unfreeze_from", "callbacks"), [(0, None), ("block2", [Recorder])], ids=["all", "callback"]
)
def test_statistics_stay(unfreeze_from, callbacks, initial, two):
    SEEN.clear()
    settings = {"unfreeze_from": unfreeze_from, "epochs": 1, "fine_tune_epochs": 1}
    clf = small(**settings, callbacks=callbacks).fit(*two)
    differing = changed(initial, by_name(clf))
    assert not [name for _, name in differing if is_statistic(name)]
    assert (("block1_conv", "kernel") in differing) == (unfreeze_from == 0)
    assert ("block2_conv", "kernel") in differing
    if callbacks:  # which see the whole network
        n = len(clf.model_.layers)
        assert events(n, epochs=1, steps=2) + events(n, epochs=1, steps=2, before=1) == SEEN


@pytest.mark.parametrize(
    ("make", "dropout"),
    [
        (functools.partial(mobile, unfreeze_from="block_16"), 1e-6),
        # Dropout of the backbone itself runs, at an eighth.
        (functools.partial(on_small_backbone, unfreeze_from="block2"), 0.0),
        (functools.partial(on_small_backbone, unfreeze_from="block2"), 1e-6),
    ],
    ids=["mobilenet", "dropout below", "dropout"],
)
def test_training_sees_what_prediction_sees(make, dropout, images):
    X, y = images
    clf = make(fine_tune_learning_rate=1e-9, dropout=dropout, batch_size=8).fit(X, y)
    predicted = log_loss(y, clf.predict_proba(X))
    assert clf.history_["phase"][-1] == "fine_tune"
    assert np.isclose(clf.history_["loss"][-1], predicted, rtol=0.05)


def test_second_phase_has_an_optimizer_of_its_own(two, trained_on):
    settings = {"unfreeze_from": "block2", "epochs": 1, "fine_tune_epochs": 1}
    clf = small(**settings, fine_tune_optimizer="sgd").fit(*two)
    ((plan, _),) = trained_on
    assert ["Adam" in str(phase.optimizer) for phase in plan.phases] == [True, False]
    assert type(clf.model_.optimizer) is keras.optimizers.SGD
    assert float(clf.model_.optimizer.learning_rate) == pytest.approx(1e-3)
    # A new Adam takes steps of its rate, whatever the old one had gathered.
    clf = small(**settings, batch_size=40)
    before = small(epochs=1, batch_size=40).fit(*two)._weights[-1]
    steps = np.abs(clf.fit(*two)._weights[-1] - before)
    assert_allclose(steps, 1e-3, rtol=0.01)


def test_a_constant_rate_in_each_phase(two):
    clf = small(unfreeze_from="block2", schedule="constant").fit(*two)
    assert_allclose(clf.history_["learning_rate"], [1e-2, 1e-2, 1e-3, 1e-3])


STOPPING = {"early_stopping": True, "n_iter_no_change": 2, "epochs": 40}


def test_early_stopping_is_for_each_phase(two, rng):
    X, y = two
    y_val = rng.permutation(y)
    clf = small(unfreeze_from="block2", **STOPPING, fine_tune_epochs=40)
    clf.fit(X, y, X_val=X, y_val=y_val)
    phases = np.array(clf.history_["phase"])
    scores = np.array(clf.history_["val_accuracy"])
    for name in ("head", "fine_tune"):
        own = scores[phases == name]
        assert 3 <= len(own) < 40
        assert len(own) - 1 - int(np.argmax(own)) >= 2
    assert clf.score(X, y_val) == pytest.approx(scores[phases == "fine_tune"].max())


def test_second_phase_begins_with_the_best_head(two, rng):
    X, y = two
    y_val = rng.permutation(y)
    head = small(**STOPPING).fit(X, y, X_val=X, y_val=y_val)
    both = small(**STOPPING, unfreeze_from="block2").set_params(
        fine_tune_epochs=1, fine_tune_learning_rate=1e-12
    )
    both.fit(X, y, X_val=X, y_val=y_val)
    assert_allclose(both.predict_proba(X), head.predict_proba(X), atol=1e-5)


def test_partial_fit_trains_the_second_phase_after_the_first(two):
    X, y = two
    clf = small(unfreeze_from="block2")
    for _ in range(5):
        clf.partial_fit(X, y, classes=[0, 1])
    assert clf.history_["phase"] == ["head"] * 2 + ["fine_tune"] * 3
    whole = small(unfreeze_from="block2", fine_tune_epochs=3, schedule="constant").fit(X, y)
    assert clf.history_ == whole.history_
    assert_array_equal(clf.predict_proba(X), whole.predict_proba(X))


@pytest.mark.parametrize(
    ("backbone", "unfreeze_from", "name", "n_layers"),
    [
        ("v2", 143, "block_16_expand", 11),
        ("v2", np.int64(143), "block_16_expand", 11),
        ("v2", -11, "block_16_expand", 11),
        ("v2", -3, "Conv_1", 3),
        ("v2", "block_16", "block_16_expand", 11),
        ("v2", "block_1", "block_1_expand", 145),
        ("v2", "Conv_1", "Conv_1", 3),
        ("v2", "block_16_project_BN", "block_16_project_BN", 4),
        ("v2", 0, "input", 154),
        ("v2", -154, "input", 154),
        ("v2", None, None, 0),
        ("v1", "conv_dw_13", "conv_dw_13", 6),
        ("v1", "conv_pw_13_relu", "conv_pw_13_relu", 1),
        ("v1", 80, "conv_dw_13", 6),
        ("v1", -6, "conv_dw_13", 6),
    ],
)
def test_unfreeze_from(backbone, unfreeze_from, name, n_layers):
    clf = tuner(version=backbone, unfreeze_from=unfreeze_from)
    clf.input_range_ = "0-255"
    phases = clf._phases((32, 32, 3), 2)
    assert clf.unfreeze_from_ == name
    assert clf.n_trainable_layers_ == n_layers
    assert len(phases) == (1 if unfreeze_from is None else 2)
    assert len(clf.set_params(fine_tune_epochs=0)._phases((32, 32, 3), 2)) == 1
    assert clf.unfreeze_from_ is None
    assert clf.n_trainable_layers_ == 0


@pytest.mark.parametrize(
    ("shape", "image_size", "expected"),
    [
        ((16, 16), None, (32, 32)),
        ((40, 40), None, (40, 40)),
        ((40, 40), 32, (32, 32)),
        ((16, 16), (32, 48), (32, 48)),
        ((8, 40), None, (32, 40)),
    ],
)
def test_image_size(shape, image_size, expected):
    clf = tuner(image_size=image_size)
    clf.input_range_ = "0-255"
    assert clf._phases((*shape, 1), 2)[0].network["image_size"] == expected


def test_images_of_one_and_three_channels_are_seen_alike(two):
    X, y = two
    rgb = np.repeat(X[..., None], 3, axis=3)
    grey, colour = small(epochs=1).fit(X, y), small(epochs=1).fit(rgb, y)
    assert_allclose(grey.predict_proba(X), colour.predict_proba(rgb), atol=1e-5)


def test_alpha_and_images_that_are_resized_inside():
    X, y = make_images(n_samples=6, n_classes=2, image_size=(8, 40), random_state=0)
    model = tuner(epochs=1, alpha=0.5).fit(X, y).model_
    assert model.get_layer("Conv1").input.shape[1:3] == (32, 40)
    assert model.get_layer("Conv1").filters == 16
    assert model.get_layer("block_16_project").filters == 160  # of 320


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_an_untrained_backbone_is_no_constant(version, two):
    X, y = two
    clf = tuner(version=version, epochs=40, learning_rate=3e-2).fit(X, y)
    assert clf.score(X, y) > 0.9


# ------------------------------------------------------------------- weights


def backbone(**parameters):
    defaults = {"input_shape": (32, 32, 3), "alpha": 0.35, "include_top": False, "weights": None}
    return keras.applications.MobileNetV2(**{**defaults, **parameters})


def test_weights_from_a_file(two, tmp_path):
    X, y = two
    source = backbone()
    path = tmp_path / "backbone.weights.h5"
    source.save_weights(path)
    clf = tuner(weights=path, epochs=1).fit(X, y)
    assert_array_equal(
        clf.model_.get_layer("block_5_expand").get_weights()[0],
        source.get_layer("block_5_expand").get_weights()[0],
    )
    as_text = tuner(weights=str(path), epochs=1).fit(X, y)
    assert_array_equal(as_text.predict_proba(X), clf.predict_proba(X))
    # Another file of the same name is another start.
    backbone().save_weights(path)
    other = tuner(weights=path, epochs=1).fit(X, y)
    assert not np.array_equal(other._weights[0], clf._weights[0])
    path.unlink()
    assert clf.predict(X).shape == (40,)
    clf.partial_fit(X, y)


def test_weights_of_another_backbone(two, tmp_path):
    path = tmp_path / "backbone.weights.h5"
    backbone(alpha=0.5).save_weights(path)
    with pytest.raises(ValueError, match=r"weights='.*backbone.weights.h5' .*alpha=0.35"):
        tuner(weights=path).fit(*two)
    (tmp_path / "text.weights.h5").write_text("no weights")
    with pytest.raises(ValueError, match=r"weights='.*text.weights.h5' holds no weights"):
        tuner(weights=tmp_path / "text.weights.h5").fit(*two)


@pytest.mark.usefixtures("imagenet")
def test_imagenet_weights_at_every_size(two):
    X, y = two
    source = backbone(input_shape=(224, 224, 3), weights="imagenet")
    clf = tuner(weights="imagenet", unfreeze_from="block_16", epochs=1, fine_tune_epochs=1)
    clf.fit(X, y)
    assert clf.model_.get_layer("Conv1").input.shape[1:3] == (32, 32)
    for name in ("Conv1", "bn_Conv1", "block_15_project_BN", "Conv_1_bn"):
        first = 2 if name == "Conv_1_bn" else 0  # of what is trained, the statistics
        ours, theirs = (m.get_layer(name).get_weights()[first:] for m in (clf.model_, source))
        for a, b in zip(ours, theirs, strict=True):
            assert_array_equal(a, b)
    # What the network is given is what these weights were made for: pixels in [-1, 1].
    pixels = keras.Model(clf.model_.input, clf.model_.get_layer("Conv1").input)
    seen = np.asarray(pixels(np.stack([np.zeros((8, 8, 1)), np.full((8, 8, 1), 255.0)])))
    assert_allclose([seen[0].max(), seen[1].min()], [-1, 1], atol=1e-6)


@pytest.mark.usefixtures("imagenet")
def test_imagenet_weights_of_no_such_alpha(two):
    with pytest.raises(ValueError, match=r"alpha=0\.6"):
        tuner(weights="imagenet", alpha=0.6).fit(*two)


def test_imagenet_weights_out_of_reach(two, monkeypatch):
    def fail(*args, **kwargs):
        if kwargs.get("weights") == "imagenet":
            raise Exception("URL fetch failure on https://example.org: no route")
        return build(*args, **kwargs)

    build = keras.applications.MobileNet
    monkeypatch.setattr(keras.applications, "MobileNet", fail)
    with pytest.raises(OSError, match=r"KERAS_HOME.*weights=None"):
        tuner(version="v1", weights="imagenet", alpha=0.25).fit(*two)
