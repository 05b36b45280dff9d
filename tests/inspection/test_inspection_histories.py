"""Histories as tables: of an estimator, and of all fits of a search."""

import keras
import numpy as np
import pandas as pd
import pytest
from custom import custom
from estimators import dense, mobile
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skfashion._store import open_store
from skfashion.inspection import history_frame, prune_runs, runs_frame
from skfashion.preprocessing import PixelScaler


def test_an_estimators_history(images):
    pipe = make_pipeline(PixelScaler(), dense(early_stopping=True)).fit(*images)
    for fitted in (pipe, pipe[-1]):
        frame = history_frame(fitted)
        assert list(frame["epoch"]) == [1, 2, 3]
        for name, values in pipe[-1].history_.items():
            assert list(frame[name]) == values


def searched(images, memory, grid=None, estimator=None, **settings):
    estimator = dense(memory=memory) if estimator is None else estimator
    grid = {"learning_rate": [1e-3, 1e-2]} if grid is None else grid
    return GridSearchCV(estimator, grid, **{"cv": 2, **settings}).fit(*images)


def test_every_candidate_fold_and_epoch(images, tmp_path):
    X, y = images
    folds = [(np.arange(30), np.arange(30, 60)), (np.arange(20, 60), np.arange(20))]
    search = searched(images, tmp_path, cv=folds)
    frame = history_frame(search)
    assert len(frame) == (2 * 2 + 1) * 3
    for candidate, params in enumerate(search.cv_results_["params"]):
        for fold, (train, _) in enumerate(folds):
            history = dense(**params).fit(X[train], y[train]).history_
            mine = frame[(frame["candidate"] == candidate) & (frame["fold"] == fold)]
            assert list(mine["loss"]) == history["loss"]
            assert set(mine["param_learning_rate"]) == {params["learning_rate"]}
    refit = frame[frame["fold"].isna()]
    assert set(refit["candidate"]) == {search.best_index_}
    assert list(refit["loss"]) == search.best_estimator_.history_["loss"]


def test_csv_and_back(search, tmp_path):
    frame = history_frame(search)
    frame.to_csv(tmp_path / "history.csv", index=False)
    again = pd.read_csv(tmp_path / "history.csv").astype({"fold": "Int64"})
    pd.testing.assert_frame_equal(again, frame, check_dtype=False)
    assert set(frame["param_hidden_layer_sizes"]) == {"8", "(16, 8)"}


def test_without_memory_there_is_the_refit_alone(images):
    frame = history_frame(searched(images, None))
    assert len(frame) == 3
    assert frame["fold"].isna().all()
    nothing = history_frame(searched(images, None, refit=False))
    assert nothing.empty
    assert {"candidate", "fold", "epoch", "loss", "param_learning_rate"} <= set(nothing)


def test_halving_by_images_has_the_runs_of_each_rung(images, tmp_path):
    search = HalvingGridSearchCV(
        dense(memory=tmp_path, epochs=1),
        {"learning_rate": [1e-3, 1e-2]},
        **{"cv": 2, "random_state": 0, "min_resources": 30, "factor": 2, "refit": False},
    ).fit(*images)
    frame = history_frame(search)
    runs = runs_frame(tmp_path).set_index("loss")
    sizes = {c: set(runs.loc[losses, "n_samples"]) for c, losses in frame.groupby("candidate").loss}
    assert sizes == {0: {15}, 1: {15}, 2: {30}}


def test_halving_counts_each_rung(images, tmp_path):
    search = HalvingGridSearchCV(
        dense(memory=tmp_path),
        {"learning_rate": [1e-3, 3e-3, 1e-2]},
        resource="epochs",
        min_resources=1,
        max_resources=3,
        factor=3,
        cv=2,
        random_state=0,
    ).fit(*images)
    frame = history_frame(search)
    lengths = frame[frame["fold"].notna()].groupby(["candidate", "fold"]).size()
    wanted = [params["epochs"] for params in search.cv_results_["params"] for _ in range(2)]
    assert list(lengths) == wanted


@pytest.mark.parametrize(
    "grid",
    [
        {"n_iter_no_change": [5, 10]},  # of early stopping, which is off
        {"hidden_layer_sizes": ["8-4", (8, 4)]},
        {"verbose": [0, 0]},
    ],
)
def test_parameters_that_change_nothing(images, tmp_path, grid):
    frame = history_frame(searched(images, tmp_path, grid, refit=False))
    first, second = (frame.loc[frame["candidate"] == c, "loss"].to_list() for c in (0, 1))
    assert first == second
    assert len(runs_frame(tmp_path)) == 2
    assert prune_runs(tmp_path, max_bytes=0).bytes_kept == 0


def test_optimizers_of_one_class_are_told_apart(images, tmp_path):
    grid = {"optimizer": [keras.optimizers.SGD(rate) for rate in (1e-3, 1e-1)]}
    clf = custom(memory=tmp_path)
    frame = history_frame(searched(images, None, grid, clf, refit=False))
    last = frame[frame["epoch"] == 2]
    assert last["loss"].nunique() == len(last) == 2 * 2


def test_candidates_that_differ_before_the_classifier(images, tmp_path):
    X, y = images
    pipe = make_pipeline(FunctionTransformer(), dense(memory=tmp_path, epochs=1))
    name = "functiontransformer__func"
    frame = history_frame(searched((X / 255, y), None, {name: [np.sqrt, np.square]}, pipe))
    folds = frame[frame["fold"].notna()]
    assert list(folds["candidate"]) == [0, 0, 1, 1]
    assert frame[f"param_{name}"].nunique() == 2
    alone = history_frame(searched((X / 255, y), None, {name: [np.sqrt]}, pipe))
    assert list(alone["loss"][alone["fold"].notna()]) == list(folds["loss"][:2])


def test_the_last_phase_speaks_for_all_and_idle_parameters_share(images, tmp_path):
    X, y = images
    tuner = mobile(epochs=2, memory=tmp_path)
    # Where nothing is unfrozen the rate of the second phase is idle.
    rates = {"unfreeze_from": [None], "fine_tune_learning_rate": [1e-5, 1e-4]}
    frame = history_frame(
        searched((X[:24], y[:24]), None, [rates, {"unfreeze_from": ["block_16"]}], tuner)
    )
    folds = frame[frame["fold"].notna()]
    assert list(folds.groupby(["candidate", "fold"]).size()) == [2, 2, 2, 2, 3, 3]
    first, second = (folds.loc[folds["candidate"] == c, "loss"].to_list() for c in (0, 1))
    assert first == second
    mine = folds[(folds["candidate"] == 2) & (folds["fold"] == 0)]
    assert list(mine["epoch"]) == [1, 2, 3]
    assert list(mine["phase"]) == ["head", "head", "fine_tune"]


def test_of_other_folds_the_last_used_count(images, tmp_path):
    searched(images, tmp_path, cv=3)
    search = searched(images, tmp_path, cv=2)
    assert set(history_frame(search).query("candidate == 0")["fold"].dropna()) == {0, 1}


def test_times_and_data_in_the_store_tell_folds_apart(images, tmp_path):
    """The second fold was done first, as happens with several jobs."""
    search = searched(images, tmp_path)
    before = history_frame(search)
    store = open_store(tmp_path)
    for info in list(store.entries("results")):
        entry = store.get("results", info.key)
        losses = [row["loss"] for row in entry.meta["history"]]
        same = before[before["loss"].isin(losses)]
        fold = same["fold"].iloc[0]
        # Of the second candidate alone, the order would be the other one.
        late = same["candidate"].iloc[0] == 1
        told = {
            "data": "refit" if pd.isna(fold) else f"fold {fold}",
            "when": 0.0 if pd.isna(fold) else float(10 * late + (fold if late else 1 - fold)),
            "seconds": [0.5, 0.25, 0.25],
        }
        store.put("results", info.key, {**entry.meta, **told}, entry.arrays)
    after = history_frame(search)
    for candidate in (0, 1):
        for fold in (0, 1):
            was, now = (
                frame[(frame["candidate"] == candidate) & (frame["fold"] == at)]
                for frame, at in ((before, fold), (after, 1 - fold))
            )
            assert list(was["loss"]) == list(now["loss"])
            assert list(now["seconds"]) == [0.5, 0.25, 0.25]
    assert list(runs_frame(tmp_path)["seconds"]) == [1.0] * 5


def test_a_candidate_that_fails_has_no_curve(images, tmp_path):
    with pytest.warns(FitFailedWarning):
        search = searched(images, tmp_path, {"hidden_layer_sizes": [8, "nonsense"]})
    assert set(history_frame(search)["candidate"]) == {0}


def test_errors_say_what_to_give(images):
    X, y = images
    with pytest.raises(NotFittedError, match=r"DenseClassifier.*fit"):
        history_frame(dense())
    with pytest.raises(NotFittedError, match=r"GridSearchCV.*fit"):
        history_frame(GridSearchCV(dense(), {}))
    with pytest.raises(TypeError, match=r"LogisticRegression.*classifier of skfashion"):
        history_frame(LogisticRegression())
    search = GridSearchCV(LogisticRegression(), {"C": [1]}, cv=2)
    search.fit(X.reshape(60, -1) / 255, y)
    with pytest.raises(TypeError, match=r"LogisticRegression.*classifier of skfashion"):
        history_frame(search)
