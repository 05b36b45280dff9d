"""Every epoch of every candidate and fold reaches scikit-learn's callbacks."""

import pytest
from estimators import dense, on_small_backbone
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV

callback = pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9")

from skfashion.model_selection import BayesSearchCV, HyperbandSearchCV


class Writes:
    """Writes the path of every task that ends: estimator and task names, outermost first."""

    def __init__(self):
        self.paths = []
        self.begun = 0
        self.metadata = []
        self.stop_after = None

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        self.begun += 1

    def on_fit_task_end(self, estimator, context, *, metadata):
        names, at = [], context
        while at is not None:
            names.append((at.estimator_name, at.task_name))
            at = at.parent
        self.paths.append(tuple(reversed(names)))
        if context.task_name == "epoch":
            self.metadata.append(metadata)
            return self.stop_after is not None and len(self.metadata) >= self.stop_after
        return False

    def teardown(self, estimator, context):
        pass


class Spreads(Writes):
    """The same, handed on by searches to what they fit."""

    max_propagation_depth = None


def test_one_fit_tells_its_epochs(images):
    writes = Writes()
    dense().set_callbacks(writes).fit(*images)
    assert [path[-1][1] for path in writes.paths] == ["epoch"] * 3 + ["fit"]
    assert writes.paths[-1] == (("DenseClassifier", "fit"),)
    assert set(writes.metadata[0]) >= {"loss", "accuracy"}


def test_two_phases_are_two_tasks(images):
    writes = Writes()
    on_small_backbone(epochs=2, unfreeze_from="block2").set_callbacks(writes).fit(*images)
    names = [tuple(name for _, name in path) for path in writes.paths]
    head, second = ("fit", "head"), ("fit", "fine_tune")
    assert names == [*[(*head, "epoch")] * 2, head, (*second, "epoch"), second, ("fit",)]


def test_a_callback_may_stop_the_fit(images):
    writes = Writes()
    writes.stop_after = 2
    assert dense().set_callbacks(writes).fit(*images).n_iter_ == 2


SETTINGS = {
    GridSearchCV: {},
    RandomizedSearchCV: {"n_iter": 2, "random_state": 0},
    BayesSearchCV: {"n_iter": 2, "random_state": 0},
    HyperbandSearchCV: {"max_resources": 3, "random_state": 0},
}


@pytest.mark.parametrize("kind", SETTINGS)
def test_every_epoch_of_every_candidate_and_fold(kind, images):
    settings = {"cv": 2, **SETTINGS[kind]}
    search = kind(dense(), {"learning_rate": [1e-3, 1e-2]}, **settings)
    writes = Spreads()
    search.set_callbacks(writes).fit(*images)
    epochs = [path for path in writes.paths if path[-1][1] == "epoch"]
    rows = search.cv_results_
    # A candidate that is trained further tells its new epochs only.
    assert len(epochs) >= 3 + (0 if kind is HyperbandSearchCV else 2 * 3 * len(rows["params"]))
    assert all(path[0][0] == type(search).__name__ for path in epochs)
    assert writes.begun == len(writes.paths)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_progress_bar_runs(n_jobs, images, capfd):
    search = GridSearchCV(dense(), {"learning_rate": [1e-3, 1e-2]}, cv=2, n_jobs=n_jobs)
    search.set_callbacks(callback.ProgressBar(max_propagation_depth=None)).fit(*images)
    assert "GridSearchCV" in capfd.readouterr().out
