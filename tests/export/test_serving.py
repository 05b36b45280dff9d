"""The server of docs/serving, under uvicorn and under gunicorn that loads before it forks."""

import http.client
import io
import json
import os
import socket
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
from estimators import small
from PIL import Image
from scripts import ROOT, run_python
from sklearn.pipeline import make_pipeline

import skfashion
from skfashion.preprocessing import ImageReader

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="gunicorn forks"),
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="servers run TensorFlow"),
]
SERVERS = {
    "uvicorn": ["uvicorn", "app:app", "--port"],
    "gunicorn": ["gunicorn", "app:app", "--preload", "-w", "2", "-k",
                 "uvicorn_worker.UvicornWorker", "-b"],
}  # fmt: skip


def png(image):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


UPLOADS = [
    png(np.random.default_rng(i).integers(0, 256, (20 + i, 30, 3), np.uint8)) for i in range(12)
]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The path of a saved model, and what it says of the uploads."""
    clf = small("DenseClassifier", hidden_layer_sizes=8, epochs=1)
    pipe = make_pipeline(ImageReader(16), clf).fit(UPLOADS, ["cat", "dog"] * 6)
    path = tmp_path_factory.mktemp("model") / "model.skfashion"
    skfashion.save(pipe, path)
    return path, pipe.predict_proba(UPLOADS)


@pytest.fixture(scope="module", params=SERVERS)
def address(request, model, tmp_path_factory):
    for package in ("fastapi", "python_multipart", "uvicorn"):
        pytest.importorskip(package)
    module, *arguments = SERVERS[request.param]
    for package in ("gunicorn", "uvicorn_worker") if module == "gunicorn" else ():
        pytest.importorskip(package)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    place = str(port) if module == "uvicorn" else f"127.0.0.1:{port}"
    log = tmp_path_factory.mktemp("log") / "log"
    with open(log, "w") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", module, *arguments, place],
            cwd=ROOT / "docs" / "serving",
            env={**os.environ, "PYTHONPATH": str(ROOT), "MODEL": str(model[0])},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            for _ in range(1200):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert server.poll() is None, log.read_text()
                time.sleep(0.1)
            yield port
        finally:
            server.terminate()
            server.wait(60)


def post(port, content, **headers):
    head = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    body = head + content + b"\r\n--x--\r\n"
    headers["Content-Type"] = "multipart/form-data; boundary=x"
    connection.request("POST", "/predict", body if content else iter([body]), headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_answers_are_those_of_the_model(address, model):
    for upload, (cat, dog) in zip(UPLOADS, model[1], strict=True):
        status, text = post(address, upload)
        found = json.loads(text)
        assert status == 200
        assert found == pytest.approx({"cat": cat, "dog": dog}, abs=1e-6)
        assert list(found.values()) == sorted(found.values(), reverse=True)


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (b"no image", 422, "it is not a JPEG"),
        (UPLOADS[0][:300], 422, "broken"),
        (png(np.zeros((9500, 9500), np.uint8)), 422, "Pillow's limit"),
        (bytes(11 << 20), 413, "more than 10,485,760 bytes"),
        (b"", 413, "no length"),
    ],
    ids=["text", "cut", "bomb", "large", "without a length"],
)
def test_what_is_refused(address, content, status, said):
    answer = post(address, content)
    assert answer[0] == status
    assert said in answer[1]


def test_a_model_that_is_loaded_before_a_fork_predicts_after_it(model, tmp_path):
    np.save(tmp_path / "wanted", model[1])
    (tmp_path / "upload").write_bytes(UPLOADS[0])
    code = """
    import os, sys
    import numpy as np, skfashion
    model, upload = skfashion.load(sys.argv[1]), open("upload", "rb").read()
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            difference = model.predict_proba([upload])[0] - np.load("wanted.npy")[0]
            os._exit(0 if abs(difference).max() < 1e-6 else 1)
        children.append(child)
    print([os.waitpid(child, 0)[1] for child in children])
    """
    assert "[0, 0]" in run_python(code, model[0], cwd=tmp_path)


def test_the_server_is_as_short_as_its_page_says():
    lines = (ROOT / "docs" / "serving" / "app.py").read_text().splitlines()
    assert sum(bool(line.strip()) for line in lines) <= 30
    assert len((ROOT / "docs" / "serving" / "Dockerfile").read_text().splitlines()) <= 10
