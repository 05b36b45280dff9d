"""A training whose process died three times before an epoch ended is given up."""

import os
import signal
from pathlib import Path

import estimators
import numpy as np
import pytest
from children import needs_linux, start
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV

from skfashion.inspection import prune_runs

pytestmark = needs_linux


def dense(folder, **parameters):
    return estimators.dense(epochs=4, dropout=0.2, memory=folder, **parameters)


def die_at_work(clf, X, y):
    from skfashion._training import programs

    programs.Program.begin = lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGKILL)
    clf.fit(X, y)


def markers(folder):
    return list(Path(folder).glob("v1/attempts/*"))


def test_three_crashes(images, tmp_path):
    X, y = images

    def crash(n):
        for _ in range(n):
            process = start(die_at_work, dense(tmp_path), X, y)
            process.join()
            assert process.exitcode == -signal.SIGKILL

    crash(2)
    clf = dense(tmp_path).fit(X, y)  # others killed the two
    fresh = dense(None).fit(X, y)
    assert clf.history_ == fresh.history_
    np.testing.assert_array_equal(clf.predict_proba(X), fresh.predict_proba(X))
    assert markers(tmp_path) == []

    prune_runs(tmp_path, max_bytes=0)
    crash(3)
    with pytest.warns(FitFailedWarning, match=r"MemoryError: .*3 times .*prune_runs\('") as said:
        search = GridSearchCV(
            dense(tmp_path),
            {"epochs": [4, 5], "learning_rate": [1e-3, 1e-2]},
            cv=[(range(60), range(60))],
            refit=False,
            error_score=-1.0,
        ).fit(X, y)
    assert str(tmp_path) in str(said[0].message)
    # Of another length it is the same training, of another rate it is not.
    failed = search.cv_results_["mean_test_score"] == -1
    assert list(search.cv_results_["param_learning_rate"][failed]) == [1e-3] * 2
    assert len(markers(tmp_path)) == 3
    assert prune_runs(tmp_path).crashes_cleared == 3
    assert dense(tmp_path).fit(X, y).history_ == fresh.history_
    assert markers(tmp_path) == []
