"""Measure the server of docs/serving over the loopback: ``python -m benchmarks.serving``.

MobileNetV2 0.35 on scenes, JPEG files of 100 x 100 pixels read at 96; one uvicorn process, and
clients in a process of their own on the same cores. Kept in ``results/serving.json``.
"""

import http.client
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import data
from benchmarks.harness import machine, versions

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / "benchmarks" / "results" / "serving.json"
CLIENTS = (1, 8, 32)
REQUESTS, UPLOADS = 600, 3000
_HEAD = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'


def train(path):
    """Save a model."""
    from sklearn.pipeline import make_pipeline

    import skfashion
    from skfashion.preprocessing import ImageReader

    X, y = data.files("intel-scenes", 120)
    head = skfashion.MobileNetFineTuner(alpha=0.35, epochs=3, fine_tune_epochs=0, random_state=0)
    skfashion.save(make_pipeline(ImageReader(96), head).fit(X, y), path)


def uploads(n):
    """Yield JPEG files, no two of the same pixels."""
    names, _ = data.files("intel-scenes", 900, part="test")
    for i in range(n):
        with Image.open(names[i % len(names)]) as image:
            other = image.convert("RGB").point(lambda value, i=i: min(255, value + i // len(names)))
        content = io.BytesIO()
        other.save(content, "JPEG", quality=90)
        yield content.getvalue()


def post(connection, content):
    """Send an upload over a connection that stays; return the seconds it took."""
    started = time.perf_counter()
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    connection.request("POST", "/predict", _HEAD + content + b"\r\n--x--\r\n", headers)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200, answer.status
    return time.perf_counter() - started


def load(port, contents, clients):
    """Send uploads from so many clients; return requests a second and the 95th percentile."""

    def client(own):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        return [post(connection, content) for content in own]

    started = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        parts = pool.map(client, [contents[i::clients] for i in range(clients)])
        times = [seconds for part in parts for seconds in part]
    taken = time.perf_counter() - started
    return {
        "requests_a_second": len(times) / taken,
        "p50_ms": 1000 * float(np.percentile(times, 50)),
        "p95_ms": 1000 * float(np.percentile(times, 95)),
    }


def memory_mib(pid):
    """Return anonymous memory of a process in MiB: what files are mapped is left out."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) / 1024


def main():
    """Measure, keep and print."""
    load_before = os.getloadavg()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, "model.skfashion")
        code = f"from benchmarks.serving import train; train({str(model)!r})"
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
        command = [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port)]
        server = subprocess.Popen(
            [*command, "--log-level", "warning"],
            cwd=ROOT / "docs" / "serving",
            env={**os.environ, "MODEL": str(model), "PYTHONPATH": str(ROOT)},
        )
        try:
            figures = measured(server.pid, port)
        finally:
            server.terminate()
            server.wait(60)
    record = {
        "command": "python -m benchmarks.serving",
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(),
        "load_before": load_before,
        **figures,
    }
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=1))


def measured(pid, port):
    """Return the figures of a server."""
    for _ in range(1200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    contents = list(uploads(UPLOADS))
    load(port, contents[:200], 8)
    memory = {}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    for i, content in enumerate(contents, 1):
        post(connection, content)
        if i in (1, 500, 1000, 2000, UPLOADS):
            memory[i] = memory_mib(pid)
    clients = {n: load(port, contents[:REQUESTS], n) for n in CLIENTS}
    return {"anonymous_mib_after_uploads": memory, "clients": clients}


if __name__ == "__main__":
    main()
