"""scikeras wraps the Keras models; none of its faults is seen from outside."""

import pickle
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
from estimators import NAMES, small, small_network
from numpy.testing import assert_array_equal
from sklearn.base import clone, is_classifier
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_html_repr

import skfashion
from skfashion import KerasImageClassifier
from skfashion.classifiers._scikeras import Adapter


def custom(**parameters):
    return KerasImageClassifier(small_network, **{"epochs": 1, "random_state": 0, **parameters})


def run(code):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=Path(skfashion.__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_keras_methods_and_random_state_stay_as_they_were():
    run(
        """
        import random
        import keras, numpy as np
        owners = [keras.Model, keras.losses.Loss, keras.metrics.Metric, keras.optimizers.Optimizer]
        names = ["__reduce__", "__deepcopy__"]
        def methods():
            own = [[vars(owner).get(name) for name in names] for owner in owners]
            return own, [[getattr(owner, name, None) for name in names] for owner in owners]
        def draws():
            return random.random(), np.random.uniform(), float(keras.random.uniform(()))
        before = methods()
        keras.utils.set_random_seed(1)
        draws(), draws()
        expected = draws()
        keras.utils.set_random_seed(1)
        draws()
        import skfashion.classifiers
        assert methods() == before, "on import"
        from skfashion import KerasImageClassifier
        from skfashion.datasets import make_images
        def network(meta):
            return keras.Sequential([
                keras.Input(meta["X_shape_"][1:]), keras.layers.Flatten(),
                keras.layers.Dense(meta["n_classes_"], "softmax"),
            ])
        X, y = make_images(n_samples=20, n_classes=2, image_size=4, random_state=0)
        KerasImageClassifier(network, epochs=1, random_state=0).fit(X, y).predict(X)
        import sys
        assert "scikeras" in sys.modules
        assert methods() == before, "after a fit"
        draws()
        assert draws() == expected
        """
    )


def test_what_scikeras_changed_for_its_own_user_stays():
    run(
        """
        import scikeras.wrappers, keras
        changed = keras.Model.__reduce__
        from skfashion import DenseClassifier
        from skfashion.datasets import make_images
        X, y = make_images(n_samples=20, n_classes=2, image_size=4, random_state=0)
        DenseClassifier(hidden_layer_sizes=2, epochs=1).fit(X, y)
        assert keras.Model.__reduce__ is changed
        """
    )


def test_op_determinism_is_not_switched(two):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("a switch of TensorFlow")
    from tensorflow.python.framework import config

    before = config.is_op_determinism_enabled()
    custom().fit(*two)
    assert config.is_op_determinism_enabled() == before


@pytest.mark.parametrize("name", NAMES)
class TestTags:
    """A1 to A4: no tags, no classifier, no stratified folds, no vote."""

    def test_is_a_classifier(self, name):
        estimator = small(name)
        assert is_classifier(estimator)
        assert is_classifier(make_pipeline(estimator))
        assert name in estimator_html_repr(estimator)

    def test_roc_auc_and_sorted_labels(self, name, two):
        X, y = two
        order = np.argsort(y, kind="stable")
        scores = cross_val_score(small(name, epochs=6), X[order], y[order], cv=2, scoring="roc_auc")
        assert (scores > 0).all()


def test_votes(two):
    X, y = two
    vote = VotingClassifier([("a", custom()), ("b", custom(epochs=2))], voting="soft")
    assert vote.fit(X.reshape(40, 64), y).predict(X.reshape(40, 64)).shape == (40,)


@pytest.mark.parametrize("name", NAMES)
def test_a5_no_warnings_from_numpy_2(name, two):
    X, y = two
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        search = GridSearchCV(small(name, epochs=1), {"batch_size": [16, 32]}, cv=2)
        search.fit(X, y)
        pickle.loads(pickle.dumps(search)).predict(X)


def test_a6_an_optimizer_instance_is_good_for_many_fits(two):
    X, y = two
    optimizer = keras.optimizers.SGD(0.05, momentum=0.5)
    clf = custom(optimizer=optimizer)
    first = clf.fit(X, y).predict_proba(X)
    assert_array_equal(clf.fit(X, y).predict_proba(X), first)
    assert not optimizer.built
    same = custom(optimizer="sgd", optimizer__learning_rate=0.05, optimizer__momentum=0.5)
    assert_array_equal(same.fit(X, y).predict_proba(X), first)


@pytest.mark.parametrize("name", NAMES)
def test_a7_other_dtypes_than_in_fit(name, two):
    X, y = two
    clf = small(name, epochs=1).fit(X, y)
    for dtype in ("float16", "float32", "float64", "int32"):
        assert clf.predict(X.astype(dtype)).shape == (40,)
    clf = small(name, epochs=1).fit(X.astype("float32"), y)
    for dtype in ("float64", "uint8"):
        assert clf.predict(X.astype(dtype)).shape == (40,)


@pytest.mark.parametrize("name", NAMES)
def test_a8_weights_of_the_caller_are_not_multiplied(name, two):
    X, y = two
    weight = np.ones(40, "float32")
    small(name, epochs=1, class_weight="balanced").fit(X[:30], y[:30], sample_weight=weight[:30])
    assert_array_equal(weight, 1)


@pytest.mark.parametrize("name", NAMES)
def test_a9_misspelt_arguments(name):
    with pytest.raises(TypeError, match="epoch"):
        type(small(name))(epoch=5)


@pytest.mark.parametrize("name", NAMES)
def test_a10_the_validation_part_is_stratified(name, two):
    X, y = two
    order = np.argsort(y, kind="stable")
    clf = small(name, epochs=8, early_stopping=True, validation_fraction=0.5)
    clf.fit(X[order], y[order])
    # Of the last rows, one class only, it would be all or nothing.
    assert set(clf.history_["val_accuracy"]) - {0.0, 1.0}


def test_a11_pickles_of_networks_with_own_layers(two):
    X, y = two
    clf = KerasImageClassifier(own_layer_network, epochs=2, random_state=0).fit(X, y)
    again = pickle.loads(pickle.dumps(clf))
    assert_array_equal(again.predict_proba(X), clf.predict_proba(X))


class OwnLayer(keras.layers.Layer):
    """Not registered with Keras."""

    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return x * self.factor


def own_layer_network(meta):
    return keras.Sequential(
        [
            keras.Input(meta["X_shape_"][1:]),
            OwnLayer(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(meta["n_classes_"], activation="softmax"),
        ]
    )


def test_clone_shares_nothing(two):
    X, y = two
    clf = custom(model__units=3, callbacks=[keras.callbacks.TerminateOnNaN()]).fit(X, y)
    copied = clone(clf)
    assert copied.get_params().keys() == clf.get_params().keys()
    assert not hasattr(copied, "classes_")
    assert copied.callbacks[0] is not clf.callbacks[0]
    copied.set_params(model__units=5)
    assert clf.get_params()["model__units"] == 3


# -------------------------------------------------------- the room by itself


def network(units, meta, scale=1):
    return meta, units, scale


def test_parameters_are_routed():
    adapter = Adapter(
        network,
        {
            "model__units": 7,
            "optimizer": "adam",
            "optimizer__learning_rate": 0.25,
            "loss": "binary_crossentropy",
            "loss__label_smoothing": 0.125,
            "metrics": ["accuracy", "AUC"],
        },
    )
    adapter.describe(np.array(["a", "b"]), (None, 8, 8, 1), "|u1")
    meta, units, scale = adapter.network()
    assert (units, scale) == (7, 1)
    assert list(meta.pop("classes_")) == ["a", "b"]
    assert meta == {
        "X_dtype_": np.uint8,
        "X_shape_": (None, 8, 8, 1),
        "n_classes_": 2,
        "n_features_in_": 8,
        "n_outputs_": 1,
        "n_outputs_expected_": 1,
        "target_type_": "binary",
    }
    data = adapter.compile_data()
    assert data["optimizer"]["config"]["learning_rate"] == 0.25
    assert data["loss"]["config"]["label_smoothing"] == 0.125
    assert data["metrics"][0] == "accuracy"
    assert data["metrics"][1]["class_name"] == "AUC"


def test_callbacks_are_made_or_copied():
    mine = keras.callbacks.TerminateOnNaN()
    stopping = keras.callbacks.EarlyStopping
    adapter = Adapter(network, {"callbacks": [mine, stopping], "callbacks__1__patience": 5})
    first, second = adapter.callbacks()
    assert type(first) is type(mine)
    assert first is not mine
    assert second.patience == 5
    again = adapter.callbacks()
    assert again[0] is not first
    assert again[1] is not second
    (single,) = Adapter(network, {"callbacks": mine}).callbacks()
    assert single is not mine
    named = Adapter(network, {"callbacks": {"s": stopping}, "callbacks__s__patience": 2})
    assert named.callbacks()[0].patience == 2


def test_only_one_module_imports_scikeras():
    modules = Path(skfashion.__file__).parent.rglob("*.py")
    assert [m.name for m in modules if "import scikeras" in m.read_text()] == ["_scikeras.py"]
