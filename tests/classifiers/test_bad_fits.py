"""What fit refuses: every refusal names the culprit and the remedy, and loses nothing."""

import keras
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from tiny import NAN, WEIGHT, X, custom, dense, mobile, y

from skfashion import (
    ConvClassifier,
    DenseClassifier,
)

SEVERAL = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 0]] * 4)  # two labels an image


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        return X, y


class Loader:
    """As torch's `DataLoader` and `tf.data.Dataset`: iterable, and nothing else."""

    def __iter__(self):
        return iter([(X, y)])


# name -> (what is fitted, positional arguments, keyword arguments, exception, message)
FIT = {
    # images
    "one image": (dense(), (X[0, 0], y[:8]), {}, ValueError, "Expected 2D array|got 1D array"),
    "five axes": (dense(), (X[..., None, None], y), {}, ValueError, r"shape \(12, 8, 8, 1, 1\).*"),
    "channels": (dense(), (np.repeat(X[..., None], 5, 3), y), {}, ValueError, "5 channels.*1 .*3"),
    "channels first": (
        dense(),
        (np.repeat(X[:, None], 3, 1), y),
        {},
        ValueError,
        r"8 channels.*np.moveaxis\(X, 1, -1\)",
    ),
    "mixed sizes": (
        dense(),
        ([*X[:11], X[0, :4]], y),
        {},
        ValueError,
        r"mixes images of 2 shapes.*\(4, 8\).*\(8, 8\).*ImageReader\(size=",
    ),
    "mixed sizes, objects": (
        dense(),
        (np.array([*X[:11], X[0, :4]], object), y),
        {},
        ValueError,
        r"mixes images of 2 shapes.*ImageReader\(size=",
    ),
    "mixed sizes, lists": (
        dense(),
        ([*X[:11].tolist(), X[0, :4].tolist()], y),
        {},
        ValueError,
        r"mixes images of 2 shapes.*ImageReader\(size=",
    ),
    "NaN": (dense(), (NAN, y), {}, ValueError, "X contains NaN"),
    "infinity": (dense(), (X * np.inf, y), {}, ValueError, "NaN|infinity"),
    "too large": (dense(), (X * 1e300, y), {}, ValueError, "too large for float32.*scale"),
    "complex": (dense(), (X * 1j, y), {}, ValueError, "Complex data not supported"),
    "no images": (dense(), (X[:0], y[:0]), {}, ValueError, "0 sample"),
    "no pixels": (dense(), (X[:, :0], y), {}, ValueError, "without a pixel"),
    "sparse": (dense(), (scipy.sparse.eye(12), y), {}, TypeError, "Sparse data.*toarray"),
    **{
        f"images, {name}": (
            dense(),
            (given,),
            {},
            TypeError,
            f"X is a.*{kind}.*arrays.*ImageReader",
        )
        for name, (given, kind) in {
            "generator": ((image for image in X), "generator"),
            "dict": ({"images": X}, "dict"),
            "PyDataset": (Batches(), "Batches"),
            "loader": (Loader(), "Loader"),
        }.items()
    },
    "file names": (dense(), (["a.png"] * 12, y), {}, ValueError, "holds text.*ImageReader"),
    "file names, flat": (
        dense(),
        (np.full(12, "a.png"), y),
        {},
        ValueError,
        "holds text.*ImageReader",
    ),
    "paths in a frame": (
        dense(),
        (pd.DataFrame({"path": ["a.png"] * 12}), y),
        {},
        ValueError,
        "could not convert string to float",
    ),
    "no array": (dense(), (3, y), {}, ValueError, "Expected 2D array|scalar"),
    "None": (dense(), (None, y), {}, ValueError, "None|NoneType"),
    "image_shape": (
        dense(image_shape=(7, 7)),
        (X.reshape(12, 64), y),
        {},
        ValueError,
        r"64 features.*image_shape=\(7, 7, 1\).*needs 49",
    ),
    "image_shape of images": (
        dense(image_shape=(4, 16)),
        (X, y),
        {},
        ValueError,
        r"image_shape=\(4, 16\)",
    ),
    "image_shape, channels": (
        dense(image_shape=(8, 4, 2)),
        (X, y),
        {},
        ValueError,
        r"image_shape=\(8, 4, 2\) has 2 channels.*1 .*3",
    ),
    "image_shape, no shape": (
        dense(image_shape=[8]),
        (X, y),
        {},
        ValueError,
        r"image_shape=\[8\].*\(height, width\)",
    ),
    "input_range": (
        dense(input_range=(255, 0)),
        (X, y),
        {},
        ValueError,
        r"input_range=\(255, 0\) is not a range.*\(0, 4095\)",
    ),
    # labels
    "one-hot": (dense(), (X, np.eye(3)[y]), {}, ValueError, r"\(12, 3\).*numpy.argmax\(y, axis=1"),
    "one-hot frame": (dense(), (X, pd.DataFrame(np.eye(3)[y])), {}, ValueError, "argmax"),
    "one-hot lists": (dense(), (X, np.eye(3)[y].tolist()), {}, ValueError, "argmax"),
    "one class": (dense(), (X, y * 0), {}, ValueError, r"all labels are 0\. Give.*two classes"),
    "one class, float": (dense(), (X, y * 0.0), {}, ValueError, r"all labels are 0\.0\. Give"),
    "one class, text": (
        dense(),
        (X, ["cat"] * 12),
        {},
        ValueError,
        r"only one class.*labels are 'cat'\.",
    ),
    "numbers": (dense(), (X, y + 0.5), {}, ValueError, "Unknown label type.*continuous"),
    "NaN label": (dense(), (X, [np.nan, *y[1:]]), {}, ValueError, "y has missing labels.*leave"),
    "None label": (
        dense(),
        (X, np.array([None, *"abcabcabcab"], object)),
        {},
        ValueError,
        "y has missing labels.*leave",
    ),
    "None label in a list": (
        dense(),
        (X, [None, *"abcabcabcab"]),
        {},
        ValueError,
        "y has missing labels.*leave",
    ),
    "NaN among text in a list": (
        dense(),
        (X, [np.nan, *"abcabcabcab"]),
        {},
        ValueError,
        "y has missing labels.*leave",
    ),
    "NA": (
        dense(),
        (X, pd.Series([None, *y[1:]], dtype="Int64")),
        {},
        ValueError,
        "y has missing labels.*leave",
    ),
    "missing category": (
        dense(),
        (X, pd.Categorical([None, *"abcabcabcab"])),
        {},
        ValueError,
        "y has missing labels.*leave",
    ),
    "no date": (
        dense(),
        (X, np.array(["NaT", *["2020-01-01", "2020-01-02"] * 5, "2020-01-01"], "M8[D]")),
        {},
        ValueError,
        "y has missing labels.*leave",
    ),
    "missing y_val": (
        dense(),
        (X, y),
        {"X_val": X, "y_val": [None, *y[1:]]},
        ValueError,
        "y_val has missing labels.*leave",
    ),
    "infinite label": (dense(), (X, [np.inf, *y[1:]]), {}, ValueError, "y contains infinity"),
    "lists of labels": (
        dense(),
        (X, [[0], [1, 2]] * 6),
        {},
        ValueError,
        "lists of different lengths.*one label for each",
    ),
    "mixed labels in a list": (
        dense(),
        (X, [1, *"abcabcabcab"]),
        {},
        ValueError,
        r"y mixes labels.*int, str.*list\(map\(str, y\)\)",
    ),
    "mixed labels": (
        dense(),
        (X, np.array([1, *"abcabcabcab"], object)),
        {},
        ValueError,
        r"y mixes labels.*int, str.*y.astype\(str\)",
    ),
    "no labels": (dense(), (X, None), {}, ValueError, "requires y"),
    "too few labels": (dense(), (X, y[:11]), {}, ValueError, r"inconsistent.*\[12, 11\]"),
    **{
        f"labels, {name}": (dense(), (X, labels), {}, ValueError, f"y should be a 1d.*{message}")
        for name, (labels, message) in {
            "indicator": (SEVERAL, "multi-label indicator.*OneVsRestClassifier.*MultiOutput"),
            "indicator of bools": (SEVERAL > 0, "multi-label indicator.*OneVsRestClassifier"),
            "indicator in a frame": (pd.DataFrame(SEVERAL), "indicator.*OneVsRestClassifier"),
            "sparse indicator": (scipy.sparse.csr_array(SEVERAL), "indicator.*OneVsRest"),
            "sets": ([{0}, {1, 2}] * 6, "lists or sets.*MultiLabelBinarizer.*OneVsRest"),
            "lists": (pd.Series([[0], [1, 2]] * 6), "lists or sets.*MultiLabelBinarizer"),
            "soft": (np.full((12, 3), 1 / 3), r"soft labels.*numpy.repeat\(X, 3.*sample_weight"),
            "columns of text": (np.full((12, 2), "a"), "2 labels an image.*MultiOutputClassifier"),
            "columns of numbers": (SEVERAL + 1, "3 labels an image.*MultiOutputClassifier"),
        }.items()
    },
    "labels, generator": (dense(), (X, iter(y)), {}, TypeError, "y is a.*iterator"),
    "labels with axes": (dense(), (X, np.zeros((12, 2, 2))), {}, ValueError, "1d array"),
    # weights
    "weights, number": (
        dense(),
        (X, y, WEIGHT[:3]),
        {},
        ValueError,
        r"sample_weight.shape == \(3,\), expected \(12,\)",
    ),
    "weights, negative": (dense(), (X, y, -WEIGHT), {}, ValueError, "[Nn]egative.*sample_weight"),
    "weights, NaN": (dense(), (X, y, WEIGHT * np.nan), {}, ValueError, "sample_weight.*NaN"),
    "weights, none": (
        dense(),
        (X, y, WEIGHT * 0),
        {},
        ValueError,
        "sample_weight.*0 everywhere|non-zero",
    ),
    "one class of weight": (dense(), (X, y, 1.0 * (y == 0)), {}, ValueError, "one class"),
    "class_weight, label": (
        dense(class_weight={"cat": 1}),
        (X, y),
        {},
        ValueError,
        "not in class_weight",
    ),
    **{
        f"class_weight of {name}": (
            dense(class_weight=weights),
            (X, np.array(labels)[y]),
            {},
            ValueError,
            f"not in class_weight, which names.*{message}",
        )
        for name, (labels, weights, message) in {
            "text by numbers": (["0", "1", "2"], {0: 1, 1: 5}, "which are text"),
            "text with zeros": (["01", "02", "03"], {"1": 1}, r"\['1'\].*stand in y\."),
            "numbers by text": ([0, 1, 2], {"0": 1, "1": 5}, "which are not text"),
            "bools by text": ([False, True, True], {"False": 2}, "which are not text"),
        }.items()
    },
    "class_weight, None": (
        dense(class_weight={0: None}),
        (X, y),
        {},
        ValueError,
        "class_weight=.*a number",
    ),
    "class_weight, text": (
        dense(class_weight={0: "2"}),
        (X, y),
        {},
        ValueError,
        "class_weight=.*a number",
    ),
    "weights, too large together": (
        dense(class_weight={0: 1e300}),
        (X, y, WEIGHT * 1e300),
        {},
        ValueError,
        "sample_weight.*class_weight.*one scale",
    ),
    "class_weight, negative": (
        dense(class_weight={0: -1.0}),
        (X, y),
        {},
        ValueError,
        r"class_weight=\{0: -1.0\}.*negative.*from 0 on",
    ),
    "class_weight, NaN": (
        dense(class_weight={0: np.nan}),
        (X, y),
        {},
        ValueError,
        "class_weight=.*a number",
    ),
    # validation
    "X_val alone": (dense(), (X, y), {"X_val": X}, ValueError, "X_val and y_val belong together"),
    "y_val alone": (dense(), (X, y), {"y_val": y}, ValueError, "X_val and y_val belong together"),
    "X_val, shape": (
        dense(),
        (X, y),
        {"X_val": X[:, :4], "y_val": y},
        ValueError,
        r"X_val has images of shape \(4, 8\).*\(8, 8, 1\).*ImageResizer",
    ),
    "X_val, flat": (
        dense(),
        (X.reshape(12, 64), y),
        {"X_val": X[:, :4].reshape(12, 32), "y_val": y},
        ValueError,
        "32.*64",
    ),
    "X_val, NaN": (dense(), (X, y), {"X_val": NAN, "y_val": y}, ValueError, "X_val contains NaN"),
    "X_val, number": (dense(), (X, y), {"X_val": X, "y_val": y[:5]}, ValueError, r"\[12, 5\]"),
    "y_val, labels": (
        dense(),
        (X, y),
        {"X_val": X, "y_val": y + 1},
        ValueError,
        r"y_val has labels that are not among the classes: \[3\]; the classes are \[0, 1, 2\]. "
        "Leave these images out of X_val",
    ),
    "y_val, text": (
        dense(),
        (X, y),
        {"X_val": X, "y_val": y.astype(str)},
        ValueError,
        r"y_val has labels.*\['0', '1', '2'\]; the classes are \[0, 1, 2\]",
    ),
    "y_val, soft": (
        dense(),
        (X, y),
        {"X_val": X, "y_val": np.full((12, 3), 1 / 3)},
        ValueError,
        "y_val.*soft labels.*Give one label",
    ),
    "X_val, text": (
        dense(),
        (X, y),
        {"X_val": ["a.png"] * 12, "y_val": y},
        ValueError,
        r"X_val holds text.*X_val=pipe\[:-1\].fit",
    ),
    "X_val, data set": (
        dense(),
        (X, y),
        {"X_val": map(str, X), "y_val": y},
        TypeError,
        "X_val is a map",
    ),
    "too small to set aside": (
        dense(early_stopping=True),
        (X, y),
        {},
        ValueError,
        "early_stopping=True can't set aside validation_fraction=0.1 of 12.*X_val=",
    ),
    # parameters that only the data or Keras can judge
    "loss": (dense(loss="nonsense"), (X, y), {}, ValueError, "loss.*nonsense.*keras.losses"),
    "loss of logits": (
        dense(loss=keras.losses.CategoricalCrossentropy(from_logits=True)),
        (X, y),
        {},
        ValueError,
        "loss=.*takes logits.*softmax.*from_logits=False",
    ),
    "metric": (custom(metrics=["nonsense"]), (X, y), {}, ValueError, "nonsense.*keras.metrics"),
    "optimizer": (custom(optimizer="nonsense"), (X, y), {}, ValueError, "optimizer.*nonsense.*"),
    "optimizer, no class": (dense(optimizer=print), (X, y), {}, TypeError, "print.*'adam'"),
    "dtype_policy": (
        dense(dtype_policy="float7"),
        (X, y),
        {},
        ValueError,
        "dtype_policy='float7'.*mixed_bfloat16",
    ),
    "augmentation": (
        dense(augmentation="flip+spin"),
        (X, y),
        {},
        ValueError,
        r"augmentation='flip\+spin': 'spin'.*flip, shift",
    ),
    "hidden_layer_sizes": (
        dense(hidden_layer_sizes="64,32"),
        (X, y),
        {},
        ValueError,
        "hidden_layer_sizes='64,32'.*'256-128'",
    ),
    "hidden_layer_sizes, zero": (
        dense(hidden_layer_sizes=(8, 0)),
        (X, y),
        {},
        ValueError,
        r"hidden_layer_sizes=\(8, 0\)",
    ),
    "filters": (
        ConvClassifier(filters=(8, -1), epochs=1),
        (X, y),
        {},
        ValueError,
        r"filters=\(8, -1\)",
    ),
    "callbacks": (dense(callbacks=[print]), (X, y), {}, TypeError, "callbacks.*keras.callbacks"),
    "memory": (dense(memory=""), (X, y), {}, ValueError, "memory.*folder"),
    "four channels": (
        mobile(),
        (np.repeat(X[..., None], 4, 3), y),
        {},
        ValueError,
        r"\(8, 8, 4\).*X\[..., :3\]",
    ),
    "image_size": (
        mobile(image_size=(16, 32)),
        (X, y),
        {},
        ValueError,
        r"image_size=\(16, 32\).*32 or more",
    ),
    "image_size, three": (mobile(image_size=(32, 32, 3)), (X, y), {}, ValueError, "image_size="),
    "unfreeze_from": (
        mobile(unfreeze_from="block_77"),
        (X, y),
        {},
        ValueError,
        "unfreeze_from='block_77'.*block_16",
    ),
    "unfreeze_from, index": (
        mobile(unfreeze_from=999),
        (X, y),
        {},
        ValueError,
        "unfreeze_from=999.*-154 to 153",
    ),
    "weights": (
        mobile(weights="nowhere.weights.h5"),
        (X, y),
        {},
        FileNotFoundError,
        "weights='nowhere.weights.h5'.*'imagenet', None",
    ),
    "model": (
        custom(lambda: None),
        (X, y),
        {},
        TypeError,
        "must return a keras.Model.*NoneType",
    ),
    "network fed with flat rows": (
        mobile(image_shape=(3, 3)),
        (X, y),
        {},
        ValueError,
        r"image_shape=\(3, 3\)",
    ),
}


@pytest.mark.parametrize("case", FIT)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_refused_by_fit(case):
    clf, args, kwargs, exception, message = FIT[case]
    before = dict(vars(clf))
    with pytest.raises(exception, match=f"(?s){message}"):
        clf.fit(*args, **kwargs)
    assert vars(clf) == before, "an unfitted estimator stays one"
    with pytest.raises(NotFittedError):
        clf.predict(X)


@pytest.mark.parametrize(
    "case", [name for name in FIT if FIT[name][0].__class__ is DenseClassifier]
)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_a_refused_fit_loses_nothing(case, fitted):
    bad, args, kwargs, exception, message = FIT[case]
    clf = fitted
    parameters = clf.get_params()
    expected = clf.predict_proba(X)
    clf.set_params(**bad.get_params())
    before = dict(vars(clf))
    try:
        with pytest.raises(exception, match=f"(?s){message}"):
            clf.fit(*args, **kwargs)
        after = vars(clf)
        assert after.keys() == before.keys()
        assert all(after[name] is before[name] for name in before)
    finally:
        clf.set_params(**parameters)
    assert_array_equal(clf.predict_proba(X), expected)


@pytest.fixture(scope="module")
def fitted():
    return dense().fit(X, y)


@pytest.mark.parametrize(
    ("wrapper", "labels"),
    [
        (OneVsRestClassifier, SEVERAL),
        (OneVsRestClassifier, scipy.sparse.csr_matrix(SEVERAL)),
        (MultiOutputClassifier, np.array([["cat", "day"], ["dog", "night"]] * 6)),
    ],
)
def test_several_labels_an_image(wrapper, labels):
    found = wrapper(dense()).fit(X, labels).predict(X)
    assert found.shape == labels.shape


def test_soft_labels_as_weights():
    soft = np.random.default_rng(0).dirichlet(np.ones(3), 12)
    many, labels = np.repeat(X, 3, axis=0), np.tile(np.arange(3), len(X))
    clf = dense(epochs=60, learning_rate=0.01)
    learnt = clf.fit(many, labels, sample_weight=soft.ravel()).predict_log_proba(X)
    unweighted = clf.fit(many, labels).predict_log_proba(X)
    assert -(soft * learnt).sum() < -(soft * unweighted).sum() - 1


def test_data_sets_of_tensorflow():
    tf = pytest.importorskip("tensorflow")
    data = tf.data.Dataset.from_tensor_slices((X, y))
    with pytest.raises(TypeError, match=r"X is a .*Dataset.*arrays.*ImageReader"):
        dense().fit(data)
    with pytest.raises(TypeError, match=r"X is a .*Dataset"):
        dense().fit(X, y).predict(data)
    assert dense().fit(tf.constant(X), tf.constant(y)).n_iter_ == 1


def test_a_fit_that_breaks_loses_nothing(fitted):
    class Breaks(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    expected = fitted.predict_proba(X)
    fitted.set_params(callbacks=[Breaks()], epochs=3)
    before = dict(vars(fitted))
    with pytest.raises(KeyboardInterrupt):
        fitted.fit(X[:, :, :4], y)
    assert vars(fitted) == before
    fitted.set_params(callbacks=None, epochs=1)
    assert_array_equal(fitted.predict_proba(X), expected)
