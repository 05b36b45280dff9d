"""``skfashion search``, on small data: what it prints and leaves behind."""

import json
import re
import sys
from pathlib import Path

import pandas as pd
import pytest
from commands import SMALL

import skfashion._cli
from skfashion import DenseClassifier
from skfashion._cli._main import _MODELS, main
from skfashion._cli._tuning import models
from skfashion.networks import _backbones

TIMES = ["mean_fit_time", "std_fit_time", "mean_score_time", "std_score_time"]


def candidate_lines(out):
    return [line.split() for line in out.splitlines() if re.match(r"\s*\d+/\d+\s", line)]


def without_times(csv):
    return pd.read_csv(csv).drop(columns=TIMES)


def test_search_leaves_model_table_and_summary(found):
    assert len(pd.read_csv(found / "cv_results.csv")) == 3
    assert type(skfashion.load(found / "model.skfashion")).__name__ == "Pipeline"
    summary = json.loads((found / "summary.json").read_text())
    assert summary["candidates"] == 3
    assert summary["test_accuracy"] > 0.6
    assert summary["backend"] in ("tensorflow", "jax", "torch")
    assert {"skfashion", "keras", "scikit-learn"} <= set(summary["versions"])
    assert summary["command"].startswith("skfashion search digits --candidates 3")
    text = (found / "summary.txt").read_text()
    assert f"Test accuracy {summary['test_accuracy']:.4f}" in text
    page = (found / "report.html").read_text(encoding="utf-8")
    assert "<h1>dense on digits</h1>" in page
    for told in (summary["command"], f"{summary['test_accuracy']:.4f}", "Mistakes on test images"):
        assert told in page


def test_search_prints_a_line_a_candidate_and_reads_finished_fits_back(
    found, tmp_path, capsys, monkeypatch
):
    (tmp_path / "report.html").write_text("of an earlier search")
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    memory = found / "memory"
    before = sorted(path.name for path in memory.rglob("*.npy"))
    arguments = ["search", "digits", "--candidates", "3", "--out", str(tmp_path), *SMALL]
    assert main([*arguments, "--memory", str(memory)]) == 0
    out = capsys.readouterr().out
    assert "pip install matplotlib" in " ".join(out.split())
    assert not (tmp_path / "report.html").exists()
    assert "are read back" in out
    assert "Drawn at random: 1; chosen by the scores so far: 2." in out
    lines = candidate_lines(out)
    assert [line[0] for line in lines] == ["1/3", "2/3", "3/3"]
    results = pd.read_csv(tmp_path / "cv_results.csv")
    assert [line[1] for line in lines] == [f"{x:.4f}" for x in results["mean_test_score"]]
    assert lines[-1][2] == f"{results['mean_test_score'].max():.4f}"
    assert "hidden" in out
    pd.testing.assert_frame_equal(
        without_times(tmp_path / "cv_results.csv"), without_times(found / "cv_results.csv")
    )
    assert sorted(path.name for path in memory.rglob("*.npy")) == before


@pytest.mark.parametrize("kind", ["grid", "random", "hyperband"])
def test_every_kind_of_search_tells_of_each_candidate(kind, tmp_path, capsys):
    count = ["--candidates", "3"] if kind == "random" else []
    small = ["--epochs", "1" if kind == "grid" else "3", "--images", "60", "--folds", "2"]
    assert main(["search", "digits", "--kind", kind, "--out", str(tmp_path), *small, *count]) == 0
    results = pd.read_csv(tmp_path / "cv_results.csv")
    lines = candidate_lines(capsys.readouterr().out)
    assert len(lines) == len(results)
    assert [line[1] for line in lines] == [f"{x:.4f}" for x in results["mean_test_score"]]
    assert lines[-1][0] == f"{len(lines)}/{len(lines)}"


def test_search_in_worker_processes_finds_the_same(found, tmp_path, capfd):
    arguments = ["search", "digits", "--candidates", "3", "--out", str(tmp_path), *SMALL]
    memory = ["--memory", str(found / "memory"), "--jobs", "2"]
    assert main([*arguments, *memory]) == 0
    captured = capfd.readouterr()
    assert len(candidate_lines(captured.out)) == 3
    assert "oneDNN" not in captured.err
    pd.testing.assert_frame_equal(
        without_times(tmp_path / "cv_results.csv"), without_times(found / "cv_results.csv")
    )


def test_a_stopped_search_goes_on(found, tmp_path, capsys, monkeypatch):
    from skfashion.model_selection._candidates import CandidateTable

    arguments = ["search", "digits", "--candidates", "3", "--out", str(tmp_path), *SMALL]
    add = CandidateTable.add

    def press_ctrl_c(table, *given):
        add(table, *given)
        if table.n_done == 2:
            raise KeyboardInterrupt
        return False

    with monkeypatch.context() as patch:
        patch.setattr(CandidateTable, "add", press_ctrl_c)
        assert main(arguments) == 130
    message = capsys.readouterr().err.splitlines()
    assert len(message) == 1
    assert message[0].endswith(" ".join(["skfashion", *arguments]))
    n_fits = len(list((tmp_path / "memory").rglob("*.npy")))
    assert n_fits > 0
    assert main(arguments) == 0
    assert len(list((tmp_path / "memory").rglob("*.npy"))) > n_fits
    pd.testing.assert_frame_equal(
        without_times(tmp_path / "cv_results.csv"), without_times(found / "cv_results.csv")
    )


def test_search_on_fashion_mnist_learns_names(fashion, tmp_path, capsys):
    small = ["--images", "1500", "--sample", "500", "--candidates", "1", "--epochs", "3"]
    assert main(["search", "fashion-mnist", "--folds", "2", "--out", str(tmp_path), *small]) == 0
    model = skfashion.load(tmp_path / "model.skfashion")
    assert "Ankle boot" in model.classes_
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["images_to_train_on"] == 1500
    assert summary["images_to_compare_on"] == 500
    assert summary["test_images"] == 10_000
    assert summary["test_accuracy"] > 0.6


def test_no_command_knows_a_classifier_by_name():
    for path in Path(skfashion._cli.__file__).parent.glob("*.py"):
        assert not [name for name in skfashion.classifiers.__all__ if name in path.read_text()]
    ours = {n for n, cls in models().items() if cls.__module__.startswith("skfashion.")}
    assert ours == set(_MODELS)  # which --help lists


def test_mobilenet_without_its_weights(photos, tmp_path, capsys, monkeypatch):
    def no_network(*arguments, **options):
        raise Exception("URL fetch failure")

    skfashion.clear_caches()
    monkeypatch.setattr(_backbones, "standalone", no_network)
    arguments = ["search", str(photos), "--model", "mobilenet", "--out", str(tmp_path)]
    assert main(arguments) == 2
    assert "KERAS_HOME" in capsys.readouterr().err


@pytest.mark.parametrize("asked", [[], ["fashion-mnist"]])
def test_fashion_mnist_out_of_reach(asked, tmp_path, capsys, monkeypatch):
    def out_of_reach(subset):
        raise OSError("not cached, no network: do this and that")

    monkeypatch.setattr("skfashion._cli._data.fetch_fashion_mnist", out_of_reach)
    few = ["--candidates", "1", "--out", str(tmp_path), *SMALL]
    assert main(["search", *asked, *few]) == (2 if asked else 0)
    (line,) = capsys.readouterr().err.splitlines()
    if asked:
        assert line == "skfashion: error: not cached, no network: do this and that"
    else:
        assert "digits instead" in line
        assert json.loads((tmp_path / "summary.json").read_text())["data"] == "digits"


@pytest.mark.parametrize("n_failing", [2, 4])
@pytest.mark.filterwarnings("always::sklearn.exceptions.FitFailedWarning")
def test_a_candidate_that_fails_costs_a_line(n_failing, tmp_path, capsys, monkeypatch):
    fit, calls = DenseClassifier.fit, []

    def fail_at_first(self, X, y):
        calls.append(1)
        if len(calls) <= n_failing:
            raise ValueError("no luck")
        return fit(self, X, y)

    monkeypatch.setattr(DenseClassifier, "fit", fail_at_first)
    arguments = ["search", "digits", "--candidates", "2", "--out", str(tmp_path), *SMALL]
    assert main(arguments) == (0 if n_failing == 2 else 2)
    captured = capsys.readouterr()
    if n_failing == 2:
        assert [line[1] == "failed" for line in candidate_lines(captured.out)] == [True, False]
        assert "note: a fit failed: ValueError: no luck" in captured.err.splitlines()
    else:
        assert "error: The search failed: ValueError: no luck" in captured.err
