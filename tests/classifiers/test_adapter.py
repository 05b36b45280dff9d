"""scikeras wraps the Keras models; none of its faults is seen from outside."""

import pickle
from pathlib import Path

import keras
import numpy as np
import pytest
from custom import custom
from estimators import NAMES, small
from numpy.testing import assert_array_equal
from scripts import run_python
from sklearn.base import is_classifier
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_html_repr

import skfashion


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
@pytest.mark.filterwarnings("error::DeprecationWarning")  # of NumPy 2
def test_tags_and_folds_of_sorted_classes(name, two):
    """No tags, no classifier, and no stratified folds: each would hold one class."""
    X, y = two
    estimator = small(name, epochs=8)
    assert is_classifier(estimator)
    assert is_classifier(make_pipeline(estimator))
    assert name in estimator_html_repr(estimator)
    order = np.argsort(y, kind="stable")
    scores = cross_val_score(estimator, X[order], y[order], cv=2, scoring="roc_auc")
    assert (scores > 0).all()
    pickle.loads(pickle.dumps(estimator.fit(X, y))).predict(X)


def test_an_optimizer_instance_is_good_for_many_fits(two):
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
