"""What classifiers make of pixels of any range, and of rows in any order."""

import pickle

import numpy as np
import pytest
from estimators import KINDS, READY, dense, small
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline

import skfashion
from skfashion.datasets import make_images
from skfashion.inspection import MistakesDisplay
from skfashion.inspection._pictures import image_shape_for, pictures
from skfashion.preprocessing import ImageResizer, PixelScaler


@pytest.fixture(scope="module")
def bytes_():
    """60 images of 3 classes, 8 x 8, with a black and a white pixel."""
    X, y = make_images(n_samples=60, n_classes=3, image_size=8, random_state=0)
    X[0, 0, :2] = 0, 255
    return X, y


@pytest.fixture(scope="module", params=KINDS)
def of_bytes(request, bytes_):
    """A classifier of each kind, fitted on bytes."""
    return small(request.param, epochs=2).fit(*bytes_)


def test_the_type_of_the_pixels_makes_no_difference(of_bytes, bytes_):
    X, y = bytes_
    expected = of_bytes.predict_proba(X)
    for dtype in ("float16", "float32", "float64", "int32", "int64"):
        assert_allclose(of_bytes.predict_proba(X.astype(dtype)), expected, atol=1e-6)
    floats = clone(of_bytes).fit(X.astype("float32"), y)
    for dtype in ("float32", "float64", "uint8"):
        assert_allclose(floats.predict_proba(X.astype(dtype)), expected, atol=1e-5)


SAME = {
    "float16": (lambda X: X.astype("float16"), "0-255"),
    "0-1": (lambda X: X / 255, "0-1"),
    "-1-1": (lambda X: X / 127.5 - 1, "-1-1"),
    "16 bits": (lambda X: X.astype("uint16") * 257, (0.0, 65535.0)),
    "32 bits": (lambda X: (X * ((2**31 - 1) / 255)).astype("int32"), (0.0, 2.0**31 - 1)),
}


@pytest.mark.parametrize("of_bytes", READY, indirect=True)
@pytest.mark.parametrize("same", SAME)
def test_the_same_pictures_on_any_scale_train_alike(same, of_bytes, bytes_):
    X, y = bytes_
    scaled, expected = SAME[same]
    clf = clone(of_bytes).fit(scaled(X), y)
    assert clf.input_range_ == expected
    atol = 1e-3 if same in ("0-1", "-1-1") else 2e-3
    assert_allclose(clf.predict_proba(scaled(X)), of_bytes.predict_proba(X), atol=atol)
    assert_array_equal(clf.predict(scaled(X)[:1]), clf.predict(scaled(X))[:1])


@pytest.mark.parametrize("name", READY)
def test_half_precision_holds_deep_pixels(name, bytes_):
    X, y = bytes_
    clf = small(name, epochs=1, dtype_policy="mixed_float16").fit(X.astype("uint16") * 257, y)
    assert np.isfinite(clf.history_["loss"]).all()


def test_a_range_that_is_told(bytes_, tmp_path):
    X, y = bytes_
    clf = dense(input_range=(0, 1000), memory=tmp_path / "runs").fit(X * 3.5, y)
    assert clf.input_range_ == (0.0, 1000.0)
    assert_allclose(clf._rescaling(), (1e-3, 0))
    assert dense(input_range=[0, 255]).fit(X, y).input_range_ == "0-255"
    other = dense(input_range=(0, 2000), memory=tmp_path / "runs").fit(X * 3.5, y)
    assert np.abs(other.predict_proba(X * 3.5) - clf.predict_proba(X * 3.5)).max() > 1e-3
    again = dense(input_range=(0, 1000.0), memory=tmp_path / "runs").fit(X * 3.5, y)
    assert_array_equal(again.predict_proba(X * 3.5), clf.predict_proba(X * 3.5))


def test_what_was_learnt_of_pixels_is_kept(colours, tmp_path):
    _, planes, y = colours
    rows = planes.reshape(60, -1).astype("uint16") * 257
    clf = dense(image_shape=(3, 8, 10), input_range=(0, 65535)).fit(rows, y)
    skfashion.save(clf, tmp_path / "model")
    for same in (pickle.loads(pickle.dumps(clf)), skfashion.load(tmp_path / "model")):
        assert same.input_range_ == (0.0, 65535.0)
        assert type(same.input_range_) is tuple
        assert_array_equal(same.predict_proba(rows), clf.predict_proba(rows))


# --------------------------------------------------------- another range than the first


def test_other_ranges_are_told_wherever_images_come_in(bytes_):
    X, y = bytes_
    with pytest.warns(UserWarning, match=r"of X_val lie in \[0, 1\].*'0-255'"):
        dense().fit(X, y, X_val=X / 255, y_val=y)
    clf = dense(warm_start=True).fit(X, y)
    with pytest.warns(UserWarning, match=r"of X lie in \[0, 1\].*'0-255'"):
        clf.partial_fit(X / 255, y)
    with pytest.warns(UserWarning, match=r"of X lie in \[0, 1\].*'0-255'"):
        clf.fit(X / 255, y)
    assert clf.input_range_ == "0-255"


def test_the_range_is_decided_at_fit_and_stored(two):
    X, y = two
    clf = dense().fit(X, y)
    dark = clf.predict_proba(X // 100)  # values 0 to 2, still bytes
    assert_allclose(clf.predict_proba((X // 100).astype("float32")), dark, atol=1e-6)
    told = dense(input_range="0-255").fit((X // 255).astype("float32"), y)
    assert told.input_range_ == "0-255"
    with pytest.warns(UserWarning, match="not a range that is known"):
        assert dense().fit(X * 3.5 - 400, y).input_range_ == "as-is"


def test_nothing_is_told_of_what_was_trained_on(bytes_, recwarn):
    X, y = bytes_
    for same in (X, X / 255 * 1.9, X / 255 * 280, X * 257.0, X * 8.0 - 1000, X // 255):
        clf = dense(epochs=1, warm_start=True)
        clf.fit(same, y, X_val=same[:9], y_val=y[:9]).partial_fit(same, y).fit(same, y)
        clf.predict(same)
    assert not [w for w in recwarn if "ixel" in str(w.message)]


@pytest.mark.parametrize("name", READY)
def test_black_frames_decide_nothing(name, bytes_):
    X, y = bytes_
    black = np.zeros_like(X[:4])
    late = small(name).partial_fit(black, y[:4], classes=[0, 1, 2])
    assert late.input_range_ is None
    late = pickle.loads(pickle.dumps(late))
    assert late.predict(X).shape == (60,)
    late.partial_fit(black, y[:4])
    assert late.input_range_ is None
    with pytest.raises(ValueError, match="not among the classes"):
        late.partial_fit(X / 255, y + 9)
    assert late.input_range_ is None
    late.partial_fit(X / 255, y)
    assert late.input_range_ == "0-1"
    assert late._rescaling() == late._plan.phases[0].network["rescaling"]
    told = small(name, input_range="0-1").partial_fit(black, y[:4], classes=[0, 1, 2])
    assert told.input_range_ == "0-1"
    told.partial_fit(black, y[:4]).partial_fit(X / 255, y)
    assert_allclose(late.predict_proba(X / 255), told.predict_proba(X / 255), atol=1e-6)
    late.set_params(warm_start=True, epochs=1).fit(X / 255, y)


def test_black_frames_in_fit_are_bytes(bytes_):
    X, y = bytes_
    assert dense().fit(X * 0, y).input_range_ == "0-255"
    undecided = dense(warm_start=True).partial_fit(X * 0, y, classes=[0, 1, 2])
    assert undecided.fit(X / 255, y).input_range_ == "0-1"


# ------------------------------------------------------------------------------ planes


@pytest.fixture(scope="module")
def colours():
    X, y = make_images(60, n_classes=3, image_size=(8, 10), channels=3, random_state=0)
    return X, np.moveaxis(X, -1, 1), y


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("form", ["rows", "planes"])
def test_planes_are_the_same_images(name, form, colours):
    X, planes, y = colours
    given = planes.reshape(60, -1) if form == "rows" else planes
    clf = small(name, epochs=2, image_shape=(3, 8, 10))
    clf.fit(given, y, X_val=given[:9], y_val=y[:9])
    assert clf.image_shape_ == (8, 10, 3)
    same = small(name, epochs=2).fit(X, y, X_val=X[:9], y_val=y[:9])
    assert clf.history_ == same.history_
    expected = same.predict_proba(X)
    clf.set_params(image_shape=None)  # which counts from the next fit on
    for other in (planes.reshape(60, -1), planes, X, planes.reshape(60, -1).astype(float)):
        assert_array_equal(clf.predict_proba(other), expected)
    assert_array_equal(
        clf.partial_fit(given, y).predict_proba(X), same.partial_fit(X, y).predict_proba(X)
    )
    with pytest.raises(ValueError, match="was fitted on"):
        clf.predict(planes.swapaxes(2, 3))


def test_planes_in_searches_and_pipelines(colours):
    X, planes, y = colours
    rows = planes.reshape(60, -1)
    clf = dense(image_shape=(3, 8, 10))
    found = GridSearchCV(make_pipeline(PixelScaler(), clf), {}, cv=2).fit(rows, y)
    assert image_shape_for(found) == (3, 8, 10)
    same = GridSearchCV(make_pipeline(PixelScaler(), dense()), {}, cv=2).fit(X, y)
    assert found.best_score_ == same.best_score_
    small_ones = make_pipeline(ImageResizer(4, image_shape=(3, 8, 10)), dense())
    expected = cross_val_score(make_pipeline(ImageResizer(4), dense()), X, y, cv=2)
    assert_array_equal(cross_val_score(small_ones, rows, y, cv=2), expected)
    assert_array_equal(cross_val_score(small_ones, planes, y, cv=2), expected)


def test_planes_are_shown_as_they_are_seen(colours):
    X, planes, y = colours
    clf = dense(epochs=1, image_shape=(3, 8, 10)).fit(planes, y)
    for given in (planes.reshape(60, -1), planes, X):
        assert_array_equal(pictures(given, image_shape=image_shape_for(clf)), X)
    pytest.importorskip("matplotlib")
    for display in (
        MistakesDisplay.from_estimator(clf, planes, y),
        MistakesDisplay.from_predictions(planes.reshape(60, -1), y, clf.predict_proba(planes),
                                         image_shape=(3, 8, 10)),
    ):  # fmt: skip
        assert_array_equal(display.images[0], X[display.mistakes["index"].iloc[0]])


@pytest.mark.parametrize("name", READY[1:])
def test_lines_of_pixels_are_not_convolved(name, rng):
    X, y = rng.integers(0, 256, (12, 120)).astype("uint8"), np.arange(12) % 2
    with pytest.raises(ValueError, match=rf"rows of 120 values.*{name}.*image_shape=\("):
        small(name, epochs=1).fit(X, y)
    with pytest.raises(ValueError, match=r"rows of 120 values"):
        small(name).partial_fit(X, y, classes=[0, 1])
    assert dense(epochs=1).fit(X, y).model_.input_shape == (None, 1, 120, 1)
