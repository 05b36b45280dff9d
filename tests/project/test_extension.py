"""A classifier in one file: everything else takes it from what its class declares."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

import skfashion
from skfashion._cli._main import main
from skfashion.datasets import make_images
from skfashion.inspection import history_frame, runs_frame
from skfashion.model_selection import search_space

SOURCE = '''
"""A throw-away classifier."""

import keras
from keras import layers

from skfashion import DenseClassifier
from skfashion._utils.search_values import Choice
from skfashion.classifiers._common import CommandLine
from skfashion.networks import augmented, rescaled


def tiny(image_shape, n_classes, *, rescaling, augmentation=(), width=4, dropout=0.0):
    inputs = keras.Input(image_shape, name="pixels")
    x = layers.Flatten(name="flatten")(augmented(rescaled(inputs, *rescaling), augmentation))
    x = layers.Dense(width, activation="relu", name="hidden")(x)
    return keras.Model(inputs, layers.Dense(n_classes, activation="softmax", name="classes")(x))


class TinyClassifier(DenseClassifier):
    """Very small network.

    Parameters
    ----------
    width : int, default=4
        Units of the hidden layer.
    """

    _network = staticmethod(tiny)
    _command_line = CommandLine("tiny", images=60, sample=60, candidates=2, epochs=1, size=8)

    def __init__(self, width=4, *, epochs=1, input_range="auto", memory=None, random_state=None):
        super().__init__(
            epochs=epochs, input_range=input_range, memory=memory, random_state=random_state
        )
        self.width = width

    def _default_space(self):
        return {"width": Choice((2, 4), grid=(2, 4))}

    def _phases(self, image_shape, n_classes):
        network = {**self._sizes(image_shape, n_classes), "width": self.width}
        return [self._phase("train", self.epochs, network)]
'''


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Its class, imported from its one file."""
    (tmp_path / "tiny_classifier.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    return pytest.importorskip("tiny_classifier").TinyClassifier


def test_a_class_in_one_file_is_all_it_takes(tiny, tmp_path, monkeypatch, capsys):
    X, y = make_images(60, n_classes=2, image_size=8, random_state=0)
    clf = tiny(memory=tmp_path / "runs", random_state=0)
    assert "epochs : int, default=1\n    Passes over" in tiny.__doc__
    assert sorted(search_space(clf, "random")) == ["width"]
    search = GridSearchCV(clf, search_space(clf, "grid"), cv=2).fit(X, y)
    # Inspection
    frame = history_frame(search)
    assert set(frame["param_width"]) == {2, 4}
    runs = runs_frame(tmp_path / "runs")
    assert set(runs["estimator"]) == {"TinyClassifier"}
    assert (runs["epochs_asked"] == 1).all()
    # Saving
    best = search.best_estimator_
    skfashion.save(best, tmp_path / "model")
    loaded = skfashion.load(tmp_path / "model")
    assert type(loaded) is tiny
    np.testing.assert_array_equal(loaded.predict_proba(X), best.predict_proba(X))
    # The command line
    monkeypatch.chdir(tmp_path)
    assert main(["search", "digits", "--model", "tiny", "--kind", "grid", "--folds", "2"]) == 0
    said = capsys.readouterr().out
    assert "tiny on digits" in said
    assert "width" in said
