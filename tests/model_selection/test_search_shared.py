"""Eight searches at once on one store, two of them killed."""

import itertools
import random
import time

import numpy as np
import pytest
from children import Child, needs_linux, result_of
from diary import Diary, keep_diary
from sklearn.model_selection import GridSearchCV
from stores import as_on_a_network_folder

from skfashion import DenseClassifier
from skfashion._store import Store, StoreWarning
from skfashion.datasets import make_images

pytestmark = needs_linux

CANDIDATES = list(itertools.product([8, "16-8"], [1e-3, 1e-2, 1e-1]))
EPOCHS, FOLDS = 4, 2


def search(folder, path, seed, delay):
    """Search all but one candidate in an order of one's own; return the scores of each."""
    import warnings

    warnings.simplefilter("error", StoreWarning)
    rng = random.Random(seed)
    as_on_a_network_folder(rng, delay)
    if path is not None:
        keep_diary(path, checkpoint_seconds=0.0)
    X, y = make_images(n_samples=90, n_classes=3, image_size=8, random_state=0)
    clf = DenseClassifier(epochs=EPOCHS, dropout=0.2, memory=folder, random_state=0)
    mine = CANDIDATES if seed is None else rng.sample(CANDIDATES, len(CANDIDATES) - 1)
    grid = [{"hidden_layer_sizes": [units], "learning_rate": [rate]} for units, rate in mine]
    found = GridSearchCV(clf, grid, cv=FOLDS, error_score="raise", refit=False).fit(X, y)
    splits = [found.cv_results_[f"split{i}_test_score"] for i in range(FOLDS)]
    return dict(zip(mine, np.transpose(splits).tolist(), strict=True))


def kill_two(children, diary):
    """Kill the first two once each has trained, and not the same training."""
    at = []
    for child in children[:2]:
        while True:
            mine = [line for line in diary.read() if line[-1] == str(child.process.pid)]
            epochs = [line for line in mine if line[0] == "epoch"]
            if len(epochs) > 2 and epochs[-1][1] not in at:
                break
            assert child.process.exitcode is None, "it ended before it could be killed"
            time.sleep(0.002)
        child.process.kill()
        child.process.join()
        at.append(epochs[-1][1])


@pytest.mark.parametrize("delay", [0, 0.03], ids=["local", "slow"])
def test_eight_searches_two_killed(tmp_path, capsys, delay):
    expected = result_of(search, None, None, None, 0)
    folder, diary = tmp_path / "store", Diary(tmp_path / "diary")
    children = [Child(search, folder, diary.path, seed, delay) for seed in range(8)]
    kill_two(children, diary)
    for child in children[2:]:
        for candidate, scores in child.result().items():
            assert scores == expected[candidate]
    diary.assert_nothing_known_was_trained()
    store = Store(folder)
    assert store.verify() == []
    assert sum(1 for _ in store.entries("results")) == len(CANDIDATES) * FOLDS
    store.prune()
    assert list(folder.glob("v1/tmp/*")) == []
    trained, needed = diary.count("epoch"), len(CANDIDATES) * FOLDS * EPOCHS
    with capsys.disabled():
        print(
            f"\n8 searches, 2 killed: {needed} different epochs, trained {trained} times; "
            f"without the store {6 * (needed - FOLDS * EPOCHS)}"
        )
    assert trained < 6 * (needed - FOLDS * EPOCHS)
