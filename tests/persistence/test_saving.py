"""What `save` keeps, what it leaves out, what it refuses, and other versions."""

import io
import json
import os
import pickle
import tracemalloc
import warnings
import zipfile

import joblib
import keras
import numpy as np
import pytest
import sklearn
import skops.io
from estimators import small
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import skfashion
from skfashion._utils import version_mixin as _versions
from skfashion.model_selection import BayesSearchCV
from skfashion.preprocessing import (
    GrayscaleToRGB,
    ImageFlattener,
    ImageReader,
    ImageResizer,
    PixelScaler,
)


@pytest.fixture(scope="module")
def labelled(images):
    X, y = images
    return X, np.array(["boot", "coat", "dress"])[y]


def round_trip(estimator, folder):
    skfashion.save(estimator, folder / "model")
    return skfashion.load(folder / "model")


LABELS = {
    "int": [0, 1],
    "float": [1.0, 2.0],
    "bool": [False, True],
    "str": ["a", "ü"],
    "objects": np.array(["a", "b"], object),
    "big-endian": np.array([3, 5], ">i4"),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels(images, tmp_path, kind):
    X, y = images
    y = np.asarray(LABELS[kind])[(y > 0).astype(int)]
    clf = small("DenseClassifier", epochs=1).fit(X, y)
    loaded = round_trip(clf, tmp_path)
    assert loaded.classes_.dtype == clf.classes_.dtype
    assert loaded.predict(X).tolist() == clf.predict(X).tolist()


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "bfloat16", "float16"])
def test_number_formats(labelled, tmp_path, policy):
    X, y = labelled
    clf = small("DenseClassifier", epochs=1, dtype_policy=policy).fit(X, y)
    assert np.array_equal(round_trip(clf, tmp_path).predict_proba(X), clf.predict_proba(X))


def test_classes_and_functions_of_keras(labelled, tmp_path):
    X, y = labelled
    clf = small(
        "DenseClassifier",
        epochs=1,
        optimizer=keras.optimizers.SGD,
        loss=keras.losses.sparse_categorical_crossentropy,
        class_weight={"boot": 1.0, "coat": np.float32(2), "dress": 3},
    ).fit(X, y)
    loaded = round_trip(clf, tmp_path)
    assert loaded.optimizer is keras.optimizers.SGD
    assert loaded.loss is keras.losses.sparse_categorical_crossentropy
    assert loaded.class_weight == clf.class_weight
    # Public names, and nothing of where packages keep their classes: they may move.
    document = document_of(tmp_path / "model")
    assert '{"$function":["keras.optimizers","SGD"]}' in document
    assert "skfashion.classifiers._" not in document
    assert "keras.src" not in document


def document_of(path):
    with zipfile.ZipFile(path) as archive:
        return archive.read("model.json").decode()


class Stop(keras.callbacks.Callback):
    pass


def test_what_belongs_to_this_machine_stays_here(images, tmp_path):
    X, y = images
    reader = ImageReader(memory=str(tmp_path / "store"))
    net = small("MobileNetFineTuner", weights=str(tmp_path / "w.h5"), memory=str(tmp_path))
    pipe = make_pipeline(reader, net, memory=str(tmp_path / "pipe"))
    loaded = round_trip(pipe, tmp_path)
    assert (loaded.memory, loaded[0].memory, loaded[1].memory) == (None, None, None)
    assert loaded[1].weights is None
    assert (pipe.memory, reader.memory) == (str(tmp_path / "pipe"), str(tmp_path / "store"))
    assert net.weights == str(tmp_path / "w.h5")
    clf = small("KerasImageClassifier", epochs=1, callbacks=[Stop], callbacks__x=1)
    loaded = round_trip(clf, tmp_path)
    assert loaded.callbacks is None
    assert "callbacks__x" not in loaded.get_params()
    assert clf.get_params()["callbacks__x"] == 1
    with sklearn.config_context(enable_metadata_routing=True):
        clf = small("DenseClassifier", callbacks=Stop()).set_fit_request(sample_weight=True)
    assert round_trip(clf, tmp_path).callbacks is None
    assert "_metadata_request" in vars(clf)
    assert b"tmp" not in (tmp_path / "model").read_bytes()


@keras.saving.register_keras_serializable("tests")
class OwnLayer(keras.layers.Layer):
    def call(self, inputs):
        return inputs


class Scaler(StandardScaler):
    pass


def network_of(layer):
    def make(meta):
        flat = keras.layers.Flatten()
        end = keras.layers.Dense(meta["n_classes_"], activation="softmax")
        return keras.Sequential([keras.Input(meta["X_shape_"][1:]), layer, flat, end])

    return make


def test_what_can_not_be_saved(labelled, tmp_path):
    X, y = labelled
    small_one = small("DenseClassifier", epochs=1)
    cases = [
        (make_pipeline(FunctionTransformer(), small_one), TypeError, "FunctionTransformer can't"),
        (GridSearchCV(small_one, {}).fit(X, y), TypeError, "best_estimator_"),
        ("model", TypeError, "str can't be saved"),
        (Scaler(), TypeError, "Scaler can't be saved"),
        (skfashion.classifiers._common.ReadyClassifier(), TypeError, "ReadyClassifier can't"),
        (
            small("DenseClassifier", random_state=np.random.RandomState(0)),
            TypeError,
            r"random_state of DenseClassifier holds .* \(RandomState\)",
        ),
        (
            small("KerasImageClassifier", loss=keras.losses.MeanSquaredError()),
            TypeError,
            "loss of KerasImageClassifier",
        ),
        (small("DenseClassifier", loss=lambda y, p: 0), TypeError, "loss of DenseClassifier"),
        (small("DenseClassifier", class_weight={(1,): 1}), ValueError, "which no model needs"),
        (
            small("KerasImageClassifier", model=network_of(OwnLayer()), epochs=1).fit(X, y),
            ValueError,
            "aren't of keras.layers",
        ),
        (
            small(
                "KerasImageClassifier",
                model=network_of(keras.layers.TimeDistributed(keras.layers.Dense(2))),
                epochs=1,
            ).fit(X, y),
            ValueError,
            "keras.layers.TimeDistributed",
        ),
    ]
    for estimator, kind, match in cases:
        with pytest.raises(kind, match=match) as caught:
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


@pytest.mark.parametrize("other", ["0.0.1", "99.0"])
def test_another_version_warns(labelled, tmp_path, monkeypatch, other):
    X, y = labelled
    clf = small("DenseClassifier", epochs=1).fit(X, y)
    path = tmp_path / "model"
    with monkeypatch.context() as patch:
        patch.setattr(_versions, "__version__", other)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InconsistentVersionWarning)  # a copy is made
            skfashion.save(clf, path)
        pickled = pickle.dumps(clf)
        joblib.dump(clf, tmp_path / "joblib")
        dumped = skops.io.dumps(clf)
    ways = [
        lambda: skfashion.load(path),
        lambda: pickle.loads(pickled),
        lambda: joblib.load(tmp_path / "joblib"),
        lambda: skops.io.loads(dumped, trusted=skops.io.get_untrusted_types(data=dumped)),
    ]
    for way in ways:
        with pytest.warns(InconsistentVersionWarning, match=f"from version {other}"):
            loaded = way()
        assert np.array_equal(loaded.predict(X), clf.predict(X))


@pytest.mark.parametrize("other", ["0.0.1", "99.0"])
@pytest.mark.parametrize(
    "make",
    [
        *(ImageReader, ImageResizer, GrayscaleToRGB, ImageFlattener, PixelScaler),
        lambda: BayesSearchCV(LogisticRegression(), {"C": [1, 2]}),
    ],
)
def test_another_version_of_what_is_no_classifier_warns(make, other, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(_versions, "__version__", other)
        estimator = make()
        pickled = pickle.dumps(estimator)
        joblib.dump(estimator, tmp_path / "joblib")
        dumped = skops.io.dumps(estimator)
        savable = not hasattr(estimator, "cv")
        if savable:
            skfashion.save(estimator, tmp_path / "saved")
    ways = [
        lambda: pickle.loads(pickled),
        lambda: joblib.load(tmp_path / "joblib"),
        lambda: skops.io.loads(dumped, trusted=skops.io.get_untrusted_types(data=dumped)),
        *([lambda: skfashion.load(tmp_path / "saved")] if savable else []),
    ]
    for way in ways:
        with pytest.warns(InconsistentVersionWarning, match=f"from version {other}"):
            loaded = way()
        assert repr(loaded) == repr(estimator)
        assert "_skfashion_version" not in vars(loaded)


def test_the_same_version_does_not_warn(tmp_path):
    pipe = make_pipeline(ImageReader(size=8), PixelScaler(), small("DenseClassifier"))
    skfashion.save(pipe, tmp_path / "model")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        skfashion.load(tmp_path / "model")
        pickle.loads(pickle.dumps(pipe))


def test_what_a_killed_save_left_is_not_in_the_way(tmp_path):
    # In a container the next process may well have the number of the one that was killed.
    (tmp_path / f"model.{os.getpid()}.part").write_bytes(b"half")
    skfashion.save(ImageReader(), tmp_path / "model")
    assert isinstance(skfashion.load(tmp_path / "model"), ImageReader)


def test_another_version_of_scikit_learn_warns(labelled, tmp_path):
    X, y = labelled
    pipe = make_pipeline(StandardScaler(), small("DenseClassifier", epochs=1))
    pipe.fit(X.reshape(len(X), -1), y)
    skfashion.save(pipe, tmp_path / "model")
    with zipfile.ZipFile(tmp_path / "model") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    document = json.loads(members["model.json"])
    document["estimators"][-1]["state"]["_sklearn_version"] = "1.0"
    members["model.json"] = json.dumps(document).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    (tmp_path / "model").write_bytes(buffer.getvalue())
    with pytest.warns(InconsistentVersionWarning, match="Pipeline from version 1.0"):
        skfashion.load(tmp_path / "model")


def test_numbers_of_numpy_as_parameters(tmp_path):
    size = tuple(np.array([12, 16]))
    reader = ImageReader(size=size, n_jobs=np.int64(1))
    skfashion.save(reader, tmp_path / "reader.skfashion")
    loaded = skfashion.load(tmp_path / "reader.skfashion")
    assert (loaded.size, loaded.n_jobs) == ((12, 16), 1)
    assert reader.size is size


def test_labels_as_keys(two, tmp_path):
    clf = small("DenseClassifier", class_weight={True: 2, False: np.float32(1)})
    assert round_trip(clf, tmp_path).class_weight == {True: 2, False: 1}


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


@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        *(np.zeros((0, 3), np.int8), np.array([], "U"), np.array(["", "ü"]), np.array(2 + 1j)),
        *(np.arange(9)[::2], np.array([1.5, np.nan], ">f2"), np.array([1, "a", None, 2.5], object)),
    ],
    ids=str,
)
def test_arrays(array, tmp_path):
    loaded = round_trip(small("DenseClassifier", class_weight={"a": array}), tmp_path)
    loaded = loaded.class_weight["a"]
    assert (loaded.dtype, loaded.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(loaded, array)


def test_fitting_anew_what_was_saved_without_its_function(labelled, tmp_path):
    X, y = labelled
    loaded = round_trip(small("KerasImageClassifier", epochs=1).fit(X, y), tmp_path)
    with pytest.raises(ValueError, match=r"'model' parameter .* doesn't keep"):
        loaded.fit(X, y)
    loaded.predict(X)
