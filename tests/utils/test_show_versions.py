"""`show_versions` says what a report of a bug needs."""

from importlib.metadata import version

import keras

import skfashion


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
