"""Which model and size `skfashion search` takes for a folder, and in which folder it works."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch

from skfashion import BackboneFineTuner, ConvClassifier, DenseClassifier
from skfashion._cli import _choice, _tuning
from skfashion._cli._choice import choose
from skfashion._cli._console import UserError
from skfashion._cli._place import data_digest, find_folder, read_summary, write_summary


def files_of(folder, side, n=3):
    """Return data whose images have a shorter side of so many pixels."""
    names = [str(folder / f"{i}.png") for i in range(n)]
    for name in names:
        Image.new("L", (side + 10, side)).save(name)
    parts = {"X": np.array(names), "y": ["a"] * n, "X_test": np.array(names), "y_test": ["a"] * n}
    return Bunch(files=True, **parts)


def asked(model=None, size=None, alpha=None):
    return SimpleNamespace(model=model, size=size, alpha=alpha)


@pytest.fixture
def keras_home(tmp_path, monkeypatch):
    """A Keras folder without weights, from where nothing can be reached."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(_choice.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(_choice, "_size_there", lambda address: None)
    return tmp_path / "keras"


@pytest.mark.parametrize(
    ("side", "model", "size"),
    [
        (28, "conv", None),
        (63, "conv", None),
        (64, "mobilenet", 96),
        (127, "mobilenet", 96),
        (128, "mobilenet", 128),
        (159, "mobilenet", 128),
        (160, "mobilenet", 224),
        (400, "mobilenet", 224),
    ],
)
def test_files_decide_about_model_and_size(side, model, size, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(_choice, "_weights_are_at_hand", lambda alpha: True)
    data = files_of(tmp_path, side)
    assert choose(asked(), data) == (model, size)
    told = capsys.readouterr().out
    assert f"Model {model}" in told
    assert f"shorter side is {side} pixels" in told
    assert choose(asked("dense"), data) == ("dense", None)
    assert choose(asked("mobilenet", 160), data) == ("mobilenet", 160)
    assert capsys.readouterr().out == ""


def test_many_images_are_read_smaller(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(_choice, "_weights_are_at_hand", lambda alpha: True)
    data = files_of(tmp_path, 300)
    data.X = np.repeat(data.X, 5_000)
    assert choose(asked(), data) == ("mobilenet", 160)
    assert "at 224 x 224 15,003 images would take more than 1.5 GiB" in capsys.readouterr().out


def test_without_weights_there_is_the_convolutional_network(keras_home, tmp_path, capsys):
    data = files_of(tmp_path, 100)
    assert choose(asked(), data) == ("conv", None)
    (line,) = capsys.readouterr().out.splitlines()
    assert "neither in Keras' cache nor within reach" in line
    assert choose(asked("mobilenet"), data)[0] == "mobilenet"  # refused where they are needed


def test_a_download_is_announced_with_its_size(keras_home, tmp_path, monkeypatch, capsys):
    asked_for = []
    monkeypatch.setattr(_choice, "_size_there", lambda url: asked_for.append(url) or 3_200_000)
    data = files_of(tmp_path, 100)
    assert choose(asked(alpha=0.5), data) == ("mobilenet", 96)
    assert "(3.2 MB)" in capsys.readouterr().err
    assert asked_for[0].endswith("_0.5_224_no_top.h5")
    (keras_home / "models").mkdir(parents=True)
    (keras_home / "models" / asked_for[0].rpartition("/")[2]).touch()
    assert choose(asked(alpha=0.5), data) == ("mobilenet", 96)
    assert len(asked_for) == 1


def test_the_cache_is_keras_own(imagenet, monkeypatch):
    def ask(address):
        raise AssertionError("it is in the cache")

    monkeypatch.setattr(_choice, "_size_there", ask)
    assert _choice._weights_are_at_hand(None)


def test_an_address_out_of_reach_has_no_size():
    assert _choice._size_there("http://localhost:9/nothing") is None


@pytest.mark.parametrize("kind", ["bayes", "random", "grid"])
@pytest.mark.parametrize("cls", [DenseClassifier, ConvClassifier, BackboneFineTuner])
def test_few_images_are_not_one_batch(cls, kind):
    for n_images in (20, 300, 10_000):
        space = _tuning._make_space(Pipeline([("classifier", cls())]), kind, n_images)
        for part in space if isinstance(space, list) else [space]:
            sizes = part.get("classifier__batch_size", [32])
            assert max(sizes) <= max(32, n_images / 8)
            assert n_images < 10_000 or kind == "grid" or max(sizes) > 32
            assert not {"classifier__epochs", "classifier__kernel_size"} & set(part)


# -- the folder of the results ---------------------------------------------------------------

SETTINGS = {"data": "photos", "data_digest": "a", "candidates": 4, "size": 96}


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        ({}, None),
        ({"candidates": 9}, None),
        ({"data": "elsewhere/photos"}, None),
        ({"data_digest": "b"}, "on other images of 'photos'"),
        ({"size": 128}, "with size 96, now 128"),
        ({"candidates": 3}, "with candidates 4, now 3"),
    ],
)
def test_another_search_gets_a_folder_of_its_own(
    changed, difference, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    first = find_folder(None, "photos", SETTINGS)
    second = find_folder(None, "photos", {**SETTINGS, **changed})
    out = capsys.readouterr().out
    assert read_summary(first) == SETTINGS
    if difference is None:
        assert (second, out) == (first, "")
        assert find_folder(first, "photos", {**SETTINGS, **changed}) == first
        return
    assert second == f"{first}-2"
    assert f"{first} holds another search, {difference}" in out
    assert find_folder(None, "photos", {**SETTINGS, **changed}) == second
    with pytest.raises(UserError, match=f"{difference}: choose another --out"):
        find_folder(first, "photos", {**SETTINGS, **changed})


def test_a_damaged_summary_is_none(tmp_path):
    (tmp_path / "summary.json").write_text("{")
    assert read_summary(tmp_path) == {}
    write_summary(tmp_path, [1])
    assert read_summary(tmp_path) == {}


def test_a_data_set_is_known_by_its_files_wherever_it_lies(tmp_path):
    digests = []
    for place, side in (("one", 100), ("two", 100), ("three", 200)):
        (tmp_path / place).mkdir()
        digests.append(data_digest(files_of(tmp_path / place, side)))
    assert digests[0] == digests[1] != digests[2]
