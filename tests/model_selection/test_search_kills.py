"""A search on a store, killed at random moments and started again until it ends."""

import random
import signal
import time
import warnings
from collections import Counter

from children import Child, needs_linux, result_of
from diary import Diary, keep_diary
from searches import rows_of
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skfashion import DenseClassifier
from skfashion._store import Store
from skfashion.datasets import make_images
from skfashion.preprocessing import PixelScaler

pytestmark = needs_linux

GRID = {
    "denseclassifier__learning_rate": [1e-3, 1e-2],
    "denseclassifier__dropout": [0.1, 0.3],
}
EPOCHS, FOLDS = 4, 3
FITS = 4 * FOLDS + 1
SEARCHES, KILLS_EACH = 5, 5


def search(folder, path):
    """Search as a user's script does; return all that must not depend on kills."""
    keep_diary(path, checkpoint_seconds=0.0)
    X, y = make_images(n_samples=90, n_classes=3, image_size=8, random_state=0)
    clf = DenseClassifier(16, epochs=EPOCHS, memory=folder, random_state=0)
    found = GridSearchCV(make_pipeline(PixelScaler(), clf), GRID, cv=FOLDS).fit(X, y)
    return rows_of(found), found.best_params_, found.predict_proba(X).tolist()


def killed(child, diary, n_lines, seconds):
    """Kill a process once it has written that many lines and some time is past.

    Return False if it has ended before.
    """
    until = len(diary.read()) + n_lines
    while child.process.exitcode is None:
        if len(diary.read()) >= until:
            child.process.join(seconds)
            break
        time.sleep(0.002)
    child.process.kill()
    child.process.join()
    return child.process.exitcode == -signal.SIGKILL


def assert_whole(folder):
    store = Store(folder)
    assert store.verify() == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for info in store.entries():
            assert store.get(info.kind, info.key) is not None


def test_killed_at_random_moments(tmp_path, capsys):
    rng = random.Random(0)
    path = tmp_path / "whole.diary"
    expected = result_of(search, tmp_path / "whole", path)
    assert Diary(path).count("epoch") == FITS * EPOCHS
    n_lines = len(Diary(path).read())
    lost, at_work, last_seen = 0, 0, Counter()
    for turn in range(SEARCHES):
        folder, path = tmp_path / f"{turn}", tmp_path / f"{turn}.diary"
        diary = Diary(path)
        path.touch()
        for _ in range(KILLS_EACH):
            # A share of what a whole search writes, so that something is left for the others.
            n, seconds = rng.randrange(n_lines // KILLS_EACH), rng.uniform(0, 0.02)
            while not killed(Child(search, folder, path), diary, n, seconds):
                n //= 2  # it came to its end; so it can be killed while it reads
            assert_whole(folder)
            at_work += len(list(folder.glob("v1/attempts/*"))) > 0
            last_seen[diary.read()[-1][0] if diary.read() else "nothing"] += 1
        assert result_of(search, folder, path) == expected
        assert_whole(folder)
        diary.assert_nothing_known_was_trained()
        more = diary.count("epoch") - FITS * EPOCHS
        assert 0 <= more <= KILLS_EACH  # a kill costs the epoch that was running, at most
        lost += more
    with capsys.disabled():
        print(
            f"\n{SEARCHES * KILLS_EACH} kills of {SEARCHES} searches of {FITS} fits: "
            f"{lost} of {SEARCHES * FITS * EPOCHS} epochs trained twice, {at_work} times a fit "
            f"was under way; the diaries ended in {dict(last_seen)}"
        )
