"""What a search's folds were trained to, and said, is read back from `memory`."""

import numpy as np
import pytest
from estimators import dense
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    cross_val_predict,
)
from sklearn.pipeline import make_pipeline

import skfashion
from skfashion.model_selection import BayesSearchCV
from skfashion.model_selection._out_of_fold import fold_models, out_of_fold
from skfashion.preprocessing import ImageResizer


@pytest.fixture
def data(images):
    X, y = images
    return X, np.array(list("bac"))[y]


def searched(data, memory, cv=3, kind=GridSearchCV, **options):
    groups = options.pop("groups", None)
    pipe = make_pipeline(ImageResizer(6), dense(memory=memory))
    name = "denseclassifier__learning_rate"
    search = kind(pipe, {name: [1e-3, 1e-2]}, cv=cv, refit=False, **options)
    return search.fit(*data, groups=groups)


@pytest.mark.parametrize("kind", [GridSearchCV, BayesSearchCV])
@pytest.mark.parametrize("cv", [3, KFold(3, shuffle=True, random_state=0), "list"])
def test_probabilities_are_those_of_cross_validation(kind, cv, data, tmp_path, trained):
    cv = list(StratifiedKFold(3).split(*data)) if cv == "list" else cv
    options = {"n_iter": 2, "random_state": 0} if kind is BayesSearchCV else {}
    search = searched(data, tmp_path, cv, kind, **options)
    trained.clear()
    skfashion.clear_caches()
    found, folds = out_of_fold(search, *data, candidate=1)
    assert trained == [0, 0, 0]
    estimator = search.estimator.set_params(**search.cv_results_["params"][1])
    wanted = cross_val_predict(estimator, *data, cv=cv, method="predict_proba")
    np.testing.assert_array_equal(found, wanted)
    assert np.bincount(folds).tolist() == [20, 20, 20]


def test_images_that_no_fold_tests_on_have_no_probabilities(data, tmp_path):
    cv = [(np.arange(30), np.arange(30, 40)), (np.arange(30), np.arange(35, 45))]
    found, folds = out_of_fold(searched(data, tmp_path, cv), *data, candidate=0)
    assert np.isnan(found[:30]).all()
    assert np.isnan(found[45:]).all()
    np.testing.assert_allclose(found[30:45].sum(axis=1), 1, atol=1e-5)
    assert folds[29:46].tolist() == [-1] + [0] * 10 + [1] * 5 + [-1]


def test_groups(data, tmp_path):
    groups = np.arange(60) // 4
    search = searched(data, tmp_path, GroupKFold(3), groups=groups)
    with pytest.raises(ValueError, match="groups"):
        out_of_fold(search, *data, candidate=0)
    _, folds = out_of_fold(search, *data, candidate=0, groups=groups)
    assert all(len(set(folds[groups == group])) == 1 for group in range(15))


def test_what_fit_got(data, tmp_path, trained):
    weight = {"sample_weight": np.linspace(0.1, 1, 60)}
    search = GridSearchCV(dense(memory=tmp_path), {"dropout": [0.0]}, cv=3).fit(*data, **weight)
    trained.clear()
    assert len(list(fold_models(search, *data, candidate=0, **weight))) == 3
    assert trained == [0, 0, 0]
    with pytest.raises(LookupError, match="weights of them"):
        list(fold_models(search, *data, candidate=0))


@pytest.mark.parametrize("what", ["memory", "seed", "removed", "other images"])
def test_where_nothing_is_kept(what, data, tmp_path, trained):
    search = searched(data, tmp_path)
    X, y = data
    if what in ("memory", "seed"):
        name = {"memory": "memory", "seed": "random_state"}[what]
        search.estimator.set_params(**{f"denseclassifier__{name}": None})
    elif what == "removed":
        skfashion.inspection.prune_runs(tmp_path, max_bytes=0)
    else:
        X = X[::-1]
    trained.clear()
    with pytest.raises(LookupError, match="memory="):
        list(fold_models(search, X, y, candidate=0))
    assert trained == []


@pytest.mark.parametrize("cv", [KFold(3, shuffle=True), ShuffleSplit(3), "generator"])
def test_folds_that_nobody_knows(cv, data, tmp_path):
    cv = StratifiedKFold(3).split(*data) if cv == "generator" else cv
    search = searched(data, tmp_path, cv)
    with pytest.raises(ValueError, match="can't be drawn again"):
        out_of_fold(search, *data, candidate=0)


def test_a_search_without_a_classifier_of_ours(data):
    X, y = data
    search = GridSearchCV(LogisticRegression(), {"C": [1]}).fit(X.reshape(60, -1), y)
    with pytest.raises(TypeError, match="no classifier of skfashion"):
        out_of_fold(search, X, y, candidate=0)
