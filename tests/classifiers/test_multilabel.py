"""More than one label an image: probabilities, scores, what can't be, and what stays."""

import keras
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from custom import custom
from estimators import READY, dense, on_small_backbone, small
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import accuracy_score, f1_score, log_loss
from sklearn.model_selection import GridSearchCV, GroupKFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier

import skfashion
from skfashion import _training
from skfashion._cli._main import main
from skfashion.classifiers._base import _split_off
from skfashion.inspection import MistakesDisplay, write_report

STOPPING = {"early_stopping": True, "epochs": 8, "n_iter_no_change": 3, "validation_fraction": 0.3}
LEARNS = {"epochs": 30, "learning_rate": 1e-2}
# The means of its features say little of these images until it is trained.
TRAINED = {"unfreeze_from": "block1", "fine_tune_epochs": 40, "fine_tune_learning_rate": 1e-2}


@pytest.fixture(scope="module")
def several():
    """80 images of 8 x 8 with rows, columns and dots, and which of them each has."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, (80, 3))
    X = rng.integers(0, 40, (80, 8, 8))
    for label, where in enumerate((np.s_[:, 1:3], np.s_[:, :, 5:7], np.s_[:, ::2, ::2])):
        X[where] += 70 * y[:, label, None, None]
    return X.astype(np.uint8), y


@pytest.fixture(scope="module")
def fitted(several):
    return dense(**LEARNS).fit(*several)


@pytest.mark.parametrize("name", READY)
def test_each_label_has_a_probability_of_its_own(name, several):
    X, y = several
    clf = small(name, **(TRAINED if name == "BackboneFineTuner" else {})).fit(X, y)
    told = clf.predict_proba(X)
    assert (told.shape, told.dtype) == (y.shape, np.float32)
    assert ((told >= 0) & (told <= 1)).all()
    assert np.ptp(told.sum(axis=1)) > 0.5
    assert_array_equal(clf.predict(X), told > 0.5)
    assert clf.predict(X).dtype == y.dtype
    assert f1_score(y, clf.predict(X), average="samples", zero_division=1) > 0.6
    assert_array_equal(np.exp(clf.predict_log_proba(X)).round(5), told.round(5))
    mlp = MLPClassifier(max_iter=1).fit(X.reshape(80, -1), y)
    assert_array_equal(clf.classes_, mlp.classes_)
    assert clf.n_classes_ == 3
    assert clf.multilabel_
    assert not clf.fit(X, y[:, 0]).multilabel_
    assert clf.predict(X).shape == (80,)


def test_it_is_trained_and_watched_as_keras_does(several):
    X, y = several
    clf = dense(**LEARNS).fit(X[:50], y[:50], X_val=X[50:], y_val=y[50:])
    told = clf.predict_proba(X[50:]).astype(float)
    by_label = [log_loss(of, p) for of, p in zip(y[50:].T, told.T, strict=True)]
    assert clf.history_["val_loss"][-1] == pytest.approx(np.mean(by_label), rel=1e-4)
    right = np.mean(y[50:] == (told > 0.5))
    assert clf.history_["val_accuracy"][-1] == pytest.approx(right)
    assert clf.score(X[50:], y[50:]) == accuracy_score(y[50:], told > 0.5)
    assert clf.model_.get_layer("classes").activation is keras.activations.sigmoid


@pytest.mark.parametrize(
    "form", [lambda y: y > 0, np.ndarray.tolist, list, pd.DataFrame, scipy.sparse.csr_array]
)
def test_any_indicator_is_the_same(form, several, fitted):
    X, y = several
    again = dense(**LEARNS).fit(X, form(y))
    assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))


def test_a_weight_of_two_is_an_image_twice(several):
    X, y = several
    settings = {"epochs": 20, "batch_size": 200, "optimizer": "sgd", "learning_rate": 0.1}
    weighted = dense(**settings).fit(X, y, np.r_[[2.0] * 20, [1.0] * 60])
    twice = dense(**settings).fit(np.r_[X[:20], X], np.r_[y[:20], y])
    assert_allclose(weighted.predict_proba(X), twice.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("n_labels", [2, 3])
@pytest.mark.parametrize("scoring", ["f1_samples", "average_precision", "roc_auc", "accuracy"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_early_stopping_watches_scores_of_several_labels(scoring, n_labels, several):
    X, y = several
    clf = dense(**STOPPING, scoring=scoring, learning_rate=1e-2).fit(X, y[:, :n_labels])
    assert max(clf.history_[f"val_{scoring}"]) > 0.5


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_a_search_by_scores_of_several_labels(several):
    X, y = several
    names = ["f1_samples", "average_precision", "roc_auc"]
    grid = {"learning_rate": [1e-2, 1e-9]}
    search = GridSearchCV(dense(epochs=20), grid, cv=3, scoring=names, refit="f1_samples")
    search.fit(X, y)
    assert search.best_params_ == {"learning_rate": 1e-2}
    assert all(search.cv_results_[f"mean_test_{name}"][0] > 0.8 for name in names)


def test_the_part_is_of_whole_groups_and_of_no_strata(several):
    X, y = several
    groups = np.arange(80) // 4
    train, valid = _split_off(y, 0.25, 0, groups)
    assert not set(groups[train]) & set(groups[valid])
    dense(**STOPPING).fit(X, y, groups=groups)
    rare = np.zeros_like(y)
    rare[0, 0] = 1  # one image of a label: nothing to stratify by
    dense(**STOPPING).fit(X, rare)
    dense(**{**STOPPING, "validation_fraction": GroupKFold(4)}).fit(X, y, groups=groups)
    with pytest.raises(ValueError, match=r"can't set aside .*80 images \(Supported target types"):
        dense(**{**STOPPING, "validation_fraction": StratifiedKFold(4)}).fit(X, y)


HOT = np.eye(3, dtype=int)[np.arange(80) % 3]


@pytest.mark.parametrize(
    ("clf", "labels", "message"),
    [
        (dense(), HOT, r"one-hot rows.*numpy.argmax\(y, axis=1\), or multilabel=True"),
        (custom(), HOT, r"one-hot rows.*argmax\(y, axis=1\)\.$"),
        (custom(), None, "1d array of labels.*OneVsRestClassifier"),
        (dense(multilabel=False), None, "1d array of labels.*OneVsRestClassifier"),
        (dense(multilabel=True), HOT[:, 0], r"indicator of labels.*\(80,\).*a column of 0 and 1"),
        (dense(), [{0}, {1, 2}] * 40, r"MultiLabelBinarizer\(\).fit_transform\(y\)\.$"),
        (dense(), HOT + 1, "3 labels an image.*MultiOutputClassifier"),
        (dense(), np.ma.array(HOT, mask=HOT > 0), "y has missing labels"),
        (dense(class_weight="balanced"), None, "class_weight.*several labels an image"),
        (dense(loss="categorical_crossentropy"), None, "loss=.*'binary_crossentropy'"),
        (dense(loss=lambda y, p: keras.ops.mean(p)), None, "loss=.*'binary_crossentropy'"),
        (dense(**STOPPING, scoring="matthews_corrcoef"), None, "can't score(.|\n)*'f1_samples'"),
    ],
)
def test_refused_by_name(clf, labels, message, several):
    X, y = several
    with pytest.raises(ValueError, match=f"(?s){message}"):
        clf.fit(X, y if labels is None else labels)
    assert not hasattr(clf, "classes_")


def test_one_hot_rows_are_taken_if_told_or_once_several_labels_are_known(several):
    X, y = several
    assert dense(multilabel=True).fit(X, HOT).predict(X).shape == (80, 3)
    clf = dense().fit(X, y, X_val=X, y_val=HOT).partial_fit(X, HOT)
    assert clf.predict(X).shape == (80, 3)


@pytest.mark.parametrize("labels", [np.eye(4, dtype=int)[np.arange(80) % 4], HOT[:, 0]])
def test_other_labels_than_before(labels, several, fitted):
    X, y = several
    clf = dense(**LEARNS, warm_start=True).fit(X, y)
    for call in (
        lambda: clf.fit(X, labels),
        lambda: clf.partial_fit(X, labels),
        lambda: clf.fit(X, y, X_val=X, y_val=labels),
    ):
        with pytest.raises(ValueError, match=r"has 4 labels an image.*\[0, 1, 2\]|indicator of"):
            call()
    assert_array_equal(clf.predict_proba(X), fitted.predict_proba(X))


def test_partial_fit_is_fit_an_epoch_at_a_time(several):
    X, y = several
    with pytest.raises(ValueError, match=r"classes are \['a', 'b', 'c'\]"):
        dense().partial_fit(X, y, classes=["a", "b", "c"])
    parts = dense().partial_fit(X, y, classes=np.arange(3)).partial_fit(X, y).partial_fit(X, y)
    assert_array_equal(parts.predict_proba(X), dense(epochs=3).fit(X, y).predict_proba(X))


def test_memory_resumes_and_files_keep_it(several, fitted, tmp_path, capsys):
    X, y = several
    settings = {**LEARNS, "memory": tmp_path / "runs", "verbose": 1}
    dense(**{**settings, "epochs": 10}).fit(X, y)
    resumed, again = dense(**settings).fit(X, y), dense(**settings).fit(X, y)
    told = capsys.readouterr().out
    assert "30 epochs (10 known)" in told
    assert "30 epochs (30 known)" in told
    skfashion.save(again, tmp_path / "model")
    for each in (resumed, again, skfashion.load(tmp_path / "model")):
        assert each.history_ == fitted.history_
        assert_array_equal(each.predict_proba(X), fitted.predict_proba(X))
    assert_array_equal(skfashion.load(tmp_path / "model").predict(X), fitted.predict(X))


def test_features_below_a_head_are_computed_once_for_one_label_and_for_several(several):
    X, y = several
    skfashion.clear_caches()
    before = _training.features_info()["computed"]
    clf = on_small_backbone(test_time_flip=True, augmentation="flip").fit(X, y)
    on_small_backbone(augmentation="flip").fit(X, y[:, 0])
    clf.predict(X)
    assert _training.features_info()["computed"] - before == 2 * len(X)
    both = on_small_backbone(unfreeze_from="block2").fit(X, y)
    assert both.history_["phase"] == ["head", "fine_tune"]


def test_what_shows_single_labels_says_so(several, fitted, tmp_path, capsys):
    X, y = several
    pytest.importorskip("matplotlib")
    with pytest.raises(ValueError, match=r"one label each.*classification_report"):
        MistakesDisplay.from_estimator(fitted, X, y)
    search = GridSearchCV(dense(memory=tmp_path / "runs"), {"epochs": [1, 2]}, cv=2).fit(X, y)
    with pytest.raises(ValueError, match=r"one label each.*classification_report"):
        write_report(search, tmp_path / "report.html", X_test=X, y_test=y)
    assert "return_train_score" in write_report(search, tmp_path / "report.html").read_text()
    skfashion.save(fitted, tmp_path / "model")
    assert main(["evaluate", str(tmp_path / "model"), "digits"]) == 2
    assert "several labels" in capsys.readouterr().err
