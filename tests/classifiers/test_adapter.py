"""scikeras wraps the Keras models; none of its faults is seen from outside."""

import pickle
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
from custom import custom
from estimators import NAMES, small
from numpy.testing import assert_array_equal
from scripts import run_python
from sklearn.base import is_classifier
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_html_repr

import skfashion


def test_keras_methods_and_random_state_stay_as_they_were():
    run_python(
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
        def is_deterministic():
            if keras.backend.backend() != "tensorflow":
                return None
            from tensorflow.python.framework import config
            return config.is_op_determinism_enabled()
        before, deterministic = methods(), is_deterministic()
        keras.utils.set_random_seed(1)
        draws(), draws()
        expected = draws()
        keras.utils.set_random_seed(1)
        draws()
        import skfashion.classifiers
        assert methods() == before, "on import"
        from custom import custom
        from skfashion.datasets import make_images
        X, y = make_images(n_samples=20, n_classes=2, image_size=4, random_state=0)
        custom(epochs=1).fit(X, y).predict(X)
        import sys
        assert "scikeras" in sys.modules
        assert methods() == before, "after a fit"
        assert is_deterministic() == deterministic
        draws()
        assert draws() == expected
        """
    )


def test_what_scikeras_changed_for_its_own_user_stays():
    run_python(
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


@pytest.mark.parametrize("name", NAMES)
def test_a1_to_a3_tags_and_folds_of_sorted_classes(name, two):
    """No tags, no classifier, and no stratified folds: each would hold one class."""
    X, y = two
    estimator = small(name, epochs=8)
    assert is_classifier(estimator)
    assert is_classifier(make_pipeline(estimator))
    assert name in estimator_html_repr(estimator)
    order = np.argsort(y, kind="stable")
    scores = cross_val_score(estimator, X[order], y[order], cv=2, scoring="roc_auc")
    assert (scores > 0).all()


def test_a4_votes(two):
    X, y = two
    vote = VotingClassifier([("a", custom()), ("b", custom(epochs=1))], voting="soft")
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


def test_only_one_module_imports_scikeras():
    modules = Path(skfashion.__file__).parent.rglob("*.py")
    assert [m.name for m in modules if "import scikeras" in m.read_text()] == ["_scikeras.py"]
