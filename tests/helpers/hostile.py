"""Tools to make files of models that do harm, and to see that they are refused."""

import functools
import io
import json
import os
import sys
import tempfile
import zipfile

import numpy as np
import pytest
from estimators import small
from sklearn.calibration import CalibratedClassifierCV
from sklearn.pipeline import make_pipeline

import skfashion
from skfashion import _persistence
from skfashion._persistence import ModelFileError
from skfashion.datasets import make_images
from skfashion.preprocessing import ImageReader

# What must not happen while a file is being refused: events of Python's own auditing.
_EVENTS = (
    "os.system os.exec os.posix_spawn os.spawn os.fork subprocess.Popen pickle.find_class "
    "socket.connect os.remove os.rename os.mkdir os.rmdir os.link os.symlink os.truncate "
    "os.utime shutil.rmtree ctypes.dlopen marshal.loads code.__new__ exec"
)
FORBIDDEN = set(_EVENTS.split())
_seen = None


def _hook(event, args):
    if _seen is None:
        return
    if event == "open" and isinstance(args[0], (str, bytes)):
        _seen.append((event, os.fsdecode(args[0]), args[1]))
    elif event in FORBIDDEN:
        _seen.append((event, *map(repr, args)))


sys.addaudithook(_hook)


class Built(BaseException):
    """Something got as far as being built. No Exception, so that nobody takes it for one."""


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def assert_refused(path, match, monkeypatch, folder, **options):
    """Load a file; nothing may be built, opened beside it, written or run."""
    global _seen

    def built(*args, **kwargs):
        raise Built

    before = sorted(os.listdir(folder))
    with monkeypatch.context() as patch:
        patch.setattr(_persistence, "build", built)
        _seen = []
        try:
            with pytest.raises(ModelFileError, match=match) as caught:
                skfashion.load(path, **options)
        finally:
            seen, _seen = _seen, None
    assert isinstance(caught.value, ValueError)
    assert repr(str(path)) in str(caught.value)
    # Modules that are imported meanwhile may be read; nothing else may.
    ours = [s for s in seen if s[0] != "open" or not s[1].endswith((".py", ".pyc", ".so", ".pth"))]
    assert {s[1] for s in ours if s[0] == "open"} <= {str(path)}, ours
    assert not [s for s in ours if s[0] not in ("open", "exec", "marshal.loads")], ours
    assert sorted(os.listdir(folder)) == before
    assert not (folder / "marker").exists()


@functools.cache
def saved_models():
    """Return the files of five saved models, as bytes."""
    X, y = make_images(n_samples=60, n_classes=3, image_size=8, random_state=0)
    made = {
        "dense": small("DenseClassifier", hidden_layer_sizes=4, epochs=1).fit(X, y),
        "conv": small("ConvClassifier", filters=2, dense_units=0, epochs=1).fit(X, y),
        "keras": small("KerasImageClassifier", model__units=4, epochs=1).fit(X, y),
        "pipeline": make_pipeline(ImageReader(), small("DenseClassifier")),
    }
    inner = small("DenseClassifier", hidden_layer_sizes=4, epochs=1)
    made["calibrated"] = CalibratedClassifierCV(inner, cv=2).fit(X, y)
    files = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, model in made.items():
            path = os.path.join(folder, name)
            skfashion.save(model, path)
            with open(path, "rb") as file:
                files[name] = file.read()
    return files


def unpacked(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return json.loads(members.pop("model.json")), members


def packed(document, members, infos=()):
    """Return an archive; `infos` are pairs of ZipInfo and content to add."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        text = document if isinstance(document, bytes) else json.dumps(document)
        archive.writestr("model.json", text)
        for name, content in members.items():
            archive.writestr(name, content)
        for info, content in infos:
            archive.writestr(info, content)
    return buffer.getvalue()


def attributes(document, estimator=-1):
    return document["estimators"][estimator]["state"]


def node(value):
    """Return how a plain value stands in a file."""
    if isinstance(value, list):
        return [node(part) for part in value]
    if isinstance(value, dict):
        return {key: node(part) for key, part in value.items()}
    return {"$tuple": [node(part) for part in value]} if isinstance(value, tuple) else value


def edited(data, edit):
    """Return a file whose document a function has changed, and the members that are in it."""
    document, members = unpacked(data)
    edit(document)
    text = json.dumps(document)
    return packed(document, {name: x for name, x in members.items() if f'"{name}"' in text})


def with_attribute(data, name, value, estimator=-1):
    """Return a file with an attribute of an estimator set, or added; `value` is a node."""
    return edited(data, lambda document: attributes(document, estimator).update({name: value}))


def with_value(data, name, value):
    """Return a file with an attribute of its estimator set to a value, which may be an array."""
    if not isinstance(value, np.ndarray):
        return with_attribute(data, name, node(value))
    if value.dtype.kind == "O":
        return with_attribute(data, name, {"$objects": value.tolist()})
    document, members = unpacked(with_attribute(data, name, {"$array": "999.npy"}))
    return packed(document, {**members, "999.npy": npy(value)})


def phase_of(document):
    return attributes(document)["_plan"]["phases"][0]


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
