"""`load` refuses structures that skops.io knows and a model doesn't need."""

import numpy as np
import pytest
from hostile import attributes, node, packed, raw, refused, saved_models, unpacked, with_attribute

import skfashion
from skfashion._persistence import ModelFileError


@pytest.fixture(scope="module")
def models():
    return saved_models()


def call_node(loader, module, name, folder):
    """Return a node as skops.io writes it, with a command where it would call something."""
    command = node([f"touch {folder}/marker"])
    file = {"type": "numpy", "file": "0.npy"}
    state = {"content": command, "__reduce__": {"args": command}}
    fields = {
        "FunctionNode": {},
        "TypeNode": {},
        "CachedNode": {"__id__": 1},
        "NdArrayNode": file,
        "BytesNode": {"file": "0.bin"},
        "JsonNode": {"content": "1", "is_json": True},
        "ObjectNode": {"content": node({"marker": f"{folder}/marker"})},
        "OperatorFuncNode": {"attrs": command},
        "MethodNode": {"content": {"func": "system", "obj": command}},
        "PartialNode": {
            "content": {"func": command, "args": command, "kwds": node({}), "namespace": node({})}
        },
        "TreeNode": state,
        "LossNode": state,
        "RandomGeneratorNode": {"content": {"bit_generator": node({}), "seed_seq": node({})}},
        "DefaultDictNode": {"content": {"main": node({}), "default_factory": command}},
        "DictNode": {"content": {}, "key_types": node([])},
    }
    return raw(loader, module, name, **fields.get(loader, {"content": command}))


CALLS = [
    ("FunctionNode", "os", "system"),
    ("FunctionNode", "builtins", "eval"),
    ("FunctionNode", "keras.utils", "get_file"),
    ("FunctionNode", "keras.losses", "deserialize"),
    ("TypeNode", "subprocess", "Popen"),
    ("TypeNode", "keras.layers", "TFSMLayer"),
    ("TypeNode", "builtins", "int"),
    ("ObjectNode", "subprocess", "Popen"),
    ("ObjectNode", "skfashion.evil", "DenseClassifier"),
    ("ObjectNode", "sklearn.preprocessing", "FunctionTransformer"),
    ("ConstructorFromReduceNode", "os", "system"),
    ("OperatorFuncNode", "operator", "methodcaller"),
    ("OperatorFuncNode", "operator", "attrgetter"),
    ("MethodNode", "os", "system"),
    ("PartialNode", "functools", "partial"),
    ("TreeNode", "sklearn.tree._tree", "Tree"),
    ("LossNode", "sklearn._loss._loss", "CyHalfBinomialLoss"),
    ("RandomStateNode", "numpy.random", "RandomState"),
    ("RandomGeneratorNode", "numpy.random", "Generator"),
    ("DefaultDictNode", "collections", "defaultdict"),
    ("SetNode", "builtins", "set"),
    ("ListNode", "os", "system"),
    ("DictNode", "collections", "OrderedDict"),
    ("JsonNode", "os", "system"),
    ("BytesNode", "os", "system"),
    ("TupleNode", "collections", "namedtuple"),
    ("NdArrayNode", "os", "system"),
    ("NdArrayNode", "numpy", "load"),
    ("CachedNode", "builtins", "list"),
    ("NoSuchNode", "builtins", "list"),
]


@pytest.mark.parametrize(("loader", "module", "name"), CALLS)
@pytest.mark.parametrize("protocol", [0, 1, 2])
def test_nodes_that_call(models, tmp_path, monkeypatch, loader, module, name, protocol):
    schema, members = unpacked(models["dense"])
    attributes(schema)["loss"] = call_node(loader, module, name, tmp_path)
    schema["protocol"] = protocol
    path = tmp_path / "model"
    path.write_bytes(packed(schema, members))
    wanted = f"it (holds|names) {module}.{name} .{loader}" if protocol == 2 else "its protocol"
    refused(path, wanted, monkeypatch, tmp_path)


def test_nodes_with_other_fields(models, tmp_path, monkeypatch):
    path = tmp_path / "model"
    number, table = node(1), node({"a": 1})
    key = table["key_types"]["content"][0]
    array = {**node(np.zeros(2)), "file": "0.npy"}
    objects = node(np.array(["a", "b"], object))
    cases = [
        ({**number, "evil": 1}, "with other fields than that has"),
        ({k: v for k, v in number.items() if k != "is_json"}, "with other fields than that has"),
        ({**number, "__module__": None}, "with other fields than that has"),
        ({**number, "content": 1}, "a value that isn't JSON"),
        ({**number, "content": "os.system"}, "a value that isn't JSON"),
        ({**number, "content": "[1]"}, "where one value belongs"),
        ({**node([1]), "content": 1}, "a list without items"),
        ({**table, "content": [1]}, "a dict without keys and values"),
        ({**table, "key_types": node([])}, "more keys than values, or fewer"),
        ({**table, "key_types": {"content": [{**key, "__class__": "int"}]}}, "another type than"),
        ({**table, "key_types": {"content": [{**key, "__class__": "bool"}]}}, "keys of type"),
        ({**table, "key_types": {"content": [{**key, "__module__": "os"}]}}, "keys of type"),
        ({**table, "key_types": {"content": [number]}}, "keys of a strange type"),
        (
            {
                **table,
                "content": {"1": number, "01": number},
                "key_types": {"content": [{**key, "__class__": "int"}] * 2},
            },
            "one key twice",
        ),
        ({**array, "__class__": "float64"}, "an array where one number belongs"),
        ({**array, "file": "77.npy"}, "a member '77.npy', which isn't there"),
        ({**array, "file": ["0.npy"]}, "which isn't there"),
        ({**array, "file": "/etc/passwd"}, "which isn't there"),
        ({**array, "__class__": "memmap"}, "numpy.memmap"),
        ({**objects, "shape": node((3,))}, "an array of objects of shape"),
        ({**objects, "content": [node([1]), number]}, "objects that are no text or numbers"),
        (_object(node([1])), "without attributes"),
        (_object(table), "an estimator as tol"),
    ]
    for evil, match in cases:
        path.write_bytes(with_attribute(models["dense"], "tol", evil))
        refused(path, match, monkeypatch, tmp_path)


def _object(content):
    return {
        "__class__": "PixelScaler",
        "__module__": "skfashion.preprocessing",
        "__loader__": "ObjectNode",
        "content": content,
    }


def test_a_node_that_claims_to_be_another(models, images, tmp_path):
    # skops.io takes what it has read under the same number; ours reads every node.
    schema, members = unpacked(models["dense"])
    for name in ("tol", "epochs", "memory"):
        attributes(schema)[name]["__id__"] = 7
    attributes(schema)["loss"]["__id__"] = 7
    (tmp_path / "model").write_bytes(packed(schema, members))
    loaded = skfashion.load(tmp_path / "model")
    assert (loaded.epochs, loaded.memory) == (1, None)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning")
def test_nodes_replaced_at_random(models, tmp_path, monkeypatch, capsys):
    """Put something else in the place of every kind of node: refused, or loaded as data."""
    rng = np.random.default_rng(0)
    others = [
        *[call_node(*call, tmp_path) for call in CALLS],
        *map(node, [None, 1, -1.5, "evil", [], {}, (), [1], {"a": 1}, (None,), True, 10**30]),
        *[None, 1, "evil", [], {}, {"__loader__": []}, {"__loader__": "ObjectNode"}],
    ]
    path = tmp_path / "model"
    counts = {"refused": 0, "loaded": 0}
    for name in ("dense", "keras", "pipeline"):
        for _ in range(150):
            schema, members = unpacked(models[name])
            places = list(_places(schema))
            holder, key = places[rng.integers(len(places))]
            holder[key] = others[rng.integers(len(others))]
            path.write_bytes(packed(schema, members))
            try:
                skfashion.load(path)
                counts["loaded"] += 1
            except ModelFileError:
                counts["refused"] += 1
            assert not (tmp_path / "marker").exists()
    with capsys.disabled():
        print(f"\n450 files with a node replaced: {counts}")


def _places(value):
    if isinstance(value, (dict, list)):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield value, key
            yield from _places(part)
