"""An ensemble of a search's networks: chosen by what is kept, and nothing trained for it."""

import numpy as np
import pytest
from commands import predicted
from estimators import computed, dense, on_small_backbone
from hostile import edited
from scipy.stats import loguniform
from scripts import run_python
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    RandomizedSearchCV,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedKFold,
    cross_val_predict,
)
from sklearn.pipeline import make_pipeline
from skopt.space import Real

import skfashion
from skfashion import EnsembleFromSearch
from skfashion._cli._main import main
from skfashion.datasets import load_image_folder, make_images
from skfashion.inspection import prune_runs
from skfashion.model_selection import BayesSearchCV, HyperbandSearchCV
from skfashion.model_selection._ensemble import _chosen
from skfashion.preprocessing import ImageFlattener, ImageReader, PixelScaler

RATES = [1e-4, 3e-3, 1e-2, 3e-2]
SEARCHES = {
    "grid": lambda clf: GridSearchCV(clf, {"learning_rate": RATES}, cv=3),
    "random": lambda clf: RandomizedSearchCV(
        clf, {"learning_rate": loguniform(1e-4, 1e-1)}, n_iter=3, cv=3, random_state=0
    ),
    "bayes": lambda clf: BayesSearchCV(
        clf, {"learning_rate": Real(1e-4, 1e-1, prior="log-uniform")}, n_iter=3, cv=3
    ),
    "hyperband": lambda clf: HyperbandSearchCV(
        clf, {"learning_rate": RATES}, max_resources=3, cv=2, random_state=0
    ),
    "several scores": lambda clf: GridSearchCV(
        clf, {"learning_rate": RATES}, cv=2, scoring=["accuracy", "f1_macro"], refit="f1_macro"
    ),
    "not refitted": lambda clf: GridSearchCV(clf, {"learning_rate": RATES}, cv=2, refit=False),
    "splits that overlap": lambda clf: GridSearchCV(
        clf,
        {"learning_rate": RATES},
        cv=RepeatedStratifiedKFold(n_splits=2, n_repeats=2, random_state=0),
    ),
}


def grid(clf, cv=2, **parameters):
    return GridSearchCV(clf, {"learning_rate": RATES[1:3], **parameters}, cv=cv)


@pytest.mark.parametrize("name", SEARCHES)
def test_nothing_is_trained(name, labelled, tmp_path, trained):
    X, y = labelled
    search = SEARCHES[name](dense(memory=str(tmp_path))).fit(X, y)
    assert sum(trained)
    trained.clear()
    ensemble = EnsembleFromSearch(search, n_members=4).fit(X, y)
    assert not sum(trained)
    assert ensemble.classes_.tolist() == ["boot", "coat", "dress"]
    rows, folds = ensemble.candidates_, ensemble.folds_
    # Each chosen candidate brings all its folds; the refitted best counts as much as a fold.
    for row in set(rows[folds >= 0]):
        assert folds[(rows == row) & (folds >= 0)].tolist() == list(range(search.n_splits_))
    n_chosen = ensemble.weights_[folds == 0].sum()
    assert n_chosen == len(ensemble.oof_losses_) <= 4
    refitted = [] if name == "not refitted" else [(search.best_index_, n_chosen)]
    found = [*zip(rows[folds == -1], ensemble.weights_[folds == -1], strict=True)]
    assert found == refitted
    each = [estimator.predict_proba(X) for estimator in ensemble.estimators_]
    mean = np.average(each, axis=0, weights=ensemble.weights_)
    found = ensemble.predict_proba(X)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, mean, atol=1e-6)
    assert np.array_equal(ensemble.predict(X), ensemble.classes_[found.argmax(axis=1)])
    assert (np.diff(ensemble.oof_losses_) < 0).all()


def test_the_score_is_that_of_predictions_out_of_fold(labelled, tmp_path):
    X, y = labelled
    search = grid(dense(memory=str(tmp_path)), cv=3).fit(X, y)
    ensemble = EnsembleFromSearch(search).fit(X, y)
    total = 0
    for row in set(ensemble.candidates_[ensemble.folds_ == 0]):
        clf = dense(**search.cv_results_["params"][row])
        here = (ensemble.candidates_ == row) & (ensemble.folds_ == 0)
        weight = ensemble.weights_[here][0]
        total = total + weight * cross_val_predict(clf, X, y, cv=3, method="predict_proba")
    assert ensemble.oof_score_ == np.mean(ensemble.classes_[total.argmax(axis=1)] == y)


def columns(of_truth):
    """Return probabilities of two classes, of which the first is true."""
    return np.column_stack([of_truth, 1 - np.array(of_truth)])


def test_the_choice_is_greedy_and_with_replacement():
    truth = np.zeros(4, int)
    sure, other, bad = (
        columns([0.9, 0.9, 0.2, 0.6]),
        columns([0.3, 0.4, 0.9, 0.6]),
        columns([0.1] * 4),
    )
    picks, losses = _chosen([bad, other, sure], truth, 3)
    assert picks == [2, 1, 2]
    weighted = (2 * sure + other)[:, 0] / 3
    np.testing.assert_allclose(losses[-1], -np.log(weighted).mean())
    assert (np.diff(losses) < 0).all()
    # What nothing helps stays alone.
    assert _chosen([sure, bad], truth, 5)[0] == [0]
    # Of several labels an image each one counts.
    several = np.array([[1, 0], [1, 0]])
    assert _chosen([1 - several, (several + 0.5) / 2], several, 1)[0] == [1]


def wrong(X, y, memory):
    """Yield what is wrong, a search, X, y and what the error says."""
    good, other = dense(memory=memory), make_images(60, n_classes=3, image_size=8, random_state=1)
    fitted = grid(good).fit(X, y)
    ensemble = "EnsembleFromSearch"
    yield (
        "images in another order",
        fitted,
        X[::-1],
        y[::-1],
        "doesn't hold the fits.*another order",
    )
    yield "other images", fitted, *other, "doesn't hold the fits"
    shuffled = grid(good, cv=StratifiedKFold(2, shuffle=True)).fit(X, y)
    yield "folds that are drawn anew", shuffled, X, y, "integer random_state"
    splits = grid(good, cv=KFold(2).split(X)).fit(X, y)
    yield "folds that are gone", splits, X, y, "can't be drawn again"
    yield "no memory", grid(dense()).fit(X, y), X, y, "needs memory= and an"
    yield "not fitted", grid(good), X, y, f"{ensemble} needs a fitted search"
    yield "no search", good, X, y, f"{ensemble} needs a fitted search"
    rows = make_pipeline(ImageFlattener(), LogisticRegression())
    foreign = GridSearchCV(rows, {"logisticregression__C": [1]}).fit(X, y)
    yield "not ours", foreign, X, y, "over a classifier of skfashion"


@pytest.mark.filterwarnings("ignore:memory= can give back")
def test_what_would_have_to_be_trained_is_told(labelled, tmp_path, trained):
    X, y = labelled
    for case, search, X_given, y_given, match in wrong(X, y, str(tmp_path)):
        before = list(trained)
        with pytest.raises((LookupError, TypeError, ValueError), match=f"(?s){match}"):
            EnsembleFromSearch(search).fit(X_given, y_given)
        assert sum(trained) == sum(before), case
    seedless = grid(dense(memory=str(tmp_path), random_state=None)).fit(X, y)
    with pytest.raises(LookupError, match="integer random_state"):
        EnsembleFromSearch(seedless).fit(X, y)
    search = grid(dense(memory=str(tmp_path))).fit(X, y)
    ensemble = EnsembleFromSearch(search).fit(X, y)
    prune_runs(tmp_path, max_bytes=0)
    with pytest.raises(LookupError, match="doesn't hold the fits of candidate"):
        EnsembleFromSearch(search).fit(X, y)
    assert ensemble.score(X, y) > 0  # which has what it needs


def test_saved_as_one_file_and_loaded_with_nothing_else(labelled, tmp_path):
    X, y = labelled
    clf = dense(memory=str(tmp_path / "runs"))
    pipe = make_pipeline(PixelScaler("unit"), clf)
    rates = {"denseclassifier__learning_rate": RATES}
    ensemble = EnsembleFromSearch(GridSearchCV(pipe, rates, cv=2).fit(X, y)).fit(X, y)
    assert len({id(estimator.steps[0][1]) for estimator in ensemble.estimators_}) == 1
    skfashion.save(ensemble, tmp_path / "model")
    assert b"runs" not in (tmp_path / "model").read_bytes()
    np.savez(tmp_path / "images.npz", X=X, wanted=ensemble.predict_proba(X))
    code = """
    import numpy as np
    import skfashion
    data, loaded = np.load("images.npz"), skfashion.load("model")
    assert np.array_equal(loaded.predict_proba(data["X"]), data["wanted"])
    assert len({id(estimator.steps[0][1]) for estimator in loaded.estimators_}) == 1
    try:
        loaded.fit(data["X"], data["wanted"])
    except TypeError as error:
        print(error)
    """
    assert "a loaded ensemble has none" in run_python(code, cwd=tmp_path)

    def edit(document):
        document["estimators"][-1]["state"]["search"] = {"$estimator": 0}

    (tmp_path / "model").write_bytes(edited((tmp_path / "model").read_bytes(), edit))
    with pytest.raises(ValueError, match="has search="):
        skfashion.load(tmp_path / "model")


def test_the_command_line_takes_it(photos, tmp_path, capsys):
    names, y = load_image_folder(photos / "test", return_X_y=True)
    pipe = make_pipeline(ImageReader(size=8), dense(memory=str(tmp_path / "runs")))
    search = GridSearchCV(pipe, {"denseclassifier__learning_rate": RATES}, cv=2)
    ensemble = EnsembleFromSearch(search.fit(names, y)).fit(names, y)
    skfashion.save(ensemble, tmp_path / "model.skfashion")
    assert main(["info", str(tmp_path / "model.skfashion")]) == 0
    assert f"{len(ensemble.estimators_)} together" in capsys.readouterr().out
    assert main(["predict", str(tmp_path / "model.skfashion"), *names[:3]]) == 0
    assert [row[1] for row in predicted(capsys)] == ensemble.predict(names[:3]).tolist()


def test_what_is_frozen_is_computed_once_a_predict_and_kept_once(tmp_path):
    X, y = make_images(60, n_classes=3, image_size=16, random_state=0)
    clf = on_small_backbone(memory=str(tmp_path / "runs"), epochs=3)
    search = grid(clf, dropout=[0.0, 0.3]).fit(X, y)
    ensemble = EnsembleFromSearch(search, n_members=4).fit(X, y)
    assert len(ensemble.estimators_) >= 3
    new, before = X[:20] // 2, computed()
    ensemble.predict_proba(new)
    assert computed() - before == 20
    backbones = {id(estimator._weights[0]) for estimator in ensemble.estimators_}
    assert len(backbones) == 1


def test_what_else_the_search_was_given(labelled, tmp_path):
    X, y = labelled
    groups, weight = np.arange(60) % 4, np.linspace(0.5, 1.5, 60)
    search = grid(dense(memory=str(tmp_path)), cv=GroupKFold(2))
    search.fit(X, y, groups=groups, sample_weight=weight)
    EnsembleFromSearch(search).fit(X, y, groups=groups, sample_weight=weight)
    with pytest.raises(LookupError, match="weights of them"):
        EnsembleFromSearch(search).fit(X, y, groups=groups)


def test_several_labels_an_image(images, tmp_path):
    X, y = images
    several = np.column_stack([y == 0, y < 2]).astype(int)
    cv = ShuffleSplit(2, test_size=0.3, random_state=0)
    search = grid(dense(memory=str(tmp_path)), cv=cv).fit(X, several)
    ensemble = EnsembleFromSearch(search).fit(X, several)
    found = ensemble.predict_proba(X)
    assert np.array_equal(ensemble.predict(X), found > 0.5)
    tested = np.unique(np.concatenate([test for _, test in cv.split(X)]))
    assert ensemble.oof_score_ * len(tested) == pytest.approx(
        round(ensemble.oof_score_ * len(tested))
    )
