"""Saved and loaded, everything is the same: in a fresh process, without what it was made with."""

import pickle
import shutil

import joblib
import keras
import numpy as np
import pytest
import sklearn.preprocessing
import skops.io
from estimators import NAMES, small
from PIL import Image
from scripts import run_python
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import make_pipeline

import skfashion
from skfashion.model_selection import BayesSearchCV, HyperbandSearchCV
from skfashion.preprocessing import (
    GrayscaleToRGB,
    ImageFlattener,
    ImageReader,
    ImageResizer,
    PixelScaler,
)

TRANSFORMERS = {
    "ImageResizer": lambda: ImageResizer(size=(16, 12)),
    "GrayscaleToRGB": GrayscaleToRGB,
    "ImageFlattener": ImageFlattener,
    "PixelScaler": lambda: PixelScaler("standard"),
}
SCALERS = ("StandardScaler", "MinMaxScaler", "RobustScaler", "MaxAbsScaler", "Normalizer")

CHILD = """
import os, pickle, sys, warnings
warnings.simplefilter("error")
for noise in (DeprecationWarning, PendingDeprecationWarning, FutureWarning):
    warnings.filterwarnings("ignore", category=noise)
import joblib, numpy as np, skops.io
import skfashion

(folder,) = sys.argv[1:]
for name in sorted(os.listdir(folder)):
    kind = name.rpartition(".")[2]
    path = os.path.join(folder, name)
    if kind == "pickle":
        with open(path, "rb") as file:
            data = pickle.load(file)
    elif kind == "joblib":
        data = joblib.load(path)
    elif kind == "skops":
        data = skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
    else:
        data = skfashion.load(path)
    with np.load(os.path.join(folder, "..", "wanted", name.partition(".")[0] + ".npz")) as wanted:
        X, Z, fitted = wanted["X"], wanted["Z"], bool(wanted["fitted"])
    if fitted:
        method = getattr(data, "predict_proba", None) or data.transform
        found = method(X)
        assert found.dtype == Z.dtype and np.array_equal(found, Z), name
    else:
        assert not hasattr(data, "classes_"), name
    print(name)
import keras
assert not __import__("tensorflow").config.list_physical_devices("GPU")
"""


@pytest.fixture(scope="module")
def inputs(labelled, tmp_path_factory):
    """The same images as arrays, as rows, and as files."""
    X, _ = labelled
    folder = tmp_path_factory.mktemp("images")
    names = [str(folder / f"{i}.png") for i in range(len(X))]
    for image, name in zip(X, names, strict=True):
        Image.fromarray(image).save(name)
    return {"images": X, "rows": X.reshape(len(X), -1).astype(np.float64), "files": names}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("here") / "store"


@pytest.fixture(scope="module")
def estimators(labelled, inputs, store):
    """Every classifier and transformer, alone and in a Pipeline, fitted and not."""
    X, y = labelled
    memory = str(store)
    made = {}
    for name in NAMES:
        made[name] = small(name, epochs=1, memory=memory)
        made[f"{name}Fitted"] = clone(made[name]).fit(X, y)
        if name != "MobileNetFineTuner":
            made[f"{name}Pipeline"] = make_pipeline(PixelScaler(), clone(made[name])).fit(X, y)
        pipe = make_pipeline(ImageReader(size=8, memory=memory), clone(made[name]))
        made[f"{name}OfFilesUnfitted"] = clone(pipe)
        made[f"{name}OfFiles"] = pipe.fit(inputs["files"], y)
    for name, make in TRANSFORMERS.items():
        made[name], made[f"{name}Fitted"] = make(), make().fit(X)
        pipe = make_pipeline(make(), small("ConvClassifier", filters=2, epochs=1))
        made[f"{name}Pipeline"] = pipe.fit(X, y)
    inner = small("DenseClassifier", hidden_layer_sizes=8, epochs=1)
    for scaler in SCALERS:
        pipe = make_pipeline(getattr(sklearn.preprocessing, scaler)(), clone(inner))
        made[f"{scaler}Pipeline"] = pipe.fit(inputs["rows"], y)
    inner.set_params(memory=memory)
    made["Calibrated"] = CalibratedClassifierCV(inner, method="isotonic", cv=2).fit(X, y)
    made["Threshold"] = FixedThresholdClassifier(inner, threshold=0.4).fit(X, y == "boot")
    return made


def input_of(name, inputs):
    scaled = name.removesuffix("Pipeline") in SCALERS
    return inputs["files" if "OfFiles" in name else "rows" if scaled else "images"]


def outputs_of(estimator, X):
    return getattr(estimator, "predict_proba", getattr(estimator, "transform", None))(X)


def is_fitted(estimator):
    last = estimator[-1] if hasattr(estimator, "steps") else estimator
    return hasattr(last, "n_features_in_")


def test_into_a_fresh_process(estimators, inputs, store, tmp_path, capsys):
    """pickle, joblib, skops.io and save: read where nothing of the making is left."""
    files, wanted, home = (tmp_path / n for n in ("files", "wanted", "home"))
    for folder in (files, wanted, home):
        folder.mkdir()
    for name, estimator in estimators.items():
        X_in, fitted = input_of(name, inputs), is_fitted(estimator)
        Z = outputs_of(estimator, X_in) if fitted else 0
        np.savez(wanted / f"{name}.npz", X=X_in, Z=Z, fitted=fitted)
        (files / f"{name}.pickle").write_bytes(pickle.dumps(estimator))
        joblib.dump(estimator, files / f"{name}.joblib")
        skops.io.dump(estimator, files / f"{name}.skops")
        skfashion.save(estimator, files / f"{name}.model")
    env = {"HOME": str(home), "KERAS_HOME": str(home / "nothing"), "CUDA_VISIBLE_DEVICES": "-1"}
    # Where the store was there is nothing.
    elsewhere = store.parent.rename(tmp_path / "elsewhere")
    try:
        loaded = run_python(CHILD, files, cwd=home, **env).split()
    finally:
        shutil.rmtree(store.parent, ignore_errors=True)
        elsewhere.rename(store.parent)
    assert len(loaded) == 4 * len(estimators)
    with capsys.disabled():
        print(f"\n{len(loaded)} files of {len(estimators)} estimators equal in a fresh process")


def test_parameters_and_state_stay(estimators, round_trip):
    bound = {"memory", "callbacks", "model", "backbone"}
    for estimator in estimators.values():
        before = vars(estimator).copy()
        loaded = round_trip(estimator)
        assert vars(estimator) == before or hasattr(estimator, "steps")
        assert type(loaded) is type(estimator)
        for parameter, value in estimator.get_params().items():
            if parameter.split("__")[-1] in bound:
                assert loaded.get_params()[parameter] is None
            elif not hasattr(value, "get_params") and parameter != "steps":
                found = loaded.get_params()[parameter]
                assert (type(found), found) == (type(value), value), parameter
        for attribute in ("history_", "n_iter_", "image_shape_", "input_range_"):
            if hasattr(estimator, attribute):
                assert getattr(loaded, attribute) == getattr(estimator, attribute)


def test_the_same_bytes_each_time(estimators, tmp_path):
    skfashion.save(estimators["KerasImageClassifierFitted"], tmp_path / "a")
    skfashion.save(estimators["KerasImageClassifierFitted"], tmp_path / "b")
    skfashion.save(skfashion.load(tmp_path / "a"), tmp_path / "c")
    first = (tmp_path / "a").read_bytes()
    assert (tmp_path / "b").read_bytes() == (tmp_path / "c").read_bytes() == first


def test_what_is_loaded_goes_on(labelled, round_trip):
    X, y = labelled
    clf = small("DenseClassifier", epochs=2).fit(X, y).partial_fit(X, y)
    loaded = round_trip(clf)
    for each in (clf, loaded):
        each.partial_fit(X, y)
    assert np.array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    assert np.array_equal(clone(loaded).fit(X, y).predict(X), clone(clf).fit(X, y).predict(X))
    assert isinstance(loaded.model_, keras.Model)


def test_a_network_without_its_function(labelled, round_trip):
    X, y = labelled
    clf = small("KerasImageClassifier", model=lambda meta: big_network(meta), epochs=1)
    clf.set_params(image_shape=(8, 8, 1)).fit(X, y)
    loaded = round_trip(clf)
    assert np.array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    assert len(loaded.model_.layers) == len(clf.model_.layers)
    assert loaded.get_params()["optimizer__learning_rate"] == 1e-2
    loaded.partial_fit(X, y)
    for each in (loaded, clone(loaded)):
        with pytest.raises(ValueError, match=r"'model' parameter .* doesn't keep"):
            each.fit(X, y)
    loaded.predict(X)


def big_network(meta):
    """Return a network with all that `load` should know: branches, arithmetic, inner models."""
    layers = keras.layers
    inputs = keras.Input(meta["X_shape_"][1:])
    x = layers.RandomFlip()(layers.Rescaling(1 / 255)(inputs))
    x = layers.Conv2D(3, 3, kernel_regularizer="l2", activation=keras.activations.relu)(x)
    x = layers.BatchNormalization()(keras.ops.relu(x * 2 + 1))
    x = layers.Concatenate()([layers.MaxPooling2D()(x), layers.AveragePooling2D(2)(x)])
    inner = keras.Sequential([layers.Flatten(), layers.Dense(4, kernel_constraint="non_neg")])
    x = layers.Dropout(0.2)(inner(x[:, :2]))
    return keras.Model(inputs, layers.Dense(meta["n_classes_"], activation="softmax")(x))


@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize("kind", [BayesSearchCV, HyperbandSearchCV])
def test_searches_too(kind, fitted, labelled, keep):
    X, y = labelled
    dense = small("DenseClassifier", hidden_layer_sizes=8, epochs=3)
    if kind is BayesSearchCV:
        # No list: skops.io can't take apart what SciPy draws categories with.
        space, options = {"learning_rate": (1e-3, 1e-2)}, {"n_iter": 2}
    else:
        space, options = {"learning_rate": [1e-3, 3e-3, 1e-2]}, {"max_resources": 3}
    search = kind(dense, space, cv=2, random_state=0, **options)
    if fitted:
        search.fit(X, y)
    for way in keep(search):
        loaded = way()
        assert repr(loaded) == repr(search)
        assert hasattr(loaded, "best_estimator_") == fitted
        if fitted:
            assert loaded.best_params_ == search.best_params_
            assert np.array_equal(loaded.predict_proba(X), search.predict_proba(X))
        else:
            assert 1e-3 <= loaded.fit(X, y).best_params_["learning_rate"] <= 1e-2


def test_transformers_need_no_keras(tmp_path):
    skfashion.save(make_pipeline(ImageReader(size=8), PixelScaler()), tmp_path / "model")
    code = """
        import sys
        import skfashion
        skfashion.save(skfashion.load(sys.argv[1]), sys.argv[1])
        assert "keras" not in sys.modules and "tensorflow" not in sys.modules
    """
    run_python(code, tmp_path / "model")
