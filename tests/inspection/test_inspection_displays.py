"""Plots: what is drawn, where, and that it can be read."""

import sys

import numpy as np
import pandas as pd
import pytest
from estimators import dense
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from skfashion.inspection import HistoryDisplay, MistakesDisplay, SearchDisplay, history_frame
from skfashion.inspection._values import columns_of

matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed")
import matplotlib.pyplot as plt
from plots import assert_readable, texts, written


@pytest.fixture(scope="module")
def clf(images):
    return dense(early_stopping=True).fit(*images)


def of_rates(images, **grid):
    X, y = images
    grid = grid or {"C": np.logspace(-4, 0, 9)}
    search = GridSearchCV(LogisticRegression(), grid, cv=2, return_train_score=True)
    return search.fit(X.reshape(len(X), -1)[:, ::4] / 255, y)


def test_without_matplotlib_the_error_names_the_extra(clf, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        HistoryDisplay.from_estimator(clf)


def test_history_of_an_estimator(clf):
    display = HistoryDisplay.from_estimator(clf)
    assert len(display.axes_) == 2
    assert display.figure_ is display.axes_[0].figure
    for name, lines in display.lines_.items():
        for line, column in zip(lines, (name, f"val_{name}"), strict=True):
            assert list(line.get_ydata()) == clf.history_[column]
    assert any(text.startswith("validation") for text in written(display.figure_))
    assert_readable(display.figure_)


@pytest.mark.parametrize("head", [1, 10, 18, 19])
@pytest.mark.parametrize("own", [False, True])
def test_the_phases_name_is_not_written_over_the_best(head, own):
    curve = np.linspace(0.5, 0.9, 20)
    phases = ["head"] * head + ["fine_tune"] * (20 - head)
    history = pd.DataFrame(
        {"candidate": 3, "fold": 0, "epoch": range(1, 21), "phase": phases, "loss": curve}
    )
    history = history.assign(accuracy=1 - curve).astype({"fold": "Int64"})
    name = "best:\nlearning_rate 0.0001\nhidden_layer_sizes 512-256\ndropout 0.3"
    axes = plt.subplots(1, 2, figsize=(10, 4))[1] if own else None
    display = HistoryDisplay(history, best=3, best_name=name).plot(axes)
    assert written(display.figure_).count("fine-tune") == 2
    assert_readable(display.figure_)
    for ax in display.axes_:
        assert [head + 0.5] * 2 in [list(line.get_xdata()) for line in ax.lines]
        (text,) = [text for text in ax.texts if text.get_text() == "fine-tune"]
        assert ax.bbox.padded(1).fully_containsx(text.get_window_extent().x1)


def test_history_in_axes_of_ones_own(clf):
    figure, axes = plt.subplots(1, 2)
    display = HistoryDisplay.from_estimator(clf, ax=axes)
    assert display.figure_ is figure
    assert list(display.axes_) == list(axes)
    assert_readable(figure)
    for ax in axes:  # without a layout engine names stay inside
        for text in [*ax.texts, *ax.get_legend().get_texts()]:
            assert ax.bbox.fully_containsx(text.get_window_extent().x0)
            assert ax.bbox.fully_containsx(text.get_window_extent().x1)
    single = HistoryDisplay(history_frame(clf)).plot(plt.subplots()[1], metrics=["accuracy"])
    assert len(single.axes_) == 1
    with pytest.raises(ValueError, match="1 axes for 2 metrics"):
        HistoryDisplay.from_estimator(clf, ax=axes[0])
    for metrics in ("nonsense", [], ["val_loss"]):
        with pytest.raises(ValueError, match=r"metrics=.*'loss', 'accuracy'"):
            HistoryDisplay.from_estimator(clf, metrics=metrics)


def test_history_of_a_search_has_the_best_in_front(search):
    display = HistoryDisplay.from_search(search)
    frame = history_frame(search)
    frame = frame[frame["fold"].notna()]
    means = frame.groupby(["candidate", "epoch"])["loss"].mean()
    lines = display.lines_["loss"]
    assert len(lines) == 8
    np.testing.assert_allclose(lines[-1].get_ydata(), means.loc[search.best_index_])
    assert lines[-1].get_linewidth() > lines[0].get_linewidth()
    assert_readable(display.figure_)


def test_history_of_a_search_without_memory_is_the_refit(images):
    clf = dense(epochs=1)
    search = GridSearchCV(clf, {}, cv=2).fit(*images)
    display = HistoryDisplay.from_search(search)
    assert len(display.lines_["loss"]) == 1
    search = GridSearchCV(clf, {}, cv=2, refit=False).fit(*images)
    with pytest.raises(ValueError, match="memory="):
        HistoryDisplay.from_search(search)
    with pytest.raises(ValueError, match="no best estimator"):
        HistoryDisplay.from_estimator(search)
    with pytest.raises(TypeError, match="not a search"):
        HistoryDisplay.from_search(clf)


def test_one_parameter_on_a_logarithmic_axis(images):
    search = of_rates(images)
    display = SearchDisplay.from_search(search)
    assert display.ax_.get_xlabel() == "C (log)"
    points = [line.get_xydata()[0] for line in display.ax_.lines if line.get_gid()]
    assert display.ax_.get_xscale() == "log"
    scores = search.cv_results_["mean_test_score"]
    np.testing.assert_allclose(points, np.column_stack([np.logspace(-4, 0, 9), scores]))
    assert_readable(display.figure_)


def test_two_parameters_tried_in_full_are_a_table(images):
    search = of_rates(images, C=[1e-3, 1e-2, 1e-1], class_weight=[None, "balanced"])
    display = SearchDisplay.from_search(search)
    (image,) = display.ax_.images
    assert image.get_array().shape[:2] == (2, 3)
    scores = search.cv_results_["mean_test_score"].reshape(3, 2).T
    assert [text.get_text() for text in display.ax_.texts][:6] == [f"{s:.3f}" for s in scores.flat]
    assert_readable(display.figure_)


def test_two_parameters_tried_in_part_are_points():
    partial = SearchDisplay({"a": [1, 2, 3], "b": [0.1, 0.5, 0.3]}, [0.5, 0.6, np.nan]).plot()
    assert len([line for line in partial.ax_.lines if line.get_gid()]) == 2
    assert_readable(partial.figure_)


def test_parallel_coordinates(search):
    display = SearchDisplay.from_search(search)
    assert len(display.ax_.lines) == 8
    assert_readable(display.figure_)
    fits = SearchDisplay.from_search(search, "batch_size", score="mean_fit_time", kind="parallel")
    assert len(fits.ax_.lines) == 8
    assert_readable(fits.figure_)


def test_search_display_errors(search, images):
    with pytest.raises(ValueError, match=r"'nonsense' was not searched.*'learning_rate'"):
        SearchDisplay.from_search(search, "nonsense")
    with pytest.raises(ValueError, match=r"mean_test_f1.*'mean_test_score'"):
        SearchDisplay.from_search(search, score="mean_test_f1")
    with pytest.raises(ValueError, match=r"kind='pair' shows two parameters, not 3"):
        SearchDisplay.from_search(search, kind="pair")
    with pytest.raises(ValueError, match=r"kind='nonsense'"):
        SearchDisplay.from_search(search, kind="nonsense")
    with pytest.raises(ValueError, match="finite score"):
        SearchDisplay({"a": [1]}, [np.nan]).plot()
    with pytest.raises(TypeError, match="not a search"):
        SearchDisplay.from_search(LogisticRegression())


def test_candidates_that_differ_in_the_fourth_digit_only():
    params = [{"decay": decay, "rate": rate} for decay in (0.9991, 0.9994) for rate in (1, 2)]
    columns = columns_of(params)
    assert list(columns) == ["decay", "rate"]
    display = SearchDisplay(columns, [0.1, 0.2, 0.3, 0.4]).plot()
    assert {"0.9991", "0.9994", "0.100", "0.200", "0.300", "0.400"} <= set(written(display.figure_))
    # So are functions of one name, and what never changes is no column.
    assert list(columns_of([{"f": lambda: 1, "n": 1}, {"f": lambda: 2, "n": 1}])) == ["f"]


X = np.random.default_rng(0).integers(0, 255, (4, 6, 6), dtype=np.uint8)
Y = np.array(["cat", "dog", "cat", "dog"])
PROBABILITIES = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.1, 0.9]])


def test_the_worst_mistakes_come_first():
    display = MistakesDisplay.from_predictions(X, Y[:, None], PROBABILITIES)
    assert display.mistakes["index"].tolist() == [2, 1]
    assert (display.n_mistakes, display.n_samples) == (2, 4)
    np.testing.assert_array_equal(display.axes_[0].images[0].get_array(), X[2])
    assert {"dog 80%", "cat 20%"} <= set(written(display.figure_))
    assert_readable(display.figure_)


def test_labels_alone_and_none_wrong():
    display = MistakesDisplay.from_predictions(X, Y, Y[::-1], display_labels=["Cat", "$Dog$"])
    assert display.mistakes["index"].tolist() == [0, 1, 2, 3]
    assert set(display.mistakes["true"]) == {"Cat", "$Dog$"}
    assert_readable(display.figure_)
    right = MistakesDisplay.from_predictions(X, Y, Y)
    assert right.n_mistakes == 0
    assert len(right.axes_) == 0
    assert "All 4 right" in written(right.figure_)


def test_mistakes_in_axes_that_are_drawn_on_again():
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    MistakesDisplay.from_predictions(X, Y, PROBABILITIES, ax=left)
    display = MistakesDisplay.from_predictions(X, Y, PROBABILITIES, n_images=1, ax=left)
    assert figure.axes == [left, right]
    assert left.child_axes == list(display.axes_)
    assert_readable(figure)


@pytest.mark.parametrize("layout", [None, "constrained", "tight"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 2)])
def test_mistakes_in_an_ordinary_figure(rng, layout, shape):
    X = rng.integers(0, 255, (30, 28, 28), dtype=np.uint8)
    y = rng.choice(["cat", "dog", "horse"], 30)
    figure, axes = plt.subplots(*shape, layout=layout, figsize=(6.4 * shape[1], 4.8))
    ax = np.ravel(axes)[0]
    display = MistakesDisplay.from_predictions(X, y, rng.dirichlet(np.ones(3), 30), ax=ax)
    assert len(display.axes_) == 12
    assert_readable(figure)
    pictures = [axis.get_window_extent() for axis in display.axes_]
    for text in texts(figure):
        box = text.get_window_extent().shrunk(0.9, 0.9)
        assert not any(box.overlaps(picture) for picture in pictures), text.get_text()


def test_classes_with_one_beginning_are_told_apart(rng):
    X = rng.integers(0, 255, (6, 28, 28), dtype=np.uint8)
    y = np.array([f"a very long class name {i}" for i in range(6)])
    own = plt.subplots(figsize=(4, 4))[1]
    for ax in (None, own):
        display = MistakesDisplay.from_predictions(X, y, np.roll(y, 1), ax=ax)
        assert len(set(written(display.figure_))) == 7
        assert_readable(display.figure_)


@pytest.mark.parametrize("n_images", [-3, 2.5, True, "all"])
def test_a_number_of_images_is_a_whole_one(n_images):
    with pytest.raises(ValueError, match=rf"n_images={n_images!r}.*whole number, 0 or more"):
        MistakesDisplay.from_predictions(X, Y, PROBABILITIES, n_images=n_images)
    display = MistakesDisplay.from_predictions(X, Y, PROBABILITIES, n_images=0)
    assert len(display.axes_) == 0
    with pytest.raises(ValueError, match=r"n_cols=0.*whole number, 1 or more"):
        display.plot(n_cols=0)


def test_mistakes_errors():
    for labels in (["cat", "dog"], [0, 1]):
        with pytest.raises(ValueError, match="a column for each class"):
            MistakesDisplay.from_predictions(X[:2], labels, np.array([0.2, 0.9]))
    with pytest.raises(ValueError, match="4 labels and y_pred 3"):
        MistakesDisplay.from_predictions(X, Y, PROBABILITIES[:3])
    with pytest.raises(ValueError, match="X has 3 images"):
        MistakesDisplay.from_predictions(X[:3], Y, PROBABILITIES)
    with pytest.raises(ValueError, match=r"2 columns for 3 classes.*classes="):
        MistakesDisplay.from_predictions(X, ["a", "b", "c", "a"], PROBABILITIES)
    with pytest.raises(ValueError, match="3 names for 2 classes"):
        MistakesDisplay.from_predictions(X, Y, PROBABILITIES, display_labels=list("abc"))
