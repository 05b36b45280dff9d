"""The report as a real browser shows it."""

import json
import shutil
import time

import numpy as np
import pytest
from reports import EVIL
from sklearn.model_selection import GridSearchCV

from skfashion import DenseClassifier
from skfashion.inspection import write_report

pytest.importorskip("matplotlib", reason="Matplotlib is not installed")


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
    until(browser, "return document.querySelectorAll('svg.chart').length >= 4")


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


def test_a_click_sorts(browser, page, reported):
    show(browser, page)
    column = (
        "return [...document.querySelectorAll('#candidates tbody tr')]"
        ".map(r => +r.cells[2].dataset.value)"
    )
    scores = np.round(reported.cv_results_["mean_test_score"], 10)
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
    """Move the mouse to the middle of a candidate's line, or to its point."""
    place = browser.execute_script(
        """
        const chart = document.querySelector(`[data-name="${arguments[0]}"]`);
        chart.scrollIntoView({block: "center"});
        const mark = chart.querySelector(`[data-candidate="${arguments[1]}"]`);
        const use = mark.querySelector("use"), line = mark.querySelector("path.hit");
        if (use) {
          const box = use.getBoundingClientRect();
          return [box.left + box.width / 2, box.top + box.height / 2];
        }
        const at = line.getPointAtLength(line.getTotalLength() * 0.56);
        const point = new DOMPoint(at.x, at.y).matrixTransform(line.getScreenCTM());
        return [point.x, point.y];
        """,
        chart,
        candidate,
    )
    for shift in (4, 0):
        event = {"type": "mouseMoved", "x": place[0] + shift, "y": place[1]}
        browser.execute_cdp_cmd("Input.dispatchMouseEvent", event)
        time.sleep(0.1)


@pytest.mark.parametrize("chart", ["parallel", "best-so-far", "curve-loss", "overfitting"])
def test_hovering_shows_parameters(browser, page, reported, chart):
    show(browser, page)
    best = int(reported.best_index_)
    point_at(browser, chart, best + 1)
    shown = until(browser, "return document.querySelector('#tip:not([hidden])')?.textContent")
    params = reported.cv_results_["params"][best]
    assert f"candidate {best + 1}" in shown
    assert f"units {params['kerasimageclassifier__model__units']}" in shown
    assert params["kerasimageclassifier__model__note"][:8] in shown
    lit = browser.execute_script(
        "return [...document.querySelectorAll('tr.lit')].map(r => +r.dataset.candidate)"
    )
    assert lit == [best + 1]
    assert browser.execute_script("return window.hacked") is None


OVERLAPS = """
const HIDDEN = "style, #tip, details:not([open]) > pre";
const boxes = [];
const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const node = walker.currentNode;
  if (!node.textContent.trim() || node.parentElement.closest(HIDDEN)) continue;
  const range = document.createRange();
  range.selectNodeContents(node);
  const owner = node.parentElement.closest("text") || node.parentElement;
  if (/rotate\\(-?(?!0 )/.test(owner.getAttribute("transform"))) continue;
  // What is scrolled away is not seen.
  const scrolls = owner.closest("pre, .wide");
  const cut = scrolls ? scrolls.getBoundingClientRect() : null;
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


def test_paper_shows_all_columns_and_is_light(browser, page):
    show(browser, page, 680)
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}], "media": ""}
    color = "return getComputedStyle(document.body).backgroundColor"
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    assert browser.execute_script(color) != "rgb(255, 255, 255)"
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {**dark, "media": "print"})
    assert browser.execute_script(color) == "rgb(255, 255, 255)"
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 680
    wide = "return [...document.querySelectorAll('#candidates, .chart')].map(e => e.scrollWidth)"
    assert max(browser.execute_script(wide)) <= 680
    n, found = browser.execute_script(OVERLAPS)
    assert n > 200
    assert found == []
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


def test_no_column_is_hidden(browser, page):
    show(browser, page, 1400)
    hidden = (
        "return [...document.querySelectorAll('.wide, #candidates td, #candidates th')]"
        ".filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)"
    )
    assert browser.execute_script(hidden) == []
