"""Figures in README and docs are those of the records that they name."""

import json
import re

import pytest
from scripts import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES += sorted((ROOT / "docs" / "guide").glob("[!_]*.md"))
RESULTS = ROOT / "benchmarks" / "results"
# Tables between such marks are written from the records, which other tests compare.
WRITTEN = re.compile(r"<!-- (\w+): begin -->.*?<!-- \1: end -->", re.DOTALL)
FIGURE = re.compile(r"([\d.,]*\d)\s*(?:times|%|s|ms|MB|GB|KB)?\s*<!-- (\w+): (.+?) -->", re.DOTALL)
CLAIM = re.compile(r"[\d.,]*\d\s+times(?!\s*<!--)\s+(?:as\s+fast|faster|cheaper)")


def text_of(page):
    return WRITTEN.sub("", page.read_text(encoding="utf-8"))


def figures():
    for page in PAGES:
        for shown, record, what in FIGURE.findall(text_of(page)):
            yield pytest.param(shown, record, " ".join(what.split()), id=f"{page.stem}-{record}")


@pytest.mark.parametrize(("shown", "record", "what"), list(figures()))
def test_a_figure_is_that_of_its_record(shown, record, what):
    found = json.loads((RESULTS / f"{record}.json").read_text(encoding="utf-8"))["figures"]
    values = [figure["value"] for figure in found if figure["what"].startswith(what)]
    number = shown.replace(",", "")
    digits = len(number.partition(".")[2])
    assert values, f"{record} has no figure {what!r}"
    assert abs(values[0] - float(number)) <= 0.5000001 * 10**-digits


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_is_called_faster_names_its_record(page):
    assert not CLAIM.findall(text_of(page)), "add <!-- record: figure --> behind the number"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_record_that_is_named_is_compared(page):
    text = text_of(page)
    named = re.findall(r"<!-- \w+: (?!begin|end)", text)
    assert len(named) == len(FIGURE.findall(text))
