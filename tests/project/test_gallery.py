"""The gallery and the table of the five seed projects."""

import ast
import json
import runpy
import sys

import pytest
from scripts import ROOT

sys.path.insert(0, str(ROOT))  # benchmarks is not installed

from benchmarks import heads, seeds
from benchmarks import seeds_table as table

SCRIPTS = sorted((ROOT / "docs" / "gallery").glob("plot_*.py"))
SEARCHING = [script for script in SCRIPTS[:5] if "SearchCV(" in script.read_text(encoding="utf-8")]


def keep(folder, name, seed, **figures):
    record = {
        "seed": seed,
        "seconds": 60.0 * (seed + 1),
        "started": "2026-01-01T00:00:00+00:00",
        "resumed": False,
        "machine": {"cores": 2, "cpu": "a processor"},
        "versions": {"skfashion": "0.1.0", "keras": None},
        "figures": figures,
        "chosen": {"epochs": 7},
        "script_digest": "",
    }
    (folder / f"{name}_{seed}.json").write_text(json.dumps(record))


def test_every_row_has_its_script_and_there_are_two_more():
    assert len(seeds.ROWS) == 5
    assert {row.script for row in seeds.ROWS.values()} < set(SCRIPTS)
    assert len(SCRIPTS) == 7


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_are_short_and_public(script):
    tree = ast.parse(script.read_text(encoding="utf-8"))
    assert sum(isinstance(node, ast.stmt) for node in ast.walk(tree)) <= 60
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert not any(part.startswith("_") for part in node.module.split("."))
        if isinstance(node, ast.Attribute):
            assert not node.attr.startswith("_") or node.attr == "__name__"


@pytest.mark.parametrize("script", SEARCHING, ids=lambda path: path.stem)
def test_scripts_look_at_test_images_after_the_last_fit(script):
    """Tuning must not see them: nothing is searched once they have been predicted."""
    code = script.read_text(encoding="utf-8")
    assert code.rindex("SearchCV(") < code.index("(X_test")


@pytest.mark.parametrize("script", SCRIPTS[3:5], ids=lambda path: path.stem)
def test_scripts_say_which_folder_of_images_they_miss(script, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SKFASHION_DATA", raising=False)
    monkeypatch.setenv("SKFASHION_GALLERY", "full")
    with pytest.raises(FileNotFoundError, match=r"no folder 'data.*train'"):
        runpy.run_path(str(script))


def test_each_script_has_the_figures_of_its_row():
    for row in seeds.ROWS.values():
        code = row.script.read_text(encoding="utf-8")
        for figure in row.figures:
            assert figure.name.split("_", 1)[-1] in code, figure.name


def test_generated_pages_are_those_of_the_records():
    for name, text in table.pages().items():
        assert (ROOT / "docs" / "_generated" / name).read_text(encoding="utf-8") == text, (
            "run python -m benchmarks.seeds_table"
        )
    assert table.markdown() in (ROOT / "docs" / "measured.md").read_text(encoding="utf-8")


def test_the_comparison_of_heads_is_of_its_record_and_of_the_script_as_it_is():
    assert heads.PAGE.read_text(encoding="utf-8") == heads.page()
    record = json.loads(heads.RECORD.read_text(encoding="utf-8"))
    assert record["script_digest"] == seeds.script_digest(heads.SCRIPT)
    assert len(record["runs"]) == heads.SEEDS


def test_without_records_the_table_says_so(tmp_path):
    assert "No long run" in table.markdown(tmp_path)
    assert "not run yet" in table.rest_of_row("conv", tmp_path)


def test_a_mean_stands_with_its_standard_error(tmp_path):
    keep(tmp_path, "dense", 0, validation_accuracy=0.90, test_accuracy=0.90)
    keep(tmp_path, "dense", 1, validation_accuracy=0.91, test_accuracy=0.91)
    line = next(li for li in table.markdown(tmp_path).splitlines() if "**Dense" in li)
    assert "test 90.50 ± 0.50%" in line  # deviation 0.707 over the root of two
    assert "2 of 5" in line
    assert "missed" not in line


def test_a_missed_target_is_said_to_be_missed(tmp_path):
    keep(tmp_path, "conv", 0, test_accuracy=0.939, test_loss=0.2)
    line = next(li for li in table.markdown(tmp_path).splitlines() if "**Convol" in li)
    assert line.count("**missed**") == 2
    assert table.rest_of_row("conv", tmp_path).count("**missed**") == 2


def test_a_record_is_current_until_the_code_of_its_script_changes(tmp_path, monkeypatch):
    script = tmp_path / "plot.py"
    script.write_text('"""Title."""\n# a comment\nx = 1\n')
    row = type("Row", (), {"script": script})
    monkeypatch.setitem(seeds.ROWS, "dense", row)
    assert not seeds.is_current("dense", 0, tmp_path)
    record = {"script_digest": seeds.script_digest(script)}
    (tmp_path / "dense_0.json").write_text(json.dumps(record))
    script.write_text('"""Other title."""\nx = 1  # another comment\n')
    assert seeds.is_current("dense", 0, tmp_path)
    script.write_text('"""Other title."""\nx = 2\n')
    assert not seeds.is_current("dense", 0, tmp_path)
