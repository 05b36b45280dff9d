"""The README's first block of Python, killed and run again."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from skfashion._store import open_store
from skfashion.datasets import make_images

README = Path(__file__).resolve().parents[2] / "README.md"

# The block as it stands there, on small pictures, with fewer and shorter fits.
SMALLER = {
    '"scenes/"': "sys.argv[1]",
    '"runs/"': "sys.argv[2]",
    "size=224": "size=32",
    "alpha=0.35": "alpha=0.35, weights=None, epochs=2, fine_tune_epochs=1",
    "n_iter=20": "n_iter=4",
    "cv=3": "cv=2",
}
REPORT = """
rows = {k: list(map(str, v)) for k, v in search.cv_results_.items() if "time" not in k}
print("RESULT " + json.dumps([rows, str(search.best_params_), sum(trained)]))
"""
COUNT = """
import json, sys
from skfashion import _training
trained, run = [], _training.run
def counted(*args, **kwargs):
    outcome = run(*args, **kwargs)
    trained.append(outcome.epochs_trained)
    return outcome
_training.run = counted
"""


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    from PIL import Image

    folder = tmp_path_factory.mktemp("scenes")
    X, y = make_images(n_samples=40, n_classes=2, image_size=40, channels=3, random_state=0)
    for i, (image, label) in enumerate(zip(X, y, strict=True)):
        (folder / f"class_{label}").mkdir(exist_ok=True)
        Image.fromarray(image).save(folder / f"class_{label}" / f"{i:03}.png")
    return folder


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    block = next(b for b in re.findall(r"```python\n(.*?)```", README.read_text(), re.S))
    for text, smaller in SMALLER.items():
        assert text in block, f"README's first block has no {text} any more"
        block = block.replace(text, smaller)
    path = tmp_path_factory.mktemp("script") / "block.py"
    path.write_text(COUNT + block + REPORT)
    return path


def start(script, scenes, runs):
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", str(script), str(scenes), str(runs)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=dict(os.environ),
    )


def result_of(child):
    out, _ = child.communicate(timeout=600)
    line = next(line for line in out.splitlines() if line.startswith("RESULT "))
    return json.loads(line.removeprefix("RESULT "))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killed_and_run_again(script, scenes, tmp_path):
    rows, best, whole = result_of(start(script, scenes, tmp_path / "whole"))

    killed = start(script, scenes, tmp_path / "killed")
    store = open_store(tmp_path / "killed")
    while len(list(store.entries("results"))) < 6 and killed.poll() is None:
        time.sleep(0.1)
    assert killed.poll() is None
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert store.verify() == []
    known = sum(1 for _ in store.entries("results"))

    again, best_again, rest = result_of(start(script, scenes, tmp_path / "killed"))
    assert (again, best_again) == (rows, best)
    assert 0 < rest < whole
    print(f"{whole} epochs unkilled; after {known} finished phases and SIGKILL {rest} were left")
