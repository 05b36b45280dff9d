"""``skfashion export``: a model as a file that runs without this package."""

import os
from pathlib import Path

import numpy as np
from rich.filesize import decimal

from skfashion._cli._console import loading, user_errors
from skfashion._cli._data import read_data
from skfashion._cli._predict import as_input, in_range, load_model
from skfashion._utils.image_files import shown_name


def export(arguments):
    """Carry out ``skfashion export``: write the file, and say what it takes and gives."""
    with loading():
        from skfashion import export as write

        trust = arguments.trust_pickle
        model = load_model(arguments.model, trust_pickle=trust)
        quantize = None if arguments.sample is None else "int8"
        sample = None if quantize is None else _images(model, arguments.sample)
        with user_errors((OSError, ValueError, TypeError, ImportError, RuntimeError)):
            write(model, arguments.path, quantize=quantize, sample=sample)
    path = Path(arguments.path)
    files = path.rglob("*") if path.is_dir() else [path]
    size = decimal(sum(os.path.getsize(file) for file in files))
    print(f"{shown_name(path)}: {size}, probabilities of {len(model.classes_)} classes")


def _images(model, named):
    """Return images by which whole numbers are chosen, as the model takes them."""
    data = read_data(named)
    X = data.X[np.random.default_rng(0).permutation(len(data.X))[:300]]
    with user_errors(ValueError):
        return (as_input if data.files else in_range)(model, X)
