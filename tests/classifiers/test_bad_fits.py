"""What fit refuses: every refusal names the culprit and the remedy, and loses nothing."""

import copy

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

from skfashion import ConvClassifier, DenseClassifier

SEVERAL = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 0]] * 4)  # two labels an image
LETTERS = "abcabcabcab"  # eleven labels
RGBA = np.repeat(X[..., None], 4, 3)
SOFT = np.full((12, 3), 1 / 3)


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        return X, y


class Loader:
    """As torch's `DataLoader` and `tf.data.Dataset`: iterable, and nothing else."""

    def __iter__(self):
        return iter([(X, y)])


NO_ARRAY = "X is a.*{}.*arrays.*ImageReader"
MIXED = r"2 shapes.*\(4, 8\).*\(8, 8\).*ImageReader\(size="
# name -> (what is given in place of images, message)
IMAGES = {
    "one image": (X[0, 0], "Expected 2D array|got 1D array"),
    "five axes": (X[..., None, None], r"shape \(12, 8, 8, 1, 1\).*"),
    "channels": (np.repeat(X[..., None], 5, 3), "5 channels.*1 .*3"),
    "channels first": (np.repeat(X[:, None], 3, 1), r"8 channels.*np.moveaxis\(X, 1, -1\)"),
    "mixed sizes": ([*X[:11], X[0, :4]], MIXED),
    "mixed sizes, objects": (np.array([*X[:11], X[0, :4]], object), MIXED),
    "mixed sizes, lists": ([*X[:11].tolist(), X[0, :4].tolist()], MIXED),
    "NaN": (NAN, "X contains NaN"),
    "infinity": (X * np.inf, "NaN|infinity"),
    "too large": (X * 1e300, "too large for float32.*scale"),
    "complex": (X * 1j, "Complex data not supported"),
    "no images": (X[:0], "0 sample"),
    "no pixels": (X[:, :0], "without a pixel"),
    "sparse": (scipy.sparse.eye(12), "Sparse data.*toarray"),
    "generator": ((image for image in X), NO_ARRAY.format("generator")),
    "dict": ({"images": X}, NO_ARRAY.format("dict")),
    "PyDataset": (Batches(), NO_ARRAY.format("Batches")),
    "loader": (Loader(), NO_ARRAY.format("Loader")),
    "file names": (["a.png"] * 12, "holds text.*ImageReader"),
    "file names, flat": (np.full(12, "a.png"), "holds text.*ImageReader"),
    "paths in a frame": (pd.DataFrame({"path": ["a.png"] * 12}), "could not convert string"),
    "masked pixels": (np.ma.array(X, mask=X[0, 0, 0] == X), r"masked pixels.*X.filled\(0\)"),
    "no array": (3, "Expected 2D array|scalar"),
    "None": (None, "None|NoneType"),
}
MISSING = "y has missing labels.*leave"
INDICATOR = "y should be a 1d.*multi-label indicator.*OneVsRestClassifier"
# name -> (what is given in place of labels, message)
LABELS = {
    "one-hot": (np.eye(3)[y], r"\(12, 3\).*numpy.argmax\(y, axis=1"),
    "one-hot frame": (pd.DataFrame(np.eye(3)[y]), "argmax"),
    "one-hot lists": (np.eye(3)[y].tolist(), "argmax"),
    "one class": (y * 0, r"all labels are 0\. Give.*two classes"),
    "one class, float": (y * 0.0, r"all labels are 0\.0\. Give"),
    "one class, text": (["cat"] * 12, r"only one class.*labels are 'cat'\."),
    "numbers": (y + 0.5, "Unknown label type.*continuous"),
    "NaN": ([np.nan, *y[1:]], MISSING),
    "None": (np.array([None, *LETTERS], object), MISSING),
    "None in a list": ([None, *LETTERS], MISSING),
    "NaN among text in a list": ([np.nan, *LETTERS], MISSING),
    "NA": (pd.Series([None, *y[1:]], dtype="Int64"), MISSING),
    "missing category": (pd.Categorical([None, *LETTERS]), MISSING),
    "masked": (np.ma.array(y, mask=y > 1), MISSING),
    "no date": (np.array(["NaT", *["2020-01-01", "2020-01-02"] * 6][:12], "M8[D]"), MISSING),
    "infinite": ([np.inf, *y[1:]], "y contains infinity"),
    "lists of labels": ([[0], [1, 2]] * 6, "lists of different lengths.*one label for each"),
    "mixed in a list": ([1, *LETTERS], r"y mixes labels.*int, str.*list\(map\(str, y\)\)"),
    "mixed": (np.array([1, *LETTERS], object), r"y mixes labels.*int, str.*y.astype\(str\)"),
    "none": (None, "requires y"),
    "too few": (y[:11], r"inconsistent.*\[12, 11\]"),
    "indicator": (SEVERAL, f"{INDICATOR}.*MultiOutput"),
    "indicator of bools": (SEVERAL > 0, INDICATOR),
    "indicator in a frame": (pd.DataFrame(SEVERAL), INDICATOR),
    "sparse indicator": (scipy.sparse.csr_array(SEVERAL), INDICATOR),
    "sets": ([{0}, {1, 2}] * 6, "y should be a 1d.*lists or sets.*MultiLabelBinarizer.*OneVsRest"),
    "lists": (pd.Series([[0], [1, 2]] * 6), "y should be a 1d.*lists or sets.*MultiLabelBinarizer"),
    "soft": (SOFT, r"y should be a 1d.*soft labels.*numpy.repeat\(X, 3.*sample_weight"),
    "columns of text": (np.full((12, 2), "a"), "2 labels an image.*MultiOutputClassifier"),
    "columns of numbers": (SEVERAL + 1, "3 labels an image.*MultiOutputClassifier"),
    "generator": (iter(y), "y is a.*iterator"),
    "with axes": (np.zeros((12, 2, 2)), "1d array"),
}
# name -> (sample weights, message)
WEIGHTS = {
    "number": (WEIGHT[:3], r"sample_weight.shape == \(3,\), expected \(12,\)"),
    "negative": (-WEIGHT, "[Nn]egative.*sample_weight"),
    "NaN": (WEIGHT * np.nan, "sample_weight.*NaN"),
    "none": (WEIGHT * 0, "sample_weight.*0 everywhere|non-zero"),
    "of one class": (1.0 * (y == 0), "one class"),
}
NAMED = "not in class_weight, which names"
# name -> (class_weight, the three labels, message)
CLASS_WEIGHTS = {
    "label": ({"cat": 1}, [0, 1, 2], "not in class_weight"),
    "text by numbers": ({0: 1, 1: 5}, ["0", "1", "2"], f"{NAMED}.*which are text"),
    "text with zeros": ({"1": 1}, ["01", "02", "03"], rf"{NAMED}.*\['1'\].*stand in y\."),
    "numbers by text": ({"0": 1, "1": 5}, [0, 1, 2], f"{NAMED}.*which are not text"),
    "bools by text": ({"False": 2}, [False, True, True], f"{NAMED}.*which are not text"),
    "None": ({0: None}, [0, 1, 2], "class_weight=.*a number"),
    "text": ({0: "2"}, [0, 1, 2], "class_weight=.*a number"),
    "NaN": ({0: np.nan}, [0, 1, 2], "class_weight=.*a number"),
    "negative": ({0: -1.0}, [0, 1, 2], r"class_weight=\{0: -1.0\}.*negative.*from 0 on"),
}
# name -> (validation images, their labels, message)
VALIDATION = {
    "X_val alone": (X, None, "X_val and y_val belong together"),
    "y_val alone": (None, y, "X_val and y_val belong together"),
    "shape": (X[:, :4], y, r"X_val has images of shape \(4, 8\).*\(8, 8, 1\).*ImageResizer"),
    "NaN": (NAN, y, "X_val contains NaN"),
    "number": (X, y[:5], r"\[12, 5\]"),
    "text": (["a.png"] * 12, y, r"X_val holds text.*X_val=pipe\[:-1\].fit"),
    "data set": (map(str, X), y, "X_val is a map"),
    "missing labels": (X, [None, *y[1:]], "y_val has missing labels.*leave"),
    "labels": (X, y + 1, r"y_val has labels.*\[3\];.*\[0, 1, 2\]. Leave these images out"),
    "labels as text": (X, y.astype(str), r"y_val has labels.*\['0', '1', '2'\];.*\[0, 1, 2\]"),
    "soft labels": (X, SOFT, "y_val.*soft labels.*Give one label"),
}
LOGITS = keras.losses.CategoricalCrossentropy(from_logits=True)
# Parameters that only the data or Keras can judge: name -> (classifier, message)
PARAMETERS = {
    "input_range": (dense(input_range=(255, 0)), r"\(255, 0\) is not a range.*\(0, 4095\)"),
    "image_shape of images": (dense(image_shape=(4, 16)), r"image_shape=\(4, 16\)"),
    "image_shape, channels": (dense(image_shape=(8, 4, 2)), r"\(8, 4, 2\) has 2 channels.*1 .*3"),
    "image_shape, no shape": (dense(image_shape=[8]), r"image_shape=\[8\].*\(height, width\)"),
    "image_shape for a backbone": (mobile(image_shape=(3, 3)), r"image_shape=\(3, 3\)"),
    "too small to set aside": (
        dense(early_stopping=True),
        "early_stopping=True can't set aside validation_fraction=0.1 of 12.*X_val=",
    ),
    "loss": (dense(loss="nonsense"), "loss.*nonsense.*keras.losses"),
    "loss of logits": (dense(loss=LOGITS), "loss=.*takes logits.*softmax.*from_logits=False"),
    "metric": (custom(metrics=["nonsense"]), "nonsense.*keras.metrics"),
    "optimizer": (custom(optimizer="nonsense"), "optimizer.*nonsense.*"),
    "optimizer, no class": (dense(optimizer=print), "print.*'adam'"),
    "dtype_policy": (dense(dtype_policy="float7"), "dtype_policy='float7'.*mixed_bfloat16"),
    "augmentation": (dense(augmentation="flip+spin"), r"augmentation=.*: 'spin'.*flip, shift"),
    "hidden_layer_sizes": (dense(hidden_layer_sizes="64,32"), "_sizes='64,32'.*'256-128'"),
    "hidden_layer_sizes, zero": (dense(hidden_layer_sizes=(8, 0)), r"_sizes=\(8, 0\)"),
    "filters": (ConvClassifier(filters=(8, -1), epochs=1), r"filters=\(8, -1\)"),
    **{
        f"callbacks, {type(given).__name__}": (dense(callbacks=[given]), "keras.callbacks")
        for given in (print, 3, "EarlyStopping", keras.layers.Dense(1))
    },
    "fit__epochs": (custom(fit__epochs=0), "fit__epochs == 0, must be >= 1"),
    "fit__batch_size": (custom(fit__batch_size=0), "fit__batch_size == 0, must be >= 1"),
    "memory": (dense(memory=""), "memory.*folder"),
    "image_size": (mobile(image_size=(16, 32)), r"image_size=\(16, 32\).*32 or more"),
    "image_size, three": (mobile(image_size=(32, 32, 3)), "image_size="),
    "unfreeze_from": (mobile(unfreeze_from="block_77"), "'block_77'.*backbone.*block_16"),
    "unfreeze_from, no block": (mobile(unfreeze_from="block_"), "unfreeze_from=.*backbone"),
    "unfreeze_from, index": (mobile(unfreeze_from=154), "unfreeze_from=154.*-154 to 153"),
    "unfreeze_from, below": (mobile(unfreeze_from=-155), "unfreeze_from=-155.*-154 to 153"),
    "version": (mobile(version="v3"), "'version' parameter of MobileNetFineTuner"),
    "weights": (mobile(weights="nowhere.h5"), "weights='nowhere.h5'.*'imagenet', None"),
}
OTHERS = {
    "flat rows of another image_shape": (
        dense(image_shape=(7, 7)),
        {"X": X.reshape(12, 64)},
        r"64 features.*image_shape=\(7, 7, 1\).*needs 49",
    ),
    "flat rows in X_val": (
        dense(),
        {"X": X.reshape(12, 64), "X_val": X[:, :4].reshape(12, 32), "y_val": y},
        "32.*64",
    ),
    "weights, too large together": (
        dense(class_weight={0: 1e300}),
        {"sample_weight": WEIGHT * 1e300},
        "sample_weight.*class_weight.*one scale",
    ),
    "one image of a class, early stopping": (
        dense(early_stopping=True, validation_fraction=0.5),
        {"y": [0, *[1, 2] * 5, 1]},
        r"two images of each class.*one of \[0\]: give more",
    ),
    "four channels": (mobile(), {"X": RGBA}, r"\(8, 8, 4\).*X\[..., :3\]"),
}
# name -> (what is fitted, what it is given other than X and y, message)
FIT = {
    **{f"images, {name}": (dense(), {"X": given}, said) for name, (given, said) in IMAGES.items()},
    **{
        f"labels, {name}": (dense(multilabel=False), {"y": given}, said)
        for name, (given, said) in LABELS.items()
    },
    **{
        f"weights, {name}": (dense(), {"sample_weight": given}, said)
        for name, (given, said) in WEIGHTS.items()
    },
    **{
        f"class_weight, {name}": (dense(class_weight=given), {"y": np.array(labels)[y]}, said)
        for name, (given, labels, said) in CLASS_WEIGHTS.items()
    },
    **{
        f"validation, {name}": (dense(), {"X_val": X_val, "y_val": y_val}, said)
        for name, (X_val, y_val, said) in VALIDATION.items()
    },
    **{name: (clf, {}, said) for name, (clf, said) in PARAMETERS.items()},
    **OTHERS,
}
TYPE_ERRORS = (
    *("images, sparse", "images, generator", "images, dict", "images, PyDataset"),
    *("images, loader", "labels, generator", "validation, data set", "optimizer, no class"),
)


@pytest.mark.parametrize("case", FIT)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_refused_by_fit_which_loses_nothing(case, fitted):
    bad, given, said = FIT[case]
    is_dense = type(bad) is DenseClassifier
    kind = TypeError if case.startswith(("callbacks", *TYPE_ERRORS)) else ValueError
    kind = FileNotFoundError if case == "weights" else kind
    again = copy.copy(fitted).set_params(**bad.get_params()) if is_dense else bad
    for clf in (bad, again):
        before = dict(vars(clf))
        with pytest.raises(kind, match=f"(?s){said}"):
            clf.fit(**{"X": X, "y": y, **given})
        after = vars(clf)
        assert after.keys() == before.keys()
        assert all(after[name] is before[name] for name in before)
    with pytest.raises(NotFittedError):
        bad.predict(X)
    if is_dense:
        again.set_params(**fitted.get_params())
        assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))


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
