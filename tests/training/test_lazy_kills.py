"""A fit on images that are read when they are needed is killed, and run again."""

import os
import signal
import time

import numpy as np
import pytest
from children import Child, needs_linux, result_of
from diary import Diary, keep_diary
from estimators import dense, on_small_backbone
from PIL import Image

from skfashion._training import features
from skfashion._utils import lazy_images
from skfashion.datasets import make_images
from skfashion.preprocessing import ImageReader, _reader

pytestmark = needs_linux

N, BATCH, EPOCHS, SIDE = 96, 8, 20, 16
FITS = {
    "features": lambda: on_small_backbone(epochs=EPOCHS, fine_tune_epochs=0),
    "pixels": lambda: dense(epochs=EPOCHS, batch_size=BATCH, dropout=0.2),
}


def fit(kind, files, folder, path):
    """Fit as a user's script does; write down each file that is decoded, and each epoch."""
    features._BATCH, features._SAVE_SECONDS = BATCH, 0.0
    lazy_images._PART_BYTES = BATCH * SIDE * SIDE * 3
    keep_diary(path, checkpoint_seconds=0.0)
    decode, diary = _reader.decode_image, os.open(path, os.O_WRONLY | os.O_APPEND)

    def noting(name, **how):
        time.sleep(0.005)
        os.write(diary, f"decoded {name} {os.getpid()}\n".encode())
        return decode(name, **how)

    _reader.decode_image = noting
    kept = folder if kind == "pixels" else None
    X = ImageReader(SIDE, lazy=True, memory=kept).transform(files)
    clf = FITS[kind]().set_params(memory=folder).fit(X, np.arange(N) % 3)
    return clf.history_, clf.predict_proba(X).tolist()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    X, _ = make_images(N, n_classes=3, image_size=SIDE, channels=3, random_state=0)
    names = [str(folder / f"{i}.png") for i in range(N)]
    for image, name in zip(X, names, strict=True):
        Image.fromarray(image).save(name)
    return names


@pytest.fixture(scope="module", params=FITS)
def whole(request, files, tmp_path_factory):
    """Return a kind of fit, and what it ends in if nobody kills it."""
    folder = tmp_path_factory.mktemp("whole")
    found = result_of(fit, request.param, files, folder / "runs", folder / "diary")
    assert sorted(decoded(Diary(folder / "diary"))) == sorted(files)
    return request.param, found


def decoded(diary):
    return [line[1] for line in diary.read() if line[0] == "decoded"]


@pytest.mark.parametrize(("what", "n"), [("decoded", N // 2), ("epoch", 3)])
def test_killed_and_run_again(what, n, whole, files, tmp_path):
    kind, expected = whole
    diary = Diary(tmp_path / "diary")
    given = kind, files, tmp_path / "runs", diary.path
    process = Child(fit, *given).process
    while diary.count(what) < n and process.exitcode is None:
        time.sleep(0.002)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    before = decoded(diary)
    assert len(before) == N if what == "epoch" else N // 2 <= len(before) < N
    assert result_of(fit, *given) == expected
    # A batch is computed, the next is read already, and the one after it is being read.
    on_the_way = before[-3 * BATCH :] if what == "decoded" else []
    again = decoded(diary)[len(before) :]
    assert set(again) & set(before) <= set(on_the_way)
    assert len(again) == len(set(again))
    assert diary.count("epoch") <= EPOCHS + (what == "epoch")
    diary.assert_nothing_known_was_trained()
