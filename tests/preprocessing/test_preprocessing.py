"""The transformers of image arrays."""

import pickle

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skfashion._utils.images import size_of
from skfashion.preprocessing import (
    GrayscaleToRGB,
    ImageFlattener,
    ImageReader,
    ImageResizer,
    PixelScaler,
)

TRANSFORMERS = [
    ImageResizer(size=4),
    ImageResizer(size=(2, 5)),
    GrayscaleToRGB(),
    ImageFlattener(),
    PixelScaler("unit"),
    PixelScaler("symmetric"),
    PixelScaler("standard"),
]

by_name = pytest.mark.parametrize("transformer", TRANSFORMERS, ids=repr)


def images(*shape, dtype=np.uint8, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(dtype)


@parametrize_with_checks(TRANSFORMERS)
def test_scikit_learns_contract(estimator, check):
    check(estimator)


# What all of them share


@by_name
@pytest.mark.parametrize("shape", [(6, 8, 8), (6, 8, 10, 1), (6, 8, 10, 3)])
def test_images_and_rows_give_the_same_pixels(transformer, shape):
    X = images(*shape)
    transformer = clone(transformer)
    if hasattr(transformer, "image_shape"):
        transformer.set_params(image_shape=shape[1:])
    rows = X.reshape(6, -1)
    from_images = transformer.fit_transform(X).reshape(6, -1)
    np.testing.assert_array_equal(transformer.transform(rows), from_images)
    np.testing.assert_array_equal(transformer.fit_transform(rows), from_images)


@by_name
def test_dtype_rank_and_input_stay(transformer):
    X = images(6, 8, 10)
    before = X.copy()
    X.flags.writeable = False
    transformer = clone(transformer)
    new = transformer.fit(X).transform(X)
    np.testing.assert_array_equal(X, before)
    scales = isinstance(transformer, PixelScaler)
    assert new.dtype == (np.float32 if scales else np.uint8)
    assert new.ndim == {ImageFlattener: 2, GrayscaleToRGB: 4}.get(type(transformer), 3)
    assert transformer.n_features_in_ == 80
    assert transformer.image_shape_ == (8, 10, 1)


@by_name
def test_set_output_leaves_images_alone(transformer):
    X = images(6, 8, 8)
    transformer = clone(transformer).set_output(transform="pandas")
    kind = pd.DataFrame if isinstance(transformer, ImageFlattener) else np.ndarray
    for result in (transformer.fit_transform(X), transformer.transform(X)):
        assert isinstance(result, kind)


def test_global_output_and_pipeline():
    X = images(6, 8, 8)
    pipe = make_pipeline(ImageResizer(size=4), GrayscaleToRGB(), ImageFlattener(), PixelScaler())
    with config_context(transform_output="pandas"):
        frame = pipe.fit_transform(X)
    assert frame.shape == (6, 48)
    assert frame.columns[0] == "pixel_0_0_0"
    assert list(pipe.get_feature_names_out()) == list(frame.columns)
    np.testing.assert_array_equal(pipe.fit_transform(X), frame.to_numpy())


@by_name
def test_frame_of_pixels(transformer):
    frame = pd.DataFrame(images(6, 9), columns=[f"p{i}" for i in range(9)])
    transformer = clone(transformer).fit(frame)
    assert list(transformer.feature_names_in_) == list(frame.columns)
    names = transformer.get_feature_names_out()
    assert len(names) == transformer.transform(frame).shape[1]
    if isinstance(transformer, (PixelScaler, ImageFlattener)):
        assert list(names) == list(frame.columns)
    transformer.fit(frame.to_numpy().reshape(6, 3, 3))
    assert not hasattr(transformer, "feature_names_in_")


@by_name
@pytest.mark.parametrize(
    ("X", "fragment"),
    [
        (np.zeros(4), "Expected 2D array"),
        (np.zeros((2, 4, 4, 1, 1)), "flat rows"),
        (np.zeros((2, 4, 4, 2)), "2 channels"),
        (np.zeros((0, 4, 4)), "0 sample"),
        (np.full((2, 4, 4), np.nan), "NaN"),
        ([[[1, 2], [3, 4]], [[1, 2, 3]]], "different sizes"),
        (np.array([np.zeros((2, 2)), np.zeros((3, 3))], dtype=object), "different sizes"),
        (pd.Series([np.zeros((2, 2)), np.ones((2, 2))]), r"numpy\.stack\(X\)"),
        (np.array([["a", "b"]]), "numeric"),
    ],
)
def test_bad_input(transformer, X, fragment):
    for method in ("fit", "fit_transform"):
        with pytest.raises(ValueError, match=fragment):
            getattr(clone(transformer), method)(X)
    transformer = clone(transformer).fit(images(3, 4, 4))
    state = pickle.dumps(transformer)
    with pytest.raises(ValueError, match=fragment):
        transformer.transform(X)
    assert pickle.dumps(transformer) == state


@by_name
def test_other_shape_than_in_fit(transformer):
    if isinstance(transformer, ImageResizer):
        with pytest.raises(ValueError, match=r"rows of 80 values.*ImageResizer.*image_shape=\("):
            clone(transformer).fit(images(3, 80))
    transformer = clone(transformer).fit(images(3, 4, 6))
    with pytest.raises(ValueError, match=r"expecting \(4, 6, 1\)"):
        transformer.transform(images(3, 6, 4))
    with pytest.raises(ValueError, match="expecting 24 features"):
        transformer.transform(images(3, 25))


@pytest.mark.parametrize(
    ("transformer", "error"),
    [
        (ImageResizer(size=0), "'size' parameter"),
        (ImageResizer(size=(4, 0)), "height, width"),
        (ImageResizer(image_shape=4), "'image_shape' parameter"),
        (GrayscaleToRGB(image_shape=4), "'image_shape' parameter"),
        (ImageFlattener(image_shape=(5, 5)), "image_shape"),
        (PixelScaler("minmax"), "'mode' parameter"),
    ],
    ids=repr,
)
def test_bad_parameters(transformer, error):
    with pytest.raises(ValueError, match=error):
        transformer.fit_transform(images(3, 4, 4))


# ImageResizer


@pytest.mark.parametrize("size", [4, 12, (5, 9)])
@pytest.mark.parametrize("channels", [1, 3])
def test_resize_same_in_whole_numbers_and_floats(size, channels):
    X = images(4, 8, 10, channels)
    whole = ImageResizer(size=size).transform(X)
    floats = ImageResizer(size=size).transform(X / 255)
    assert floats.dtype == np.float64
    assert whole.shape == (4, *size_of(size), channels)
    np.testing.assert_allclose(whole, floats * 255, atol=1.01)
    wide = ImageResizer(size=size).transform(X.astype(np.int32))
    assert wide.dtype == np.int32
    np.testing.assert_allclose(whole, wide, atol=1)


def test_resize_keeps_what_people_see():
    ramp = np.tile(np.linspace(0, 240, 16, dtype=np.uint8), (16, 1))[np.newaxis]
    small = ImageResizer(size=(4, 8)).transform(ramp)
    assert small.shape == (1, 4, 8)
    np.testing.assert_allclose(small[0, 0], ramp[0, 0].reshape(8, 2).mean(1), atol=8)
    assert (np.diff(small[0, 0].astype(int)) > 0).all()


@pytest.mark.parametrize("dtype", ["uint16", "uint32", "int32", "bool"])
def test_resize_keeps_the_largest_pixel(dtype):
    top = True if dtype == "bool" else np.iinfo(dtype).max
    resized = ImageResizer(4).fit_transform(np.full((2, 8, 8), top, dtype))
    assert resized.dtype == dtype
    assert (resized == top).all()
    same = ImageResizer(4).transform(resized)
    np.testing.assert_array_equal(same, resized)
    assert not np.shares_memory(same, resized)


def test_resize_matches_the_reader(tmp_path):
    X = images(2, 20, 30, 3)
    names = [str(tmp_path / f"{i}.png") for i in range(2)]
    for name, image in zip(names, X, strict=True):
        Image.fromarray(image).save(name)
    np.testing.assert_array_equal(
        ImageReader(size=9).transform(names), ImageResizer(size=9).transform(X)
    )


# GrayscaleToRGB


def test_grey_to_rgb():
    X = images(2, 4, 5)
    colour = GrayscaleToRGB().transform(X)
    assert colour.shape == (2, 4, 5, 3)
    for channel in range(3):
        np.testing.assert_array_equal(colour[..., channel], X)
    np.testing.assert_array_equal(GrayscaleToRGB().transform(X[..., np.newaxis]), colour)
    np.testing.assert_array_equal(GrayscaleToRGB().transform(colour), colour)
    with pytest.raises(ValueError, match=r"X\[\.\.\., :3\]"):
        GrayscaleToRGB().transform(images(2, 4, 5, 4))


# ImageFlattener


@pytest.mark.parametrize("shape", [(3, 4, 5), (3, 4, 5, 1), (3, 4, 5, 3), (3, 20)])
def test_flatten_and_back(shape):
    X = images(*shape)
    flattener = ImageFlattener().fit(X)
    rows = flattener.transform(X)
    assert rows.shape == (3, X[0].size)
    back = flattener.inverse_transform(rows)
    assert back.dtype == np.uint8
    np.testing.assert_array_equal(back, X)


def test_flatten_names_and_shape():
    flattener = ImageFlattener(image_shape=(4, 5)).fit(images(3, 20))
    assert flattener.inverse_transform(images(3, 20)).shape == (3, 4, 5)
    assert flattener.get_feature_names_out()[[0, 7]].tolist() == ["pixel_0_0", "pixel_1_2"]
    with pytest.raises(ValueError, match="expecting 20 features"):
        flattener.inverse_transform(images(3, 21))
    with pytest.raises(NotFittedError):
        ImageFlattener().inverse_transform(images(3, 20))


# PixelScaler

SCALES = {
    "0-255": lambda unit: unit * 255,
    "0-1": lambda unit: unit,
    "-1-1": lambda unit: unit * 2 - 1,
    (0.0, 4095.0): lambda unit: unit * 4095,
}


@pytest.mark.parametrize("scale", SCALES)
def test_scale_any_known_range(scale):
    unit = images(20, 4, 4) / 255
    X = SCALES[scale](unit)
    scaler = PixelScaler().fit(X)
    assert scaler.input_range_ == scale
    np.testing.assert_allclose(scaler.transform(X), unit, atol=1e-6)
    np.testing.assert_allclose(scaler.inverse_transform(scaler.transform(X)), X, atol=1e-4)
    symmetric = PixelScaler("symmetric").fit(X)
    np.testing.assert_allclose(symmetric.transform(X), unit * 2 - 1, atol=1e-6)
    np.testing.assert_allclose(symmetric.inverse_transform(symmetric.transform(X)), X, atol=1e-4)


@pytest.mark.parametrize("mode", ["unit", "symmetric", "standard"])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "bool"])
def test_scale_and_back(mode, dtype):
    X = images(20, 4, 4, 3)
    X = X > 127 if dtype == "bool" else X.astype(dtype)
    scaler = PixelScaler(mode).fit(X)
    scaled = scaler.transform(X)
    assert scaled.dtype == np.float32
    back = scaler.inverse_transform(scaled)
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, X)
    np.testing.assert_array_equal(scaler.transform(X.astype(np.float32)), scaled)
    assert (scaler.inverse_transform(np.full_like(scaled, 1e6)) == X.max()).all()


def test_scale_decides_in_fit():
    scaler = PixelScaler().fit(np.array([[0, 255]], np.uint8))
    np.testing.assert_allclose(scaler.transform([[0, 1]]), [[0, 1 / 255]], rtol=1e-6)


@pytest.mark.parametrize("mode", ["unit", "symmetric"])
def test_scale_leaves_unknown_ranges(mode):
    X = np.array([[-7.25, 30.5]])
    np.testing.assert_array_equal(PixelScaler(mode).fit_transform(X), X)
    with pytest.warns(UserWarning, match="not a range that is known"):
        PixelScaler(mode).fit(10 * X)
    PixelScaler("standard").fit(10 * X)  # to which the range is nothing


@pytest.mark.parametrize("transformer", TRANSFORMERS[1:4], ids=repr)
@pytest.mark.parametrize("channels", [1, 3])
def test_planes_come_out_with_channels_last(transformer, channels):
    X = images(6, 8, 9, channels)
    planes = np.moveaxis(X, -1, 1)
    expected = clone(transformer).fit_transform(X)
    transformer = clone(transformer).set_params(image_shape=(channels, 8, 9))
    for form in (planes, X):
        new = transformer.fit_transform(form)
        assert transformer.image_shape_ == (8, 9, channels)
        np.testing.assert_array_equal(new, expected)
    rows = transformer.fit_transform(planes.reshape(6, -1))
    np.testing.assert_array_equal(rows, expected.reshape(6, -1))


def test_flattened_planes_come_back_as_planes():
    planes = np.moveaxis(images(6, 8, 9, 3), -1, 1)
    flattener = ImageFlattener(image_shape=(3, 8, 9))
    rows = flattener.fit_transform(planes)
    np.testing.assert_array_equal(flattener.inverse_transform(rows), planes)
    names = [f"{colour}_{i}" for colour in "rgb" for i in range(72)]
    flattener.fit(pd.DataFrame(planes.reshape(6, -1), columns=names))
    assert flattener.get_feature_names_out()[:4].tolist() == ["r_0", "g_0", "b_0", "r_1"]


def test_standardise():
    X = images(2000, 6, 6)
    X[:, 0, 0] = 7
    scaler = PixelScaler("standard").fit(X)
    scaled = scaler.transform(X).reshape(len(X), -1).astype(np.float64)
    np.testing.assert_allclose(scaled.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(scaled[:, 1:].std(0), 1, atol=1e-6)
    assert (scaled[:, 0] == 0).all()
    np.testing.assert_allclose(scaler.mean_, X.reshape(len(X), -1).mean(0))
    assert not hasattr(scaler.set_params(mode="unit").fit(X), "mean_")
    with pytest.raises(NotFittedError):
        scaler.set_params(mode="standard").transform(X)
    with pytest.raises(NotFittedError):
        PixelScaler().inverse_transform(X)
    assert (PixelScaler("standard").fit(np.full((1000, 2, 2), 0.1)).scale_ == 1).all()


def test_a_fourth_channel_is_resized_like_the_others_whatever_the_dtype(rng):
    X = rng.integers(0, 256, (3, 8, 8, 4)).astype(np.uint8)
    X[..., 3] = 0
    small = ImageResizer(4).fit_transform(X)
    assert small.dtype == np.uint8
    np.testing.assert_allclose(small, ImageResizer(4).fit_transform(X.astype("float32")), atol=1)
    assert small[..., :3].max() > 100
