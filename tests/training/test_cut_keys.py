"""The key of a frozen part is of the graph that computes its rows, and of Keras' settings."""

import keras
import numpy as np
import pytest
from custom import custom
from estimators import sequential

import skfashion
from skfashion import ConvClassifier, DenseClassifier, _training
from skfashion._training.cut import split
from skfashion.inspection import runs_frame

pytestmark = pytest.mark.usefixtures("empty_caches")

L = keras.layers


def frozen_dense(**parameters):
    return L.Dense(16, trainable=False, **parameters)


def used_twice(x, hidden):
    relu = L.Activation("relu")
    # Names that Keras numbers would tell them apart by chance.
    return relu(frozen_dense(activation=hidden, name="hidden")(relu(frozen_dense()(x))))


def weights_used_twice(x, hidden):
    shared = frozen_dense()
    return shared(L.Activation(hidden, name="hidden")(shared(frozen_dense()(x))))


def nested_used_twice(x, hidden):
    inner = keras.Sequential([keras.Input((16,)), frozen_dense(activation="relu")])
    return inner(L.Activation(hidden, name="hidden")(inner(frozen_dense()(x))))


def inside_nested(x, hidden):
    inputs = keras.Input((64,))
    inner = keras.Model(inputs, used_twice(inputs, hidden))
    return inner(x)


def branches(x, hidden):
    x = frozen_dense()(x)
    left, right = L.Activation(hidden)(x), L.Activation("relu")(x)
    return L.Subtract()([left, right] if hidden == "linear" else [right, left])


def arithmetic(x, hidden):
    x = frozen_dense()(x)
    return x * 2.0 if hidden == "linear" else x * 3.0


def constants(x, hidden):
    numbers = np.linspace(0, 1, 16 * 64, dtype="float32").reshape(64, 16)
    numbers[32] = hidden == "linear"  # in the middle, which a repr leaves out
    return frozen_dense()(keras.ops.matmul(x, numbers))


OF_LAYERS = [used_twice, weights_used_twice, nested_used_twice, inside_nested]
FROZEN = [*OF_LAYERS, branches, arithmetic, constants]


def network(frozen, hidden, meta):
    inputs = keras.Input(meta["X_shape_"][1:])
    x = frozen(L.Flatten()(L.Rescaling(1 / 255)(inputs)), hidden)
    return keras.Model(inputs, L.Dense(meta["n_classes_"], activation="softmax")(x))


META = {"X_shape_": (None, 8, 8, 1), "n_classes_": 2}


@pytest.mark.parametrize(
    ("frozen", "stored"),
    [*((frozen, False) for frozen in FROZEN), (used_twice, True), (constants, True)],
)
def test_a_candidate_never_gets_the_rows_of_another(frozen, stored, two, tmp_path):
    X, y = two

    def fit(hidden, seed):
        return custom(
            network,
            model__frozen=frozen,
            model__hidden=hidden,
            random_state=seed,
            image_shape=(8, 8, 1),
            memory=tmp_path if stored else None,
        ).fit(X, y)

    fit("linear", 0)
    if stored:
        skfashion.clear_caches()
    for hidden, seed in (("tanh", 1), ("linear", 1), ("tanh", 0)):
        clf = fit(hidden, seed)
        own = clf.model_.predict(X[..., None], verbose=0)
        np.testing.assert_allclose(clf.predict_proba(X), own, atol=1e-6)


def own_code(meta):
    return network(lambda x, _: frozen_dense(activation=lambda x: x * x)(x), "", meta)


def own_operation(meta):
    return network(lambda x, _: frozen_dense()(keras.ops.map(lambda x: x * x, x)), "", meta)


@pytest.mark.parametrize("make", [own_code, own_operation])
def test_what_a_key_cannot_say_is_not_cut_off(make):
    assert split(make(META)).lower is None


def open_sides(meta):
    inputs = keras.Input((None, None, 1))
    x = L.Conv2D(4, 3, trainable=False)(L.Rescaling(1 / 255)(inputs))
    x = L.GlobalAveragePooling2D()(L.Conv2D(4, 3)(x))
    return keras.Model(inputs, L.Dense(meta["n_classes_"], activation="softmax")(x))


def test_a_frozen_part_of_open_size(two):
    clf = custom(open_sides, image_shape=(8, 8, 1)).fit(*two)
    assert clf.predict_proba(two[0]).shape == (40, 2)


# ------------------------------------------------- settings of the whole of Keras


@pytest.fixture
def _settings_afterwards():
    config = keras.config
    before = config.floatx(), config.epsilon(), config.image_data_format(), config.dtype_policy()
    yield
    config.set_floatx(before[0])
    config.set_epsilon(before[1])
    config.set_image_data_format(before[2])
    config.set_dtype_policy(before[3])


SETTINGS = {
    "epsilon": (keras.config.set_epsilon, 1e-2),
    "floatx": (keras.config.set_floatx, "float16"),
    "image_data_format": (keras.config.set_image_data_format, "channels_first"),
}


@pytest.mark.usefixtures("_settings_afterwards")
@pytest.mark.parametrize("name", SETTINGS)
def test_settings_are_in_every_key(name, two, tmp_path):
    X, y = two
    settings = {"memory": tmp_path, "dtype_policy": "float32", "image_shape": (8, 8, 1)}
    clf = custom(network, model__frozen=used_twice, model__hidden="tanh", **settings).fit(X, y)
    before = _training.features_info()["computed"], _training.programs_info()["built"]
    setting, value = SETTINGS[name]
    setting(value)
    clf.fit(X, y)
    after = _training.features_info()["computed"], _training.programs_info()["built"]
    assert after[0] == before[0] + len(X)
    assert after[1] > before[1]
    assert len(runs_frame(tmp_path)) == 2


def convolutional(meta):
    convolution = L.Conv2D(4, 3, data_format="channels_last")
    return sequential(meta, L.Rescaling(1 / 255), convolution, L.GlobalAveragePooling2D())


@pytest.mark.usefixtures("_settings_afterwards")
@pytest.mark.parametrize(
    "make",
    [
        lambda: custom(convolutional, image_shape=(8, 8, 1)),
        lambda: ConvClassifier(4, dense_units=0, epochs=2, random_state=0),
    ],
)
def test_another_order_of_channels(make, two):
    X, y = two
    last = make().fit(X, y)
    known = last.predict_proba(X)
    keras.config.set_image_data_format("channels_first")
    first = make().fit(X, y)
    skfashion.clear_caches()
    alone = make().fit(X, y)
    assert first.history_ == alone.history_
    np.testing.assert_array_equal(first.predict_proba(X), alone.predict_proba(X))
    # Ours take images channels last, whatever is set; what was fitted stays what it was.
    assert (first.history_ == last.history_) == isinstance(first, ConvClassifier)
    for _ in range(2):
        np.testing.assert_array_equal(last.predict_proba(X), known)
        np.testing.assert_allclose(last.model_.predict(X[..., None], verbose=0), known, atol=1e-6)
        skfashion.clear_caches()


def policies(**named):
    named = {path: keras.dtype_policies.get(name) for path, name in named.items()}
    return keras.dtype_policies.DTypePolicyMap("float32", named)


@pytest.mark.usefixtures("_settings_afterwards")
@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("ready", [False, True])
def test_a_map_of_policies_is_in_every_key(ready, stored, two, tmp_path):
    X, y = two
    memory = tmp_path if stored else None

    def fit(memory=memory):
        if ready:
            return DenseClassifier(8, epochs=2, random_state=0, memory=memory).fit(X, y)
        return custom(named, memory=memory).fit(X, y)

    keras.config.set_dtype_policy(policies())
    single = fit()
    known = single.predict_proba(X)
    keras.config.set_dtype_policy(policies(hidden_1="mixed_bfloat16"))
    mixed = fit()
    assert mixed.history_["loss"] != single.history_["loss"]
    skfashion.clear_caches()
    alone = fit(memory=None)
    assert mixed.history_["loss"] == alone.history_["loss"]
    np.testing.assert_array_equal(single.predict_proba(X), known)
    keras.config.set_dtype_policy("float32")
    skfashion.clear_caches()
    np.testing.assert_array_equal(mixed.predict_proba(X), alone.predict_proba(X))
    if ready:  # networks of the user's own may have no map in a file for anybody
        skfashion.save(mixed, tmp_path / "model.skfashion")
        loaded = skfashion.load(tmp_path / "model.skfashion")
        np.testing.assert_array_equal(loaded.predict_proba(X), alone.predict_proba(X))


def named(meta):
    inputs = keras.Input(meta["X_shape_"][1:])
    x = L.Dense(8, activation="relu", name="hidden_1")(L.Flatten()(L.Rescaling(1 / 255)(inputs)))
    return keras.Model(inputs, L.Dense(meta["n_classes_"], activation="softmax", name="out")(x))


@pytest.mark.parametrize("between", [lambda: L.Dropout(0.2), lambda: L.Dense(16), lambda: L.ReLU()])
def test_a_layer_on_both_sides_of_the_cut(between, two):
    X, y = two

    def network(meta):
        inputs, shared = keras.Input((8, 8, 1)), frozen_dense()
        x = shared(between()(shared(frozen_dense()(L.Flatten()(inputs)))))
        return keras.Model(inputs, L.Dense(2, activation="softmax")(x))

    clf = custom(network, image_shape=(8, 8, 1), epochs=1).fit(X / 255, y)
    expected = clf.model_.predict(X[..., None] / 255, verbose=0)
    np.testing.assert_allclose(clf.predict_proba(X / 255), expected, atol=1e-6)
