"""The classifiers inside other people's tools, which know nothing of them."""

import pickle
from functools import partial

import estimators
import numpy as np
import pytest
import skopt
from estimators import KINDS, small
from scipy.stats import loguniform
from searches import assert_same_search
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    cross_val_score,
    train_test_split,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skfashion.model_selection import search_space
from skfashion.preprocessing import ImageFlattener, PixelScaler

dense = partial(estimators.dense, hidden_layer_sizes=8, epochs=6, learning_rate=1e-2)


@pytest.fixture(scope="module")
def flat(images):
    X, y = images
    return X.reshape(len(X), -1), y


def test_pipeline(images):
    X, y = images
    pipe = make_pipeline(PixelScaler(), ImageFlattener(), StandardScaler(), dense())
    assert pipe.fit(X, y).score(X, y) > 0.8
    assert pipe.predict_proba(X).shape == (60, 3)
    assert pipe[-1].input_range_ == "as-is"


SEARCHES = {
    "grid": GridSearchCV(
        dense(), {"hidden_layer_sizes": [(2,), "8-4"], "dropout": [0.0, 0.2]}, cv=2
    ),
    "grid over a pipeline with several scores": GridSearchCV(
        Pipeline([("scale", PixelScaler()), ("clf", dense())]),
        {"scale": [PixelScaler(), "passthrough"], "clf__batch_size": [16, 64]},
        scoring=["accuracy", "neg_log_loss"],
        refit="neg_log_loss",
        cv=2,
    ),
    "randomized": RandomizedSearchCV(
        dense(),
        {"learning_rate": loguniform(1e-3, 1e-1), "optimizer": ["adam", "sgd"]},
        n_iter=4,
        cv=2,
        random_state=0,
    ),
    "skopt's": skopt.BayesSearchCV(
        dense(),
        {
            "learning_rate": skopt.space.Real(1e-4, 1e-1, prior="log-uniform"),
            "hidden_layer_sizes": skopt.space.Categorical(["4", "8-4"]),
            "batch_size": skopt.space.Integer(16, 64),
        },
        n_iter=4,
        cv=2,
        random_state=0,
    ),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_searches(name, images):
    search = clone(SEARCHES[name]).fit(*images)
    scores = [v for k, v in search.cv_results_.items() if k.startswith("mean_test")]
    assert np.isfinite(scores).all()
    assert len(scores[0]) == 4
    found, best = (each.predict_proba(images[0]) for each in (search, search.best_estimator_))
    np.testing.assert_array_equal(found, best)


TWO = [("a", dense()), ("b", dense(random_state=1))]
ENSEMBLES = {
    "calibrated": CalibratedClassifierCV(dense(), cv=2),
    "calibrated as one": CalibratedClassifierCV(dense(), cv=2, ensemble=False),
    "hard voting": VotingClassifier(TWO, voting="hard"),
    "soft voting": VotingClassifier(TWO, voting="soft"),
    "stacking": StackingClassifier(TWO, LogisticRegression(), cv=2),
    "one against rest": OneVsRestClassifier(dense()),
    "bagging": BaggingClassifier(dense(), n_estimators=2, random_state=0),
}


@pytest.mark.parametrize("name", ENSEMBLES)
def test_ensembles_learn(name, flat):
    X, y = flat
    ensemble = clone(ENSEMBLES[name]).fit(X, y)
    assert ensemble.score(X, y) > 0.5
    if name != "hard voting":
        np.testing.assert_allclose(ensemble.predict_proba(X).sum(axis=1), 1, atol=1e-6)


OF_TWO_CLASSES = ["roc_auc", "average_precision", "neg_brier_score"]


@pytest.mark.parametrize(
    "scoring", [*OF_TWO_CLASSES, "roc_auc_ovr", "roc_auc_ovo", "neg_log_loss", "f1_macro"]
)
def test_scorers(scoring, images):
    X, y = images
    y = y == 0 if scoring in OF_TWO_CLASSES else y
    assert np.isfinite(cross_val_score(dense(), X, y, cv=2, scoring=scoring)).all()


@pytest.mark.parametrize("name", [*KINDS[:2], "MobileNetFineTuner"])
def test_state_is_plain_data(name, images):
    skops = pytest.importorskip("skops.io")
    clf = small(name, epochs=1).fit(*images)
    went_on = pickle.loads(pickle.dumps(clf)).partial_fit(*images)
    assert went_on.n_iter_ == 2
    for fitted in (clf, went_on):
        assert fitted.model_.count_params() > 0
        types = skops.get_untrusted_types(data=skops.dumps(fitted))
        assert [t.rpartition(".")[2] for t in types] == [name]


RATES = {"learning_rate": [1e-4, 1e-3, 3e-3, 1e-2]}


@pytest.mark.parametrize("search", [HalvingGridSearchCV, HalvingRandomSearchCV])
def test_halving_over_epochs_trains_the_added_ones_only(search, images, tmp_path, trained):
    X, y = images
    resources = {"resource": "epochs", "min_resources": 2, "max_resources": 8, "factor": 2}
    settings = {**resources, "cv": 2, "random_state": 0}
    found = search(dense(memory=tmp_path), RATES, **settings).fit(X, y)
    continued = sum(trained)
    del trained[:]
    plain = search(dense(), RATES, **settings).fit(X, y)
    # 4 candidates to 2 epochs, 2 to 4, 1 to 8, in two folds; the refit begins anew.
    assert continued == 2 * (4 * 2 + 2 * 2 + 1 * 4) + 8
    assert sum(trained) == 2 * (4 * 2 + 2 * 4 + 1 * 8) + 8
    assert_same_search(found, plain)


@pytest.fixture
def optuna():
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


@pytest.mark.filterwarnings("ignore")  # the search is experimental, and says so
def test_optuna_search(images, optuna):
    integration = pytest.importorskip("optuna.integration")
    X, y = images
    pipe = make_pipeline(PixelScaler(), dense(epochs=3))
    space = search_space(pipe, kind="optuna")
    search = integration.OptunaSearchCV(pipe, space, n_trials=3, cv=2, random_state=0).fit(X, y)
    assert set(search.best_params_) == set(space)
    assert search.predict(X).shape == (60,)


def test_optuna_prunes_through_partial_fit(images, optuna):
    X, X_val, y, y_val = train_test_split(*images, stratify=images[1], random_state=0)

    def objective(trial):
        clf = dense(learning_rate=trial.suggest_float("learning_rate", 1e-5, 1e-1, log=True))
        for epoch in range(6):
            clf.partial_fit(X, y, classes=np.unique(y))
            trial.report(clf.score(X_val, y_val), epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return clf.score(X_val, y_val)

    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=0),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=2),
    )
    study.optimize(objective, n_trials=8)
    states = [trial.state.name for trial in study.trials]
    assert "PRUNED" in states
    assert "COMPLETE" in states


def test_keras_tuner(images, tmp_path):
    keras_tuner = pytest.importorskip("keras_tuner")
    goal = keras_tuner.Objective("score", "max")
    oracle = keras_tuner.oracles.RandomSearchOracle(objective=goal, max_trials=2, seed=0)

    def make(hp):
        return dense(epochs=2, learning_rate=hp.Float("rate", 1e-4, 1e-2, sampling="log"))

    tuner = keras_tuner.SklearnTuner(oracle, make, directory=tmp_path, project_name="tuner")
    tuner.search(*images)
    assert tuner.get_best_models()[0].predict(images[0]).shape == (60,)
