"""The part that early stopping watches: which images, and by which score."""

from contextlib import nullcontext

import numpy as np
import pytest
import sklearn
from estimators import dense
from numpy.testing import assert_array_equal
from sklearn.metrics import balanced_accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import skfashion
from skfashion.classifiers._base import _split_off
from skfashion.datasets import make_images
from skfashion.model_selection import BayesSearchCV

STOPPING = {"early_stopping": True, "n_iter_no_change": 3, "epochs": 12, "learning_rate": 1e-2}


@pytest.fixture(scope="module")
def skewed():
    """Images of three classes, one of them rare, and others to watch."""
    X, y = make_images(n_samples=120, n_classes=3, image_size=8, random_state=0)
    kept = (y > 0) | (np.arange(120) % 4 == 0)
    X, y = X[kept], np.array(["a", "b", "c"])[y[kept]]
    return X[::2], y[::2], X[1::2], y[1::2]


@pytest.mark.parametrize(
    ("scoring", "of"),
    [
        ("balanced_accuracy", lambda clf, X, y: balanced_accuracy_score(y, clf.predict(X))),
        ("neg_log_loss", lambda clf, X, y: -log_loss(y, clf.predict_proba(X).astype(float))),
        ("loss", lambda clf, X, y: log_loss(y, clf.predict_proba(X).astype(float))),
    ],
)
def test_the_best_weights_by_a_score_are_kept(scoring, of, skewed):
    X, y, X_val, y_val = skewed
    clf = dense(**STOPPING, scoring=scoring).fit(X, y, X_val=X_val, y_val=y_val)
    watched = clf.history_[f"val_{scoring}"]
    best = min(watched) if scoring == "loss" else max(watched)
    assert of(clf, X_val, y_val) == pytest.approx(best, abs=1e-4)
    assert {"val_loss", "val_accuracy"} <= set(clf.history_)


def test_accuracy_is_watched_unless_told_and_finds_what_was_kept_before(skewed, tmp_path):
    X, y, X_val, y_val = skewed
    clf = dense(**STOPPING, memory=tmp_path / "runs").fit(X, y, X_val=X_val, y_val=y_val)
    plan = clf._plan
    # As it stood in keys before there was a choice.
    assert repr(plan.early_stopping) == "EarlyStopping(n_iter_no_change=3, tol=0.0001)"
    other = clf.set_params(scoring="loss").fit(X, y, X_val=X_val, y_val=y_val)._plan
    assert plan.keys("data") != other.keys("data")
    again = dense(**STOPPING, scoring="loss", memory=tmp_path / "runs")
    assert again.fit(X, y, X_val=X_val, y_val=y_val).history_ == clf.history_


def test_two_classes_by_the_area_under_a_curve(two):
    clf = dense(**STOPPING, scoring="roc_auc").fit(*two)
    assert max(clf.history_["val_roc_auc"]) > 0.5


def test_scores_that_can_not_be(two, skewed):
    with pytest.raises(ValueError, match="The 'scoring' parameter of DenseClassifier"):
        dense(**STOPPING, scoring="f2").fit(*two)
    with pytest.raises(ValueError, match=r"scoring='roc_auc' can't score .*'balanced_accuracy'"):
        dense(**STOPPING, scoring="roc_auc").fit(*skewed[:2])


# ------------------------------------------------------------------------ groups


@pytest.fixture(scope="module")
def patients():
    """40 patients with ten near copies each, labels at random: nothing can be learnt."""
    rng = np.random.default_rng(0)
    first = rng.integers(0, 256, (40, 8, 8))
    groups = np.repeat(np.arange(40), 10)
    X = (first[groups] + rng.integers(-3, 4, (400, 8, 8))).clip(0, 255).astype(np.uint8)
    return X, rng.permutation(np.repeat([0, 1], 20))[groups], groups


def watched(clf):
    return max(clf.history_["val_accuracy"])


def test_groups_are_kept_together(patients):
    X, y, groups = patients
    settings = {**STOPPING, "epochs": 40, "n_iter_no_change": 40, "validation_fraction": 0.25}
    assert watched(dense(**settings).fit(X, y)) == 1.0
    assert watched(dense(**settings).fit(X, y, groups=groups)) < 0.8
    train, valid = _split_off(y, 0.25, 0, groups)
    assert not set(groups[train]) & set(groups[valid])
    assert 80 <= len(valid) <= 120


@pytest.mark.parametrize("n_labels", [1, 2])
@pytest.mark.parametrize("n_groups", [2, 3, 9])
def test_of_few_groups_one_is_watched(n_groups, n_labels, patients):
    groups = patients[2] % n_groups
    labels = np.arange(400) % 2
    labels = labels if n_labels == 1 else np.column_stack([labels, 1 - labels])
    train, valid = _split_off(labels, 0.1, 0, groups)
    assert len(set(groups[valid])) == 1
    assert set(groups[train]) | set(groups[valid]) == set(range(n_groups))
    assert not set(groups[train]) & set(groups[valid])


def test_images_without_weight_take_their_groups_along(patients):
    X, y, groups = patients
    weight = (np.arange(400) % 10 < 5).astype(float)
    clf = dense(**STOPPING).fit(X, y, weight, groups=groups)
    kept = weight > 0
    same = dense(**STOPPING).fit(X[kept], y[kept], groups=groups[kept])
    assert clf.history_ == same.history_


@pytest.mark.parametrize("pipeline", [False, True])
def test_a_search_hands_groups_on_to_splitter_and_fit(pipeline, patients):
    X, y, groups = patients
    estimator = dense(**{**STOPPING, "epochs": 2})
    prefix = ""
    if pipeline:
        estimator = make_pipeline(FunctionTransformer(), estimator)
        prefix = "denseclassifier__"
    with sklearn.config_context(enable_metadata_routing=True):
        grid = {f"{prefix}learning_rate": [1e-3]}
        search = GridSearchCV(estimator, grid, cv=GroupKFold(2)).fit(X, y, groups=groups)
    clf = search.best_estimator_[-1] if pipeline else search.best_estimator_
    alone = dense(**{**STOPPING, "epochs": 2, "learning_rate": 1e-3}).fit(X, y, groups=groups)
    assert clf.history_["val_accuracy"] == alone.history_["val_accuracy"]


@pytest.mark.parametrize("pipeline", [False, True])
@pytest.mark.parametrize(
    ("stops", "routed", "given", "warns"),
    [
        (True, False, True, True),
        (True, True, True, False),
        (True, False, False, False),
        (False, False, True, False),
    ],
)
def test_a_search_of_ours_warns_where_early_stopping_gets_no_groups(
    stops, routed, given, warns, pipeline, patients
):
    X, y, groups = patients
    estimator = dense(**{**STOPPING, "epochs": 1, "early_stopping": stops})
    name = "learning_rate"
    if pipeline:
        estimator = make_pipeline(FunctionTransformer(), estimator)
        name = f"denseclassifier__{name}"
    options = {"n_iter": 1, "cv": GroupKFold(2) if given else 2, "refit": False}
    search = BayesSearchCV(estimator, {name: [1e-3]}, **options)
    expected = nullcontext()
    if warns:
        expected = pytest.warns(UserWarning, match="enable_metadata_routing=True")
    with sklearn.config_context(enable_metadata_routing=routed), expected:
        search.fit(X, y, groups=groups if given else None)


def test_a_splitter_says_what_is_watched(patients):
    X, y, groups = patients
    splitter = GroupKFold(4)
    train, valid = next(splitter.split(X, y, groups))
    clf = dense(**STOPPING, validation_fraction=splitter).fit(X, y, groups=groups)
    same = dense(**STOPPING).fit(X[train], y[train], X_val=X[valid], y_val=y[valid])
    assert clf.history_ == same.history_
    assert_array_equal(clf.predict_proba(X), same.predict_proba(X))


def test_a_file_holds_no_splitter(two, tmp_path):
    clf = dense(**STOPPING, validation_fraction=StratifiedKFold(4)).fit(*two)
    with pytest.raises(ValueError, match="an estimator as validation_fraction"):
        skfashion.save(clf, tmp_path / "model")
    skfashion.save(clf.set_params(validation_fraction=0.1), tmp_path / "model")


@pytest.mark.parametrize(
    ("options", "groups", "match"),
    [
        ({}, np.arange(39), "inconsistent numbers of samples"),
        ({}, np.array([*"ab", None, 1] * 10, object), r"groups has missing values.*astype\(str\)"),
        ({"validation_fraction": 0.5}, [0] * 40, r"40 images in 1 groups with every class in it"),
        ({"validation_fraction": GroupKFold(2)}, None, r"validation_fraction=GroupKFold"),
        # In order: all of one class go.
        ({"validation_fraction": KFold(2)}, None, r"some classes would not be trained on"),
    ],
)
def test_parts_that_can_not_be(options, groups, match, two):
    X, y = two
    order = np.argsort(y, kind="stable")
    with pytest.raises(ValueError, match=match):
        dense(**STOPPING, **options).fit(X[order], y[order], groups=groups)


def test_a_class_of_two_images_is_on_both_sides_or_refused(two):
    X, y = two
    few = np.r_[np.flatnonzero(y == 0), np.flatnonzero(y == 1)[:2]]
    clf = dense(**STOPPING, validation_fraction=0.4, class_weight="balanced").fit(X[few], y[few])
    assert clf.n_iter_ > 0
    with pytest.raises(ValueError, match=r"needs two images of each class"):
        dense(**STOPPING).fit(X[few[:-1]], y[few[:-1]])
