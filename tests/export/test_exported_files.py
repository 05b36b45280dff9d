"""Exported models predict what the estimator does, without this package."""

import functools
import io
import json
import tempfile
import zipfile

import estimators
import keras
import numpy as np
import pytest
from estimators import on_small_backbone, small
from PIL import Image
from scripts import run_python
from sklearn.decomposition import PCA
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler
from sklearn.utils import shuffle

import skfashion
from skfashion import EnsembleFromSearch, MobileNetFineTuner
from skfashion._export._graph import Graph
from skfashion.datasets import load_image_folder, make_images
from skfashion.networks import AUGMENTATIONS
from skfashion.preprocessing import (
    GrayscaleToRGB,
    ImageFlattener,
    ImageReader,
    ImageResizer,
    PixelScaler,
)

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="Keras exports from TensorFlow"
)

L = keras.layers
GREY, LABELS = make_images(n_samples=24, n_classes=3, image_size=8, random_state=0)
RGB = make_images(n_samples=24, n_classes=3, image_size=12, channels=3, random_state=0)[0]
FLIP = {"test_time_flip": True, "epochs": 1}
TAGS = np.column_stack([LABELS == 0, LABELS != 1, LABELS == 2]).astype(int)


def dense(**parameters):
    return small("DenseClassifier", **{"hidden_layer_sizes": 8, "epochs": 2, **parameters})


def png(image, kind="PNG", **options):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind, **options)
    return buffer.getvalue()


PHOTOS = [
    png(np.random.default_rng(i).integers(0, 256, (20 + i, 30 - i, 3), np.uint8)) for i in range(24)
]


@keras.saving.register_keras_serializable("tests")
class Own(keras.Model):
    def __init__(self, n_classes, **kwargs):
        super().__init__(**kwargs)
        self.n_classes = n_classes
        self.parts = [L.RandomFlip(), L.Flatten(), L.Dense(n_classes, activation="softmax")]

    def call(self, x):
        for part in self.parts:
            x = part(x)
        return x

    def get_config(self):
        return {"n_classes": self.n_classes}


def own_class(meta):
    return Own(int(meta["n_classes_"]))


def keras_network(last, loss, outputs=None, labels=LABELS):
    def network(meta):
        return estimators.sequential(
            meta, L.RandomFlip(), L.Flatten(), L.Dropout(0.5), outputs=outputs, last=last
        )

    clf = small("KerasImageClassifier", model=network, loss=loss, epochs=1, image_shape=(8, 8, 1))
    return clf.fit(GREY / 255, labels)


def loaded(tmp_path):
    skfashion.save(dense().fit(GREY, LABELS), tmp_path / "model")
    return skfashion.load(tmp_path / "model")


def ensemble(clf, X, labels, *steps, **grid):
    """Choose among networks of a search, and read them from a file: without a folder of memory."""
    with tempfile.TemporaryDirectory() as folder:
        estimator = make_pipeline(*steps, clf.set_params(memory=folder))
        step = estimator.steps[-1][0]
        grid = {f"{step}__{name}": values for name, values in grid.items()}
        search = GridSearchCV(estimator, grid, cv=2).fit(X, labels)
        skfashion.save(EnsembleFromSearch(search, n_members=3).fit(X, labels), f"{folder}/model")
        return skfashion.load(f"{folder}/model")


def vote(**parameters):
    """Fit two kinds on labels that are words, one on rows and the other behind a step."""
    several = [("dense", dense()), ("resized", make_pipeline(ImageResizer(6), dense(**FLIP)))]
    words = np.array(["coat", "boot", "dress"])[LABELS]
    return VotingClassifier(several, **{"voting": "soft", **parameters}).fit(GREY, words)


def pipe(*steps, X=GREY, **parameters):
    return make_pipeline(*steps, dense(**parameters)).fit(X, LABELS)


_LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
_BINARY = keras.losses.BinaryCrossentropy(from_logits=True)
ROWS = GREY.reshape(24, -1)
PLANES = RGB.transpose(0, 3, 1, 2)
# Name -> a function that fits, and the X that it predicts.
FITS = {
    "dense": (lambda: dense(augmentation="shift+flip", dropout=0.3, batch_norm=True).fit(
        ROWS, LABELS), ROWS),
    "dense of floats, mirrored": (lambda: dense(**FLIP).fit(GREY / 255, LABELS), GREY / 255),
    "conv": (lambda: small("ConvClassifier", augmentation=AUGMENTATIONS, batch_norm=True,
        dropout=0.3, **FLIP).fit(GREY, LABELS), GREY),
    "mobilenet": (lambda: small("MobileNetFineTuner", image_size=40, augmentation="flip",
        **FLIP).fit(GREY, LABELS), GREY),
    "backbone": (lambda: small("BackboneFineTuner", dropout=0.2, epochs=1).fit(RGB, LABELS), RGB),
    "labels": (lambda: dense().fit(GREY, TAGS), GREY),
    "logits": (lambda: keras_network("linear", _LOGITS), GREY / 255),
    "one logit": (lambda: keras_network("linear", _BINARY, 1, LABELS > 0), GREY / 255),
    "sigmoids": (lambda: keras_network("sigmoid", "categorical_crossentropy"), GREY / 255),
    "class of the user's": (
        lambda: small("KerasImageClassifier", model=own_class, epochs=1).fit(RGB / 255, LABELS),
        RGB / 255),
    "search": (lambda: GridSearchCV(pipe(ImageResizer(6)), {"denseclassifier__epochs": [1, 2]},
        cv=2).fit(GREY, LABELS), GREY),
    "files": (lambda: pipe(ImageReader((14, 18)), "passthrough", ImageResizer((9, 40)),
        X=PHOTOS, augmentation="flip"), PHOTOS),
    "standardised": (lambda: pipe(PixelScaler("standard")), GREY),
    "resized, in rows": (lambda: pipe(ImageResizer((5, 11)), PixelScaler(), X=ROWS), ROWS),
    "resized whole numbers": (lambda: pipe(ImageResizer(5), X=GREY.astype(np.int16)),
        GREY.astype(np.int16)),
    "resized masks": (lambda: pipe(ImageResizer(5), X=GREY > 127), GREY > 127),
    "resized floats": (lambda: pipe(ImageResizer(5), X=RGB / 255), RGB / 255),
    "planes": (lambda: pipe(ImageResizer(5, image_shape=(3, 12, 12)), X=PLANES), PLANES),
    "planar rows": (lambda: dense(image_shape=(3, 12, 12)).fit(PLANES.reshape(24, -1), LABELS),
        PLANES.reshape(24, -1)),
    "scikit-learn's": (lambda: pipe(ImageFlattener(), StandardScaler(with_mean=False),
        MinMaxScaler(), MaxAbsScaler()), GREY),
    "ensemble": (lambda: ensemble(on_small_backbone(**FLIP), PHOTOS, LABELS, ImageReader(16),
        dropout=[0.0, 0.3]), PHOTOS),
    "ensemble of labels": (lambda: ensemble(small("ConvClassifier", epochs=1), GREY, TAGS,
        ImageResizer(6), filters=[4, 8]), GREY),
    "vote": (lambda: vote(weights=[1, 3]), GREY),
    "colours": (lambda: pipe(GrayscaleToRGB(), PixelScaler("symmetric")), GREY),
}  # fmt: skip


@functools.cache
def fitted(name):
    fit, X = FITS[name]
    return fit(), X


def run(path, pixels):
    """Predict with an exported file as its own runtime does."""
    if path.suffix == ".tflite":
        litert = pytest.importorskip("ai_edge_litert.interpreter")
        interpreter = litert.Interpreter(model_path=str(path))
        interpreter.allocate_tensors()
        (given,), (found,) = interpreter.get_input_details(), interpreter.get_output_details()
        assert given["dtype"] == pixels.dtype
        rows = []
        for image in pixels:
            interpreter.set_tensor(given["index"], image[np.newaxis])
            interpreter.invoke()
            rows.append(interpreter.get_tensor(found["index"])[0].copy())
        return np.array(rows)
    if path.suffix == ".onnx":
        session = pytest.importorskip("onnxruntime").InferenceSession(path)
        return session.run(None, {session.get_inputs()[0].name: pixels})[0]
    if path.suffix == ".keras":
        return keras.models.load_model(path).predict(pixels, verbose=0)
    import tensorflow as tf

    return (
        tf.saved_model.load(path)
        .signatures["serve"](pixels=tf.constant(pixels))["output_0"]
        .numpy()
    )


def labels_of(path):
    if path.suffix == ".onnx":
        session = pytest.importorskip("onnxruntime").InferenceSession(path)
        return json.loads(session.get_modelmeta().custom_metadata_map["labels"])
    if path.suffix:
        return zipfile.ZipFile(path).read("labels.txt").decode().splitlines()
    return (path / "labels.txt").read_text().splitlines()


@pytest.mark.parametrize("suffix", [".tflite", ".keras", ".onnx", ""])
@pytest.mark.parametrize("name", FITS)
def test_files_predict_what_the_estimator_does(name, suffix, tmp_path):
    if suffix == ".onnx":
        pytest.importorskip("tf2onnx")
    model, X = fitted(name)
    path = tmp_path / f"model{suffix}"
    for _ in range(2 if name == "dense" else 1):  # over what is there
        skfashion.export(model, path)
    pixels = Graph(model).pixels(X)
    np.testing.assert_allclose(run(path, pixels), model.predict_proba(X), rtol=0, atol=1e-5)
    assert labels_of(path) == [str(label) for label in model.classes_]
    assert [p.name for p in tmp_path.iterdir()] == [path.name]  # nothing is left beside it


def test_what_is_frozen_in_many_networks_is_in_a_file_once():
    ensemble, _ = fitted("ensemble")
    one, head = ensemble.estimators_[0][-1].model_.count_params(), (32 + 1) * 3
    others = len(ensemble.estimators_) - 1
    assert Graph(ensemble).model.count_params() == one + others * head


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("name", ["DenseClassifier", "ConvClassifier"])
def test_litert_computes_in_float32_whatever_the_policy(name, policy, tmp_path):
    clf = small(name, epochs=1, dtype_policy=policy).fit(RGB, LABELS)
    skfashion.export(clf, tmp_path / "model.tflite")
    seen = run(tmp_path / "model.tflite", RGB)
    np.testing.assert_allclose(seen, clf.predict_proba(RGB), rtol=0, atol=0.05)


def test_a_loaded_model_is_exported_before_it_has_predicted(tmp_path):
    model = loaded(tmp_path)
    skfashion.export(model, tmp_path / "model.tflite")
    wanted = model.predict_proba(GREY)
    seen = run(tmp_path / "model.tflite", GREY[..., np.newaxis])
    np.testing.assert_allclose(seen, wanted, rtol=0, atol=1e-5)


def test_files_run_with_tensorflow_alone(tmp_path):
    model, X = fitted("files")
    for name in ("model.keras", "model"):
        skfashion.export(model, tmp_path / name)
    np.savez(tmp_path / "data", X=Graph(model).pixels(X), y=model.predict_proba(X))
    code = """
    import sys
    import keras, numpy as np, tensorflow as tf
    data = np.load("data.npz")
    served = tf.saved_model.load("model").signatures["serving_default"]
    print(abs(served(pixels=data["X"])["output_0"].numpy() - data["y"]).max() < 1e-5)
    print(abs(keras.models.load_model("model.keras").predict(data["X"]) - data["y"]).max() < 1e-5)
    print("skfashion" not in sys.modules)
    """
    lines = run_python(code, cwd=tmp_path).splitlines()
    assert [line for line in lines if line in ("True", "False")] == ["True"] * 3


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
def test_a_saved_model_takes_files(resize, tmp_path):
    import tensorflow as tf

    model = pipe(ImageReader((14, 18), resize=resize), X=PHOTOS)
    skfashion.export(model, tmp_path / "model")
    serve = tf.saved_model.load(tmp_path / "model").signatures["serve_files"]
    smooth = np.linspace(0, 255, 40 * 60 * 3).reshape(40, 60, 3).astype(np.uint8)
    clear = np.dstack([smooth, smooth[..., 0]])
    files = [*PHOTOS[:5], png(smooth), png(smooth[..., 0]), png(clear), png(smooth[:9, :9])]
    seen = serve(files=tf.constant(files))["output_0"]
    np.testing.assert_allclose(seen, model.predict_proba(files), rtol=0, atol=2e-3)
    jpeg = [png(smooth, "JPEG", quality=95)]
    seen = serve(files=tf.constant(jpeg))["output_0"]
    np.testing.assert_allclose(seen, model.predict_proba(jpeg), rtol=0, atol=0.02)


@pytest.mark.parametrize("name", ["DenseClassifier", "ConvClassifier"])
def test_eight_bits(name, tmp_path):
    X, y = make_images(n_samples=300, n_classes=3, image_size=12, random_state=0)
    clf = small(name, epochs=8).fit(X, y)
    skfashion.export(clf, tmp_path / "whole.tflite", quantize="int8", sample=X)
    skfashion.export(clf, tmp_path / "floats.tflite")
    seen = run(tmp_path / "whole.tflite", X[..., np.newaxis])
    assert np.mean(seen.argmax(1) == clf.predict_proba(X).argmax(1)) >= 0.98
    sizes = [(tmp_path / f"{name}.tflite").stat().st_size for name in ("whole", "floats")]
    assert sizes[0] < 0.6 * sizes[1]


def test_a_mobilenet_in_floats_and_in_eight_bits(imagenet, data_dir, tmp_path):
    (X, y), (X_test, y_test) = (
        shuffle(*load_image_folder(data_dir / name, return_X_y=True), n_samples=n, random_state=0)
        for name, n in (("intel-scenes/train", 600), ("intel-scenes/test", 1000))
    )
    head = MobileNetFineTuner(alpha=0.35, epochs=8, fine_tune_epochs=0, random_state=0)
    model = make_pipeline(ImageReader(96, resize="crop"), head).fit(X, y)
    pixels, wanted = model[0].transform(X_test), model.predict_proba(X_test)
    skfashion.export(model, tmp_path / "m.tflite")
    np.testing.assert_allclose(run(tmp_path / "m.tflite", pixels), wanted, rtol=0, atol=2e-5)
    skfashion.export(model, tmp_path / "m.tflite", quantize="int8", sample=X)
    seen, wanted = (
        model.classes_[p.argmax(1)] for p in (run(tmp_path / "m.tflite", pixels), wanted)
    )
    assert np.mean(seen == wanted) >= 0.95
    assert abs(np.mean(seen == y_test) - np.mean(wanted == y_test)) <= 0.01


def test_a_sample_in_another_range_is_told_of(tmp_path):
    clf, X = fitted("dense")
    with pytest.warns(UserWarning, match=r"lie in \[0, 1\], but the estimator was fitted on"):
        skfashion.export(clf, tmp_path / "m.tflite", quantize="int8", sample=X / 255)


@pytest.mark.parametrize(
    ("make", "path", "options", "error", "match"),
    [
        (lambda: make_pipeline(PCA(4, whiten=True), dense()).fit(ROWS, LABELS), "m.keras", {},
            TypeError,
            "Step 'pca' of the Pipeline can't be exported: it is a PCA"),
        (lambda: make_pipeline(LogisticRegression()).fit(ROWS[:9], LABELS[:9]), "m.keras", {},
            TypeError, "got LogisticRegression"),
        (lambda: vote(voting="hard"), "m.keras", {}, TypeError, "got VotingClassifier"),
        (lambda: VotingClassifier([("a", pipe(ImageReader(8), X=PHOTOS)),
            ("b", pipe(ImageReader(9), X=PHOTOS))], voting="soft").fit(PHOTOS, LABELS), "m.keras",
            {}, TypeError, "Step 'imagereader'(.|\n)*don't all read files in the same way"),
        (dense, "m.keras", {}, NotFittedError, "not fitted"),
        (lambda: fitted("dense")[0], "m.h5", {}, ValueError, "ends in '.h5'(.|\n)*.tflite, .onnx"),
        (lambda: fitted("dense")[0], "m.onnx", {"quantize": "int8", "sample": ROWS}, ValueError,
            "for .tflite alone"),
        (lambda: fitted("dense")[0], "m.tflite", {"quantize": "int8"}, ValueError,
            "belong together"),
        (lambda: fitted("dense")[0], "m.tflite", {"quantize": "int4"}, ValueError, "'quantize'"),
        (lambda: fitted("dense")[0], "m.tflite", {"quantize": "int8", "sample": ROWS[:, 1:]},
            ValueError, "63 features"),
        (lambda: fitted("dense")[0], "m.tflite", {"quantize": "int8", "sample": ROWS[:0]},
            ValueError, "0 sample"),
        (lambda: fitted("dense")[0], "there", {}, FileExistsError, "something else"),
        (lambda: fitted("dense")[0], "nowhere/m.keras", {}, OSError, "no folder '.*nowhere'"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:lbfgs failed")
def test_what_is_refused(make, path, options, error, match, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "thesis.txt").touch()
    with pytest.raises(error, match=match):
        skfashion.export(make(), tmp_path / path, **options)
    assert [p.name for p in tmp_path.rglob("*")] == ["there", "thesis.txt"]
