"""What decides a training is in its key: nothing else is read back for it, or lent to it."""

import keras
import numpy as np
import pytest
from custom import custom
from estimators import dense, sequential

import skfashion
from skfashion import DenseClassifier, networks
from skfashion._training.keys import config_key, digest, freeze
from skfashion.classifiers import _replay
from skfashion.inspection import runs_frame


def activated(activation, meta):
    """Name a layer after what it does, as people do."""
    named = keras.layers.Activation(activation, name=activation)
    return sequential(meta, keras.layers.Flatten(), keras.layers.Dense(8), named)


def relu_network(meta):
    return activated("relu", meta)


def tanh_network(meta):
    return activated("tanh", meta)


META = {"X_shape_": (None, 8, 8), "n_classes_": 2}


def test_a_layer_named_after_its_activation_is_not_taken_for_its_name(two):
    X, y = two
    alone = custom(tanh_network).fit(X, y).predict_proba(X)
    skfashion.clear_caches()
    custom(relu_network).fit(X, y)
    np.testing.assert_array_equal(custom(tanh_network).fit(X, y).predict_proba(X), alone)
    keys = {config_key(activated(name, META)) for name in ("relu", "tanh", "relu", "tanh")}
    assert len(keys) == 2


def test_names_that_keras_numbers_enter_no_key():
    one, other = activated("relu", META), activated("relu", META)
    assert one.layers[0].name != other.layers[0].name
    assert config_key(one) == config_key(other)


@pytest.fixture
def mixed_afterwards():
    before = keras.config.dtype_policy()
    yield lambda: keras.config.set_dtype_policy("mixed_bfloat16")
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("stored", [False, True])
def test_keras_own_policy_is_part_of_a_training(stored, two, tmp_path, mixed_afterwards):
    X, y = two
    clf = dense(memory=tmp_path if stored else None, dropout=0.1)
    plain = clf.fit(X, y).predict_proba(X)
    single = clf.history_["loss"]
    mixed_afterwards()
    assert clf.fit(X, y).history_["loss"] != single
    given = dense(dropout=0.1, dtype_policy="mixed_bfloat16").fit(X, y)
    assert clf.history_["loss"] == given.history_["loss"]
    assert not np.array_equal(clf.predict_proba(X), plain)


def test_a_fitted_model_predicts_in_the_format_it_was_trained_in(two, mixed_afterwards):
    X, y = two
    clf = dense().fit(X, y)
    plain = clf.predict_proba(X)
    mixed_afterwards()
    skfashion.clear_caches()
    np.testing.assert_array_equal(clf.predict_proba(X), plain)


CHANGED = """
def network(image_shape, n_classes, rescaling, hidden_layer_sizes, activation, batch_norm,
            augmentation, dropout):
    return networks.dense(image_shape, n_classes, rescaling=rescaling, activation="{}",
                          hidden_layer_sizes=hidden_layer_sizes)
"""


def defined(activation):
    """Return a classifier whose network function has the name of another's, as in a notebook."""
    space = {"networks": networks, "__name__": __name__}
    exec(CHANGED.format(activation), space)

    class Redefined(DenseClassifier):
        _network = staticmethod(space["network"])

    return Redefined


@pytest.mark.parametrize("stored", [False, True])
def test_a_network_function_that_was_changed_is_another(stored, two, tmp_path):
    X, y = two
    settings = {"epochs": 3, "random_state": 0, "memory": tmp_path if stored else None}
    alone = defined("tanh")(8, **{**settings, "memory": None}).fit(X, y).predict_proba(X)
    skfashion.clear_caches()
    defined("relu")(8, **settings).fit(X, y)
    changed = defined("tanh")(8, **settings).fit(X, y)
    np.testing.assert_array_equal(changed.predict_proba(X), alone)


def scheduled(rate):
    """Return an optimizer whose configuration is the same for every rate."""

    class Schedule(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return rate + 0 * keras.ops.cast(step, "float32")

        def get_config(self):
            return {}

    return keras.optimizers.SGD(Schedule())


def test_code_of_ones_own_within_keras_objects_is_told_apart(two, tmp_path, monkeypatch):
    for rate in (0.25, 0.5):
        monkeypatch.setattr(_replay, "_WARNED", set())
        with pytest.warns(UserWarning, match="made of Keras' own parts"):
            clf = custom(optimizer=scheduled(rate), memory=tmp_path).fit(*two)
        assert clf.history_["learning_rate"] == pytest.approx([rate] * 2)


@pytest.mark.parametrize(
    "optimizer", [{"optimizer": "adamw"}, {"optimizer": "sgd", "optimizer__momentum": 0.9}]
)
def test_a_loss_scale_keeps_no_number_of_the_optimizer_out_of_reach(optimizer, two):
    X, y = two
    clf = custom(dtype_policy="mixed_float16", epochs=3, **optimizer).fit(X, y)
    assert np.isfinite(clf.history_["loss"]).all()


# What stands for a parameter: equal for equal ones, and only for these


class Plain(keras.optimizers.schedules.LearningRateSchedule):
    """An object of one's own, which is what it is made of."""

    def __init__(self, rate):
        super().__init__()
        self.rate = rate

    def __call__(self, step):
        return self.rate + 0 * keras.ops.cast(step, "float32")

    def get_config(self):
        return {"rate": self.rate}


LONG = np.zeros(5000)  # whose repr leaves out the middle
SAME = [
    (np.float64(0.5), 0.5),
    (np.float32(0.5), 0.5),
    (np.int64(3), 3),
    (np.str_("relu"), "relu"),
    (np.bool_(True), True),
    ([np.float64(1), np.str_("a")], (1.0, "a")),
    ({"a": 1, "b": np.float64(2)}, {"b": 2.0, "a": 1}),
    (LONG, LONG.copy()),
    (Plain(0.1), Plain(0.1)),
]
OTHER = [
    (0.5, 0.25),
    (1, "1"),
    (None, "None"),
    (1, True),
    ([1], [1, 1]),
    ("a", ["a"]),
    (LONG, np.eye(1, 5000, 2500)[0]),
    (LONG, LONG.reshape(50, 100)),
    ({1: "a", "1": None}, {1: "a"}),
    ({1: "a", "1": None}, {"1": None}),
    (Plain(0.1), Plain(0.2)),
]


@pytest.mark.parametrize(
    ("one", "other", "same"), [*((*p, True) for p in SAME), *((*p, False) for p in OTHER)]
)
def test_what_is_the_same_stands_for_the_same_and_nothing_else(one, other, same):
    assert (digest(freeze(one)) == digest(freeze(other))) == same


def test_numbers_that_a_search_draws_find_the_fit_of_plain_ones(images, tmp_path):
    """What SciPy and skopt draw are numbers of NumPy; the fits are the same."""
    for number, text in ((float, str), (np.float64, np.str_)):
        settings = {"learning_rate": number(0.01), "dropout": number(0.25)}
        dense(epochs=1, activation=text("relu"), memory=tmp_path, **settings).fit(*images)
    assert len(runs_frame(tmp_path)) == 1
