"""`load` refuses files made to do harm: one error, before anything is built, nothing touched."""

import io
import json
import os
import pickle
import zipfile

import joblib
import numpy as np
import pytest
import skops.io
from estimators import small
from hostile import Payload, attributes, edited, npy, packed, unpacked
from sklearn.pipeline import make_pipeline

import skfashion
from skfashion._persistence import ModelFileError
from skfashion.preprocessing import PixelScaler


@pytest.fixture
def dense(models):
    """The document of a saved classifier, and its arrays by name."""
    return unpacked(models["dense"])


def test_a_pickle_is_named(refused, tmp_path):
    refused(pickle.dumps(Payload(tmp_path / "marker")), "is a pickle, which runs code")
    joblib.dump(Payload(tmp_path / "marker"), tmp_path / "model", compress=3)
    refused(tmp_path / "model", "not an archive")


def test_a_pickle_inside(dense, refused, tmp_path):
    document, members = dense
    payload, objects = Payload(tmp_path / "marker"), io.BytesIO()
    np.save(objects, np.array([payload], object), allow_pickle=True)
    payload = pickle.dumps(payload)
    for name in ("evil.pkl", "data.pkl", "model.joblib", "config.json", "model.weights.h5"):
        refused(packed(document, {**members, name: payload}), "has a member")
    # Under a name that is allowed it is no array, or nothing refers to it.
    refused(packed(document, {**members, "0.npy": payload}), "has a header")
    unused = {**members, "999.npy": npy(np.zeros(2))}
    refused(packed(document, unused), "nothing in it refers to")
    pickled = {**members, "0.npy": objects.getvalue()}
    refused(packed(document, pickled), "arrays of Python objects are pickles")


def zip_info(name="77.npy", **fields):
    info = zipfile.ZipInfo("x" * max(1, len(name)))
    info.filename = info.orig_filename = name
    for field, value in fields.items():
        setattr(info, field, value)
    return info


NAMES = [
    *("../marker", "../0.npy", "/etc/0.npy", "folder/0.npy", "..\\0.npy", "C:0.npy", "0.npy/"),
    *("0.npy\0.py", "é.npy", "٣.npy", "", "0.NPY", "0.npy\n", "0000000000.npy"),
]


@pytest.mark.parametrize("name", NAMES)
def test_members_that_lead_elsewhere(dense, refused, name):
    refused(packed(*dense, [(zip_info(name), b"evil")]), "isn't loaded: its ")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["0.npy", "model.json"])
def test_two_members_of_one_name(dense, refused, name):
    content = dense[1].get(name, b"{}")
    refused(packed(*dense, [(zip_info(name), content)]), "each once")


FIELDS = {
    "compressed": {"compress_type": zipfile.ZIP_DEFLATED},
    "more so": {"compress_type": zipfile.ZIP_LZMA},
    "extra": {"extra": b"\1\0\4\0evil"},
    "comment": {"comment": b"evil"},
    "another directory": {"comment": b"PK\x06\x07" + bytes(16)},
}


@pytest.mark.parametrize("name", FIELDS)
def test_fields_that_are_never_set(dense, refused, name):
    bomb = packed(*dense, [(zip_info(**FIELDS[name]), bytes(10_000_000))])
    match = "is compressed, .* or has fields|cut off, or something else is in it"
    refused(bomb, match)


@pytest.mark.parametrize("kind", [0o120000, 0o040000, 0o010000, 0o020000])
def test_links_and_folders_are_no_arrays(dense, refused, kind):
    info = zip_info(external_attr=(kind | 0o777) << 16)
    refused(packed(*dense, [(info, b"/etc/passwd")]), "has a header that isn't one of numbers")


def archive(front, entries, n, end=b"PK\5\6" + bytes(4)):
    """Return an archive of what comes before its directory, `n` entries of it, and its end."""
    sizes = len(entries).to_bytes(4, "little") + len(front).to_bytes(4, "little")
    return front + entries + end + n.to_bytes(2, "little") * 2 + sizes + bytes(2)


def test_directories(models, dense, refused):
    data, n = models["dense"], len(dense[1]) + 1
    size, start = (int.from_bytes(data[at : at + 4], "little") for at in (-10, -6))
    front, entries = data[:start], data[start : start + size]
    assert archive(front, entries, n) == data
    # The same bytes under a hundred names, and under their own fifty times.
    first = entries[: 46 + len("model.json")]
    more = b"".join(first.replace(b"model.json", b"%06d.npy" % number) for number in range(100))
    header = data[: 30 + len("model.json")]
    for changed in (
        archive(front, entries + more, n + 100),
        archive(front, entries * 50, n * 50),
        archive(front, entries, n, b"PK\5\6\1" + bytes(3)),
        archive(front, entries, n - 1),
        archive(front[:-1], entries, n),
        archive(front + b"x", entries, n),
        archive(front + header, entries, n),
        archive(front, b"", n),
        *(b"PK\3\4" + data, data + b"x", data + data, data[:-1], data[:-22], front, data[:31]),
        *(data[:-2] + b"\1\0x", data[:-12] + b"\xff" * 10 + b"\0\0"),
        # Members that claim another size: more than the file, or another one within them.
        data[:18] + b"\xff" * 8 + data[26:],
        data[:18] + b"\1\0\0\0" * 2 + data[26:],
        # Encrypted, or with its size said later.
        *(data[:6] + flags + b"\0" + data[8:] for flags in (b"\1", b"\x08")),
    ):
        refused(changed, "isn't loaded: (its (archive|member)|it is not an archive)")
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w") as other:
            other.writestr("0.npy", b"")
        refused(file.getvalue(), "has no model.json")


def test_files_that_are_too_large(models, dense, refused):
    document, members = dense
    many = {f"{n}.npy": b"" for n in range(100, 11_000)}
    refused(packed(document, {**members, **many}), "10,000 at most")
    refused(models["dense"], "more than max_bytes=1,000", max_bytes=1000)
    refused(packed(b" " * (1 << 24) + b"{}", members), "model.json has more than")


@pytest.mark.parametrize("kind", ["[@]", '{"a": @}', '{"$tuple": [@]}', '{"$objects": [@]}'])
def test_documents_that_exhaust(dense, refused, kind):
    document, members = dense
    attributes(document)["history_"] = "@"
    start, _, end = kind.partition("@")
    text = json.dumps(document).replace('"@"', start * 100_000 + "1" + end * 100_000)
    refused(packed(text.encode(), members), "is not valid JSON")


NOT_JSON = [
    *(b"[" * 200_000, b"{", b"\xff\xfe", b"", b"{'a': 1}", b'{"format": ' + b"9" * 5000 + b"}"),
    b'{"format": "skfashion", "format": "skfashion"}',
]


@pytest.mark.parametrize("text", NOT_JSON, ids=range(len(NOT_JSON)))
def test_documents_that_are_not_json(dense, refused, text):
    refused(packed(text, dense[1]), "its model.json (is not valid JSON|has a name twice)")


@pytest.mark.parametrize(("n_inner", "depth"), [(10, 5), (100, 3)])
def test_estimators_within_estimators(models, refused, n_inner, depth):
    def nest(document):
        state = attributes(document)
        for index in range(depth):
            steps = [{"$tuple": [f"s{n}", {"$estimator": index}]} for n in range(n_inner)]
            pipeline = {"class": "sklearn.pipeline.Pipeline", "state": {**state, "steps": steps}}
            document["estimators"][index + 1 :] = [pipeline]

    refused(edited(models["pipeline"], nest), "too many estimators within")


def test_files_of_skops_are_named(images, refused, tmp_path):
    fitted = small("DenseClassifier", epochs=1).fit(*images)
    for model in (fitted, make_pipeline(PixelScaler(), fitted), [1, 2]):
        skops.io.dump(model, tmp_path / "model")
        refused(tmp_path / "model", "Open it with skfashion 0.1.0, .* save it")


def _header(shape, dtype="<f4", version=b"\x01\x00"):
    text = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text.encode()


HEADERS = [
    _header("(1000000000000,)") + bytes(64),
    _header("(99999999999999999, 99999999999999999)") + bytes(64),
    _header("(999999999999999999999999999,)"),
    _header("(1000000000000000,)", "<U0"),
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
]


@pytest.mark.parametrize("content", HEADERS)
def test_headers_of_arrays(dense, refused, content):
    document, members = dense
    for name in members:
        refused(packed(document, {**members, name: content}), "isn't loaded: an array in it")


@pytest.mark.parametrize("shape", ["(0, 999999999999999)", f"({'9' * 17}, {'9' * 17}, 0)"])
def test_arrays_of_no_bytes_and_absurd_shapes(dense, refused, shape):
    document, members = dense
    for name in members:
        changed = {**members, name: _header(shape)}
        refused(packed(document, changed), "isn't loaded: (its|an array)")


def test_no_file(refused, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "not a regular file")
    refused(tmp_path, "not a regular file")
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
