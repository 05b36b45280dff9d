"""Images that are read when they are needed end in what an array ends in, and are read once."""

import os
import pickle
import shutil

import joblib
import keras
import numpy as np
import pytest
from estimators import computed, dense, mobile, on_small_backbone, small_backbone
from estimators import small_network as network
from pictures import decoded, forget
from PIL import Image
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    cross_val_predict,
    cross_validate,
    learning_curve,
    train_test_split,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

import skfashion
from skfashion import BackboneFeatures, ConvClassifier, KerasImageClassifier
from skfashion._training import features
from skfashion._utils import lazy_images
from skfashion._utils.lazy_images import LazyImages
from skfashion.datasets import make_images
from skfashion.inspection import MistakesDisplay
from skfashion.preprocessing import (
    GrayscaleToRGB,
    ImageFlattener,
    ImageReader,
    ImageResizer,
    PixelScaler,
)

N = 40
y = np.arange(N) % 3


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    X, _ = make_images(N, n_classes=3, image_size=36, channels=3, random_state=0)
    names = [str(folder / f"{i}.png") for i in range(N)]
    for image, name in zip(X, names, strict=True):
        Image.fromarray(image).save(name)
    return np.array(names)


@pytest.fixture(autouse=True)
def _forget(monkeypatch):
    monkeypatch.setattr(lazy_images, "_PART_BYTES", 10 * 32 * 32 * 3)
    forget()
    yield
    forget()


@pytest.fixture
def lazy(files):
    return ImageReader(32, lazy=True).transform(files)


@pytest.fixture(scope="module")
def array(files):
    return ImageReader(32).transform(files)


@pytest.mark.parametrize(
    "key",
    [
        *(3, -1, slice(5, 9), [4, 1, 4], np.arange(N) % 2 == 0, np.array([2, 0])),
        *((slice(2), ..., 0), ([0, 1], [2, 3]), np.array([[0, 1], [2, 3]]), True),
    ],
    ids=repr,
)
def test_indexed_as_the_array_is(lazy, array, key):
    assert (lazy.shape, lazy.dtype, lazy.nbytes) == (array.shape, array.dtype, array.nbytes)
    part = lazy[key]
    assert part.shape == array[key].shape
    np.testing.assert_array_equal(np.asarray(part), array[key])


def test_pickled_and_hashed_as_names(lazy, array):
    part = lazy[[7, 3, 7]]
    assert len(pickle.dumps(part)) < 1500 < len(pickle.dumps(lazy)) < 8000
    copy = pickle.loads(pickle.dumps(part))
    assert joblib.hash(part) == joblib.hash(copy) != joblib.hash(lazy[[3, 7, 7]])
    assert not decoded()
    np.testing.assert_array_equal(np.asarray(copy), array[[7, 3, 7]])


def test_the_bound_decides_and_is_told(files):
    n_bytes = N * 32 * 32 * 3
    with skfashion.config_context(image_memory_bytes=n_bytes):
        assert isinstance(ImageReader(32).transform(files), np.ndarray)
    with skfashion.config_context(image_memory_bytes=n_bytes - 1):
        assert isinstance(ImageReader(32, lazy=False).transform(files), np.ndarray)
        X = ImageReader(32).fit_transform(files)
        pipe = make_pipeline(ImageReader(32), ImageFlattener(), LogisticRegression())
        for read in (lambda: np.asarray(X), lambda: pipe.fit(files, y)):
            with pytest.raises(ValueError, match="GiB, more than image_memory_bytes"):
                read()


class Unseeing(ClassifierMixin, BaseEstimator):
    """Never looks at a pixel."""

    def fit(self, X, y):
        assert isinstance(X, LazyImages)
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        assert isinstance(X, LazyImages)
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


TOOLS = {
    "split": lambda X, clf: train_test_split(X, y, stratify=y),
    "validate": lambda X, clf: cross_validate(clf, X, y, error_score="raise"),
    "predict": lambda X, clf: cross_val_predict(clf, X, y, method="predict_proba"),
    "grid": lambda X, clf: GridSearchCV(clf, {}, error_score="raise").fit(X, y).predict(X),
    "curve": lambda X, clf: learning_curve(clf, X, y, error_score="raise", shuffle=True),
    "voting": lambda X, clf: VotingClassifier([("a", clf), ("b", clf)]).fit(X, y).predict(X),
    "stacking": lambda X, clf: StackingClassifier([("a", clf), ("b", clf)]).fit(X, y).predict(X),
    "one vs rest": lambda X, clf: OneVsRestClassifier(clf).fit(X, y).predict(X),
    "calibrated": lambda X, clf: CalibratedClassifierCV(clf).fit(X, y).predict(X),
}


@pytest.mark.parametrize("tool", TOOLS)
def test_tools_of_scikit_learn_read_nothing(tool, lazy):
    TOOLS[tool](lazy, Unseeing())
    assert not decoded()


def test_a_pipeline_with_memory_keeps_names(files, tmp_path):
    steps = ImageReader(32, lazy=True), ImageResizer(16), Unseeing()
    make_pipeline(*steps, memory=str(tmp_path)).fit(files, y)
    assert not decoded()
    assert sum(f.stat().st_size for f in tmp_path.rglob("*.pkl")) < 10 * 200 * N


@pytest.mark.parametrize(
    "steps",
    [
        (ImageResizer(8), PixelScaler()),
        (PixelScaler("standard"), ImageFlattener()),
        (PixelScaler("symmetric"), ImageResizer(16), GrayscaleToRGB()),
    ],
    ids=str,
)
def test_transformers_are_composed(steps, lazy, array):
    both = make_pipeline(*map(clone, steps)).fit_transform(lazy)
    expected = make_pipeline(*map(clone, steps)).fit_transform(array)
    assert isinstance(both, LazyImages)
    np.testing.assert_array_equal(np.asarray(both), expected)
    clf = dense(epochs=1)
    assert clone(clf).fit(both, y).input_range_ == clone(clf).fit(expected, y).input_range_


BATCHES = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)
WHOLE = {"unfreeze_from": 0, "augmentation": "flip"}
FITS = {
    "dense": dense(batch_size=8, dropout=0.5),
    "stopping": dense(batch_size=8, early_stopping=True, test_time_flip=True),
    "loss": dense(early_stopping=True, scoring="roc_auc_ovr"),
    "conv": ConvClassifier(8, epochs=2, dense_units=8, augmentation="shift", random_state=0),
    "head": mobile(),
    "flips": mobile(augmentation="flip", early_stopping=True),
    "unfrozen": mobile(unfreeze_from="Conv_1"),
    "both views, whole": on_small_backbone(**WHOLE),
    "batches": dense(callbacks=[BATCHES], early_stopping=True),
    "custom": KerasImageClassifier(network, epochs=1, random_state=0),
}


def assert_same(one, other):
    assert one.history_ == other.history_
    for a, b in zip(one._weights, other._weights, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", FITS)
def test_a_fit_ends_as_on_the_array(name, lazy, array):
    weight = np.linspace(1, 2, N)
    one, other = (clone(FITS[name]).fit(X, y, weight) for X in (lazy, array))
    assert_same(one, other)
    np.testing.assert_array_equal(one.predict_proba(lazy), other.predict_proba(array))
    again = [clf.set_params(warm_start=True).fit(X, y) for clf, X in ((one, lazy), (other, array))]
    assert_same(*again)
    if not one.early_stopping:
        assert_same(one.partial_fit(lazy[:9], y[:9]), other.partial_fit(array[:9], y[:9]))


def test_pixels_are_kept_only_where_all_of_them_fit(files, array, tmp_path):
    for bound, memory, kept in ((2**30, None, 1), (1000, None, 3), (1000, str(tmp_path), 1)):
        forget()
        with skfashion.config_context(image_cache_bytes=bound):
            before = skfashion.cache_info()["images"]
            X = ImageReader(32, lazy=True, memory=memory).transform(files)
            dense(epochs=3, batch_size=8).fit(X, y)
            after = skfashion.cache_info()["images"]
        assert decoded() == kept * N == after["decoded"] - before["decoded"]
        found = "from_disk" if memory else "from_memory"
        assert after[found] - before[found] == (3 - kept) * N


@pytest.mark.parametrize("clf", [on_small_backbone(), dense()], ids=["features", "pixels"])
def test_a_known_fit_reads_nothing(clf, lazy, array, tmp_path):
    clf.set_params(memory=tmp_path / "runs")
    first = clone(clf).fit(lazy, y)
    n = decoded()
    assert n == N
    expected = first.predict_proba(lazy)
    forget()
    again = clone(clf).fit(lazy, y)
    assert_same(again, first)
    assert not decoded()
    np.testing.assert_array_equal(again.predict_proba(lazy), expected)
    assert decoded() == (0 if hasattr(clf, "backbone") else N)
    longer = clone(clf).set_params(epochs=clf.epochs + 1)
    assert_same(longer.fit(lazy, y), clone(longer).set_params(memory=None).fit(array, y))


def test_a_search_reads_each_file_once(files, array):
    search = GridSearchCV(on_small_backbone(), {"dropout": [0.0, 0.2]}, cv=3, error_score="raise")
    before = computed()
    with skfashion.config_context(image_cache_bytes=0):
        pipe = make_pipeline(ImageReader(32, lazy=True), search)
        pipe.fit(files, y).predict(files)
        BackboneFeatures(small_backbone, weights=None).fit(array).transform(array)
    assert decoded() == N
    assert computed() - before == N  # an array's rows are the same


@pytest.mark.parametrize("store", [False, True])
def test_both_views_are_computed_in_one_pass_over_the_files(
    store, lazy, array, tmp_path, monkeypatch
):
    monkeypatch.setattr(features, "_BATCH", 8)
    memory = tmp_path if store else None
    clf = on_small_backbone(augmentation="flip", early_stopping=True, memory=memory)
    with skfashion.config_context(image_cache_bytes=0):
        one = clone(clf).fit(lazy, y)
    assert decoded() == N
    assert_same(one, clone(clf).set_params(memory=None).fit(array, y))


def test_rows_of_an_array_are_those_of_files(lazy, array, tmp_path):
    clf = on_small_backbone(memory=tmp_path)
    clone(clf).fit(array, y)
    before = computed()
    clone(clf).fit(lazy, y)
    assert computed() == before


def test_what_a_kill_interrupts_is_not_read_again(lazy, array, tmp_path, monkeypatch):
    monkeypatch.setattr(features, "_BATCH", 8)
    monkeypatch.setattr(features, "_SAVE_SECONDS", 0)
    clf = on_small_backbone(memory=tmp_path)
    save, saved = features._Search.save, []

    def killed(*args):
        save(*args)
        saved.append(args)
        if len(saved) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(features._Search, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        clone(clf).fit(lazy, y)
    forget()
    assert_same(clone(clf).fit(lazy, y), on_small_backbone().fit(array, y))
    assert decoded() == N - 3 * 8


def test_rows_beyond_the_cache_are_read_from_disk(lazy, array, tmp_path):
    expected = on_small_backbone(epochs=2).fit(array, y)
    before = computed()
    with skfashion.config_context(feature_cache_bytes=N * 32 * 4 - 1, image_cache_bytes=0):
        forget()
        clf = on_small_backbone(epochs=2, memory=tmp_path).fit(lazy, y)
        assert_same(clf, expected)
        assert (decoded(), computed() - before) == (N, N)
        np.testing.assert_array_equal(clf.predict_proba(lazy), expected.predict_proba(array))


@pytest.mark.parametrize("change", ["vanishes", "changes"])
def test_a_file_that_is_not_what_it_was_is_named(files, tmp_path, change):
    name = tmp_path / "one.png"
    shutil.copy(files[0], name)
    X = ImageReader(32, lazy=True).transform([*files, name])
    if change == "vanishes":
        os.remove(name)
    else:
        os.utime(name, (1, 1))
    with pytest.raises((ValueError, FileNotFoundError), match=r"1 of (.|\n)*one\.png"):
        dense().fit(X, np.arange(N + 1) % 3)
    name.write_bytes(b"broken")
    X = ImageReader(32, lazy=True).transform([*files, name])
    with pytest.raises(ValueError, match=r"1 of (.|\n)*one\.png: it is not a"):
        dense().fit(X, np.arange(N + 1) % 3)


def test_mistakes_are_drawn(lazy, array):
    pytest.importorskip("matplotlib")
    clf = dense(epochs=1).fit(array, y)
    ours, theirs = (MistakesDisplay.from_estimator(clf, X, y) for X in (lazy, array))
    for one, other in zip(ours.images, theirs.images, strict=True):
        np.testing.assert_array_equal(one, other)


def test_blank_images_are_told_of_when_they_are_read(files):
    reader = ImageReader(32, lazy=True, on_error="blank")
    X = reader.transform([*files[:3], "gone.png"])
    assert not reader.blank_
    with pytest.warns(UserWarning, match="1 of 4 images come out black"):
        assert not np.asarray(X)[3].any()
    assert reader.blank_ == {3: "no such file"}


def test_images_without_a_name_are_read_at_once(files):
    with open(files[0], "rb") as opened:
        assert isinstance(ImageReader(32, lazy=True).transform([opened]), np.ndarray)
