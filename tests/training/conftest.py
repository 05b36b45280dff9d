"""What tests of training share."""

import keras
import pytest

import skfashion
from skfashion._training import processes


@pytest.fixture
def xla(monkeypatch):
    """Let TensorFlow compile epochs as if there were a GPU."""
    monkeypatch.setattr(processes, "compiles_epochs", lambda: True)
    supports = lambda model: all(x.supports_jit for x in model._flatten_layers())  # noqa: E731
    monkeypatch.setattr(keras.Model, "_resolve_auto_jit_compile", supports)
    # With deterministic operations, as `--device gpu` wants them, Keras compiles nothing.
    monkeypatch.setattr("keras.src.trainers.trainer.model_supports_jit", supports)
    skfashion.clear_caches()
    yield monkeypatch
    skfashion.clear_caches()
