"""What README.md says works as it stands there."""

import configparser
import re
import shlex

from folders import write_classes
from scripts import ROOT

from skfashion._cli._main import _parser
from skfashion.datasets import make_images
from skfashion.inspection import write_report
from skfashion.model_selection import search_space

# The first two blocks, on tiny images and with one short candidate.
SMALLER = {
    "size=224": "size=32",
    "search_space(pipe)": "{'mobilenetfinetuner__epochs': [1, 2]}",
    "n_iter=16, cv=3": "n_iter=1, cv=2",
    "n_iter=20, cv=3": "n_iter=1, cv=2",
    "Tuner(memory": "Tuner(alpha=0.35, memory",
    "alpha=0.35, ": "alpha=0.35, weights=None, epochs=1, fine_tune_epochs=1, ",
}
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def commands():
    return [line for block in blocks("sh") for line in block.splitlines()]


def test_examples(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    first, search, *others = blocks("python")
    for text, smaller in SMALLER.items():
        assert text in first + search
        first, search = first.replace(text, smaller), search.replace(text, smaller)
    X, y = make_images(n_samples=12, n_classes=2, image_size=32, channels=3, random_state=0)
    write_classes(tmp_path / "scenes", X, y, ("cat", "dog"))
    names = {}
    exec(search, names)
    for code in others:
        exec(code, {})
        assert capsys.readouterr().out
    names |= {"file_names": names["X"], "labels": names["y"]}
    exec(first, {**names, "search_space": search_space, "write_report": write_report})
    assert (tmp_path / "report.html").stat().st_size > 10_000


def test_one_line_installs_and_runs_the_main_job():
    (line,) = [line for line in commands() if line.endswith("skfashion search")]
    install, run = line.split(" && ")
    assert install == 'python -m pip install ".[report]"'
    arguments = _parser().parse_args(shlex.split(run)[3:])
    assert (arguments.command, arguments.data) == ("search", None)


def test_one_line_installs_and_passes_the_tests():
    (line,) = [line for line in commands() if "pytest" in line]
    install, run = line.split(" && ")
    assert run == "python -m pytest -n 2 --dist loadfile"
    extra = re.fullmatch(r"python -m pip install -e '\.\[(\w+)\]'", install).group(1)
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert "pytest-xdist" in setup["options.extras_require"][extra]
    # What the checks run is read from README.md by this pattern.
    pattern = re.search(r"grep -E '([^']+)' README\.md", (ROOT / ".ci/run").read_text()).group(1)
    assert [each for each in README.splitlines() if re.match(pattern, each)] == [line]


def test_commands_are_understood():
    lines = [shlex.split(line) for line in commands() if line.startswith("skfashion ")]
    named = {words[1] for words in lines}
    assert named == {"search", "check", "predict", "evaluate", "info", "runs"}
    for words in lines:
        arguments = _parser().parse_args(words[1:])
        for name in arguments.images if words[1] == "predict" else []:
            assert (ROOT / name).is_file() or name == "new-photos/"


def test_public_names_are_listed():
    import skfashion

    rows = "\n".join(line for line in README.splitlines() if line.startswith("|"))
    for name in ("datasets", "model_selection", "preprocessing"):
        for each in getattr(skfashion, name).__all__:
            assert f"`{each}`" in rows
    for name in skfashion.__all__:
        if name.endswith(("Classifier", "Tuner")):
            assert f"`{name}`" in rows


def test_versions_are_those_of_setup_cfg():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    requires = setup["options"]["install_requires"]
    text = " ".join(README.split())
    for package, name in {
        "scikit-learn": "scikit-learn",
        "keras": "Keras",
        "tensorflow": "TensorFlow",
    }.items():
        version = re.search(rf"^{package}>=([\d.]+)$", requires, re.MULTILINE).group(1)
        assert f"{name} {version} or later" in text
    python = setup["options"]["python_requires"].removeprefix(">=")
    assert f"Python {python} to" in text
