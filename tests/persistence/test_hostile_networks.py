"""`load` refuses networks, weights and parameters that a model can't have."""

import copy
import io
import resource

import keras
import numpy as np
import pytest
from hostile import (
    attributes,
    node,
    npy,
    packed,
    referred,
    refused,
    saved_models,
    unpacked,
    with_attribute,
    with_value,
)

import skfashion


@pytest.fixture(scope="module")
def models():
    return saved_models()


def test_weights_of_another_network(models, tmp_path, monkeypatch):
    path = tmp_path / "model"
    for name in ("dense", "conv", "keras"):
        document, members = unpacked(models[name])
        first, *others = weights = attributes(document)["_weights"]
        for content in (others, [first], [first, first, *others], [], [1, *others]):
            attributes(document)["_weights"] = content
            path.write_bytes(packed(document, referred(document, members)))
            refused(path, "other shapes than|no list of w", monkeypatch, tmp_path)
        attributes(document)["_weights"] = weights
        first = first["$array"]
        array = np.load(io.BytesIO(members[first]))
        for other in (array[:-1], array[..., None], array.T[:1], np.float32(1)):
            path.write_bytes(packed(document, {**members, first: npy(other)}))
            refused(path, "have other shapes than", monkeypatch, tmp_path)
        path.write_bytes(packed(document, {**members, first: npy(array.astype("U8"))}))
        refused(path, "weights are not numbers", monkeypatch, tmp_path)


def phase_of(document):
    return attributes(document)["_plan"]["phases"][0]


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    [
        ("dense", "hidden_layer_sizes", (10**9, 10**9)),
        ("dense", "hidden_layer_sizes", (2**31 - 1,) * 1000),
        ("dense", "hidden_layer_sizes", (1,) * 20_000),
        ("dense", "hidden_layer_sizes", (10**30,)),
        ("dense", "hidden_layer_sizes", (-1,)),
        ("dense", "hidden_layer_sizes", "evil"),
        ("dense", "image_shape", (10**9, 10**9, 10**9)),
        ("dense", "n_classes", 10**9),
        ("dense", "activation", "../../evil"),
        ("dense", "weights", "/etc/passwd"),
        ("conv", "filters", (10**9,)),
        ("conv", "convs_per_block", 10**9),
        ("conv", "kernel_size", 10**9),
        ("conv", "dense_units", 10**9),
    ],
)
def test_absurd_networks(models, tmp_path, monkeypatch, name, parameter, value):
    document, members = unpacked(models[name])
    phase_of(document)["network"][parameter] = node(value)
    path = tmp_path / "model"
    path.write_bytes(packed(document, members))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(path, "isn't loaded: its (network|weights)", monkeypatch, tmp_path)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 200_000, f"{grown} kB"


def layers_of(document):
    return attributes(document)["_plan"]["phases"][0]["network"]["config"]["config"]["layers"]


def layer(module, class_name, registered=None, **config):
    return {
        "module": module,
        "class_name": class_name,
        "config": {"name": "evil", **config},
        "registered_name": registered,
    }


CODE = ["4wEAAAAAAAAAAAAAAAAAAAAAAAAA", None, None]
LAYERS = [
    layer("keras.layers", "Lambda", function={"class_name": "__lambda__", "config": CODE}),
    layer("keras.layers", "Lambda", function="evil"),
    layer("keras.layers", "TFSMLayer", filepath="/tmp/evil"),
    layer("keras.layers", "TorchModuleWrapper", state="gASVJQ=="),
    layer("keras.layers", "StringLookup", vocabulary="/etc/passwd"),
    layer("keras.layers", "TextVectorization", vocabulary="/etc/passwd"),
    layer("keras.layers", "JaxLayer", call_fn={"class_name": "function", "config": "system"}),
    layer("keras.layers", "TimeDistributed", layer=layer("keras.layers", "Lambda")),
    layer("keras.layers", "Layer"),
    layer("keras.layers", "Dense", registered="evil>Dense", units=4),
    layer("evil.layers", "Dense", units=4),
    layer("os", "system"),
    layer("builtins", "function") | {"config": "system"},
    layer("keras.utils", "function") | {"config": "get_file"},
    layer("keras.utils", "get_file", origin="http://localhost/", fname="../marker"),
    layer("keras.saving", "load_model", filepath="/tmp/evil"),
    layer("keras.config", "enable_unsafe_deserialization"),
    layer("keras.src.ops.core", "Map"),
    layer("skfashion", "FixedBatchNormalization"),
    layer(None, "Dense", units=4),
    layer(None, "__tensor__", value=[1], dtype="float32"),
    layer(None, "__numpy__", value=[1], dtype="O"),
    {"class_name": "Dense", "config": {"units": 4}},
    {"class_name": ["Dense"], "config": {}, "module": "keras.layers"},
    layer("keras.layers", "Dense", units=4, activation=layer("keras.layers", "Lambda")),
    layer("keras.layers", "Dense", units=4, kernel_initializer=layer("os", "system")),
    layer("keras.layers", "Dense", units=10**12),
    layer("keras.layers", "Dense", units="evil"),
    layer("keras.layers", "Reshape", target_shape=[10**6, 10**6]),
    layer("keras.layers", "RepeatVector", n=10**9),
]


@pytest.mark.parametrize("number", range(len(LAYERS)))
def test_layers(models, tmp_path, monkeypatch, number):
    path = tmp_path / "model"
    for depth in (0, 1):
        document, members = unpacked(models["keras"])
        evil = LAYERS[number]
        if depth:
            evil = layer("keras", "Sequential", layers=[evil])
        layers_of(document).insert(2, node(evil))
        path.write_bytes(packed(document, members))
        refused(path, "isn't loaded: its network", monkeypatch, tmp_path)


def test_keras_told_to_run_code_does_not_run_theirs(models, tmp_path, monkeypatch):
    path = tmp_path / "model"
    document, members = unpacked(models["keras"])
    layers_of(document).insert(2, node(LAYERS[0]))
    path.write_bytes(packed(document, members))
    try:
        keras.config.enable_unsafe_deserialization()
        refused(path, "isn't loaded: its network", monkeypatch, tmp_path)
    finally:
        keras.src.backend.common.global_state.set_global_attribute("safe_mode_saving", None)


def test_compiled_parts(models, tmp_path, monkeypatch):
    path = tmp_path / "model"
    for part in ("optimizer", "loss", "metrics"):
        for evil in (
            layer("os", "system"),
            layer("builtins", "function") | {"config": "eval"},
            layer("keras.losses", "deserialize"),
            layer("keras.layers", "Lambda", function="evil"),
            layer("keras.metrics", "MeanMetricWrapper", fn=layer("os", "system")),
            layer("keras.optimizers", "Adam", "evil>Adam"),
        ):
            document, members = unpacked(models["dense"])
            phase_of(document)["compile"][part] = node([evil])
            path.write_bytes(packed(document, members))
            refused(path, "which isn't one of the layers and functions", monkeypatch, tmp_path)


BOUND = "mustn't bring along"
SHAPE = "which isn't a size"
ATTRIBUTES = [
    ("dense", "memory", "/tmp/evil", BOUND),
    ("dense", "callbacks", ["evil"], BOUND),
    ("dense", "callbacks", {"a": 1}, BOUND),
    ("keras", "model", "os.system", BOUND),
    ("keras", "_routed", {"callbacks__x": 1}, BOUND),
    ("keras", "_routed", [1], BOUND),
    ("dense", "weights", "/etc/passwd", "the name of a file"),
    ("dense", "_model", "evil", "a private attribute '_model'"),
    ("dense", "_network", "evil", "a private attribute '_network'"),
    ("dense", "_metadata_request", {}, "a private attribute"),
    ("dense", "__class__", "evil", "a private attribute"),
    ("dense", "predict", "evil", "in place of the class's own"),
    ("dense", "not a name", 1, "in place of the class's own"),
    ("dense", "image_shape", (10**6, 10**6, 3), "which is absurd"),
    ("dense", "image_shape", "evil", SHAPE),
    ("dense", "image_shape", (8, 8.0), SHAPE),
    ("dense", "image_shape_", (10**6, 10**6, 3), "which is absurd"),
    ("dense", "image_shape_", (8, 8, -1), "which is absurd"),
    ("dense", "image_shape_", None, SHAPE),
    ("dense", "image_shape_", (4, 16, 1), "fitted on images of shape"),
    ("dense", "n_features_in_", 63, SHAPE),
    ("dense", "classes_", ["a", "b", "c"], "no list of classes"),
    ("dense", "classes_", np.zeros((3, 1)), "no list of classes"),
    ("dense", "classes_", np.array(["a", "b"], object), "and 2 classes"),
    ("dense", "_dtype", "|V2000000000", "has _dtype="),
    ("dense", "_plan", {}, "a _plan that isn't one"),
    ("dense", "_plan", None, "a _plan that isn't one"),
    ("dense", "_weights", None, "no list of weights"),
    ("dense", "_weights", {}, "no list of weights"),
    ("dense", "_position", {"evil": 1}, "a _position that isn't one"),
    ("dense", "tol", np.zeros(2), None),
]


@pytest.mark.parametrize(("model", "name", "value", "match"), ATTRIBUTES)
def test_attributes(models, tmp_path, monkeypatch, model, name, value, match):
    path = tmp_path / "model"
    path.write_bytes(with_value(models[model], name, value))
    if match is None:  # what is only data is loaded, and a matter for fit
        assert skfashion.load(path).tol.shape == (2,)
    else:
        refused(path, match, monkeypatch, tmp_path)


def without(data, name):
    document, members = unpacked(data)
    del attributes(document)[name]
    return packed(document, referred(document, members))


PLANS = [
    ("dense", "seed", np.zeros(2).tolist(), None),
    ("dense", "evil", 1, "a _plan that isn't one"),
    ("dense", "dtype_policy", "int8_from_float32", "a _plan that isn't one"),
    ("dense", "dtype_policy", '{"": "float32", "(a+)+$": "float16"}', "a _plan that isn't one"),
    ("dense", "dtype_policy", '{"dense": "float16"}', "a _plan that isn't one"),
    ("dense", "dtype_policy", "{", "a _plan that isn't one"),
    ("dense", "phases", [], "a _plan that isn't one"),
    ("dense", "phases", [1], "a _plan that isn't one"),
    ("dense", "phases", [{}], "a _plan that isn't one"),
    ("dense", "start", None, None),
    ("dense", "early_stopping", [1, 2, 3], "a _plan that isn't one"),
    ("keras", "function", "os.system", "a _plan that isn't one"),
]


@pytest.mark.parametrize(("model", "name", "value", "match"), PLANS)
def test_plans(models, tmp_path, monkeypatch, model, name, value, match):
    path = tmp_path / "model"
    document, members = unpacked(models[model])
    attributes(document)["_plan"][name] = node(value)
    path.write_bytes(packed(document, members))
    if match is None:
        assert skfashion.load(path)._plan.as_data()[name] == value
    else:
        refused(path, match, monkeypatch, tmp_path)


@pytest.mark.parametrize("network", [{}, {"config": {}}, {"parameters": {"evil": 1}}])
def test_networks_that_are_not_described(models, tmp_path, monkeypatch, network):
    document, members = unpacked(models["keras"])
    phase_of(document)["network"] = node(network)
    (tmp_path / "model").write_bytes(packed(document, members))
    match = "no network that is described as data"
    refused(tmp_path / "model", match, monkeypatch, tmp_path)


def test_one_without_the_other(models, tmp_path, monkeypatch):
    path = tmp_path / "model"
    for name in ("_weights", "_plan"):
        path.write_bytes(without(models["dense"], name))
        refused(path, "no list of weights|a _plan that", monkeypatch, tmp_path)
    document, members = unpacked(models["dense"])
    phases = attributes(document)["_plan"]["phases"]
    phases.append(copy.deepcopy(phases[0]))
    phases[1]["network"]["n_classes"] = 4
    path.write_bytes(packed(document, members))
    refused(path, "networks of different sizes", monkeypatch, tmp_path)
    document, members = unpacked(models["keras"])
    content = layers_of(document)
    content += [node(layer("keras.layers", "Identity", name=f"i{n}")) for n in range(2100)]
    path.write_bytes(packed(document, members))
    refused(path, "layers, and 2,000 are allowed", monkeypatch, tmp_path)


def test_pipelines(models, tmp_path, monkeypatch):
    path = tmp_path / "model"
    path.write_bytes(with_attribute(models["pipeline"], "memory", node("/tmp/evil")))
    refused(path, "memory='/tmp/evil'", monkeypatch, tmp_path)
    for value in ([], [("a",)], [("a", 1)], [("a", "evil")], "evil", [["a", None]], [(1, None)]):
        path.write_bytes(with_attribute(models["pipeline"], "steps", node(value)))
        refused(path, "its Pipeline has steps=", monkeypatch, tmp_path)
    for name, value in (("memory", "/tmp/x"), ("size", (10**6, 10**6)), ("n_jobs", 10**6)):
        document, members = unpacked(models["pipeline"])
        attributes(document, 0)[name] = node(value)
        path.write_bytes(packed(document, members))
        refused(path, f"its ImageReader has {name}=", monkeypatch, tmp_path)
    # An estimator where none belongs.
    document, members = unpacked(models["pipeline"])
    attributes(document, 1)["tol"] = [{"$estimator": 0}]
    path.write_bytes(packed(document, members))
    refused(path, "has an estimator as tol", monkeypatch, tmp_path)
    document["estimators"] = []
    path.write_bytes(packed(document, {}))
    refused(path, "doesn't hold an estimator or Pipeline", monkeypatch, tmp_path)


def test_a_network_under_the_key_of_another(models, images, tmp_path):
    # Traced programs and finished fits are found by it: a wrong one would be an impostor.
    document, members = unpacked(models["keras"])
    network = attributes(document)["_plan"]["phases"][0]["network"]
    key = network["key"]
    network["key"], network["rates"] = "f" * 32, [0.5]
    (tmp_path / "model").write_bytes(packed(document, members))
    found = skfashion.load(tmp_path / "model")._plan.phases[0].network
    assert found["key"] == key
    assert found["rates"] == []


def test_a_network_that_would_fill_the_memory(models, tmp_path, monkeypatch):
    # The same weights, inputs and outputs; in between, 256 GB an image.
    document, members = unpacked(models["keras"])
    content = layers_of(document)
    content[2:2] = [
        node(layer("keras.layers", "RepeatVector", name="many", n=10**9)),
        node(layer("keras.layers", "GlobalMaxPooling1D", name="one")),
    ]
    path = tmp_path / "model"
    path.write_bytes(packed(document, members))
    refused(path, "64,000,000,000 values of one image", monkeypatch, tmp_path)
