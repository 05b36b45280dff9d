"""`show_versions` says what a report of a bug needs."""

from importlib.metadata import version

import keras

import skfashion
from skfashion._utils import show_versions


def test_show_versions(capsys):
    skfashion.show_versions()
    out = capsys.readouterr().out
    for name, found in (
        ("skfashion", skfashion.__version__),
        ("keras", version("keras")),
        ("Keras backend", keras.config.backend()),
    ):
        assert f" {name}: {found}\n" in f" {out}"
    assert "Python dependencies" in out  # scikit-learn's part


def test_a_package_without_a_record_is_left_out(monkeypatch):
    monkeypatch.setattr(show_versions, "_PACKAGES", ("numpy", "no-such-package"))
    assert list(show_versions.versions()) == ["skfashion", "numpy"]
