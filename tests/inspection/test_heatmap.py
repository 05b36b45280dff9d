"""Heat lies where the class is: a patch at a known place of a made-up image."""

from functools import partial

import keras
import numpy as np
import pytest
from estimators import mobile, on_small_backbone, small, small_backbone, small_network
from PIL import Image
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skfashion import ConvClassifier, EnsembleFromSearch, KerasImageClassifier
from skfashion.inspection import MistakesDisplay, heatmap, write_report
from skfashion.inspection._heatmap import tinted
from skfashion.preprocessing import ImageFlattener, ImageReader

SIDE = 32


def patches(n=120, side=SIDE, channels=1, seed=0):
    """Return noise with a patch, striped one way or the other, its label and its place."""
    rng = np.random.default_rng(seed)
    X = rng.integers(90, 160, (n, side, side, channels), np.uint8)
    y, size = np.arange(n) % 2, side // 4
    places = rng.integers(0, side - size + 1, (n, 2))
    stripes = np.where(np.arange(size) // 2 % 2, 255, 0)[:, np.newaxis] * np.ones(size)
    for image, label, (top, left) in zip(X, y, places, strict=True):
        stripe = stripes if label else stripes.T
        image[top : top + size, left : left + size] = stripe[..., np.newaxis]
    return X, np.array(["upright", "level"])[y], places


def share_found(heat, places, margin):
    """Return how many of the hottest places lie in the patch, or so many pixels beside it."""
    side = heat.shape[1]
    size = side // 4
    hottest = np.stack(np.unravel_index(heat.reshape(len(heat), -1).argmax(1), heat.shape[1:]), 1)
    near = (hottest >= places - margin) & (hottest < places + size + margin)
    return near.all(axis=1).mean()


def flat_network(meta):
    inputs = keras.Input(meta["X_shape_"][1:])
    x = keras.layers.Rescaling(1 / 255)(inputs)
    for filters in (16, 32):
        x = keras.layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))


def nested_network(meta):
    """Build a network within a network, where Keras finds no graph through both."""
    shape = meta["X_shape_"][1:]
    body = keras.Sequential([keras.Input(shape), keras.layers.Rescaling(1 / 255)])
    for filters in (16, 32):
        body.add(keras.layers.Conv2D(filters, 3, padding="same", use_bias=False))
        body.add(keras.layers.BatchNormalization(momentum=0.8))
        body.add(keras.layers.Activation("relu"))
        body.add(keras.layers.MaxPooling2D())
    head = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2), keras.layers.Softmax()]
    return keras.Sequential([keras.Input(shape), body, *head])


def one_output(meta):
    network = flat_network(meta)
    x = keras.layers.Dense(1, activation="sigmoid")(network.layers[-2].output)
    return keras.Model(network.inputs, x)


def own(model, **parameters):
    parameters = {"epochs": 15, "optimizer__learning_rate": 1e-2, "random_state": 0, **parameters}
    return KerasImageClassifier(model, **parameters)


CLASSIFIERS = {
    "conv": lambda: ConvClassifier((8, 16), epochs=20, random_state=0),
    "own": lambda: own(flat_network),
    "nested": lambda: own(nested_network),
    "one output": lambda: own(one_output, loss="binary_crossentropy"),
    # From other weights, a class may be told by what isn't there, and no place is hot.
    "fine-tuner": lambda: on_small_backbone(
        backbone=partial(small_backbone, seed=1),
        epochs=30,
        unfreeze_from=1,
        fine_tune_epochs=15,
        fine_tune_learning_rate=3e-3,
    ),
    "mixed": lambda: ConvClassifier(
        (8, 16), epochs=20, dtype_policy="mixed_bfloat16", random_state=0
    ),
}


@pytest.fixture(scope="module")
def seen():
    return patches(240), patches(60, seed=1)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_patch_is_where_the_heat_is(seen, name):
    (X, y, _), (X_test, y_test, places) = seen
    clf = CLASSIFIERS[name]().fit(X, y)
    assert clf.score(X_test, y_test) > 0.9
    before = clf.predict_proba(X_test)
    heat = heatmap(clf, X_test, y=y_test)
    assert heat.shape == X_test.shape[:3]
    assert heat.dtype == np.float32
    assert heat.min() == 0
    assert heat.max() == 1
    assert share_found(heat, places, margin=2) > 0.9
    # What is asked for where nothing is said is what it predicts.
    predicted = heatmap(clf, X_test)
    np.testing.assert_allclose(predicted, heatmap(clf, X_test, y=clf.predict(X_test)), atol=1e-5)
    other = clf.classes_[np.where(clf.predict(X_test) == clf.classes_[0], 1, 0)]
    assert share_found(heatmap(clf, X_test, y=other), places, margin=2) < 0.7
    assert np.array_equal(clf.predict_proba(X_test), before)


def test_on_a_backbone_of_imagenet(imagenet):
    X, y, _ = patches(120, 192, 3)
    X_test, y_test, places = patches(30, 192, 3, seed=1)
    clf = mobile(weights="imagenet", epochs=30, learning_rate=1e-2).fit(X, y)
    assert share_found(heatmap(clf, X_test, y=y_test), places, margin=24) > 0.8


@pytest.fixture
def files(tmp_path):
    """Files of images twice as large as they are read, their labels and places."""
    X, y, places = patches(60, channels=3)
    names = [str(tmp_path / f"{i}.png") for i in range(len(X))]
    for name, image in zip(names, X, strict=True):
        Image.fromarray(image.repeat(2, axis=0).repeat(2, axis=1)).save(name)
    return names, y, places


def test_files_and_a_search_over_a_pipeline(files, tmp_path):
    names, y, places = files
    conv = CLASSIFIERS["conv"]().set_params(memory=tmp_path / "runs")
    pipe = make_pipeline(ImageReader(size=SIDE), conv)
    search = GridSearchCV(pipe, {"convclassifier__epochs": [20, 1]}, cv=2).fit(names, y)
    assert search.best_params_["convclassifier__epochs"] == 20
    heat = heatmap(search, names, y=y)
    assert share_found(heat, places, margin=4) > 0.9
    assert np.array_equal(heat, heatmap(search.best_estimator_, names, y=y))
    ensemble = EnsembleFromSearch(search).fit(names, y)
    each = [heatmap(clf, names, y=y) for clf in ensemble.estimators_]
    mean = np.average(each, axis=0, weights=ensemble.weights_)
    wanted = mean / mean.max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(heatmap(ensemble, names, y=y), wanted, atol=1e-5)
    # The first twenty are told to be what they aren't.
    labels = np.where(np.arange(60) < 20, np.where(y == "level", "upright", "level"), y)
    shown = MistakesDisplay.from_estimator(search, names, labels, n_images=4, explain=True)
    assert [image.shape for image in shown.images] == [(SIDE, SIDE, 3)] * 4
    np.testing.assert_allclose(
        shown.heatmaps, heatmap(search, [names[i] for i in shown.mistakes["index"]]), atol=1e-5
    )
    assert [len(axes.images) for axes in shown.axes_] == [2] * 4
    page = write_report(search, tmp_path / "report.html", X_test=names, y_test=labels)
    text = page.read_text(encoding="utf-8")
    assert text.count('class="heat"') == min(24, (search.predict(names) != labels).sum())
    assert 'id="heat"' in text


def test_what_is_hot_is_bright_and_what_is_cold_clear():
    colors = tinted(np.array([[0.0, 0.5, 1.0]], np.float32))
    assert colors.dtype == np.uint8
    assert colors[0, 0, 3] == 0 < colors[0, 1, 3] < colors[0, 2, 3] < 255
    assert colors[0, 1, :3].sum() < colors[0, 2, :3].sum()


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: small("DenseClassifier", epochs=1), "DenseClassifier has no convolution"),
        (lambda: own(small_network, epochs=1), "KerasImageClassifier has no convolution"),
        (lambda: make_pipeline(ImageFlattener(), LogisticRegression()), "not of LogisticReg"),
    ],
)
def test_what_has_no_map_is_told(images, make, match, tmp_path):
    X, y = images
    clf = make().fit(X, y)
    with pytest.raises(ValueError, match=match):
        heatmap(clf, X)
    with pytest.raises(ValueError, match=match):
        MistakesDisplay.from_estimator(clf, X, 1 + y, explain=True)


@pytest.mark.parametrize(
    ("y", "match"),
    [([0, 1], "shape .2,. for 3 images"), ([0, 1, 7], r"labels that .* doesn't know: \[7\]")],
)
def test_labels_that_are_not_there(images, y, match):
    clf = small("ConvClassifier", epochs=1).fit(*images)
    assert heatmap(clf, images[0][:0]).shape == (0, 8, 8)
    with pytest.raises(ValueError, match=match):
        heatmap(clf, images[0][:3], y=y)
    with pytest.raises(NotFittedError):
        heatmap(small("ConvClassifier"), images[0])
