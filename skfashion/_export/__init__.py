"""Fitted models as files that run without this package."""

import os
from typing import Any, Literal

from skfashion._utils.typing import Array, PathLike
from skfashion._utils.validation import StrOptions, validate_params

__all__ = ["export"]


@validate_params(
    {"path": [str, os.PathLike], "quantize": [StrOptions({"int8"}), None]},
    prefer_skip_nested_validation=True,
)
def export(
    fitted: Any,
    path: PathLike,
    *,
    quantize: Literal["int8"] | None = None,
    sample: Array | None = None,
) -> None:
    """Write a fitted classifier, Pipeline or search as a file that runs without this package.

    What is written takes images as they are after `ImageReader`, of shape (n, height, width,
    channels), and returns what `predict_proba` does: scaling, resizing and `test_time_flip` are
    part of it. Its input is uint8 where the model was fitted on that, float32 otherwise.

    Parameters
    ----------
    fitted : estimator
        A fitted classifier of this package, a Pipeline that ends in one, or a search over these,
        of which the best estimator is written. An `EnsembleFromSearch`, or a `VotingClassifier`
        with ``voting="soft"``, is one graph of all its networks; what is frozen in several of them
        is in it once. Before a classifier in a Pipeline may stand `ImageReader`,
        `ImageResizer`, `GrayscaleToRGB`, `ImageFlattener`, `PixelScaler`, and of scikit-learn
        `StandardScaler`, `MinMaxScaler` and `MaxAbsScaler`.
    path : str or path-like
        What to write, its ending says in which format; it is there whole or not at all.

        - ``.tflite``: LiteRT, for phones and microcontrollers. It takes one image a call.
          Labels: `labels.txt` in the file, which is a zip as well.
        - ``.onnx``: ONNX Runtime and many others. Labels: a JSON list in the metadata ``labels``.
        - ``.keras``: Keras. Labels: `labels.txt` in the file, which is a zip.
        - none: a folder with a SavedModel, for TensorFlow Serving. Labels: `labels.txt` in it.
          Where the input is uint8 it has a second signature, ``serve_files``, which takes JPEG or
          PNG files as bytes and resizes them as the reader does.
    quantize : {"int8"} or None, default=None
        Numbers to compute with in ``.tflite``: whole ones of 8 bits, or floats.
    sample : array-like, default=None
        Some hundred of the training images, as the model takes them, by which the ranges of
        numbers are chosen; needed with `quantize`. Of many 300 are taken, evenly.

    Raises
    ------
    TypeError
        If it doesn't end in a classifier of this package, or a step can't be written as a graph;
        the message names it.
    NotFittedError
        If it isn't fitted.
    ValueError
        If the ending isn't known, or `quantize` and `sample` don't fit it or one another.
    ImportError
        If a package is missing: ``pip install skfashion[export]``.
    RuntimeError
        If Keras runs on JAX, from which only ``.keras`` is written.
    OSError
        If it can't be written.

    See Also
    --------
    save : Writes a file that `load` makes an estimator of again.

    Notes
    -----
    LiteRT and ONNX compute in float32, whatever the `dtype_policy`.

    Examples
    --------
    >>> import keras, skfashion, tempfile
    >>> from skfashion.datasets import make_images
    >>> X, y = make_images(n_samples=60, n_classes=2, image_size=8, random_state=0)
    >>> clf = skfashion.DenseClassifier(hidden_layer_sizes=16, epochs=2, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     skfashion.export(clf, f"{folder}/clothes.keras")
    ...     network = keras.models.load_model(f"{folder}/clothes.keras")
    >>> probabilities = network.predict(X[..., None], verbose=0)
    >>> bool(abs(probabilities - clf.predict_proba(X)).max() < 1e-5)
    True
    """
    from skfashion._export import _write  # Keras

    _write.write(fitted, os.fspath(path), quantize=quantize, sample=sample)
