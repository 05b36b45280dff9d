"""Graphs written in four formats."""

import importlib.util
import json
import logging
import os
import shutil
import zipfile
from contextlib import contextmanager
from functools import partial
from uuid import uuid4

import keras
import numpy as np

from skfashion._export._graph import Graph

LABELS = "labels.txt"
_IN_SAMPLE = 300


def write(fitted, path, *, quantize=None, sample=None):
    """Write a fitted estimator; see `skfashion.export`."""
    ending = os.path.splitext(path)[1]
    if ending not in _WRITERS:
        raise ValueError(
            f"path={path!r} ends in {ending!r}, which is not a format: end it in "
            f"{', '.join(filter(None, _WRITERS))}, or in none of these for a folder."
        )
    if quantize is not None and ending != ".tflite":
        raise ValueError(f"quantize={quantize!r} is for .tflite alone, got path={path!r}.")
    if (quantize is None) != (sample is None):
        raise ValueError(
            "quantize='int8' and sample=, some hundred of the training images, belong together: "
            "one was given, the other not."
        )
    if ending != ".keras" and keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            f"Keras runs on {keras.backend.backend()}, from which only .keras is written: "
            "skfashion.save the model, and load and export it where KERAS_BACKEND is tensorflow."
        )
    folder = os.path.dirname(path.rstrip(os.sep))
    if not os.path.isdir(folder or os.curdir):
        raise FileNotFoundError(f"path={path!r}: there is no folder {folder!r}, make it first.")
    for package in _PACKAGES.get(ending, ()):
        if importlib.util.find_spec(package) is None:
            raise ImportError(f"{ending} needs {package}: pip install skfashion[export]")
    float32 = ending in (".tflite", ".onnx")
    graph = Graph(fitted, exact=quantize is None, float32=float32)
    options = {} if quantize is None else _int8(graph, fitted, sample)
    with _whole(path, ending) as half:
        _WRITERS[ending](graph, half, **options)


def _write_keras(graph, path):
    graph.model.save(path)
    _add_labels(graph, path)


def _write_litert(graph, path, **options):
    one_image = [keras.InputSpec(shape=(1, *graph.shape), dtype=graph.dtype)]
    graph.model.export(path, format="litert", input_signature=one_image, verbose=False, **options)
    _add_labels(graph, path)


def _int8(graph, fitted, sample):
    """Return what the converter of LiteRT is told to compute in whole numbers."""
    import tensorflow as tf

    step = max(1, len(sample) // _IN_SAMPLE)
    sample = sample[::step][:_IN_SAMPLE]
    fitted.predict_proba(sample)  # refuses what it doesn't take, and warns of another range
    pixels = graph.pixels(sample)
    kinds = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8, tf.lite.OpsSet.TFLITE_BUILTINS]
    return {
        "optimizations": [tf.lite.Optimize.DEFAULT],
        "representative_dataset": lambda: ([image[np.newaxis]] for image in pixels),
        "target_spec": {"supported_ops": kinds},
    }


def _write_onnx(graph, path):
    import onnx

    # Of a graph that it can't make smaller the converter warns with a traceback.
    logger = logging.getLogger("tf2onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        graph.model.export(path, format="onnx", verbose=False)
    finally:
        logger.setLevel(level)
    written = onnx.load(path)
    onnx.helper.set_model_props(written, {"labels": json.dumps(graph.labels)})
    onnx.save(written, path)


def _write_folder(graph, path):
    import tensorflow as tf

    from skfashion._export._files import pixels_of_files

    archive = keras.export.ExportArchive()
    archive.track(graph.model)
    pixels = tf.TensorSpec((None, *graph.shape), graph.dtype, name="pixels")
    predict = partial(graph.model.__call__, training=False)
    archive.add_endpoint("serve", predict, input_signature=[pixels])
    if graph.dtype == "uint8" and len(graph.shape) == 3 and graph.shape[2] in (1, 3):
        resize = "stretch" if graph.reader is None else graph.reader.resize
        files = tf.TensorSpec((None,), tf.string, name="files")
        read = partial(pixels_of_files, shape=graph.shape, resize=resize)
        archive.add_endpoint("serve_files", lambda x: predict(read(x)), input_signature=[files])
    archive.write_out(path, verbose=False)
    with open(os.path.join(path, LABELS), "w", encoding="utf-8") as file:
        file.write(_lines(graph))


def _add_labels(graph, path):
    """Add the labels to a zip, or behind a file, which makes it one."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(LABELS, _lines(graph))


def _lines(graph):
    return "".join(f"{label}\n" for label in graph.labels)


_WRITERS = {
    ".tflite": _write_litert,
    ".onnx": _write_onnx,
    ".keras": _write_keras,
    "": _write_folder,
}
_PACKAGES = {".onnx": ("tf2onnx", "onnx")}


@contextmanager
def _whole(path, ending):
    """Name a file or folder that takes the place of `path` when the block has ended."""
    is_folder = os.path.isdir(path)
    if is_folder != (ending == "" and os.path.lexists(path)):
        kind = "a folder" if is_folder else "a file"
        raise FileExistsError(f"path={path!r} is {kind} already: give another name.")
    if is_folder and not os.path.exists(os.path.join(path, "saved_model.pb")):
        raise FileExistsError(f"path={path!r} is a folder of something else: give another name.")
    half = f"{path.rstrip(os.sep)}.{uuid4().hex[:12]}.part"
    try:
        yield half + ending
        if is_folder:
            os.rename(path, f"{half}.old")
        os.replace(half + ending, path)
    finally:
        for left in (half + ending, f"{half}.old"):
            shutil.rmtree(left) if os.path.isdir(left) else os.path.exists(left) and os.unlink(left)
