"""scikit-learn's own checks, on every search, as scikit-learn runs them on its own."""

import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.utils.estimator_checks import check_param_validation, parametrize_with_checks

from skfashion import model_selection
from skfashion.model_selection import BayesSearchCV, HyperbandSearchCV


def bayes(estimator, prefix, name):
    space = {prefix + name: (0.1, 10.0)}
    return BayesSearchCV(estimator, space, n_iter=3, random_state=0, cv=2, error_score="raise")


def hyperband(estimator, prefix, name):
    return HyperbandSearchCV(
        estimator,
        {prefix + name: [0.1, 1.0]},
        resource=f"{prefix}max_iter",
        max_resources=40,
        min_resources=20,
        random_state=0,
        cv=2,
        error_score="raise",
    )


def after_pca(estimator):
    return Pipeline([("pca", PCA()), ("last", estimator)])


SEARCHES = [
    make(*over)
    for make in (bayes, hyperband)
    for over in [
        (Ridge(), "", "alpha"),
        (LogisticRegression(C=1), "", "C"),
        (after_pca(Ridge()), "last__", "alpha"),
        (after_pca(LogisticRegression()), "last__", "C"),
    ]
]


def test_every_search_is_checked():
    public = {name for name in model_selection.__all__ if name.endswith("SearchCV")}
    assert {type(search).__name__ for search in SEARCHES} == public


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(SEARCHES)
def test_scikit_learn_check(estimator, check):
    check(estimator)


@pytest.mark.parametrize("search", [SEARCHES[0], SEARCHES[-1]], ids=lambda s: type(s).__name__)
def test_scikit_learns_check_of_parameters(search):
    check_param_validation(type(search).__name__, search)
