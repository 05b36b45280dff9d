"""Searches as plots: the search's own best, and names that can be read, whatever was searched."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import loguniform, norm, randint, uniform
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from skopt.space import Integer, Real

from skfashion.inspection import SearchDisplay
from skfashion.inspection._axes import Range, axis_of, ranges_of

matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed")
import matplotlib.pyplot as plt
from plots import assert_readable, written

ABSENT = "\N{EN DASH}"
ORANGE = matplotlib.colors.to_rgba("#D55E00")


def halved(**more):
    """A search that chose the best of those trained to the end, not the highest of all."""
    results = {
        "params": [
            {"alpha": 0.01, "epochs": 1},
            {"alpha": 0.1, "epochs": 9},
            {"alpha": 1.0, "epochs": 9},
        ],
        "mean_test_score": np.array([0.92, 0.88, 0.90]),
        "mean_test_other": np.array([0.1, 0.7, 0.2]),
        "mean_fit_time": np.array([1.0, 9.0, 9.0]),
        "rank_test_score": np.array([1, 3, 2]),
    }
    return SimpleNamespace(cv_results_=results, **more)


@pytest.mark.parametrize("kind", ["score", "pair", "parallel"])
def test_the_best_is_the_one_that_the_search_chose(kind):
    params = "alpha" if kind == "score" else ["alpha", "epochs"]
    display = SearchDisplay.from_search(halved(best_index_=2), params, kind=kind)
    assert display.best == 2
    told = [text for text in written(display.figure_) if text.startswith("0.9")]
    assert "0.920 at 0.01" not in told
    assert any(text in ("0.900 at 1", "0.900") for text in told)
    assert_readable(display.figure_)


def test_the_cell_of_the_best_is_the_searchs():
    search = halved(best_index_=2)
    search.cv_results_["params"] = [{"a": a, "b": b} for a in (1, 2) for b in (1, 2)]
    search.cv_results_["mean_test_score"] = np.array([0.92, 0.88, 0.90, 0.1])
    display = SearchDisplay.from_search(search)
    (frame,) = [patch for patch in display.ax_.patches if patch.get_edgecolor() == ORANGE]
    assert tuple(frame.get_center()) == (1.0, 0.0)


@pytest.mark.parametrize("kind", ["score", "pair", "parallel"])
@pytest.mark.parametrize("column", ["mean_fit_time", "rank_test_score"])
def test_the_slowest_is_not_the_best(column, kind):
    params = "alpha" if kind == "score" else ["alpha", "epochs"]
    display = SearchDisplay.from_search(halved(best_index_=2), params, score=column, kind=kind)
    assert not orange(display)
    assert ORANGE not in [matplotlib.colors.to_rgba(t.get_color()) for t in display.ax_.texts]
    assert_readable(display.figure_)


def test_without_a_choice_the_highest_test_score_is_the_best():
    search = halved(refit=False, multimetric_=True)
    assert "0.920 at 0.01" in written(SearchDisplay.from_search(search, "alpha").figure_)
    other = SearchDisplay.from_search(halved(best_index_=2), "alpha", score="mean_test_other")
    assert "0.700 at 0.1" in written(other.figure_)
    by_hand = SearchDisplay({"alpha": [1, 2, 3]}, [0.1, 0.3, np.nan]).plot()
    assert "0.300 at 2" in written(by_hand.figure_)
    failed = SearchDisplay({"alpha": [1, 2, 3]}, [0.1, 0.3, np.nan], best=2).plot()
    assert not [text for text in written(failed.figure_) if " at " in text]
    with pytest.raises(ValueError, match=r"best=3.*3 scores"):
        SearchDisplay({"alpha": [1, 2, 3]}, [0.1, 0.3, 0.2], best=3).plot()


def orange(display):
    """Return the lines of the best."""
    colors = matplotlib.colors.to_rgba
    return [line for line in display.ax_.lines if colors(line.get_color()) == ORANGE]


ESTIMATORS = [
    LogisticRegression(C=0.001, max_iter=30),
    LogisticRegression(C=0.1, max_iter=50, fit_intercept=False),
    SVC(),
]
LONG = [f"a really long category name number {i} of them" for i in range(8)]
SIZES = [f"{2**i}-{2**i}" for i in range(40)]


def drawn(values, ax=None, kind="auto"):
    n = len(next(iter(values.values())))
    return SearchDisplay(values, np.random.default_rng(0).random(n)).plot(ax, kind=kind)


def every(xs, ys):
    return {"x_name": [x for x in xs for _ in ys], "y_name": [y for _ in xs for y in ys]}


CROWDED = {
    "estimators": {"clf": ESTIMATORS},
    "estimators, table": every(ESTIMATORS, [None, "passthrough", StandardScaler()]),
    "long names": {"a_very_long_parameter_name_of_mine": LONG},
    "long names, table": every(LONG[:3], LONG[:2]),
    "40 categories": {"x": [f"category-{i}" for i in range(40)]},
    "40 categories, points": {"x": SIZES, "y": SIZES[::-1]},
    "10 x 10": every([f"category-name-{i}" for i in range(10)], [f"name-{i}" for i in range(10)]),
    "numbers": {"x": [0.0001231, 0.0001232, 0.0001233, 0.001231, 0.01231, 0.012312]},
    "40 categories, parallel": {"a": SIZES, "b": list(range(40)), "c": [1] * 40, "d": LONG * 5},
    "long parameters": {f"a_very_long_parameter_name_{i}": [1, 2, 3] for i in range(8)},
}


@pytest.mark.parametrize("values", CROWDED.values(), ids=CROWDED)
@pytest.mark.parametrize("own", [False, True])
def test_names_are_never_written_over_each_other(values, own):
    ax = plt.subplots()[1] if own else None
    assert_readable(drawn(values, ax).figure_)


@pytest.mark.parametrize(
    ("values", "kind", "ticks"),
    [
        ([32, 64, 128], "log", ["32", "64", "128"]),
        ([0.1, 1.0], "log", ["0.1", "1"]),
        ([0.0, 0.5, 0.25], "linear", ["0", "0.25", "0.5"]),
        ([3], "linear", ["3"]),
        ([1.0, 1.1, 1.21], "linear", ["1", "1.1", "1.21"]),
        ([0.99, 0.999, 0.9999], "linear", ["0.99", "0.999", "0.9999"]),
        (list(range(1, 9)), "linear", []),
        ([0.02, 0.1, 0.3, 1, 4, 9, 20], "log", []),
        ([0.1, 0.1001, 0.2], "linear", []),
        ([True, False], "category", ["False", "True"]),
        ([None, 5, 10], "category", ["None", "5", "10"]),
        (["256-128", "32", "8-4"], "category", ["8-4", "32", "256-128"]),
        ([(8, 4), (16,)], "category", ["(8, 4)", "(16,)"]),
        ([np.float64(0.1), np.inf], "category", ["0.1", "inf"]),
        ([0.9991, None, 0.9994], "category", ["None", "0.9991", "0.9994"]),
        ([ABSENT, 3e-5, 1e-4, 1e-3], "category", [ABSENT, "3e-05", "0.0001", "0.001"]),
        ([None, -1, 3, -10], "category", ["None", "-10", "-1", "3"]),
        (
            ["sqrt", 0.5, ABSENT, 10, None, 2, "log2"],
            "category",
            ["None", ABSENT, "0.5", "2", "10", "log2", "sqrt"],
        ),
        ([np.inf, 0.1, -np.inf, 2], "category", ["-inf", "0.1", "2", "inf"]),
        (
            ["SVC(C=0.1)", "SVC(C=0.05)", "SVC(C=1e-05)"],
            "category",
            ["SVC(C=1e-05)", "SVC(C=0.05)", "SVC(C=0.1)"],
        ),
        ([10, True, False, 9], "category", ["9", "10", "False", "True"]),
    ],
)
def test_axes_of_values(values, kind, ticks):
    axis = axis_of(values)
    assert axis.kind == kind
    assert list(axis.ticks.values()) == ticks


@pytest.mark.parametrize(
    ("searched", "wanted"),
    [
        (uniform(0, 0.5), Range(0, 0.5, False)),
        (loguniform(1e-4, 1e-2), Range(1e-4, 1e-2, True)),
        (randint(2, 9), Range(2, 8, False)),
        (Real(1e-4, 1e-2, prior="log-uniform"), Range(1e-4, 1e-2, True)),
        (Integer(1, 4), Range(1, 4, False)),
        ([64, 16, 32], Range(16, 64, True, (16, 32, 64))),
        ([1, 2], None),
        (["a", "b", "c"], None),
        (norm(), None),
    ],
)
def test_the_space_tells_the_axis(searched, wanted):
    search = SimpleNamespace(param_distributions=[{"step__rate": searched}, {"other": [1]}])
    found = ranges_of(search)
    assert found == ({} if wanted is None else {"rate": wanted})
    if wanted is not None and not wanted.tried:
        # Drawn numbers that span orders of magnitude do not make an axis logarithmic.
        axis = axis_of([wanted.low, wanted.high], wanted)
        assert (axis.kind == "log", axis.limits) == (wanted.log, (wanted.low, wanted.high))
        assert [wanted.end_of(v) for v in (wanted.low, wanted.high)] == ["lower", "upper"]
        middle = (wanted.low * wanted.high) ** 0.5 if wanted.log else wanted.high / 2
        assert wanted.end_of(middle) is None


def test_a_score_never_stands_on_a_logarithmic_axis():
    values = {"a": [1, 2, 3], "b": ["x", "y", "z"]}
    display = SearchDisplay(values, [0.01, 0.1, 1.0]).plot(kind="parallel")
    assert "Score" in written(display.figure_)
    low, middle, high = sorted(line.get_ydata()[-1] for line in display.ax_.lines)
    np.testing.assert_allclose((middle - low) / (high - low), 0.09 / 0.99)


def test_one_outlier_leaves_the_colours_of_others_apart():
    values = {"a": [1, 2, 3, 4], "b": [1, 2, 3, 4], "c": [4, 3, 2, 1]}
    for kind, names in (("parallel", "abc"), ("pair", "ab")):
        shown = {name: values[name] for name in names}
        display = SearchDisplay(shown, [-1e9, 0.8, 0.9, 0.85], best=None).plot(kind=kind)
        lines = [line for line in display.ax_.lines if line.get_gid()]
        assert len({matplotlib.colors.to_hex(line.get_color()) for line in lines}) == 4
        assert "Rank of score" in written(display.figure_)


def test_the_values_of_the_best_stand_below_the_axes():
    values = {"a": [1, 2, 3], "b": ["x", "y", "z"]}
    for scores, best in (([0.9] * 3, "highest"), ([0.92, 0.88, 0.9], 2)):
        display = SearchDisplay(values, scores, best=best).plot(kind="parallel")
        (line,) = orange(display)
        (text,) = [text for text in display.ax_.texts if text.get_text() == "0.900"]
        assert text.xy == (1, 0)  # below the axis of scores
        assert_readable(display.figure_)


def test_drawn_again_there_is_one_colour_bar():
    display = drawn({"C": [0.1, 0.25, 7.0], "gamma": [3.0, 0.5, 1.0]})
    display.plot(display.ax_)
    assert len(display.figure_.axes) == 2
    drawn({"C": [0.1, 0.25, 7.0], "gamma": [3.0, 0.5, 1.0]}, display.ax_)
    assert len(display.figure_.axes) == 2
    assert_readable(drawn({"C": [0.1, 0.25, 7.0], "gamma": [3.0, 0.5, 1.0]}).figure_)


@pytest.mark.parametrize("kind", ["auto", "score", "parallel"])
def test_a_search_without_parameters_shows_its_scores(images, kind):
    X, y = images
    search = GridSearchCV(LogisticRegression(), {}, cv=2).fit(
        X.reshape(len(X), -1)[:, ::4] / 255, y
    )
    display = SearchDisplay.from_search(search, kind=kind)
    text = written(display.figure_)
    assert "candidate" in text
    assert any(t.startswith(f"{search.best_score_:.3f}") for t in text)
    assert_readable(display.figure_)


@pytest.mark.parametrize("kind", ["pair", "parallel"])
def test_in_a_part_of_a_figure(kind):
    part = plt.figure(layout="constrained").subfigures(1, 2)[1]
    display = drawn({"C": [0.1, 0.25, 7.0], "gamma": [3.0, 0.5, 1.0]}, part.subplots(), kind)
    assert display.figure_ is part
    assert_readable(part.figure)
