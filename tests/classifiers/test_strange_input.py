"""Whatever is given: the right answer, or an error of the kind scikit-learn's users expect."""

import contextlib
import os
import traceback
import warnings
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from strange import telling, tries
from tiny import dense

from skfashion.preprocessing import GrayscaleToRGB, ImageFlattener, ImageResizer, PixelScaler

SIDE = 4
SHAPES = {(SIDE, SIDE), (SIDE, SIDE, 1), (SIDE * SIDE,)}
NUMBERS = ("u1", "i1", ">i2", "<i4", ">u8", "f2", "<f4", ">f4", "f8", ">f8", "?")
OTHERS = ("c8", "O", "U3", "S3", "M8[s]", "m8[s]", "V4")
LAYOUTS = ("as-is", "fortran", "strided", "reversed", "readonly", "broadcast", "list")
COUNTS = Counter()
TRIES = tries(150)
tell_counts = telling(COUNTS, "tries of strange arrays and labels")


@contextlib.contextmanager
def documented(what):
    """Let a block end, or fail as documented: no type, text or frame of what is underneath."""
    refusal = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            yield
    except (ValueError, TypeError) as error:
        refusal = error
    COUNTS[f"{what}: {'right' if refusal is None else type(refusal).__name__}"] += 1
    if refusal is None:
        return
    text = str(refusal).lower()
    assert len(text) > 15, repr(refusal)
    assert "tensor" not in text, text
    assert type(refusal).__module__.partition(".")[0] not in ("tensorflow", "keras")
    for each in (refusal, refusal.__cause__):
        for frame in traceback.extract_tb(getattr(each, "__traceback__", None)):
            assert not {"tensorflow", "keras", "scikeras"} & set(frame.filename.split(os.sep))


@st.composite
def arrays(draw, shapes):
    """Arrays of numbers and of other things, in every form NumPy has."""
    shape = draw(shapes)
    dtype = np.dtype(draw(st.sampled_from(NUMBERS * 3 + OTHERS)))
    values = np.random.RandomState(draw(st.integers(0, 99))).randint(0, 100, shape)
    array = values.astype("i4").astype(dtype) if dtype.kind != "V" else np.zeros(shape, dtype)
    if dtype.kind == "f" and array.size and draw(st.booleans()):
        special = draw(st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -1.0, 1e30, 5e-324]))
        with np.errstate(over="ignore"):
            array.flat[draw(st.integers(0, array.size - 1))] = special
    return draw(laid_out(array))


@st.composite
def laid_out(draw, array):
    """The same values in another memory layout, or as a list or a frame."""
    form = draw(st.sampled_from(LAYOUTS))
    if form == "fortran":
        return np.asfortranarray(array)
    if form == "strided" and array.ndim:
        return np.repeat(array, 2, axis=-1)[..., ::2]
    if form == "reversed" and array.ndim:
        return np.ascontiguousarray(array[::-1])[::-1]
    if form == "readonly":
        array = array.copy()
        array.flags.writeable = False
        return array
    if form == "broadcast" and array.ndim and len(array):
        return np.broadcast_to(array[:1], array.shape)
    return array.tolist() if form == "list" else array


def plain(X):
    """Return X as Python's simplest array of it."""
    return np.array(np.asarray(X).tolist(), dtype=np.float64).reshape(np.shape(X))


def is_fine(X, shapes):
    """Tell whether X is certainly an array of images."""
    X = np.asarray(X)
    return (
        X.dtype.kind in "biuf"
        and X.ndim > 1
        and len(X) > 0
        and X.shape[1:] in shapes
        and np.isfinite(X).all()
        and np.abs(X.astype(float)).max() < 1e38
    )


IMAGES = st.one_of(
    st.tuples(st.sampled_from([1, 2, 7]), st.sampled_from(sorted(SHAPES))).map(
        lambda pair: (pair[0], *pair[1])
    ),
    hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=5),
)


@pytest.fixture(scope="module")
def fitted():
    X = np.random.RandomState(0).randint(0, 100, (40, SIDE, SIDE)).astype(np.uint8)
    return dense(epochs=2).fit(X, X[:, 0, 0] > 50)


@given(X=arrays(IMAGES))
@TRIES
def test_predict(fitted, X):
    fine = is_fine(X, SHAPES)
    ended = False
    with documented("predict"):
        found = fitted.predict_proba(X)
        ended = True
        assert found.shape == (len(X), 2)
        assert np.isfinite(found).all()
        if fine:
            assert np.allclose(found, fitted.predict_proba(plain(X)), atol=1e-6)
    assert ended or not fine


@given(X=arrays(IMAGES), data=st.data())
@TRIES
def test_fit(X, data):
    n = len(X) if np.ndim(X) else 1
    y = np.arange(max(n, 0)) % 2
    clf = dense()
    # Other shapes are images as well, and each would be a network to be traced anew.
    shape = np.shape(X)[1:]
    if np.ndim(X) in (2, 3, 4) and shape not in SHAPES and 0 not in shape:
        return
    fine = is_fine(X, SHAPES) and n > 1
    with documented("fit"):
        clf.fit(X, y)
        assert clf.image_shape_ == (SIDE, SIDE, 1)
        if fine:
            wanted = clone(clf).fit(plain(X), y).predict_proba(plain(X))
            assert np.allclose(clf.predict_proba(X), wanted, atol=1e-5)
    assert hasattr(clf, "classes_") or not fine
    if not hasattr(clf, "classes_"):
        assert not [name for name in vars(clf) if name.endswith("_")]
        with pytest.raises(NotFittedError):
            clf.predict(X)


N = 8
EIGHT = np.random.RandomState(0).randint(0, 100, (N, SIDE, SIDE)).astype(np.uint8)
VALUES = (0, 1, -1, 2**40, 1.0, 0.5, np.nan, np.inf, "a", "b", "ü", "", b"a", True, False, None)
LABELS = st.one_of(
    st.lists(st.sampled_from(VALUES), min_size=N, max_size=N),
    st.sampled_from(VALUES).flatmap(
        lambda a: st.sampled_from(VALUES).map(lambda b: [a, b] * (N // 2))
    ),
)
FORMS = {
    "list": list,
    "array": np.array,
    "objects": lambda y: np.array(y, dtype=object),
    "series": lambda y: pd.Series(y, index=range(5, 5 + len(y))),
    "categorical": pd.Categorical,
    "category": lambda y: pd.Series(y, dtype="category"),
    "string": lambda y: pd.Series(y, dtype="string"),
    "column": lambda y: np.array(y, dtype=object)[:, None],
    "frame": lambda y: pd.DataFrame({"y": y}),
    "text": np.str_,
    "one-hot": lambda y: np.eye(3)[np.arange(N) % 3],
    "short": lambda y: y[:-1],
    "empty": lambda y: [],
    "number": lambda y: 3,
    "strided": lambda y: np.repeat(np.array(y, dtype=object), 2)[::2],
}


@given(values=LABELS, form=st.sampled_from(sorted(FORMS)))
@TRIES
def test_labels(values, form):
    try:
        y = FORMS[form](values)
    except Exception:  # pandas and NumPy have their own rules
        return
    clf = dense()
    with documented("labels"):
        clf.fit(EIGHT, y)
        labels = np.asarray(y).ravel()
        assert clf.classes_.tolist() == np.unique(labels).tolist()
        assert set(clf.predict(EIGHT).tolist()) <= set(labels.tolist())
        assert not pd.isna(labels).any()


def test_labels_that_are_fine():
    clf = dense()
    half = [0] * 4 + [1] * 4
    wanted = clf.fit(EIGHT, half).predict_proba(EIGHT)
    small = tuple(np.array([3, 200], np.uint8))
    for pair in ((False, True), ("a", "b"), (-1.0, 2.0), (2**40, 2**41), ("", "ü"), (-5, 0), small):
        y = [pair[i] for i in half]
        # scikit-learn takes arrays of objects for labels if they are text, and else for none.
        objects = ("objects", "strided") if isinstance(pair[0], str) else ()
        for form in ("list", "array", "series", "categorical", "category", *objects):
            given = FORMS[form](y)
            found = clone(clf).fit(EIGHT, given)
            assert np.array_equal(found.predict_proba(EIGHT), wanted), (pair, form)
            assert found.classes_.tolist() == list(pair)
            predicted = found.predict(EIGHT)
            assert predicted.tolist() == [pair[i] for i in wanted.argmax(axis=1)]
            assert predicted.dtype == np.asarray(given).dtype or form.startswith("categor")
        for dtype in ("string",) if isinstance(pair[0], str) else ("Int64", "boolean"):
            with contextlib.suppress(TypeError, ValueError):
                nullable = pd.Series(y, dtype=dtype)
                assert np.array_equal(clone(clf).fit(EIGHT, nullable).predict_proba(EIGHT), wanted)
    missing = pd.Series([1, 2, None] * 2 + [1, 2], dtype="Int64")
    for y in (missing, missing.astype(object), missing.astype("category"), missing.astype(float)):
        ended = False
        with documented("missing labels"):
            clone(clf).fit(EIGHT, y)
            ended = True
        assert not ended


@pytest.mark.filterwarnings("ignore:The number of unique classes")
def test_few_and_many():
    clf = dense()
    one_pixel = np.arange(20, dtype=np.uint8).reshape(20, 1, 1)
    for X in (one_pixel, one_pixel.reshape(20, 1)):
        assert clone(clf).fit(X, np.arange(20) % 2).predict_proba(X).shape == (20, 2)
    rows = np.random.RandomState(0).randint(0, 255, (10_000, SIDE, SIDE)).astype(np.uint8)
    many = clone(clf).set_params(batch_size=500).fit(rows, np.arange(10_000))
    found = many.predict_proba(rows[:50])
    assert found.shape == (50, 10_000)
    assert np.allclose(found.sum(axis=1), 1, atol=1e-4)
    for X, y in ((rows[:1], [0]), (rows[:5], [3] * 5), (rows[:0], [])):
        with pytest.raises(ValueError, match=r"class|sample"):
            clone(clf).fit(X, y)
    assert many.predict(rows[:1]).shape == (1,)


CHANGERS = {
    "unit": PixelScaler,
    "symmetric": lambda: PixelScaler("symmetric"),
    "standard": lambda: PixelScaler("standard"),
    "resize": lambda: ImageResizer(size=(3, 5)),
    "rgb": GrayscaleToRGB,
    "flat": ImageFlattener,
}


@pytest.mark.parametrize("name", CHANGERS)
@given(X=arrays(IMAGES))
@TRIES
def test_transformers(name, X):
    fine = is_fine(X, SHAPES)
    changer, ended = CHANGERS[name](), False
    with documented(name):
        found = changer.fit_transform(X)
        ended = True
        assert len(found) == len(X)
        assert np.isfinite(np.asarray(found, float)).all()
        if fine:
            # The same values in the plainest layout; a dtype's own rounding may show.
            same = np.array(X, dtype=np.asarray(X).dtype.newbyteorder("="), order="C")
            wanted = CHANGERS[name]().fit_transform(same)
            assert found.shape == wanted.shape
            assert np.allclose(found, wanted, atol=1e-6)
        assert np.array_equal(changer.transform(X), found)
    assert ended or not fine
