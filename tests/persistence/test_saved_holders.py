"""scikit-learn's classifiers that hold ours, and classifiers of somebody else: saved and loaded."""

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import skops.io
from estimators import small
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import (
    FixedThresholdClassifier,
    StratifiedKFold,
    TunedThresholdClassifierCV,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.fixes import parse_version

import skfashion
from skfashion.preprocessing import ImageFlattener, PixelScaler

NEW = parse_version(__import__("sklearn").__version__) >= parse_version("1.8")


def dense(**parameters):
    return small("DenseClassifier", hidden_layer_sizes=4, epochs=2, **parameters)


def rows():
    return make_pipeline(ImageFlattener(), StandardScaler(), LogisticRegression())


HOLDERS = {
    "sigmoid": lambda X, y: CalibratedClassifierCV(dense(), cv=2),
    "isotonic": lambda X, y: CalibratedClassifierCV(
        make_pipeline(PixelScaler(), dense()), method="isotonic", cv=StratifiedKFold(2)
    ),
    "temperature": lambda X, y: CalibratedClassifierCV(dense(), method="temperature", cv=2),
    "one for all": lambda X, y: CalibratedClassifierCV(dense(), cv=2, ensemble=False),
    "frozen": lambda X, y: CalibratedClassifierCV(FrozenEstimator(dense().fit(X, y))),
    "voting": lambda X, y: VotingClassifier(
        [("a", dense()), ("b", "drop"), ("c", rows())], voting="soft", weights=[1, 0, 0.5]
    ),
    "voting, hard": lambda X, y: VotingClassifier([("a", dense()), ("c", rows())]),
    "stacking": lambda X, y: StackingClassifier([("a", dense()), ("b", rows())], cv=2),
    "stacking, ours last": lambda X, y: StackingClassifier(
        [("a", rows())], dense(), cv=StratifiedKFold(2, shuffle=True, random_state=0)
    ),
    "calibrated voting": lambda X, y: CalibratedClassifierCV(
        VotingClassifier([("a", dense()), ("b", rows())], voting="soft"), cv=2
    ),
}
THRESHOLDS = {
    "fixed": lambda: FixedThresholdClassifier(dense(), threshold=0.3, pos_label="a"),
    "tuned": lambda: TunedThresholdClassifierCV(
        dense(), cv=2, random_state=0, store_cv_results=True
    ),
    "tuned, by a scorer": lambda: TunedThresholdClassifierCV(
        dense(), scoring=make_scorer(f1_score, pos_label="a"), cv=StratifiedKFold(2)
    ),
}


def check(model, X, folder):
    skfashion.save(model, folder / "model")
    loaded = skfashion.load(folder / "model")
    assert repr(loaded) == repr(model)
    for method in ("predict", "predict_proba"):
        if hasattr(model, "classes_") and hasattr(model, method):
            found, wanted = getattr(loaded, method)(X), getattr(model, method)(X)
            assert found.dtype == wanted.dtype
            assert np.array_equal(found, wanted)
    first = (folder / "model").read_bytes()
    skfashion.save(loaded, folder / "model")
    assert (folder / "model").read_bytes() == first
    return loaded


@pytest.mark.parametrize("name", HOLDERS)
def test_holders(name, images, tmp_path):
    if name == "temperature" and not NEW:
        pytest.skip("scikit-learn has temperature scaling from 1.8 on")
    X, y = images
    y = np.array(["boot", "coat", "dress"])[y]
    model = HOLDERS[name](X, y)
    check(model, X, tmp_path)
    loaded = check(model.fit(X, y), X, tmp_path)
    if hasattr(model, "named_estimators_"):
        assert loaded.named_estimators_.a is loaded.estimators_[0]
        assert loaded.named_estimators_.keys() == model.named_estimators_.keys()
    if name == "frozen":
        (inner,) = loaded.calibrated_classifiers_
        assert inner.estimator.estimator is loaded.estimator.estimator


@pytest.mark.parametrize("name", THRESHOLDS)
def test_thresholds(name, two, tmp_path):
    X, y = two
    y = np.array(["a", "b"])[y]
    loaded = check(THRESHOLDS[name]().fit(X, y), X, tmp_path)
    loaded.fit(X, y)


def test_the_generator_that_stacking_gives_a_splitter_is_left_out(images, tmp_path):
    X, y = images
    model = StackingClassifier([("a", rows())], cv=StratifiedKFold(2)).fit(X, y)
    assert isinstance(model.cv.random_state, np.random.RandomState)
    skfashion.save(model, tmp_path / "model")
    loaded = skfashion.load(tmp_path / "model")
    assert loaded.cv.random_state is None
    assert np.array_equal(loaded.fit(X, y).predict(X), model.predict(X))


def test_nothing_of_this_machine_in_what_is_held(images, tmp_path):
    X, y = images
    model = VotingClassifier([("a", dense(memory=str(tmp_path / "store")))]).fit(X, y)
    loaded = check_memory(model, tmp_path)
    assert loaded.estimators[0][1].memory is None
    assert loaded.estimators_[0].memory is None
    model.estimators_[0].memory = model.estimators[0][1].memory = None
    skops.io.dump(model, tmp_path / "skops")
    types = skops.io.get_untrusted_types(file=tmp_path / "skops")
    assert np.array_equal(
        skops.io.load(tmp_path / "skops", trusted=types).predict(X), model.predict(X)
    )


def check_memory(model, folder):
    skfashion.save(model, folder / "model")
    assert b"store" not in (folder / "model").read_bytes()
    return skfashion.load(folder / "model")


OWN = """
import keras
import skfashion

def blocks(image_shape, n_classes, *, rescaling, augmentation=(), widths=(4,), dropout=0.0):
    inputs = keras.Input(image_shape)
    x = keras.layers.Flatten()(keras.layers.Rescaling(*rescaling)(inputs))
    for n, width in enumerate(widths):
        x = keras.layers.Dense(width, name=f"block_{n}")(x)
    return keras.Model(inputs, keras.layers.Dense(n_classes, activation="softmax")(x))

class OwnClassifier(skfashion.DenseClassifier):
    _network = staticmethod(blocks)

    def _phases(self, image_shape, n_classes):
        network = {**self._sizes(image_shape, n_classes), "widths": (4, 3)}
        return [self._phase("train", self.epochs, network)]
"""


def run(code, folder):
    root = Path(skfashion.__file__).parents[1]
    path = f"import sys; sys.path[:0] = {[str(folder), str(root)]!r}\n"
    return subprocess.run(
        [sys.executable, "-c", path + textwrap.dedent(code)], capture_output=True, text=True
    )


def test_a_class_of_ones_own(images, tmp_path, monkeypatch):
    X, y = images
    (tmp_path / "own_module.py").write_text(OWN)
    np.savez(tmp_path / "images.npz", X=X)
    monkeypatch.syspath_prepend(str(tmp_path))
    import own_module

    clf = own_module.OwnClassifier(epochs=1, random_state=0).fit(X, y)
    check(clf, X, tmp_path)
    held = check(CalibratedClassifierCV(FrozenEstimator(clf)).fit(X, y), X, tmp_path)
    assert type(held.estimator.estimator) is own_module.OwnClassifier
    np.save(tmp_path / "wanted.npy", held.predict_proba(X))
    load = f"""
        import numpy as np
        import skfashion
        X = np.load({str(tmp_path / "images.npz")!r})["X"]
        model = skfashion.load({str(tmp_path / "model")!r})
        assert np.array_equal(model.predict_proba(X), np.load({str(tmp_path / "wanted.npy")!r}))
    """
    # Its module lies on the path, and the file doesn't have it imported.
    done = run(load + "    ", tmp_path)
    assert "own_module.OwnClassifier, which load doesn't build here" in done.stderr
    assert run("import own_module\n" + textwrap.dedent(load), tmp_path).returncode == 0


def test_a_class_that_was_defined_again(images, tmp_path):
    old = type("Again", (skfashion.DenseClassifier,), {"__module__": "__main__"})
    new = type("Again", (skfashion.DenseClassifier,), {"__module__": "__main__"})
    skfashion.save(new(), tmp_path / "model")
    assert type(skfashion.load(tmp_path / "model")) is new
    with pytest.raises(TypeError, match="Again can't be saved"):
        skfashion.save(old(), tmp_path / "model")


def test_networks_of_ones_own_end_where_the_file_says(images, tmp_path, monkeypatch):
    from hostile import attributes, node, packed, refused, unpacked

    module = type(sys)("own_network")
    exec(OWN, vars(module))
    skfashion.save(module.OwnClassifier(epochs=1).fit(*images), tmp_path / "model")
    document, members = unpacked((tmp_path / "model").read_bytes())
    parameters = attributes(document)["_plan"]["phases"][0]["network"]
    for widths in ((4,), (4, 4), (10**9, 3), (1,) * 1000, ("/etc/passwd", 3), (None, 3), 7):
        parameters["widths"] = node(widths)
        (tmp_path / "model").write_bytes(packed(document, members))
        refused(tmp_path / "model", "its network|its weights", monkeypatch, tmp_path)
