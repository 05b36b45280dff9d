"""The report: what is in it, and that nothing in it is run."""

import html
import re
import sys

import keras
import numpy as np
import pytest
from reports import EVIL, LABELS, network
from scipy.stats import loguniform, uniform
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from skopt.space import Categorical, Real

from skfashion import DenseClassifier, save
from skfashion.inspection import history_frame, write_report
from skfashion.inspection._code import Code
from skfashion.inspection._report_facts import SearchFacts
from skfashion.model_selection import HyperbandSearchCV
from skfashion.preprocessing import PixelScaler

pytest.importorskip("matplotlib", reason="Matplotlib is not installed")


def charts_of(page):
    return re.findall(r'data-name="([^"]*)"', page.read_text(encoding="utf-8"))


def code_of(text):
    return [
        html.unescape(block) for block in re.findall(r'<pre class="code">(.*?)</pre>', text, re.S)
    ]


def text_of(page):
    text = page.read_text(encoding="utf-8")
    return re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)


def test_all_of_it_is_there(page, reported, report_files):
    text = text_of(page)
    for head in (
        *("Best parameters", "Use this model", "Candidates", "Best so far", "All candidates"),
        *("What mattered", "Learning curves", "Over-fitting", "Data and classes"),
        *("Mistakes on test images", "What was reused", "To run it again"),
    ):
        assert f"<h2>{head}</h2>" in text
    assert f"{reported.best_score_:.4f}" in text
    assert text.count("<tr data-candidate=") == 12
    assert text.count("data:image/png;base64,") == 24 + 3
    assert "40 images to train on, 8 x 8 pixels" in text
    assert ">0.001</text>" in text  # numbers on axes are whole
    assert page.stat().st_size < 1_000_000
    assert charts_of(page) == [
        *("parallel", "best-so-far", "overfitting", "importance"),
        *(f"part-{name}" for name in importances(text)),
        *("curve-loss", "curve-accuracy", "reliability"),
    ]
    wrong = np.mean(reported.predict(report_files[0]) != np.roll(report_files[1], 1))
    assert f"<b>{1 - wrong:.4f}</b><span>accuracy on 60 held-out test images" in text


def importances(text):
    return re.findall(r'data-name="part-([^"]*)"', text)


def test_users_text_is_escaped(page):
    text = page.read_text(encoding="utf-8")
    for evil in (EVIL, *LABELS[:2], "<img src=x"):
        assert evil not in text
    told = text.replace("<wbr>", "")
    for each in (html.escape(f"python search.py {EVIL}"), *map(html.escape, LABELS)):
        assert each in told


def test_it_loads_nothing(page):
    text = text_of(page)
    assert not re.search(r'(src|href)="(?!data:|#)', text)
    assert set(re.findall(r"url\((.)", text)) <= {"#"}
    assert set(re.findall(r"https?://[^\s\"<]*", text)) <= {
        "http://www.w3.org/1999/xlink",
        "http://www.w3.org/2000/svg",
    }


def test_no_test_images_no_train_scores_no_memory(images, tmp_path):
    search = GridSearchCV(
        DenseClassifier(8, epochs=1, random_state=0), {"learning_rate": [1e-3, 1e-2]}, cv=2
    ).fit(*images)
    text = text_of(write_report(search, tmp_path / "report.html"))
    assert "return_train_score=True" in text
    assert "memory=" in text
    assert "Mistakes" not in text
    assert "GridSearchCV of DenseClassifier" in text


def test_any_search_with_failures_and_many_classes(rng, tmp_path):
    X, y = rng.random((120, 64)), np.repeat(np.arange(30), 4)
    search = GridSearchCV(
        LogisticRegression(max_iter=5), {"C": [0.1, 1.0], "solver": ["lbfgs", "wrong"]}, cv=2
    )
    with pytest.warns(UserWarning, match="fail|converge|finite"):
        search.fit(X, y)
    path = write_report(search, tmp_path / "report.html", X_test=X, y_test=np.roll(y, 1))
    text = text_of(path)
    assert "2 of them failed" in text
    assert "The 25 classes with the most mistakes" in text
    assert "nan" not in re.search(r"<svg.*</svg>", text, re.DOTALL)[0].lower()


def test_what_to_copy_runs(images, tmp_path, monkeypatch):
    X, y = images
    X = X.reshape(len(X), -1)
    folds = [(np.arange(40), np.arange(40, 60)), (np.arange(20, 60), np.arange(20))]
    search = HyperbandSearchCV(
        SGDClassifier(random_state=0, tol=None),
        {"alpha": loguniform(1e-5, 1e-1), "eta0": uniform(loc=0.5, scale=1)},
        **{"resource": "max_iter", "max_resources": 3, "cv": folds, "random_state": 0},
    ).fit(X, y)
    monkeypatch.setattr(sys, "orig_argv", ["/home/of/python", "tune it.py", "--fast"])
    monkeypatch.setattr(sys.modules["__main__"], "__file__", "tune it.py", raising=False)
    text = text_of(write_report(search, tmp_path / "report.html"))
    assert repr(search.best_params_["alpha"].item()) in text
    assert "python 'tune it.py' --fast" in html.unescape(text)
    estimator, again = code_of(text)
    names = {}
    exec(estimator, names)
    assert names["model"].get_params() == search.best_estimator_.get_params()
    exec(again, names)
    made = names["search"]
    assert (made.cv, made.max_resources, made.random_state) == (2, 3, 0)
    assert "cv was given as rows" in again
    assert made.param_distributions["alpha"].support() == (1e-5, 1e-1)
    assert made.param_distributions["eta0"].support() == (0.5, 1.5)
    n = len(search.cv_results_["params"])
    assert n > 3
    assert f"candidates in {n} rows" in text


def search_like(params, scores, **more):
    """Return what the report reads of a search, without a fit."""
    scores = np.asarray(scores, dtype=float)
    results = {
        "params": params,
        "mean_test_score": scores,
        "std_test_score": 0 * scores,
        "mean_fit_time": 1 + 0 * scores,
        "rank_test_score": (-scores).argsort().argsort() + 1,
    }
    best = int(scores.argmax())
    grid = {"cv_results_": results, "n_splits_": 2, "best_index_": best, **more}
    search = GridSearchCV(LogisticRegression(), more.pop("param_grid", {}))
    for name, value in grid.items():
        setattr(search, name, value)
    return search


def test_a_value_at_an_end_of_its_range_is_warned_of(tmp_path):
    params = [{"C": c, "l1_ratio": r} for c in (0.1, 1.0, 10.0) for r in (0.1, 0.5, 0.9)]
    grid = {"C": [0.1, 1.0, 10.0], "l1_ratio": [0.1, 0.5, 0.9]}
    search = search_like(params, [1, 2, 1, 3, 4, 3, 5, 6, 5], param_grid=grid)
    text = text_of(write_report(search, tmp_path / "report.html")).replace("<wbr>", "")
    assert "C = 10 lies at the upper end of 0.1 to 10." in text
    assert "l1_ratio =" not in text
    found = SearchFacts(search)
    assert [name for name, _, _ in found.importance] == ["C", "l1_ratio"]
    # Numbered from 1, and the best of the first two is the second.
    assert re.findall(r'<tr data-candidate="(\d)" class="best"', text) == ["8"]


def test_what_the_folder_of_fits_tells(images, tmp_path):
    clf = DenseClassifier(8, epochs=2, random_state=0, memory=tmp_path / "runs")
    search = GridSearchCV(clf, {"learning_rate": [1e-3, 1e-2], "verbose": [0, 0]}, cv=2)
    first = SearchFacts(search.fit(*images))
    again = SearchFacts(search.fit(*images))  # read back: times are those of training
    np.testing.assert_allclose(again.fit_seconds, first.fit_seconds)
    assert first.trained
    model = tmp_path / "a model"
    page = write_report(search, tmp_path / "report.html", model=model)
    text = text_of(page)
    rows = dict(re.findall(r'<th scope="row">([^<]*)</th><td>([^<]*)</td>', text))
    assert rows["epochs in all fits of the folds"] == "16"
    assert rows["of these shared with another candidate"] == "8"
    # Over-fitting is told from histories where nothing was scored.
    assert "what the last epoch measured" in text
    history = history_frame(search).query("candidate == 0 and fold.notna()")
    last = history.groupby("fold")["accuracy"].last().mean()
    assert f"{last - search.cv_results_['mean_test_score'][0]:+.4f}" in text
    assert "overfitting" in charts_of(page)
    assert "What mattered" not in text  # to so few candidates
    # The model is loaded from where it was saved, and a notebook shows the page.
    save(search.best_estimator_, model)
    names = {}
    exec(code_of(text)[0], names)
    assert names["model"].learning_rate == search.best_params_["learning_rate"]
    assert "<iframe srcdoc=" in page._repr_html_()
    page.unlink()
    assert page._repr_html_() is None
    # Losses are no accuracies, and an infinite one is left out of its curve.
    search.set_params(scoring="neg_log_loss")
    search.best_estimator_.history_["loss"][1] = float("inf")
    text = text_of(write_report(search, page))
    assert "Not known: search with" in text
    assert "Infinity" not in text


def test_a_place_for_no_file_is_refused_first(tmp_path):
    for path in (tmp_path, tmp_path / "none" / "r.html"):
        with pytest.raises(OSError, match=r"is a folder|no folder '.*none' to write 'r\.html' in"):
            write_report(None, path)


def test_errors_leave_the_old_page(images, tmp_path, monkeypatch):
    X, y = images
    path = tmp_path / "report.html"
    path.write_text("old")
    clf = DenseClassifier(8, epochs=1, random_state=0)
    with pytest.raises(TypeError, match="not a search"):
        write_report(clf.fit(X, y), path)
    search = GridSearchCV(clf, {}, cv=2).fit(X, y)
    with pytest.raises(ValueError, match="belong together"):
        write_report(search, path, X_test=X)
    with pytest.raises(ValueError, match="60 images and y_test 59"):
        write_report(search, path, X_test=X, y_test=y[1:])
    unfitted = GridSearchCV(clf, {}, cv=2, refit=False).fit(X, y)
    with pytest.raises(ValueError, match="refit=True"):
        write_report(unfitted, path, X_test=X, y_test=y)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        write_report(search, path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


# ------------------------------------------------ source that runs when it is pasted


@pytest.mark.parametrize(
    "value",
    [
        *(np.float64(0.1), float("inf"), (1,), [1, (2, "a")], {"a": None}, "quote ' and \\"),
        *(Categorical(list("abcdefghij")), Real(1e-4, 1e-2, prior="log-uniform")),
        *(np.arange(3), StratifiedKFold(3, shuffle=True), keras.optimizers.SGD(0.5)),
        *(network, make_pipeline(PixelScaler(), DenseClassifier((8, 4), dropout=0.25))),
    ],
    ids=lambda value: type(value).__name__,
)
def test_source_of_values(value):
    code = Code()
    names = {}
    exec(code.block(f"made = {code.of(value)}"), names)
    shown = keras.saving.serialize_keras_object if hasattr(value, "get_config") else repr
    value = value.item() if isinstance(value, np.generic) else value
    assert shown(names["made"]) == shown(value)
    assert "..." not in code.block(code.of(value))


def test_what_has_no_source_is_named():
    code = Code()
    assert code.of({"f": lambda: 1}) == "{'f': ...}"
    assert "lambda" in code.block()
