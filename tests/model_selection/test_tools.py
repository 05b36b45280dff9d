"""The classifiers inside other people's tools, which know nothing of them."""

import os
import pickle
import subprocess
import sys
import textwrap
from pathlib import Path

import joblib
import numpy as np
import pytest
import skopt
from estimators import NAMES, small
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import loguniform
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
    learning_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import skfashion
from skfashion import DenseClassifier
from skfashion.preprocessing import ImageFlattener, PixelScaler


def dense(**parameters):
    defaults = {"hidden_layer_sizes": 8, "epochs": 6, "learning_rate": 1e-2, "random_state": 0}
    return DenseClassifier(**{**defaults, **parameters})


@pytest.fixture(scope="module")
def flat(images):
    X, y = images
    return X.reshape(len(X), -1), y


@pytest.fixture(scope="module")
def binary(flat):
    X, y = flat
    return X, np.where(y == 0, "no", "yes")


def test_pipeline(images):
    X, y = images
    pipe = make_pipeline(PixelScaler(), ImageFlattener(), StandardScaler(), dense())
    assert pipe.fit(X, y).score(X, y) > 0.8
    assert pipe.predict_proba(X).shape == (60, 3)
    assert pipe[-1].input_range_ == "as-is"


def test_grid_search(images):
    grid = {"hidden_layer_sizes": [(2,), "8-4"], "dropout": [0.0, 0.2]}
    search = GridSearchCV(dense(), grid, cv=2).fit(*images)
    assert len(search.cv_results_["params"]) == 4
    assert not np.isnan(search.cv_results_["mean_test_score"]).any()
    assert search.best_estimator_.score(*images) == search.score(*images)


def test_grid_search_over_a_pipeline_with_several_scores(images):
    pipe = Pipeline([("scale", PixelScaler()), ("clf", dense())])
    search = GridSearchCV(
        pipe,
        {"scale": [PixelScaler(), "passthrough"], "clf__batch_size": [16, 64]},
        scoring=["accuracy", "neg_log_loss"],
        refit="neg_log_loss",
        cv=2,
    ).fit(*images)
    assert len(search.cv_results_["mean_test_accuracy"]) == 4


def test_randomized_search(images):
    space = {"learning_rate": loguniform(1e-3, 1e-1), "optimizer": ["adam", "sgd"]}
    search = RandomizedSearchCV(dense(), space, n_iter=3, cv=2, random_state=0).fit(*images)
    again = RandomizedSearchCV(dense(), space, n_iter=3, cv=2, random_state=0).fit(*images)
    assert_array_equal(search.cv_results_["mean_test_score"], again.cv_results_["mean_test_score"])


def test_searches_in_parallel(images):
    grid = {"learning_rate": [1e-3, 1e-2]}
    alone = GridSearchCV(dense(), grid, cv=2).fit(*images)
    threads = GridSearchCV(dense(), grid, cv=2, n_jobs=2)
    with joblib.parallel_config("threading"):
        threads.fit(*images)
    assert_allclose(
        threads.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"], atol=1e-6
    )


def test_halving_over_epochs(images):
    search = HalvingGridSearchCV(
        dense(),
        {"learning_rate": [1e-5, 1e-3, 1e-2]},
        resource="epochs",
        min_resources=1,
        max_resources=9,
        factor=3,
        cv=2,
        random_state=0,
    ).fit(*images)
    assert search.n_resources_ == [1, 3]
    assert search.best_params_["epochs"] == 3


def test_skopts_search_as_it_is(images):
    space = {
        "learning_rate": skopt.space.Real(1e-4, 1e-1, prior="log-uniform"),
        "hidden_layer_sizes": skopt.space.Categorical(["4", "8-4"]),
        "batch_size": skopt.space.Integer(16, 64),
    }
    search = skopt.BayesSearchCV(dense(), space, n_iter=3, cv=2, random_state=0).fit(*images)
    assert len(search.cv_results_["params"]) == 3
    assert search.score(*images) == search.best_estimator_.score(*images)


def test_cross_val_predict(images):
    X, y = images
    proba = cross_val_predict(dense(), X, y, cv=3, method="predict_proba")
    assert proba.shape == (60, 3)
    assert (proba.argmax(axis=1) == y).mean() > 0.4


def test_learning_curve(images):
    sizes, train, test = learning_curve(dense(), *images, cv=2, train_sizes=[0.5, 1.0])
    assert train.shape == test.shape == (2, 2)


@pytest.mark.parametrize("ensemble", [True, False])
def test_calibration(flat, ensemble):
    X, y = flat
    calibrated = CalibratedClassifierCV(dense(), cv=2, ensemble=ensemble).fit(X, y)
    assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1, atol=1e-6)
    assert calibrated.score(X, y) > 0.5


def test_calibration_of_a_frozen_classifier(flat):
    X, y = flat
    calibrated = CalibratedClassifierCV(FrozenEstimator(dense().fit(X, y))).fit(X, y)
    assert calibrated.score(X, y) > 0.5


@pytest.mark.parametrize("voting", ["hard", "soft"])
def test_voting(flat, voting):
    X, y = flat
    vote = VotingClassifier([("a", dense()), ("b", dense(random_state=1))], voting=voting)
    assert vote.fit(X, y).score(X, y) > 0.5


def test_stacking(flat):
    X, y = flat
    stack = StackingClassifier(
        [("a", dense()), ("b", dense(random_state=1))], LogisticRegression(), cv=2
    ).fit(X, y)
    assert stack.score(X, y) > 0.5
    assert stack.transform(X).shape == (60, 6)


def test_one_vs_rest(flat):
    X, y = flat
    several = OneVsRestClassifier(dense()).fit(X, y)
    assert several.predict_proba(X).shape == (60, 3)
    assert several.score(X, y) > 0.5


def test_bagging(flat):
    X, y = flat
    assert BaggingClassifier(dense(), n_estimators=2, random_state=0).fit(X, y).score(X, y) > 0.5


def test_tuned_threshold(binary):
    X, y = binary
    tuned = TunedThresholdClassifierCV(dense(), scoring="balanced_accuracy", cv=2).fit(X, y)
    assert 0 <= tuned.best_threshold_ <= 1
    assert set(tuned.predict(X)) <= {"no", "yes"}


def test_permutation_importance(flat):
    X, y = flat
    clf = dense().fit(X, y)
    X = X.copy()
    result = permutation_importance(clf, X[:20], y[:20], n_repeats=1, random_state=0)
    assert result.importances_mean.shape == (64,)


@pytest.mark.parametrize("scoring", ["roc_auc_ovr", "roc_auc_ovo", "neg_log_loss", "f1_macro"])
def test_scorers(images, scoring):
    X, y = images
    scores = cross_val_score(dense(), X, y, cv=2, scoring=scoring)
    assert np.isfinite(scores).all()
    assert np.isfinite(get_scorer(scoring)(dense().fit(X, y), X, y))


@pytest.mark.parametrize("scoring", ["roc_auc", "average_precision", "neg_brier_score"])
def test_scorers_of_two_classes(binary, scoring):
    X, y = binary
    assert np.isfinite(cross_val_score(dense(), X, y == "yes", cv=2, scoring=scoring)).all()


# ------------------------------------------------------------ fresh processes


def test_pickle_and_joblib_into_a_fresh_process(images, tmp_path):
    X, y = images
    expected = {}
    for name in NAMES:
        pipe = make_pipeline(PixelScaler(), small(name, epochs=1)).fit(X, y)
        expected[name] = pipe.predict_proba(X)
        (tmp_path / f"{name}.pickle").write_bytes(pickle.dumps(pipe))
        joblib.dump(pipe, tmp_path / f"{name}.joblib")
    np.savez(tmp_path / "expected.npz", X=X, **expected)
    code = """
        import pickle, sys
        import joblib, numpy as np
        files = np.load("expected.npz")
        X = files["X"]
        for name in files.files:
            if name == "X":
                continue
            for pipe in (
                pickle.load(open(f"{name}.pickle", "rb")), joblib.load(f"{name}.joblib")
            ):
                np.testing.assert_allclose(pipe.predict_proba(X), files[name], atol=1e-6)
            pipe[-1].partial_fit(pipe[0].transform(X), np.arange(60) % 3)
            assert pipe[-1].n_iter_ == 2
            assert pipe[-1].model_.count_params() > 0
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=tmp_path,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def _environment():
    # The package, wherever it is, and the module of the network's function.
    folders = [str(Path(__file__).parents[1] / "helpers"), str(Path(skfashion.__file__).parents[1])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}


def test_unpickling_in_another_version_warns(images):
    clf = dense(epochs=1).fit(*images)
    state = clf.__getstate__()
    assert state["_skfashion_version"]
    pickle.loads(pickle.dumps(clf))
    state["_skfashion_version"] = "0.0.1"
    with pytest.warns(UserWarning, match=r"DenseClassifier from version 0\.0\.1 .*skfashion"):
        dense().__setstate__(state)


def test_state_is_plain_data(images):
    skops = pytest.importorskip("skops.io")
    for name in NAMES[:3]:
        clf = small(name, epochs=1)
        for fitted in (clf.fit(*images), clf.partial_fit(*images)):
            _ = fitted.model_
            types = skops.get_untrusted_types(data=skops.dumps(fitted))
            assert [t.rpartition(".")[2] for t in types] == [name]
