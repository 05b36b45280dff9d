"""`model_` is what predicts: called, from a `.keras` file, as SavedModel."""

import estimators
import keras
import numpy as np
import pytest
from estimators import small

from skfashion._training.loops import to_numpy
from skfashion.networks import AUGMENTATIONS

L = keras.layers
needs_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="Keras exports a SavedModel from TensorFlow"
)


def image_layers():
    """Return layers of which those that change images take every call for training."""
    return [
        L.Rescaling(1 / 255),
        L.RandomFlip(),
        L.Resizing(6, 6),
        L.Conv2D(4, 3),
        L.BatchNormalization(momentum=0.5),
        L.GaussianNoise(0.1),
        keras.Sequential([L.SpatialDropout2D(0.3), L.RandomZoom(0.2)]),
        L.Flatten(),
        L.Dropout(0.5),
    ]


def sequential(meta):
    return estimators.sequential(meta, *image_layers())


def functional(meta):
    inputs = x = keras.Input(meta["X_shape_"][1:])
    for layer in image_layers():
        x = layer(x)
    return keras.Model(inputs, L.Dense(meta["n_classes_"], activation="softmax")(x))


def told_to_train(meta):
    inputs = keras.Input(meta["X_shape_"][1:])
    x = L.Dropout(0.5)(L.Flatten()(inputs), training=True)
    x = keras.Sequential([L.BatchNormalization()])(x, training=True)
    return keras.Model(inputs, L.Dense(meta["n_classes_"], activation="softmax")(x))


class Own(keras.Model):
    def __init__(self, n_classes, **kwargs):
        super().__init__(**kwargs)
        self.n_classes = n_classes
        self.parts = [*image_layers(), L.Dense(n_classes, activation="softmax")]

    def call(self, x):
        for part in self.parts:
            x = part(x)
        return x

    def get_config(self):
        return {"n_classes": self.n_classes}


def subclassed(meta):
    return Own(int(meta["n_classes_"]))


EVERYTHING = {"augmentation": AUGMENTATIONS, "dropout": 0.4, "epochs": 2}
SHAPED = {"epochs": 2, "image_shape": (8, 8, 1)}
FITS = {
    "dense": ("DenseClassifier", {**EVERYTHING, "batch_norm": True}),
    "conv": ("ConvClassifier", {**EVERYTHING, "batch_norm": True}),
    "backbone": ("BackboneFineTuner", {**EVERYTHING, "image_size": 40, "epochs": 1}),
    "mobilenet": ("MobileNetFineTuner", {"dropout": 0.4, "epochs": 1}),
    "sequential": ("KerasImageClassifier", {"model": sequential, **SHAPED}),
    "functional": ("KerasImageClassifier", {"model": functional, **SHAPED}),
    "told to train": ("KerasImageClassifier", {"model": told_to_train, **SHAPED}),
    "subclassed": ("KerasImageClassifier", {"model": subclassed, **SHAPED}),
}


# On disk MobileNet is no other backbone, and takes half a minute.
on_disk = pytest.mark.parametrize("fitted", [n for n in FITS if n != "mobilenet"], indirect=True)


@pytest.fixture(scope="module", params=FITS)
def fitted(request, images):
    """A classifier, the pixels as an exported network wants them, and its probabilities."""
    X, y = images
    name, parameters = FITS[request.param]
    clf = small(name, **parameters).fit(X, y)
    pixels = X.reshape(-1, *clf.image_shape_).astype("float32")
    return clf, pixels, clf.predict_proba(X)


def check(call, pixels, wanted, atol=1e-6):
    for _ in range(2):
        for n in (len(pixels), 1):
            np.testing.assert_allclose(to_numpy(call(pixels[:n])), wanted[:n], rtol=0, atol=atol)


def check_model(model, pixels, wanted):
    check(lambda x: keras.ops.convert_to_tensor(model.predict(x, verbose=0)), pixels, wanted)
    # Operation by operation TensorFlow rounds 50 layers otherwise than within one graph.
    check(model, pixels, wanted, atol=2e-5 if len(model.layers) > 100 else 1e-6)


def test_a_call_predicts_and_changes_nothing(fitted):
    clf, pixels, wanted = fitted
    before = clf.model_.get_weights()
    if not {"model", "backbone"} & clf.get_params().keys():  # whose layers are the user's
        kinds = {type(layer).__name__ for layer in clf.model_._flatten_layers()}
        assert not [name for name in kinds if "Random" in name or "Dropout" in name]
    check_model(clf.model_, pixels, wanted)
    for _ in range(3):
        clf.model_(pixels[:1])
    for old, new in zip(before, clf.model_.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@on_disk
def test_a_keras_file_predicts_the_same(fitted, tmp_path):
    clf, pixels, wanted = fitted
    path = tmp_path / "network.keras"
    clf.model_.save(path)
    assert "skfashion" not in path.read_bytes().decode("latin1")
    loaded = keras.models.load_model(path, custom_objects={"Own": Own})
    check_model(loaded, pixels, wanted)


@on_disk
@needs_tensorflow
def test_a_saved_model_predicts_the_same(fitted, tmp_path):
    import tensorflow as tf

    clf, pixels, wanted = fitted
    clf.model_.export(tmp_path / "network", verbose=False)
    served = tf.saved_model.load(tmp_path / "network")
    check(served.serve, pixels, wanted)
    np.testing.assert_array_equal(served.serve(pixels), wanted)  # as the docs say


def test_a_new_network_has_what_an_export_to_onnx_asks_for(fitted, images):
    from keras.src.export.export_utils import get_input_signature

    clf, pixels, _ = fitted
    vars(clf).pop("_model", None)
    (signature,) = keras.tree.flatten(get_input_signature(clf.model_))
    assert clf.model_._called
    assert signature.shape == (None, *pixels.shape[1:])


@on_disk
def test_an_exported_network_can_be_trained_further(fitted, images):
    clf, pixels, wanted = fitted
    clf.model_.fit(pixels, images[1], verbose=0)
    assert np.abs(to_numpy(clf.model_(pixels)) - wanted).max() > 1e-4
    np.testing.assert_array_equal(clf.predict_proba(images[0]), wanted)
    vars(clf).pop("_model", None)


@pytest.mark.parametrize("fitted", ["functional"], indirect=True)
def test_users_layers_stay_where_they_were(fitted):
    kinds = [type(layer) for layer in fitted[0].model_.layers[1:-1]]
    assert kinds == [type(layer) for layer in image_layers()]
