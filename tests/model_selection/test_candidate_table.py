"""The table that a search with ``verbose=1`` shows: on a terminal, in a file, in a notebook."""

import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import loguniform, randint
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skopt.space import Categorical, Real

from skfashion import MobileNetFineTuner
from skfashion._utils import tables
from skfashion._utils.tables import GrowingTable
from skfashion.model_selection import BayesSearchCV, HyperbandSearchCV
from skfashion.model_selection._candidates import CandidateTable, seconds_left
from skfashion.model_selection._spaces import idle_parameters


@pytest.fixture
def data(rng):
    X = rng.normal(size=(60, 4))
    return X, (X[:, 0] > 0).astype(int)


SPACE = {"sgdclassifier__alpha": loguniform(1e-6, 1e-1), "sgdclassifier__penalty": ["l1", "l2"]}


def make_search(kind, **options):
    pipe = make_pipeline(StandardScaler(), SGDClassifier(tol=None, max_iter=5, random_state=0))
    if kind == "bayes":
        return BayesSearchCV(pipe, SPACE, n_iter=6, cv=2, random_state=0, **options)
    resource = {"resource": "sgdclassifier__max_iter", "max_resources": 9}
    return HyperbandSearchCV(pipe, SPACE, cv=2, random_state=0, **resource, **options)


def rows_of(out):
    return [line.split() for line in out.splitlines() if re.match(r" *\d+/\d+ ", line)]


@pytest.mark.parametrize("kind", ["bayes", "hyperband"])
def test_a_row_comes_with_each_candidate_and_nothing_of_scikit_learn(kind, data, capsys):
    quiet = make_search(kind).fit(*data)
    assert capsys.readouterr().out == ""
    search = make_search(kind, verbose=1).fit(*data)
    out = capsys.readouterr().out
    assert "Fitting" not in out
    assert "\x1b" not in out
    scores = search.cv_results_["mean_test_score"]
    assert [row[1] for row in rows_of(out)] == [f"{score:.4f}" for score in scores]
    best = [f"{score:.4f}" for score in np.maximum.accumulate(scores)]
    assert [row[2] for row in rows_of(out)] == best
    assert rows_of(out)[-1][0] == f"{len(scores)}/{len(scores)}"
    assert "Training the best" in out
    np.testing.assert_array_equal(scores, quiet.cv_results_["mean_test_score"])
    assert search.verbose == 1


def test_more_than_one_adds_scikit_learns_lines(data, capsys):
    make_search("bayes", verbose=2, refit=False).fit(*data)
    out = capsys.readouterr().out
    assert out.count("[CV] END") == 12
    assert "Fitting" not in out
    assert "Training the best" not in out


def test_a_search_that_time_ends_says_so(data, capsys):
    def end(results):
        search._fit_state[2].at = 0

    search = make_search("bayes", verbose=1, time_budget=1000)
    search.fit(*data, callback=end)
    assert search.stopped_by_time_
    assert "Time is up after 1 of 6 candidates." in capsys.readouterr().out


def test_on_a_terminal_the_best_so_far_stands_out(data, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    make_search("bayes", verbose=1).fit(*data)
    lines = capsys.readouterr().out.splitlines()
    first = next(line for line in lines if "1/6" in line)
    assert "\x1b[1m" in first


def test_in_a_notebook_one_table_grows(data, monkeypatch, capsys):
    """One display, which each candidate updates: no widgets, no table for each of them."""
    shown, updates = [], []

    class Handle:
        def update(self, table):
            updates.append(table.row_count)

    def display(table, display_id):
        shown.append(table)
        return Handle()

    console = SimpleNamespace(is_jupyter=True, width=115)
    monkeypatch.setattr(tables, "get_console", lambda: console)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    make_search("bayes", verbose=1, refit=False).fit(*data)
    assert len(shown) == 1
    assert updates == [1, 2, 3, 4, 5, 6]
    assert "text/html" in shown[0]._repr_mimebundle_([], [])
    assert capsys.readouterr().out == ""


# -- rows ------------------------------------------------------------------------------------


def test_what_a_parameter_can_not_change_is_a_dash(capsys):
    idle = idle_parameters(make_pipeline(MobileNetFineTuner()))
    rate, block = "mobilenetfinetuner__fine_tune_learning_rate", "mobilenetfinetuner__unfreeze_from"
    assert idle[rate] == (block, None)
    spaces = [{rate: Real(1e-6, 1e-3, prior="log-uniform"), block: Categorical([None, "block_16"])}]
    table = CandidateTable(spaces, [8, 8, 8], idle=idle, refit=0)
    for value in (None, "block_16"):
        table.add([{rate: 1e-4, block: value}], [0.5])
    table.add([{block: "block_16"}], [float("nan")])
    first, second, third = rows_of(capsys.readouterr().out)
    assert first == ["1/3", "0.5000", "0.5000", "0:00", "-", "None"]
    assert second[-2:] == ["0.0001", "block_16"]
    assert third[:3] == ["3/3", "failed", "0.5000"]
    assert third[-2:] == ["-", "block_16"]
    assert idle_parameters(SGDClassifier()) == {}


def test_two_steps_with_a_parameter_of_the_same_name_keep_their_names(capsys):
    spaces = [{"a__alpha": [1], "b__alpha": randint(1, 9)}]
    CandidateTable(spaces, [1], idle={}, refit=0).add([{"a__alpha": 1, "b__alpha": 2}], [0.5])
    header = capsys.readouterr().out.split("1/1")[0]
    assert "a" in header.split()
    assert "b" in header.split()


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_a_table_is_as_wide_as_the_terminal(width, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(width))
    table = GrowingTable({"no.": 4, "score": 6}, {f"parameter_{i}": 5 for i in range(8)})
    table.add(["1/9", "0.5000"], [f"value{i}" for i in range(8)])
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= width
    assert all(f"value{i}" in out for i in range(8))
    assert ("parameters" in out) == (width < 100)


# -- time left -------------------------------------------------------------------------------


def costs(epochs, refit=0):
    return np.array([*([1, each] for each in epochs), [refit, refit * max(epochs)]])


# Seconds a fit takes beside its epochs, and seconds an epoch.
@pytest.mark.parametrize(("fit", "epoch"), [(1.0, 0.01), (1.0, 0.1), (0.5, 1.0), (0.1, 1.0)])
def test_time_left_of_hyperband_is_right_within_a_factor_of_two(fit, epoch):
    # 27, 9, 3 and 1 candidates of the first bracket go on from each other, and so on.
    rungs = [(27, 1), (9, 2), (3, 6), (1, 18), (12, 3), (4, 6), (1, 18), (6, 9), (2, 18), (4, 27)]
    epochs = [each for n, each in rungs for _ in range(n)]
    took = fit + epoch * np.array(epochs)
    took[0] += 10
    for done in range(3, len(epochs)):
        # What the store tells is a rough figure.
        left = seconds_left(costs(epochs), took[:done], epoch=1.3 * epoch)
        assert 0.5 <= left / took[done:].sum() <= 2
        if 0.1 <= epoch / fit <= 2:
            left = seconds_left(costs(epochs), took[:done])
            assert 0.5 <= left / took[done:].sum() <= 2


def test_time_left_counts_the_refit_and_not_what_was_read_back():
    left = seconds_left(costs([8] * 6, refit=2), [0.01, 0.01, 0.02, 3.0])
    assert left == pytest.approx(4 * 3.0)
