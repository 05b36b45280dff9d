"""`load` refuses networks, weights and parameters that a model can't have."""

import copy
import io
import resource

import keras
import numpy as np
import pytest
from hostile import (
    attributes,
    edited,
    node,
    npy,
    packed,
    phase_of,
    unpacked,
    with_attribute,
    with_value,
)

import skfashion


@pytest.mark.parametrize("name", ["dense", "conv", "keras"])
def test_weights_of_another_network(models, refused, name):
    document, members = unpacked(models[name])
    first, *others = attributes(document)["_weights"]
    for content in (others, [first], [first, first, *others], [], [1, *others]):
        changed = with_attribute(models[name], "_weights", content)
        refused(changed, "other shapes than|_weights that fit")
    member = first["$array"]
    array = np.load(io.BytesIO(members[member]))
    for other in (array[:-1], array[..., None], array.T[:1], np.float32(1)):
        refused(packed(document, {**members, member: npy(other)}), "have other shapes than")
    for other in (array.astype("U8"), array.astype(complex)):
        refused(packed(document, {**members, member: npy(other)}), "_weights that fit")


ABSURD = [
    *(("dense", "hidden_layer_sizes", value) for value in [(10**9, 10**9), (10**30,), (-1,)]),
    ("dense", "hidden_layer_sizes", (2**31 - 1,) * 1000),
    ("dense", "hidden_layer_sizes", (1,) * 20_000),
    ("dense", "hidden_layer_sizes", "evil"),
    ("dense", "image_shape", (10**9, 10**9, 10**9)),
    ("dense", "n_classes", 10**9),
    ("dense", "activation", "../../evil"),
    ("dense", "weights", "/etc/passwd"),
    ("conv", "filters", (10**9,)),
    *(("conv", name, 10**9) for name in ("convs_per_block", "kernel_size", "dense_units")),
]


@pytest.mark.parametrize(("name", "parameter", "value"), ABSURD)
def test_absurd_networks(models, refused, name, parameter, value):
    def edit(document):
        phase_of(document)["network"][parameter] = node(value)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(edited(models[name], edit), "isn't loaded: its (network|weights)")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 200_000, f"{grown} kB"


def layer(module, class_name, registered=None, **config):
    return {
        "module": module,
        "class_name": class_name,
        "config": {"name": "evil", **config},
        "registered_name": registered,
    }


def with_layers(data, *layers, at=2):
    """Return a file with layers in the network that is described in it."""

    def edit(document):
        content = phase_of(document)["network"]["config"]["config"]["layers"]
        content[at:at] = map(node, layers)

    return edited(data, edit)


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
    layer("builtins", "function") | {"config": ["relu"]},
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
    {"class_name": "Dense", "config": {}, "module": ["keras.layers"]},
    layer("keras.layers", "Dense", units=4, activation=layer("keras.layers", "Lambda")),
    layer("keras.layers", "Dense", units=4, kernel_initializer=layer("os", "system")),
    layer("keras.layers", "Dense", units=10**12),
    layer("keras.layers", "Dense", units="evil"),
    layer("keras.layers", "Reshape", target_shape=[10**6, 10**6]),
    layer("keras.layers", "RepeatVector", n=10**9),
]


@pytest.mark.parametrize("number", range(len(LAYERS)))
def test_layers(models, refused, number):
    for evil in (LAYERS[number], layer("keras", "Sequential", layers=[LAYERS[number]])):
        refused(with_layers(models["keras"], evil), "isn't loaded: its network")


def test_keras_told_to_run_code_does_not_run_theirs(models, refused):
    try:
        keras.config.enable_unsafe_deserialization()
        refused(with_layers(models["keras"], LAYERS[0]), "isn't loaded: its network")
    finally:
        keras.src.backend.common.global_state.set_global_attribute("safe_mode_saving", None)


@pytest.mark.parametrize("part", ["optimizer", "loss", "metrics"])
def test_compiled_parts(models, refused, part):
    for evil in (
        layer("os", "system"),
        layer("builtins", "function") | {"config": "eval"},
        layer("keras.losses", "deserialize"),
        layer("keras.layers", "Lambda", function="evil"),
        layer("keras.metrics", "MeanMetricWrapper", fn=layer("os", "system")),
        layer("keras.optimizers", "Adam", "evil>Adam"),
    ):

        def edit(document, evil=evil):
            phase_of(document)["compile"][part] = node([evil])

        match = "which isn't one of the layers and functions"
        refused(edited(models["dense"], edit), match)


BOUND, PRIVATE, TAKEN = "mustn't bring along", "a private attribute", "in place of the class's own"
SIZE, FIT = "which isn't a size, or is an absurd one", "that fit doesn't leave"
ATTRIBUTES = [
    ("dense", "memory", "/tmp/evil", BOUND),
    ("dense", "callbacks", ["evil"], BOUND),
    ("dense", "callbacks", {"a": 1}, BOUND),
    ("keras", "model", "os.system", BOUND),
    ("keras", "_routed", {"callbacks__x": 1}, BOUND),
    ("keras", "_routed", [1], BOUND),
    ("dense", "weights", "/etc/passwd", BOUND),
    ("dense", "_model", "evil", PRIVATE),
    ("dense", "_network", "evil", PRIVATE),
    ("dense", "_recipe", {}, PRIVATE),
    ("dense", "_metadata_request", {}, PRIVATE),
    ("dense", "__class__", "evil", PRIVATE),
    ("dense", "predict", "evil", TAKEN),
    ("dense", "not a name", 1, TAKEN),
    ("dense", "image_shape", (10**6, 10**6, 3), SIZE),
    ("dense", "image_shape", "evil", SIZE),
    ("dense", "image_shape", (8, 8.0), SIZE),
    ("dense", "image_shape_", (10**6, 10**6, 3), SIZE),
    ("dense", "image_shape_", (8, 8, -1), SIZE),
    ("dense", "image_shape_", None, FIT),
    ("dense", "image_shape_", (4, 16, 1), "fitted on images of shape"),
    ("dense", "n_features_in_", 63, FIT),
    ("dense", "classes_", ["a", "b", "c"], FIT),
    ("dense", "classes_", np.zeros((3, 1)), FIT),
    ("dense", "classes_", np.array(["a", "b"], object), "and 2 classes"),
    ("dense", "_dtype", "|V2000000000", "has _dtype="),
    ("dense", "_plan", {}, FIT),
    ("dense", "_plan", None, FIT),
    ("dense", "_weights", None, FIT),
    ("dense", "_weights", {}, FIT),
    ("dense", "_position", {"evil": 1}, FIT),
    *(
        ("pipeline", "steps", steps, "its Pipeline has steps=")
        for steps in ([], [("a",)], [("a", 1)], [("a", "evil")], "evil", [["a"]], [(1, None)])
    ),
    ("pipeline", "memory", "/tmp/evil", "memory='/tmp/evil'"),
]


@pytest.mark.parametrize(("model", "name", "value", "match"), ATTRIBUTES)
def test_attributes(models, refused, model, name, value, match):
    refused(with_value(models[model], name, value), match)


PLANS = [
    ("dense", "evil", 1),
    ("dense", "dtype_policy", "int8_from_float32"),
    ("dense", "dtype_policy", '{"": "float32", "(a+)+$": "float16"}'),
    ("dense", "dtype_policy", '{"dense": "float16"}'),
    ("dense", "dtype_policy", "{"),
    ("dense", "phases", []),
    ("dense", "phases", [1]),
    ("dense", "phases", [{}]),
    ("dense", "early_stopping", [1, 2, 3]),
    ("keras", "function", "os.system"),
]


def with_plan(data, name, value):
    def edit(document):
        attributes(document)["_plan"][name] = node(value)

    return edited(data, edit)


@pytest.mark.parametrize(("model", "name", "value"), PLANS)
def test_plans(models, refused, model, name, value):
    refused(with_plan(models[model], name, value), "a _plan that fit doesn't leave")


@pytest.mark.parametrize(("name", "value"), [("seed", [0.0, 0.0]), ("start", None)])
def test_what_is_only_data_is_loaded(models, tmp_path, name, value):
    (tmp_path / "model").write_bytes(with_plan(models["dense"], name, value))
    assert skfashion.load(tmp_path / "model")._plan.as_data()[name] == value
    (tmp_path / "model").write_bytes(with_value(models["dense"], "tol", np.zeros(2)))
    assert skfashion.load(tmp_path / "model").tol.shape == (2,)


@pytest.mark.parametrize("network", [{}, {"config": {}}, {"parameters": {"evil": 1}}])
def test_networks_that_are_not_described(models, refused, network):
    def edit(document):
        phase_of(document)["network"] = node(network)

    refused(edited(models["keras"], edit), "a _plan that fit doesn't leave")


def test_one_without_the_other(models, refused):
    for name in ("_weights", "_plan"):
        without = edited(models["dense"], lambda document, n=name: attributes(document).pop(n))
        refused(without, f"a {name} that fit doesn't leave")

    def add_phase(document):
        phases = attributes(document)["_plan"]["phases"]
        phases.append(copy.deepcopy(phases[0]))
        phases[1]["network"]["n_classes"] = 4

    refused(edited(models["dense"], add_phase), "networks of different sizes")
    many = (layer("keras.layers", "Identity", name=f"i{n}") for n in range(2100))
    refused(with_layers(models["keras"], *many, at=9), "layers, and 2,000 are allowed")


def test_what_pipelines_hold(models, refused):
    for name, value in (("memory", "/tmp/x"), ("size", (10**6, 10**6)), ("n_jobs", 10**6)):
        changed = with_attribute(models["pipeline"], name, node(value), estimator=0)
        refused(changed, f"its ImageReader has {name}=")
    # An estimator where none belongs.
    held = with_attribute(models["pipeline"], "tol", [{"$estimator": 0}], estimator=1)
    refused(held, "has an estimator as tol")
    nothing = edited(models["pipeline"], lambda document: document.update(estimators=[]))
    refused(nothing, "doesn't hold an estimator or Pipeline")


def test_a_network_under_the_key_of_another(models, tmp_path):
    # Traced programs and finished fits are found by it: a wrong one would be an impostor.
    key = phase_of(unpacked(models["keras"])[0])["network"]["key"]

    def edit(document):
        phase_of(document)["network"].update(key="f" * 32, rates=[0.5])

    (tmp_path / "model").write_bytes(edited(models["keras"], edit))
    found = skfashion.load(tmp_path / "model")._plan.phases[0].network
    assert (found["key"], found["rates"]) == (key, [])


def test_a_network_that_would_fill_the_memory(models, refused):
    # The same weights, inputs and outputs; in between, 256 GB an image.
    many = layer("keras.layers", "RepeatVector", name="many", n=10**9)
    one = layer("keras.layers", "GlobalMaxPooling1D", name="one")
    refused(with_layers(models["keras"], many, one), "64,000,000,000 values of one image")
