"""The report: what is in it, that nothing in it is run, and how a real browser shows it."""

import html
import json
import re
import shutil
import sys
import time

import keras
import numpy as np
import pytest
from PIL import Image
from scipy.stats import loguniform, uniform
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skfashion import DenseClassifier, KerasImageClassifier
from skfashion.inspection import history_frame, write_report
from skfashion.inspection._pictures import pictures
from skfashion.model_selection import HyperbandSearchCV
from skfashion.preprocessing import ImageReader

pytest.importorskip("plotly", reason="Plotly is not installed")

EVIL = "</script><script>window.hacked=1</script>"
LABELS = ["<script>window.hacked=1</script>", "<img src=x onerror=window.hacked=1>", "plain & 'so'"]


def network(units=8, note="", meta=None):
    return keras.Sequential(
        [
            keras.Input(meta["X_shape_"][1:]),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(units, activation="relu"),
            keras.layers.Dense(meta["n_classes_"], activation="softmax"),
        ]
    )


@pytest.fixture(scope="module")
def files(images, tmp_path_factory):
    """Images on disk, with names that would run if they were not escaped."""
    folder = tmp_path_factory.mktemp("images")
    X, y = images
    names = [str(folder / f"<img src=x onerror=window.hacked={i}>.png") for i in range(len(X))]
    for name, image in zip(names, X, strict=True):
        Image.fromarray(image).save(name)
    return np.array(names), np.array(LABELS)[y]


@pytest.fixture(scope="module")
def search(files, tmp_path_factory):
    memory = tmp_path_factory.mktemp("runs")
    clf = KerasImageClassifier(
        network,
        epochs=3,
        early_stopping=True,
        optimizer__learning_rate=0.01,
        memory=memory,
        random_state=0,
    )
    pipe = make_pipeline(ImageReader(size=8), clf)
    grid = {
        "kerasimageclassifier__model__note": [EVIL, "<b>bold</b>"],
        "kerasimageclassifier__model__units": [4, 8, 16],
        "kerasimageclassifier__optimizer__learning_rate": [1e-3, 1e-2],
    }
    return GridSearchCV(pipe, grid, cv=2, return_train_score=True).fit(*files)


@pytest.fixture(scope="module")
def page(search, files, tmp_path_factory):
    X, y = files
    path = tmp_path_factory.mktemp("report") / "report.html"
    made = write_report(
        search,
        path,
        X_test=X,
        # Shuffled: there are mistakes of every kind.
        y_test=np.roll(y, 1),
        title=f"Title {EVIL}",
        command=f"python search.py {EVIL}",
    )
    assert made == path
    return path


def charts_of(page):
    found = re.search(r'id="charts">(.*?)</script>', page.read_text(), re.DOTALL)
    return json.loads(found.group(1))


def text_of(page):
    text = page.read_text(encoding="utf-8")
    return re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)


def test_all_of_it_is_there(page, search):
    text = text_of(page)
    for head in (
        *("Best parameters", "Candidates", "Learning curves", "Over-fitting"),
        *("Mistakes on test images", "What was reused", "To run it again"),
    ):
        assert f"<h2>{head}</h2>" in text
    assert f"{search.best_score_:.4f}" in text
    assert text.count("<tr data-candidate=") == 12
    assert text.count("data:image/png;base64,") == 24
    assert "scikit-learn" in text


def test_users_text_is_escaped(page):
    text = page.read_text(encoding="utf-8")
    for evil in (EVIL, *LABELS[:2], "<img src=x"):
        assert evil not in text
    for told in (html.escape(f"python search.py {EVIL}"), *map(html.escape, LABELS)):
        assert told in text
    assert "<" not in re.search(r'id="charts">(.*?)</script>', text, re.DOTALL).group(1)
    assert set(charts_of(page)) == {"parallel", "val_loss", "val_accuracy", "overfitting"}


def test_it_loads_nothing(page):
    text = text_of(page)
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert "url(" not in text


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
    assert "most frequent" in text
    assert "NaN" not in re.search(r'id="charts">(.*?)</script>', path.read_text(), re.DOTALL)[1]


def test_what_was_reused(images, tmp_path):
    clf = DenseClassifier(8, epochs=2, random_state=0, memory=tmp_path / "runs")
    grid = {"learning_rate": [1e-3, 1e-2], "verbose": [0, 0]}
    search = GridSearchCV(clf, grid, cv=2).fit(*images)
    text = text_of(write_report(search, tmp_path / "report.html"))
    rows = dict(re.findall(r'<th scope="row">([^<]*)</th><td>([^<]*)</td>', text))
    assert rows["epochs in all fits of the folds"] == "16"
    assert rows["of these shared with another candidate"] == "8"


def test_overfitting_is_told_from_histories_where_nothing_was_scored(images, tmp_path):
    clf = DenseClassifier(8, epochs=2, random_state=0, memory=tmp_path / "runs")
    search = GridSearchCV(clf, {"learning_rate": [1e-3, 1e-2]}, cv=2).fit(*images)
    page = write_report(search, tmp_path / "report.html")
    text = text_of(page)
    assert "what the last epoch measured" in text
    history = history_frame(search).query("candidate == 0 and fold.notna()")
    last = history.groupby("fold")["accuracy"].last().mean()
    assert f"{last - search.cv_results_['mean_test_score'][0]:+.4f}" in text
    assert "overfitting" in charts_of(page)
    # Losses are no accuracies.
    search.set_params(scoring="neg_log_loss")
    assert "Not known: search with" in text_of(write_report(search, page))


def test_what_to_copy_is_whole(images, tmp_path, monkeypatch):
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
    text = html.unescape(text_of(write_report(search, tmp_path / "report.html")))
    assert repr(search.best_params_["alpha"].item()) in text
    assert "loguniform(1e-05, 0.1)" in text
    assert "uniform(loc=0.5, scale=1)" in text
    assert "python 'tune it.py' --fast" in text
    assert re.search(r"0,\s+1, \.\.\., 38, 39\]", text)
    n = len(search.cv_results_["params"])
    assert n > 3
    assert f"candidates in {n} rows" in text


def test_dark_images_are_shown_bright():
    digits = np.arange(48).reshape(3, 16) % 17
    shown = pictures(digits, image_shape=(4, 4))
    assert np.max(shown) == 255
    assert np.max(pictures(digits * 15, image_shape=(4, 4))) == 240


def test_a_loss_that_is_infinite_is_left_out_of_its_curve(images, tmp_path, monkeypatch):
    clf = DenseClassifier(8, epochs=3, random_state=0)
    search = GridSearchCV(clf, {"learning_rate": [1e-3, 1e-2]}, cv=2).fit(*images)
    search.best_estimator_.history_["loss"][1] = float("inf")
    page = tmp_path / "report.html"
    write_report(search, page)
    assert "Infinity" not in page.read_text()


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
    with pytest.raises(FileNotFoundError):
        write_report(search, tmp_path / "nowhere" / "report.html")
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(ImportError, match="pip install plotly"):
        write_report(search, path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


# ---- in a browser ----


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    binary = next(filter(None, map(shutil.which, names)), None)
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("there is no Chromium with its chromedriver on the PATH")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in (
        *("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run"),
        *("disable-background-networking", "disable-component-update", "disable-sync"),
        *("disable-dev-shm-usage", "host-resolver-rules=MAP * ~NOTFOUND"),
        f"user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield browser
    browser.quit()


def show(browser, page, width=1400):
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(page.as_uri())
    until(browser, "return document.querySelectorAll('.main-svg').length >= 4")


def until(browser, script):
    end = time.monotonic() + 10
    while not (result := browser.execute_script(script)):
        assert time.monotonic() < end, script
        time.sleep(0.05)
    return result


def test_it_opens_without_network_and_errors(browser, page):
    browser.get("about:blank")
    for kind in ("browser", "performance"):
        browser.get_log(kind)  # the browser's own first page
    show(browser, page)
    assert browser.get_log("browser") == []
    sent = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [
        m["params"]["request"]["url"] for m in sent if m["method"] == "Network.requestWillBeSent"
    ]
    assert page.as_uri() in asked
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert browser.execute_script("return window.hacked") is None
    assert browser.title == f"Title {EVIL}"


def test_a_click_sorts(browser, page, search):
    show(browser, page)
    column = (
        "return [...document.querySelectorAll('#candidates tbody tr')]"
        ".map(r => +r.cells[2].dataset.value)"
    )
    scores = np.round(search.cv_results_["mean_test_score"], 10)
    np.testing.assert_allclose(browser.execute_script(column), sorted(scores)[::-1])
    head = browser.find_elements("css selector", "#candidates th")[2]
    assert head.text == "test score"
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", head)
    button = head.find_element("tag name", "button")
    button.click()
    np.testing.assert_allclose(browser.execute_script(column), sorted(scores))
    assert head.get_attribute("aria-sort") == "ascending"
    button.click()
    np.testing.assert_allclose(browser.execute_script(column), sorted(scores)[::-1])


def point_at(browser, chart, candidate):
    """Move the mouse to the middle of a candidate's line."""
    place = browser.execute_script(
        """
        const node = document.getElementById(arguments[0]);
        node.scrollIntoView({block: "center"});
        const trace = node.data.find((t) => t.meta && t.meta.candidate === arguments[1]);
        const k = Math.floor(trace.x.length * 0.55);
        const {xaxis, yaxis} = node._fullLayout, box = node.getBoundingClientRect();
        return [box.left + xaxis._offset + xaxis.d2p(trace.x[k]),
                box.top + yaxis._offset + yaxis.d2p(trace.y[k])];
        """,
        chart,
        candidate,
    )
    for shift in (4, 0):
        event = {"type": "mouseMoved", "x": place[0] + shift, "y": place[1]}
        browser.execute_cdp_cmd("Input.dispatchMouseEvent", event)
        time.sleep(0.1)


@pytest.mark.parametrize("chart", ["parallel", "val_loss", "overfitting"])
def test_hovering_shows_parameters(browser, page, search, chart):
    show(browser, page)
    best = int(search.best_index_)
    point_at(browser, chart, best)
    shown = until(browser, f"return document.querySelector('#{chart} .hoverlayer').textContent")
    params = search.cv_results_["params"][best]
    assert f"candidate {best}" in shown
    assert f"units: {params['kerasimageclassifier__model__units']}" in shown
    assert params["kerasimageclassifier__model__note"][:8] in shown
    lit = browser.execute_script(
        "return [...document.querySelectorAll('tr.lit')].map(r => +r.dataset.candidate)"
    )
    assert lit == [best]
    assert browser.execute_script("return window.hacked") is None


OVERLAPS = """
const HIDDEN = "style, .hoverlayer, details:not([open]) > pre";
const boxes = [];
const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const node = walker.currentNode;
  if (!node.textContent.trim() || node.parentElement.closest(HIDDEN)) continue;
  const range = document.createRange();
  range.selectNodeContents(node);
  const owner = node.parentElement.closest("text") || node.parentElement;
  // What an ellipsis stands for is not seen.
  const cut = getComputedStyle(owner).overflowX === "hidden" ? owner.getBoundingClientRect() : null;
  for (const {left, top, bottom, right: end} of range.getClientRects()) {
    const right = cut ? Math.min(end, cut.right) : end;
    if (right - left > 1 && bottom - top > 1)
      boxes.push([{left, top, right, bottom}, node.textContent.trim(), owner]);
  }
}
const found = [];
boxes.forEach(([a, text, owner], i) => boxes.slice(i + 1).forEach(([b, other, its]) => {
  const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  if (owner !== its && wide > 2 && high > 3) found.push([text, other]);
}));
return [boxes.length, found];
"""


@pytest.mark.parametrize("width", [400, 1400])
def test_no_text_lies_on_text(browser, page, width):
    show(browser, page, width)
    n, found = browser.execute_script(OVERLAPS)
    assert n > 200
    assert found == []
    # Wide things scroll in themselves; the page doesn't.
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_a_phone_shows_no_column_of_single_letters(browser, images, tmp_path):
    clf = DenseClassifier(8, epochs=1, random_state=0, memory=tmp_path / "runs")
    search = GridSearchCV(clf, {"learning_rate": [1e-3]}, cv=2).fit(*images)
    show(browser, write_report(search, tmp_path / "report.html"), 400)
    widths = "return [...document.querySelectorAll('.facts td')].map(c => c.clientWidth)"
    assert min(browser.execute_script(widths)) > 90


def test_charts_are_as_wide_as_paper(browser, page):
    show(browser, page)
    widths = (
        "return [...document.querySelectorAll('.chart .main-svg')]"
        ".map(svg => Math.round(svg.getBoundingClientRect().width))"
    )
    on_screen = browser.execute_script(widths)
    assert max(on_screen) > 1000
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert set(browser.execute_script(widths)) == {680}
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    until(browser, f"return {json.dumps(on_screen)}.join() === (() => {{{widths}}})().join()")
