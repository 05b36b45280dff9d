"""`load` refuses files made to do harm: one error, before anything is built, nothing touched."""

import io
import os
import pickle
import stat
import zipfile

import joblib
import numpy as np
import pytest
import skops.io
from estimators import small
from hostile import (
    Payload,
    attributes,
    node,
    npy,
    packed,
    refused,
    saved_models,
    unpacked,
)
from sklearn.pipeline import make_pipeline

import skfashion
from skfashion._persistence import ModelFileError
from skfashion.preprocessing import PixelScaler


@pytest.fixture(scope="module")
def models():
    return saved_models()


def test_a_pickle_is_named(tmp_path, monkeypatch):
    path = tmp_path / "model"
    path.write_bytes(pickle.dumps(Payload(tmp_path / "marker")))
    refused(path, "is a pickle, which runs code", monkeypatch, tmp_path)
    joblib.dump(Payload(tmp_path / "marker"), path, compress=3)
    refused(path, "not an archive", monkeypatch, tmp_path)


def test_a_pickle_inside(models, tmp_path, monkeypatch):
    document, members = unpacked(models["dense"])
    payload = pickle.dumps(Payload(tmp_path / "marker"))
    path = tmp_path / "model"
    for name in ("evil.pkl", "data.pkl", "model.joblib", "config.json", "model.weights.h5"):
        path.write_bytes(packed(document, {**members, name: payload}))
        refused(path, "has a member", monkeypatch, tmp_path)
    # Under a name that is allowed it is no array, or nothing refers to it.
    path.write_bytes(packed(document, {**members, "0.npy": payload}))
    refused(path, "has a header", monkeypatch, tmp_path)
    path.write_bytes(packed(document, {**members, "999.npy": npy(np.zeros(2))}))
    refused(path, "nothing in it refers to", monkeypatch, tmp_path)
    objects = io.BytesIO()
    np.save(objects, np.array([Payload(tmp_path / "marker")], object), allow_pickle=True)
    path.write_bytes(packed(document, {**members, "0.npy": objects.getvalue()}))
    refused(path, "arrays of Python objects are pickles", monkeypatch, tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "../marker",
        "../0.npy",
        "/etc/0.npy",
        "folder/0.npy",
        "..\\0.npy",
        "C:0.npy",
        "0.npy/",
        "0.npy\0.py",
        "é.npy",
        "",
    ],
)
def test_members_that_lead_elsewhere(models, tmp_path, monkeypatch, name):
    document, members = unpacked(models["dense"])
    path = tmp_path / "model"
    info = zipfile.ZipInfo("x" * max(1, len(name)))
    info.filename = info.orig_filename = name
    path.write_bytes(packed(document, members, [(info, b"evil")]))
    refused(path, "isn't loaded: its ", monkeypatch, tmp_path)


def test_links_and_folders(models, tmp_path, monkeypatch):
    document, members = unpacked(models["dense"])
    path = tmp_path / "model"
    for kind in (stat.S_IFLNK, stat.S_IFDIR, stat.S_IFIFO, stat.S_IFCHR):
        info = zipfile.ZipInfo("77.npy")
        info.external_attr = (kind | 0o777) << 16
        path.write_bytes(packed(document, members, [(info, b"/etc/passwd")]))
        refused(path, "is a link or a folder", monkeypatch, tmp_path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name(models, tmp_path, monkeypatch):
    document, members = unpacked(models["dense"])
    path = tmp_path / "model"
    for name in ("0.npy", "model.json"):
        content = members.get(name, b"{}")
        path.write_bytes(packed(document, members, [(zipfile.ZipInfo(name), content)]))
        refused(path, "two members of one name", monkeypatch, tmp_path)


def test_bombs(models, tmp_path, monkeypatch):
    document, members = unpacked(models["dense"])
    path = tmp_path / "model"
    info = zipfile.ZipInfo("77.npy")
    info.compress_type = zipfile.ZIP_DEFLATED
    path.write_bytes(packed(document, members, [(info, bytes(50_000_000))]))
    assert path.stat().st_size < 200_000
    refused(path, "is compressed", monkeypatch, tmp_path)
    # Many entries for the same bytes: no compression needed.
    data = models["dense"]
    start, end = int.from_bytes(data[-6:-2], "little"), data[-22:]
    entry = data[start:-22]
    many = data[:start] + entry * 50 + end[:8]
    many += (int.from_bytes(end[8:10], "little") * 50).to_bytes(2, "little") * 2
    path.write_bytes(many + (len(entry) * 50).to_bytes(4, "little") + end[16:])
    refused(path, "isn't loaded: its ", monkeypatch, tmp_path)
    path.write_bytes(packed(document, {**members, **{f"{n}.npy": b"" for n in range(100, 11_000)}}))
    refused(path, "members, and 10,000 are allowed", monkeypatch, tmp_path)
    path.write_bytes(models["dense"])
    refused(path, "more than max_bytes=1,000", monkeypatch, tmp_path, max_bytes=1000)


def directory(data):
    """Return what comes before the directory of an archive, its entries, and its end."""
    size, start = (int.from_bytes(data[n : n + 4], "little") for n in (-10, -6))
    return data[:start], data[start : start + size], data[-22:]


def joined(front, entries, end, n):
    """Return an archive with other entries, of which there are `n`."""
    counts = n.to_bytes(2, "little") * 2
    sizes = len(entries).to_bytes(4, "little") + len(front).to_bytes(4, "little")
    return front + entries + end[:8] + counts + sizes + end[20:]


def test_directories(models, tmp_path, monkeypatch):
    path = tmp_path / "model"
    data = models["dense"]
    document, members = unpacked(data)
    n = len(members) + 1
    front, entries, end = directory(data)
    assert joined(front, entries, end, n) == data
    # The same bytes under a hundred names.
    first = entries[: 46 + len("model.json")]
    more = b"".join(first.replace(b"model.json", b"%06d.npy" % number) for number in range(100))
    path.write_bytes(joined(front, entries + more, end, n + 100))
    refused(path, "doesn't begin where another ends", monkeypatch, tmp_path)
    # A comment in the last entry that Python would take for another directory.
    locator = b"PK\x06\x07" + bytes(16)
    at = len(entries) - 46 - len("4.npy")
    last = bytearray(entries[at:])
    assert last[:4] == b"PK\x01\x02"
    last[32:34] = len(locator).to_bytes(2, "little")
    path.write_bytes(joined(front, entries[:at] + bytes(last) + locator, end, n))
    refused(path, "a second directory", monkeypatch, tmp_path)
    for changed in (
        b"PK\x03\x04" + data,
        data[:-2] + b"\1\0x",
        joined(front, entries, end[:4] + b"\1\0" + end[6:], n),
        joined(front, entries, end, n)[:-12] + b"\xff" * 10 + b"\0\0",
    ):
        path.write_bytes(changed)
        refused(path, "cut off, or something follows", monkeypatch, tmp_path)
    path.write_bytes(data[:-1])
    refused(path, "cut off", monkeypatch, tmp_path)
    path.write_bytes(data + b"x")
    refused(path, "something follows it", monkeypatch, tmp_path)
    # Encrypted, or with a comment.
    flagged, noted = zipfile.ZipInfo("77.npy"), zipfile.ZipInfo("77.npy")
    noted.comment = b"evil"
    path.write_bytes(packed(document, members, [(noted, b"")]))
    refused(path, "has fields that are never set", monkeypatch, tmp_path)
    content = bytearray(packed(document, members, [(flagged, b"")]))
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    refused(path, "has fields that are never set", monkeypatch, tmp_path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("0.npy", b"")
    refused(path, "has no model.json", monkeypatch, tmp_path)


def test_documents_that_exhaust(models, tmp_path, monkeypatch):
    document, members = unpacked(models["dense"])
    path = tmp_path / "model"
    for deep in (lambda inner: [inner], lambda inner: {"a": inner}, lambda inner: node((inner,))):
        value = 1
        for _ in range(200):
            value = deep(value)
        attributes(document)["history_"] = value
        path.write_bytes(packed(document, members))
        refused(path, "more than 100 levels", monkeypatch, tmp_path)
    number = b'{"format": ' + b"9" * 5000 + b"}"
    twice = b'{"format": "skfashion", "format": "skfashion"}'
    for text in (b"[" * 200_000, b"{", b"\xff\xfe", b"", number, twice, b"{'a': 1}"):
        path.write_bytes(packed(text, members))
        refused(path, "its model.json is not valid JSON", monkeypatch, tmp_path)
    path.write_bytes(packed(b" " * (1 << 24) + b"{}", members))
    refused(path, "model.json' has more than", monkeypatch, tmp_path)


def test_estimators_within_estimators(models, tmp_path, monkeypatch):
    document, members = unpacked(models["pipeline"])
    path = tmp_path / "model"
    for n_inner, depth in ((1, 30), (10, 5)):
        estimators = [document["estimators"][0]]
        for index in range(depth):
            steps = [node((f"s{n}", None)) for n in range(n_inner)]
            for step in steps:
                step["$tuple"][1] = {"$estimator": index}
            state = {**attributes(document), "steps": steps}
            estimators.append({"class": "sklearn.pipeline.Pipeline", "state": state})
        path.write_bytes(packed({**document, "estimators": estimators}, members))
        refused(path, "too many estimators within", monkeypatch, tmp_path)


def test_files_of_skops_are_named(images, tmp_path, monkeypatch):
    fitted = small("DenseClassifier", epochs=1).fit(*images)
    for model in (fitted, make_pipeline(PixelScaler(), fitted), [1, 2]):
        skops.io.dump(model, tmp_path / "model")
        refused(
            tmp_path / "model", "Open it with skfashion 0.1.0, .* save it", monkeypatch, tmp_path
        )


def _header(shape, dtype="<f4", version=b"\x01\x00"):
    text = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    "content",
    [
        _header("(1000000000000,)") + bytes(64),
        _header("(99999999999999999, 99999999999999999)") + bytes(64),
        _header("(999999999999999999999999999,)"),
        _header("(0, 999999999999999)"),
        _header("(-4, -4)") + bytes(64),
        _header("(4, 4)") + bytes(63),
        _header("(4, 4)") + bytes(65),
        _header("(2,)", "|O") + bytes(16),
        _header("(2,)", "|V8") + bytes(16),
        _header("(2,)", "<U999999") + bytes(16),
        _header("(2,)", "<f4, <f4") + bytes(16),
        _header("(16,)", "<f4", b"\x02\x00") + bytes(64),
        _header("(__import__('os').system('touch marker'),)"),
        _header("(" * 500 + ")" * 500),
        b"\x93NUMPY\x01\x00\xff\xff",
        b"",
    ],
)
def test_headers_of_arrays(models, tmp_path, monkeypatch, content):
    document, members = unpacked(models["dense"])
    path = tmp_path / "model"
    for name in members:
        path.write_bytes(packed(document, {**members, name: content}))
        refused(path, "isn't loaded: an array in it", monkeypatch, tmp_path)


def test_no_file(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "not a regular file", monkeypatch, tmp_path)
    refused(tmp_path, "not a regular file", monkeypatch, tmp_path)
    with pytest.raises(FileNotFoundError):
        skfashion.load(tmp_path / "nothing")
    for bad in (0, -1, 1.5, "1"):
        with pytest.raises(ValueError, match="max_bytes="):
            skfashion.load(tmp_path / "nothing", max_bytes=bad)


def test_damage(models, images, tmp_path, capsys):
    """Cut, flip and overwrite: refused, or the same model as before."""
    X, _ = images
    rng = np.random.default_rng(0)
    counts = {"refused": 0, "the same": 0}
    path = tmp_path / "model"
    path.write_bytes(models["dense"])
    wanted = skfashion.load(path).predict_proba(X)
    data = models["dense"]
    damaged = [data[:n] for n in rng.integers(0, len(data), 60)]
    for _ in range(240):
        copy = bytearray(data)
        at = int(rng.integers(0, len(data)))
        size = int(rng.choice([1, 1, 4, 64]))
        copy[at : at + size] = rng.bytes(size)
        damaged.append(bytes(copy))
    damaged += [data + b"x", b"x" + data, data * 2, data[::-1]]
    for content in damaged:
        path.write_bytes(content)
        try:
            loaded = skfashion.load(path)
        except ModelFileError:
            counts["refused"] += 1
        else:
            assert np.array_equal(loaded.predict_proba(X), wanted)
            counts["the same"] += 1
    with capsys.disabled():
        print(f"\n{len(damaged)} damaged files: {counts}")
    assert counts["refused"] > 250
