"""Settings belong to a thread, and reach the workers of tools that use an estimator."""

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import joblib
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_validate
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

import skfashion
from skfashion import DenseClassifier
from skfashion.model_selection import BayesSearchCV, HyperbandSearchCV
from skfashion.preprocessing import ImageFlattener

DEFAULTS = skfashion.get_config()
BOUND = 12_345


class Tells(DenseClassifier):
    """Writes down a setting that each fit and prediction meets."""

    def __init__(self, file, learning_rate=1e-3, epochs=1):
        super().__init__(4, learning_rate=learning_rate, epochs=epochs, random_state=0)
        self.file = file

    def _as_input(self, X, name="X"):
        with open(self.file, "a") as file:
            file.write(f"{skfashion.get_config()['store_max_bytes']}\n")
        return super()._as_input(X, name)


def test_context_puts_settings_back():
    before = skfashion.get_config()

    def fail():
        assert skfashion.get_config()["program_cache_size"] == 3
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), skfashion.config_context(program_cache_size=3):
        fail()
    assert skfashion.get_config() == before


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"program_cache_size": -1}, ValueError, "program_cache_size must be an int >= 0"),
        ({"feature_cache_bytes": 1.5}, ValueError, "feature_cache_bytes"),
        ({"feature_cache_bytes": True}, ValueError, "feature_cache_bytes"),
        ({"fused_optimizers": 1}, ValueError, "True or False"),
        ({"feature_cache_size": 1}, TypeError, "feature_cache_bytes"),
    ],
)
def test_bad_settings_are_refused_and_change_nothing(settings, error, message):
    before = skfashion.get_config()
    with pytest.raises(error, match=message):
        skfashion.set_config(store_max_bytes=5, **settings)
    assert skfashion.get_config() == before


def told(folder):
    return set((folder / "told").read_text().split())


def in_threads(*functions):
    """Call functions at once, in a thread each."""
    with ThreadPoolExecutor(len(functions)) as pool:
        for done in [pool.submit(function) for function in functions]:
            done.result()


@pytest.fixture
def telling(tmp_path):
    return Tells(str(tmp_path / "told"))


GRID = {"learning_rate": [1e-3, 1e-2, 1e-1]}
SPACE = {"learning_rate": (1e-3, 1e-1, "log-uniform")}
TOOLS = {  # to fit, or to call
    "grid": lambda clf: GridSearchCV(clf, GRID, cv=3, error_score="raise"),
    "halving": lambda clf: HalvingGridSearchCV(clf, GRID, cv=2, min_resources=30),
    "bayes": lambda clf: BayesSearchCV(clf, SPACE, n_iter=2, n_points=2, cv=3),
    "hyperband": lambda clf: HyperbandSearchCV(clf, GRID, max_resources=2, cv=2, random_state=0),
    "bagging": lambda clf: BaggingClassifier(clf, 6),
    "voting": lambda clf: VotingClassifier([(str(i), clone(clf)) for i in range(6)]),
    "calibrated": lambda clf: CalibratedClassifierCV(clf, cv=6),
    "one against rest": OneVsRestClassifier,
    "cross_validate": lambda clf: partial(cross_validate, clf, cv=6, error_score="raise"),
    "in a pipeline": lambda clf: partial(
        cross_validate, make_pipeline(ImageFlattener(), clf), cv=6
    ),
    "a search in a search": lambda clf: partial(
        cross_validate, GridSearchCV(clf, GRID, cv=2), cv=6, error_score="raise"
    ),
    "importance": lambda clf: (
        lambda X, y: permutation_importance(clf.fit(X[:, :4], y), X[:, :4], y, n_repeats=2)
    ),
}


@pytest.mark.parametrize("backend", ["threading", "loky"])
@pytest.mark.parametrize("tool", TOOLS)
def test_settings_reach_workers(tool, backend, images, telling, tmp_path):
    X, y = images[0].reshape(len(images[0]), -1), images[1]
    with joblib.parallel_config(backend, n_jobs=2), skfashion.config_context(store_max_bytes=BOUND):
        used = TOOLS[tool](telling)
        getattr(used, "fit", used)(X, y)
    assert told(tmp_path) == {str(BOUND)}
    used = TOOLS[tool](telling)  # what an estimator has carried before is forgotten
    getattr(used, "fit", used)(X, y)
    assert told(tmp_path) == {str(BOUND), "None"}


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_joblib_alone_carries_nothing_as_in_scikit_learn(backend):
    with joblib.parallel_config(backend, n_jobs=2), skfashion.config_context(store_max_bytes=BOUND):
        found = joblib.Parallel()(joblib.delayed(skfashion.get_config)() for _ in range(4))
    assert found == [DEFAULTS] * 4


def test_overlapping_contexts_of_threads_leave_nothing_behind():
    first, second, third = (threading.Event() for _ in range(3))
    seen = {}

    def outer():
        with skfashion.config_context(program_cache_size=1):
            first.set()
            second.wait()
            seen["outer"] = skfashion.get_config()
        seen["outer, after"] = skfashion.get_config()
        third.set()

    def inner():
        first.wait()
        with skfashion.config_context(feature_cache_bytes=7):
            second.set()
            third.wait()
            seen["inner"] = skfashion.get_config()
        seen["inner, after"] = skfashion.get_config()

    in_threads(outer, inner)
    assert seen == {
        "outer": {**DEFAULTS, "program_cache_size": 1},
        "inner": {**DEFAULTS, "feature_cache_bytes": 7},
        "outer, after": DEFAULTS,
        "inner, after": DEFAULTS,
    }
    assert skfashion.get_config() == DEFAULTS


def test_settings_of_a_worker_itself_go_first(images, telling, tmp_path):
    with skfashion.config_context(store_max_bytes=BOUND):
        clf = clone(telling)
        in_threads(partial(fit_with_own, clf, *images))
    assert told(tmp_path) == {"777"}


def fit_with_own(clf, X, y):
    skfashion.set_config(store_max_bytes=777)
    clf.fit(X, y)


def test_a_pickle_on_disk_brings_no_settings_along(images, telling, tmp_path):
    with skfashion.config_context(store_max_bytes=BOUND):
        content = pickle.dumps(telling.fit(*images))
    loaded = pickle.loads(content)
    assert not any("settings" in name for name in vars(loaded))
    (tmp_path / "told").unlink()
    in_threads(partial(loaded.predict, images[0]))
    assert told(tmp_path) == {"None"}
