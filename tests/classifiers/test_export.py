"""Exported networks predict the same; for `.keras` files see test_classifiers.py."""

import keras
import numpy as np
import pytest
from estimators import small

NAMES = ("DenseClassifier", "ConvClassifier", "MobileNetFineTuner")

needs_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="Keras exports a SavedModel from TensorFlow"
)


@pytest.fixture(scope="module", params=NAMES)
def fitted(request, images):
    """A classifier, the pixels as an exported network wants them, and its probabilities."""
    X, y = images
    clf = small(request.param, epochs=1).fit(X, y)
    pixels = X.reshape(-1, *clf.image_shape_).astype("float32")
    return clf, pixels, clf.predict_proba(X)


@needs_tensorflow
def test_a_saved_model_predicts_the_same(fitted, tmp_path):
    import tensorflow as tf

    clf, pixels, wanted = fitted
    clf.model_.export(tmp_path / "network", verbose=False)
    served = tf.saved_model.load(tmp_path / "network")
    np.testing.assert_allclose(served.serve(pixels), wanted, atol=1e-5)
    np.testing.assert_allclose(served.serve(pixels[:1]), wanted[:1], atol=1e-5)


@needs_tensorflow
def test_onnx_predicts_the_same(fitted, tmp_path):
    pytest.importorskip("tf2onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    clf, pixels, wanted = fitted
    clf.model_.export(tmp_path / "network.onnx", format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx")
    (given,) = session.get_inputs()
    (found,) = session.run(None, {given.name: pixels})
    np.testing.assert_allclose(found, wanted, atol=1e-4)
