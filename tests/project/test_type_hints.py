"""Every public signature says what it takes and gives, and the hints can be looked up."""

import inspect
import subprocess
import sys
import typing
from pathlib import Path

import pytest
from scripts import ROOT
from test_docstrings import PUBLIC

import skfashion


def own(function):
    return inspect.unwrap(function).__module__.startswith("skfashion")


def signatures():
    """Yield (address, function) of what a user calls, inherited from here included."""
    for address, value in PUBLIC.items():
        if not inspect.isclass(value):
            yield address, inspect.unwrap(value)
            continue
        for name in dir(value):
            if name.startswith("_") and name != "__init__":
                continue
            member = inspect.getattr_static(value, name)
            member = member.fget if isinstance(member, property) else member
            member = getattr(member, "__func__", member)
            if inspect.isfunction(member) and own(member):
                yield f"{address}.{name}", inspect.unwrap(member)


SIGNATURES = dict(signatures())


def test_there_are_many():
    assert len(SIGNATURES) > 60


@pytest.mark.parametrize("address", SIGNATURES)
def test_every_parameter_and_what_comes_back_has_a_hint(address):
    hints = typing.get_type_hints(SIGNATURES[address])
    parameters = dict(inspect.signature(SIGNATURES[address]).parameters)
    parameters.pop("self", None)
    parameters.pop("cls", None)
    assert {*parameters, "return"} <= hints.keys()
    for name, parameter in parameters.items():
        if parameter.default is None:
            assert hints[name] is typing.Any or type(None) in typing.get_args(hints[name]), name


def test_type_checkers_are_told():
    assert (Path(skfashion.__file__).parent / "py.typed").exists()


def test_a_type_checker_finds_a_wrong_call(tmp_path):
    pytest.importorskip("mypy")
    script = tmp_path / "script.py"
    script.write_text(
        "from skfashion import DenseClassifier, MobileNetFineTuner\n"
        "from skfashion.datasets import make_images\n"
        "X, y = make_images(60)\n"
        "DenseClassifier((64, 32), epochs=3).fit(X, y).predict(X)\n"
        "MobileNetFineTuner(unfreeze_from='block_13', memory=None)\n"
        "DenseClassifier(epochs='3')\n"
        "MobileNetFineTuner(version='v9')\n"
        "from skfashion import load\n"
        "from skfashion.inspection import write_report\n"
        "from skfashion.model_selection import search_space\n"
        "load('a').predict(X)\n"
        "load('a').steps\n"
        "search_space(DenseClassifier())['epochs']\n"
        "search_space(DenseClassifier(), 'grid')['epochs']\n"
        "write_report(None, 'a').name.no_such_name\n"
    )
    # Of other packages it reads nothing: they take minutes.
    (tmp_path / "mypy.ini").write_text(
        "[mypy]\nfollow_imports = skip\n[mypy-skfashion.*]\nfollow_imports = silent\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-incremental", script.name],
        cwd=tmp_path,
        env={"PATH": "", "MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = sorted(
        int(line.split(":")[1])
        for line in done.stdout.splitlines()
        if line.startswith("script.py") and ": error:" in line
    )
    assert lines == [6, 7, 14, 15], done.stdout + done.stderr
