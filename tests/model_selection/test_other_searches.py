"""Searches of other people drive the classifiers as they are."""

import warnings

import numpy as np
import pytest
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingGridSearchCV, HalvingRandomSearchCV, train_test_split
from sklearn.pipeline import make_pipeline

from skfashion import DenseClassifier
from skfashion._training import phases
from skfashion.classifiers import _base
from skfashion.preprocessing import PixelScaler

RATES = {"learning_rate": [1e-4, 1e-3, 3e-3, 1e-2]}


def dense(**parameters):
    return DenseClassifier(hidden_layer_sizes=16, random_state=0, **parameters)


@pytest.fixture
def trained(monkeypatch):
    epochs = []
    run = phases.run

    def counted(*args, **kwargs):
        outcome = run(*args, **kwargs)
        epochs.append(outcome.epochs_trained)
        return outcome

    monkeypatch.setattr(_base._training, "run", counted)
    return epochs


@pytest.mark.parametrize("search", [HalvingGridSearchCV, HalvingRandomSearchCV])
def test_halving_over_epochs_trains_the_added_ones_only(search, images, tmp_path, trained):
    X, y = images
    settings = {
        "resource": "epochs",
        "min_resources": 2,
        "max_resources": 8,
        "factor": 2,
        "cv": 2,
        "random_state": 0,
    }
    found = search(dense(memory=tmp_path), RATES, **settings).fit(X, y)
    continued = sum(trained)
    del trained[:]
    plain = search(dense(), RATES, **settings).fit(X, y)
    # 4 candidates to 2 epochs, 2 to 4, 1 to 8, in two folds; the refit begins anew.
    assert continued == 2 * (4 * 2 + 2 * 2 + 1 * 4) + 8
    assert sum(trained) == 2 * (4 * 2 + 2 * 4 + 1 * 8) + 8
    np.testing.assert_array_equal(
        found.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"]
    )


def test_optuna_search(images):
    optuna = pytest.importorskip("optuna")
    integration = pytest.importorskip("optuna.integration")
    from skfashion.model_selection import search_space

    X, y = images
    pipe = make_pipeline(PixelScaler(), dense(epochs=3))
    space = search_space(pipe, kind="optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the search is experimental, and says so
        search = integration.OptunaSearchCV(pipe, space, n_trials=3, cv=2, random_state=0)
        search.fit(X, y)
    assert set(search.best_params_) == set(space)
    assert search.predict(X).shape == (60,)


def test_optuna_prunes_through_partial_fit(images):
    optuna = pytest.importorskip("optuna")
    X, y = images
    X, X_val, y, y_val = train_test_split(X, y, stratify=y, random_state=0)
    optuna.logging.set_verbosity(optuna.logging.ERROR)

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
    X, y = images
    tuner = keras_tuner.SklearnTuner(
        oracle=keras_tuner.oracles.RandomSearchOracle(
            objective=keras_tuner.Objective("score", "max"), max_trials=2, seed=0
        ),
        hypermodel=lambda hp: dense(
            epochs=2, learning_rate=hp.Float("learning_rate", 1e-4, 1e-2, sampling="log")
        ),
        directory=str(tmp_path),
        project_name="tuner",
    )
    tuner.search(X, y)
    assert tuner.get_best_models()[0].predict(X).shape == (60,)
