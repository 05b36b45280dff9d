"""`load` refuses nodes and classes that a model doesn't need, and imports nothing for them."""

import sys

import numpy as np
import pytest
from hostile import edited, node, packed, unpacked, with_attribute

import skfashion
from skfashion._persistence import ModelFileError

REFUSED = {
    "$function": [
        *(["os", "system"], ["builtins", "eval"], ["subprocess", "Popen"], ["evil", "run"]),
        *(["keras.utils", "get_file"], ["keras.layers", "TFSMLayer"], ["keras.losses", "get"]),
        *(["keras.losses", "deserialize"], ["keras.losses", "__builtins__"], ["keras.losses"]),
        *(["sklearn.metrics", "np"], ["sklearn.utils", "gen_batches"], [["keras.losses"], "mae"]),
        *("os.system", {"os": "system"}, None, ["keras.losses", ["MAE"]], [1, 2]),
    ],
    "$estimator": [-1, 0, 99, True, 0.0, "0", None, [0], {"a": 0}],
    "$array": ["77.npy", "model.json", "/etc/passwd", "../0.npy", ["0.npy"], 0, None, {}],
    "$tuple": [1, "evil", {"a": 1}, None],
    "$dict": [
        *(1, "evil", {"a": 1}, None, [1], [["a"]], [["a", 1, 2]], [["a", 1], ["a", 2]]),
        *([[1, 1], [1, 2]], [[1, 1], [True, 2]], [[["a"], 1]], [[{"$tuple": ["a"]}, 1]]),
        *([[{"$array": "0.npy"}, 1]], [[{"$function": ["keras.losses", "MSE"]}, 1]]),
    ],
    "$objects": [1, "evil", {"a": 1}, [[1]], [{"$tuple": [1]}], [{"a": 1}], [{"$array": "0.npy"}]],
    "$number": [
        *(1, "<f8", ["<f8"], ["<f8", 1.0, 2], ["<f8", "1"], ["<f8", 1], ["|b1", 1], ["|i1", 300]),
        *(["|O", 1], ["|V8", 1], ["<M8[s]", 1], ["<c16", 1.0], ["<U9999999", "a"], ["U", 1]),
        *([["<f8"], 1.0], ["os", "system"], ["<f8", None], ["<u8", -1]),
    ],
    "$evil": [1, [], None],
    "$": [1],
    "$__class__": ["os"],
}


@pytest.mark.parametrize("kind", REFUSED)
def test_nodes(models, refused, kind):
    for content in REFUSED[kind]:
        changed = with_attribute(models["dense"], "tol", {kind: content})
        refused(changed, "which no model needs|an estimator as tol")
    more = with_attribute(models["dense"], "tol", {kind: REFUSED[kind][0], "a": 1})
    refused(more, "which no model needs")


PLAIN = [
    {"__reduce__": ["os.system", ["touch marker"]]},
    {"__class__": "system", "__module__": "os", "__loader__": "ObjectNode"},
    {"py/object": "os.system"},
    {"class_name": "Lambda", "module": "keras.layers", "config": {}},
    {"class": "os.system", "state": {}},
]


@pytest.mark.parametrize("value", PLAIN)
def test_what_other_formats_would_call_is_data(models, tmp_path, value):
    (tmp_path / "model").write_bytes(with_attribute(models["dense"], "tol", value))
    assert skfashion.load(tmp_path / "model").tol == value


CLASSES = [
    *("os.system", "subprocess.Popen", "builtins.eval", "evil.Classifier", "evil", "", ".", ".."),
    *("skfashion.classifiers.evil", "skfashion.evil.DenseClassifier", "DenseClassifier"),
    *("skfashion.classifiers.BaseImageClassifier", "skfashion.classifiers.ReadyClassifier"),
    *("skfashion.classifiers._dense.DenseClassifier", "skfashion.DenseClassifier.fit"),
    *("skfashion.model_selection.BayesSearchCV", "skfashion.classifiers.os.system"),
    *("sklearn.preprocessing.FunctionTransformer", "sklearn.pipeline.FeatureUnion"),
    *("sklearn.svm.SVC", "sklearn.pipeline.Pipeline ", "sklearn.pipeline.os", "sklearn.os.system"),
    *("sklearn.model_selection.GridSearchCV", "sklearn.tree.DecisionTreeClassifier"),
    *(None, 1, True, ["sklearn.pipeline.Pipeline"], {"a": 1}),
]


@pytest.mark.parametrize("name", CLASSES, ids=str)
def test_classes(models, refused, tmp_path, monkeypatch, name):
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'marker')!r}, 'w')")
    monkeypatch.syspath_prepend(str(tmp_path))
    changed = edited(
        models["dense"], lambda document: document["estimators"][0].update({"class": name})
    )
    refused(changed, "which load doesn't build here")
    assert "evil" not in sys.modules


@pytest.mark.parametrize(
    "name",
    ["model_selection.KFold", "metrics._scorer._Scorer", "calibration._CalibratedClassifier"],
)
def test_parts_that_are_not_estimators(models, refused, name):
    part = {"class": f"sklearn.{name}", "state": {}}
    changed = edited(models["dense"], lambda document: document.update(estimators=[part]))
    refused(changed, "doesn't hold an estimator")


def test_an_estimator_that_comes_later(models, refused):
    changed = edited(models["pipeline"], lambda document: document["estimators"].reverse())
    refused(changed, "an estimator that isn't there before it")


def test_documents_of_another_form(models, refused):
    document, members = unpacked(models["dense"])
    (entry,) = document["estimators"]
    cases = [
        *((text, "its structure isn't") for text in ([], 0, None, "evil", {}, [document])),
        ({**document, "evil": 1}, "its structure isn't"),
        ({**document, "format": "evil"}, "its format is 'evil'"),
        ({**document, "version": 2}, "needs another version"),
        ({**document, "version": None}, "needs another version"),
        ({**document, "estimators": entry}, "doesn't hold an estimator"),
    ]
    no_entries = [1, {"class": entry["class"]}, {**entry, "evil": 1}]
    no_states = [{**entry, "state": state} for state in ([1], None, {"$dict": [[1, 1]]})]
    cases += [({**document, "estimators": [x]}, "without class or attr") for x in no_entries]
    cases += [({**document, "estimators": [x]}, "without attributes") for x in no_states]
    for other, match in cases:
        refused(packed(other, members), match)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning")
def test_nodes_replaced_at_random(models, tmp_path, capsys):
    """Put something else in the place of every kind of node: refused, or loaded as data."""
    rng = np.random.default_rng(0)
    others = [{kind: content} for kind, contents in REFUSED.items() for content in contents]
    others += map(node, [None, 1, -1.5, "evil", [], {}, (), [1], {"a": 1}, (None,), True, 10**30])
    others += [*PLAIN, {"$estimator": 0}, {"$array": "0.npy"}]
    others += [{"$objects": ["a"]}, {"$number": ["U", "a"]}]
    path = tmp_path / "model"
    counts = {"refused": 0, "loaded": 0}
    for name in ("dense", "keras", "pipeline", "calibrated"):
        for _ in range(150):
            document, members = unpacked(models[name])
            places = list(_places(document))
            holder, key = places[rng.integers(len(places))]
            holder[key] = others[rng.integers(len(others))]
            path.write_bytes(packed(document, members))
            try:
                skfashion.load(path)
                counts["loaded"] += 1
            except ModelFileError:
                counts["refused"] += 1
            assert not (tmp_path / "marker").exists()
    with capsys.disabled():
        print(f"\n600 files with a node replaced: {counts}")


def _places(value):
    if isinstance(value, (dict, list)):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield value, key
            yield from _places(part)
