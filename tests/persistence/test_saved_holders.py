"""scikit-learn's classifiers that hold ours, and classifiers of somebody else: saved and loaded."""

import sys

import numpy as np
import pytest
from estimators import small
from hostile import edited, node, phase_of
from scripts import run_python
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


@pytest.fixture
def checked(round_trip, tmp_path):
    """Save and load a model, which must do the same, and save to the same bytes again."""

    def checked(model, X):
        loaded = round_trip(model)
        assert repr(loaded) == repr(model)
        for method in ("predict", "predict_proba"):
            if hasattr(model, "classes_") and hasattr(model, method):
                found, wanted = getattr(loaded, method)(X), getattr(model, method)(X)
                assert found.dtype == wanted.dtype
                assert np.array_equal(found, wanted)
        first = (tmp_path / "model").read_bytes()
        skfashion.save(loaded, tmp_path / "model")
        assert (tmp_path / "model").read_bytes() == first
        return loaded

    return checked


@pytest.mark.parametrize("name", HOLDERS)
def test_holders(name, labelled, checked):
    if name == "temperature" and not NEW:
        pytest.skip("scikit-learn has temperature scaling from 1.8 on")
    X, y = labelled
    model = HOLDERS[name](X, y)
    checked(model, X)
    loaded = checked(model.fit(X, y), X)
    if hasattr(model, "named_estimators_"):
        assert loaded.named_estimators_.a is loaded.estimators_[0]
        assert loaded.named_estimators_.keys() == model.named_estimators_.keys()
    if name == "frozen":
        (inner,) = loaded.calibrated_classifiers_
        assert inner.estimator.estimator is loaded.estimator.estimator


@pytest.mark.parametrize("name", THRESHOLDS)
def test_thresholds(name, two, checked):
    X, y = two
    y = np.array(["a", "b"])[y]
    checked(THRESHOLDS[name]().fit(X, y), X).fit(X, y)


def test_the_generator_that_stacking_gives_a_splitter_is_left_out(images, round_trip):
    X, y = images
    model = StackingClassifier([("a", rows())], cv=StratifiedKFold(2)).fit(X, y)
    assert isinstance(model.cv.random_state, np.random.RandomState)
    loaded = round_trip(model)
    assert loaded.cv.random_state is None
    assert np.array_equal(loaded.fit(X, y).predict(X), model.predict(X))


def test_nothing_of_this_machine_in_what_is_held(images, round_trip, keep, tmp_path):
    X, y = images
    model = VotingClassifier([("a", dense(memory=str(tmp_path / "store")))]).fit(X, y)
    loaded = round_trip(model)
    assert b"store" not in (tmp_path / "model").read_bytes()
    assert loaded.estimators[0][1].memory is None
    assert loaded.estimators_[0].memory is None
    for way in keep(model):
        assert np.array_equal(way().predict(X), model.predict(X))


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


def test_a_class_of_ones_own(images, checked, tmp_path, monkeypatch):
    X, y = images
    (tmp_path / "own_module.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    import own_module

    clf = own_module.OwnClassifier(epochs=1, random_state=0).fit(X, y)
    checked(clf, X)
    held = checked(CalibratedClassifierCV(FrozenEstimator(clf)).fit(X, y), X)
    assert type(held.estimator.estimator) is own_module.OwnClassifier
    np.savez(tmp_path / "images.npz", X=X, wanted=held.predict_proba(X))
    # Its module lies on the path, and the file doesn't have it imported.
    code = """
    import numpy as np
    import skfashion
    try:
        skfashion.load("model")
    except ValueError as error:
        print(error)
    import own_module
    data = np.load("images.npz")
    print(np.array_equal(skfashion.load("model").predict_proba(data["X"]), data["wanted"]))
    """
    told = run_python(code, cwd=tmp_path)
    assert "own_module.OwnClassifier, which load doesn't build here" in told
    assert told.endswith("True\n")


def test_a_class_that_was_defined_again(round_trip):
    old = type("Again", (skfashion.DenseClassifier,), {"__module__": "__main__"})
    new = type("Again", (skfashion.DenseClassifier,), {"__module__": "__main__"})
    assert type(round_trip(new())) is new
    with pytest.raises(TypeError, match="Again can't be saved"):
        round_trip(old())


def test_networks_of_ones_own_end_where_the_file_says(images, round_trip, refused, tmp_path):
    module = type(sys)("own_network")
    exec(OWN, vars(module))
    round_trip(module.OwnClassifier(epochs=1).fit(*images))
    data = (tmp_path / "model").read_bytes()
    for widths in ((4,), (4, 4), (10**9, 3), (1,) * 1000, ("/etc/passwd", 3), (None, 3), 7):

        def edit(document, widths=widths):
            phase_of(document)["network"]["widths"] = node(widths)

        refused(edited(data, edit), "its network|its weights")
