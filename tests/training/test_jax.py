"""The same on Keras' JAX backend: one contract test and one reuse test.

Skips unless the process runs with ``KERAS_BACKEND=jax``.
"""

import os

import numpy as np
import pytest

keras = pytest.importorskip("keras")
if keras.backend.backend() != "jax":
    pytest.skip("runs with KERAS_BACKEND=jax", allow_module_level=True)

import jax
from estimators import dense, small
from scripts import run_python
from sklearn.utils.estimator_checks import parametrize_with_checks

import skfashion

CHECKS = (
    "check_classifiers_train",
    "check_classifiers_classes",
    "check_estimators_pickle",
    "check_fit_idempotent",
    "check_dict_unchanged",
    "check_estimators_partial_fit_n_features",
)


@parametrize_with_checks([small("DenseClassifier", epochs=20)])
def test_scikit_learn_check(estimator, check):
    if check.func.__name__ not in CHECKS:
        pytest.skip("one check of each kind is enough here")
    check(estimator)


def test_several_labels_an_image(images):
    X, y = images
    tags = np.eye(3, dtype=int)[y] | np.eye(3, dtype=int)[0]  # the first in all of them
    clf = dense(epochs=60, learning_rate=1e-2).fit(X, tags)
    told = clf.predict_proba(X)
    np.testing.assert_array_equal(clf.predict(X), told > 0.5)
    assert (clf.predict(X) == tags).mean() > 0.95
    np.testing.assert_allclose(np.asarray(clf.model_(X)), told, atol=1e-5)


def test_jax_forgets_what_it_compiled(monkeypatch):
    called = []
    monkeypatch.setattr(jax, "clear_caches", lambda: called.append(1))
    skfashion.clear_caches()
    assert called


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="Linux tells threads by name")
def test_fits_side_by_side_share_the_cores():
    run_python(
        """
        import os
        import joblib
        from estimators import dense
        from sklearn.model_selection import cross_val_score
        from skfashion.datasets import make_images
        X, y = make_images(60, n_classes=3, image_size=8, random_state=0)
        with joblib.parallel_config("skfashion", n_jobs=joblib.cpu_count()):
            cross_val_score(dense(), X, y, cv=3, error_score="raise")
        names = []
        for task in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{task}/comm") as file:
                names.append(file.read())
        assert sum("XLAEigen" in name for name in names) == 1, names
        """
    )
