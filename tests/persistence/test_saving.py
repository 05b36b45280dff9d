"""What `save` keeps, what it leaves out, what it refuses, and other versions."""

import json
import os
import pickle
import tracemalloc
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
import sklearn
from estimators import small
from hostile import packed, unpacked
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import skfashion
from skfashion._utils import version_mixin
from skfashion.datasets import make_images
from skfashion.model_selection import BayesSearchCV
from skfashion.preprocessing import (
    GrayscaleToRGB,
    ImageFlattener,
    ImageReader,
    ImageResizer,
    PixelScaler,
)

LABELS = {
    "int": [0, 1],
    "float": [1.0, 2.0],
    "bool": [False, True],
    "str": ["a", "ü"],
    "objects": np.array(["a", "b"], object),
    "big-endian": np.array([3, 5], ">i4"),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels(images, round_trip, kind):
    X, y = images
    y = np.asarray(LABELS[kind])[(y > 0).astype(int)]
    clf = small("DenseClassifier", epochs=1).fit(X, y)
    loaded = round_trip(clf)
    assert loaded.classes_.dtype == clf.classes_.dtype
    assert loaded.predict(X).tolist() == clf.predict(X).tolist()


def test_settings_of_a_thread_stay_out(images, round_trip):
    X, y = images
    with skfashion.config_context(feature_cache_bytes=0):
        clf = make_pipeline(ImageFlattener(), small("DenseClassifier", epochs=1)).fit(X, y)
        clf = make_pipeline(ImageReader(8), clf)
        loaded = round_trip(clf)
    assert "_settings" not in loaded[0].__getstate__()
    assert np.array_equal(loaded[-1].predict_proba(X), clf[-1].predict_proba(X))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "bfloat16", "float16"])
def test_number_formats(labelled, round_trip, policy):
    X, y = labelled
    clf = small("DenseClassifier", epochs=1, dtype_policy=policy).fit(X, y)
    assert np.array_equal(round_trip(clf).predict_proba(X), clf.predict_proba(X))


@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        *(np.zeros((0, 3), np.int8), np.array([], "U"), np.array(["", "ü"]), np.array(2 + 1j)),
        *(np.arange(9)[::2], np.array([1.5, np.nan], ">f2"), np.array([1, "a", None, 2.5], object)),
    ],
    ids=str,
)
def test_arrays(array, round_trip):
    loaded = round_trip(small("DenseClassifier", class_weight={"a": array})).class_weight["a"]
    assert (loaded.dtype, loaded.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(loaded, array)


def test_classes_and_functions_of_keras(labelled, round_trip, tmp_path):
    clf = small(
        "DenseClassifier",
        epochs=1,
        optimizer=keras.optimizers.SGD,
        loss=keras.losses.sparse_categorical_crossentropy,
        class_weight={"boot": 1.0, "coat": np.float32(2), "dress": 3},
    ).fit(*labelled)
    loaded = round_trip(clf)
    assert loaded.optimizer is keras.optimizers.SGD
    assert loaded.loss is keras.losses.sparse_categorical_crossentropy
    assert loaded.class_weight == clf.class_weight
    # Public names, and nothing of where packages keep their classes: they may move.
    document = json.dumps(unpacked((tmp_path / "model").read_bytes())[0])
    assert '{"$function": ["keras.optimizers", "SGD"]}' in document
    assert "skfashion.classifiers._" not in document
    assert "keras.src" not in document


def test_numbers_of_numpy_and_labels_as_parameters(round_trip):
    size = tuple(np.array([12, 16]))
    reader = ImageReader(size=size, n_jobs=np.int64(1))
    loaded = round_trip(reader)
    assert (loaded.size, loaded.n_jobs) == ((12, 16), 1)
    assert reader.size is size
    clf = small("DenseClassifier", class_weight={True: 2, False: np.float32(1)})
    assert round_trip(clf).class_weight == {True: 2, False: 1}


class Stop(keras.callbacks.Callback):
    pass


def test_what_belongs_to_this_machine_stays_here(round_trip, tmp_path):
    reader = ImageReader(memory=str(tmp_path / "store"))
    net = small("MobileNetFineTuner", weights=str(tmp_path / "w.h5"), memory=str(tmp_path))
    pipe = make_pipeline(reader, net, memory=str(tmp_path / "pipe"))
    loaded = round_trip(pipe)
    assert (loaded.memory, loaded[0].memory, loaded[1].memory) == (None, None, None)
    assert loaded[1].weights is None
    assert (pipe.memory, reader.memory) == (str(tmp_path / "pipe"), str(tmp_path / "store"))
    assert net.weights == str(tmp_path / "w.h5")
    assert b"tmp" not in (tmp_path / "model").read_bytes()
    clf = small("KerasImageClassifier", epochs=1, callbacks=[Stop], callbacks__x=1)
    loaded = round_trip(clf)
    assert loaded.callbacks is None
    assert "callbacks__x" not in loaded.get_params()
    assert clf.get_params()["callbacks__x"] == 1
    with sklearn.config_context(enable_metadata_routing=True):
        clf = small("DenseClassifier", callbacks=Stop()).set_fit_request(sample_weight=True)
    assert round_trip(clf).callbacks is None
    assert "_metadata_request" in vars(clf)


@keras.saving.register_keras_serializable("tests")
class OwnLayer(keras.layers.Layer):
    def call(self, inputs):
        return inputs


class Scaler(StandardScaler):
    pass


def with_layer(layer):
    def make(meta):
        flat = keras.layers.Flatten()
        end = keras.layers.Dense(meta["n_classes_"], activation="softmax")
        return keras.Sequential([keras.Input(meta["X_shape_"][1:]), layer(), flat, end])

    X, y = np.zeros((6, 8, 8), np.uint8), [0, 1] * 3
    return small("KerasImageClassifier", model=make, epochs=1).fit(X, y)


def dense(**parameters):
    return small("DenseClassifier", epochs=1, **parameters)


WRAPPED = keras.layers.TimeDistributed
UNSAVABLE = {
    "FunctionTransformer can't": lambda: make_pipeline(FunctionTransformer(), dense()),
    "best_estimator_": lambda: GridSearchCV(dense(), {}, cv=2).fit(
        np.eye(9).reshape(9, 3, 3), [0, 1, 2] * 3
    ),
    "str can't be saved": lambda: "model",
    "Scaler can't be saved": Scaler,
    "ReadyClassifier can't": skfashion.classifiers._common.ReadyClassifier,
    r"random_state of DenseClassifier holds .* \(RandomState\)": lambda: dense(
        random_state=np.random.RandomState(0)
    ),
    "loss of KerasImageClassifier": lambda: small(
        "KerasImageClassifier", loss=keras.losses.MeanSquaredError()
    ),
    "loss of DenseClassifier": lambda: dense(loss=lambda y, p: 0),
    "it holds .* which no model needs": lambda: dense(class_weight={(1,): 1}),
    "aren't of keras.layers": lambda: with_layer(OwnLayer),
    "keras.layers.*TimeDistributed": lambda: with_layer(lambda: WRAPPED(keras.layers.Dense(2))),
}


@pytest.mark.parametrize("match", UNSAVABLE)
def test_what_can_not_be_saved(match, tmp_path):
    estimator = UNSAVABLE[match]()
    with pytest.raises((TypeError, ValueError), match=match) as caught:
        skfashion.save(estimator, tmp_path / "model")
    assert "joblib.dump" in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_nothing_half_written(tmp_path, monkeypatch):
    (tmp_path / "model").write_bytes(b"before")

    def fails(*args):
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fails)
        with pytest.raises(OSError, match="no space"):
            skfashion.save(small("DenseClassifier"), tmp_path / "model")
    assert [p.name for p in tmp_path.iterdir()] == ["model"]
    assert (tmp_path / "model").read_bytes() == b"before"
    with pytest.raises(FileNotFoundError):
        skfashion.save(small("DenseClassifier"), tmp_path / "nowhere" / "model")


def test_what_a_killed_save_left_is_not_in_the_way(round_trip, tmp_path):
    # In a container the next process may well have the number of the one that was killed.
    (tmp_path / f"model.{os.getpid()}.part").write_bytes(b"half")
    assert isinstance(round_trip(ImageReader()), ImageReader)


def test_large_arrays_are_not_copied(images, tmp_path):
    clf = small("DenseClassifier", hidden_layer_sizes=60_000, epochs=1).fit(*images)
    size = sum(w.nbytes for w in clf._weights)
    tracemalloc.start()
    try:
        skfashion.save(clf, tmp_path / "model")
        saved = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        loaded = skfashion.load(tmp_path / "model")
        read = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert saved < 0.2 * size + 20e6
    assert read < 1.2 * size + 20e6
    for mine, other in zip(loaded._weights, clf._weights, strict=True):
        assert np.array_equal(mine, other)
        assert mine.flags.writeable
        assert mine.flags.aligned


# --- other versions ------------------------------------------------------------------------------

VERSIONED = [
    *(ImageReader, ImageResizer, GrayscaleToRGB, ImageFlattener, PixelScaler, dense),
    lambda: BayesSearchCV(LogisticRegression(), {"C": [1, 2]}),
]


@pytest.mark.parametrize("other", ["0.0.1", "99.0"])
@pytest.mark.parametrize("make", VERSIONED)
def test_another_version_warns(make, other, keep, labelled, monkeypatch):
    estimator = make()
    if make is dense:
        estimator.fit(*labelled)
    with monkeypatch.context() as patch, warnings.catch_warnings():
        patch.setattr(version_mixin, "__version__", other)
        warnings.simplefilter("ignore", InconsistentVersionWarning)  # a copy is made
        ways = keep(estimator)
    for way in ways:
        with pytest.warns(InconsistentVersionWarning, match=f"from version {other}"):
            loaded = way()
        assert repr(loaded) == repr(estimator)
        assert "_skfashion_version" not in vars(loaded)
        if make is dense:
            X, _ = labelled
            assert np.array_equal(loaded.predict(X), estimator.predict(X))


def test_the_same_version_does_not_warn(keep):
    ways = keep(make_pipeline(ImageReader(size=8), PixelScaler(), small("DenseClassifier")))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for way in ways:
            way()


def test_another_version_of_scikit_learn_warns(labelled, round_trip, tmp_path):
    X, y = labelled
    pipe = make_pipeline(StandardScaler(), small("DenseClassifier", epochs=1))
    round_trip(pipe.fit(X.reshape(len(X), -1), y))
    document, members = unpacked((tmp_path / "model").read_bytes())
    document["estimators"][-1]["state"]["_sklearn_version"] = "1.0"
    (tmp_path / "model").write_bytes(packed(document, members))
    with pytest.warns(InconsistentVersionWarning, match="Pipeline from version 1.0"):
        skfashion.load(tmp_path / "model")


# Of the first three images, as 0.1.0 printed them.
FIRST = {
    "dense": [0.47948041558265686, 0.44576412439346313, 0.3054036796092987],
    "keras": [0.4795123040676117, 0.44580721855163574, 0.30542901158332825],
}


@pytest.mark.parametrize("name", FIRST)
def test_a_pickle_of_0_1_0(name, round_trip):
    if name == "keras" and keras.version() < "3.13":
        pytest.skip("its network was written by a later Keras")
    content = (Path(__file__).parent / "data" / f"{name}-0.1.0.pickle").read_bytes()
    with pytest.warns(InconsistentVersionWarning, match=r"0\.1\.0"):
        clf = pickle.loads(content)
    X, y = make_images(30, n_classes=2, image_size=4, random_state=0)
    X = X if name == "dense" else X / 255
    found = clf.predict_proba(X)
    np.testing.assert_allclose(found[:3, 0], FIRST[name], atol=1e-5)
    np.testing.assert_array_equal(round_trip(clf).predict_proba(X), found)
    assert clf.partial_fit(X, y).n_iter_ == 3
