"""The documentation: its snippets run, and it builds without a warning.

Each page is a script: its Python snippets run one after the other, in an empty folder. A
box of text right after a snippet is what the snippet prints, or the error it ends in.

Three things are not as on a reader's machine, so that this needs neither data nor a network:
``scenes/`` is a folder of made-up images, ImageNet weights are random ones, and the address
of a Dask scheduler leads to a small cluster inside this process.
"""

import contextlib
import doctest
import importlib.util
import io
import os
import re
import runpy
import shutil
import subprocess
import sys
import types
import warnings
from itertools import zip_longest

import pytest
from scripts import ROOT, run_python

DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)
# These import packages that change Keras for the whole process.
ALONE = {"comparison.md"}

_FENCE = re.compile(
    r"(?:^% needs (?P<needs>[\w ]+)\n)?^```(?P<language>[\w{}-]*)[^\n]*\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_CHECKER = doctest.OutputChecker()
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def snippets(page):
    """Yield (line number, code, what it should print or None, packages it needs)."""
    text = page.read_text(encoding="utf-8")
    fences = list(_FENCE.finditer(text))
    for fence, after in zip_longest(fences, fences[1:]):
        if fence["language"] != "python":
            continue
        wanted = None
        if after and after["language"] == "text" and not text[fence.end() : after.start()].strip():
            wanted = after["text"]
        line = text.count("\n", 0, fence.start("text"))
        yield line, fence["text"], wanted, (fence["needs"] or "").split()


def is_there(name):
    """Tell whether a package can be imported; Optuna's, once it was, has no specification."""
    return name in sys.modules or importlib.util.find_spec(name) is not None


def run_page(page):
    """Run a page's snippets; a snippet without its packages is left out, and said so."""
    module = types.ModuleType(f"docs_{page.stem}")
    sys.modules[module.__name__] = module
    left_out = []
    try:
        for line, code, wanted, needs in snippets(page):
            missing = [name for name in needs if not is_there(name)]
            if missing:
                left_out.append(f"line {line} needs {', '.join(missing)}")
                continue
            # Empty lines before it: a traceback names the line of the page.
            compiled = compile("\n" * line + code, str(page), "exec")
            printed, error = io.StringIO(), None
            with contextlib.redirect_stdout(printed):
                try:
                    exec(compiled, module.__dict__)
                except Exception as raised:
                    if wanted is None:
                        raise
                    error = f"{type(raised).__name__}: {raised}\n"
            if wanted is not None:
                got = printed.getvalue() + (error or "")
                assert _CHECKER.check_output(wanted, got, _FLAGS), (
                    f"{page.name}, line {line}\nwritten:\n{wanted}\nprinted:\n{got}"
                )
    finally:
        del sys.modules[module.__name__]
    return left_out


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """An empty folder, and what pages ask for that isn't here."""
    from folders import write_classes

    from skfashion.datasets import make_images
    from skfashion.networks import _backbones

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    X, y = make_images(24, n_classes=3, image_size=40, channels=3, random_state=0)
    write_classes(tmp_path / "scenes", X, y, ("forest", "sea", "street"))
    pretrain = _backbones.pretrain
    monkeypatch.setattr(
        _backbones,
        "pretrain",
        lambda network, *, weights, **sizes: pretrain(
            network, weights=None if weights == "imagenet" else weights, **sizes
        ),
    )
    with contextlib.ExitStack() as clusters:
        if importlib.util.find_spec("distributed") is not None:
            import distributed

            options = {"n_workers": 1, "processes": False, "dashboard_address": None}
            real = distributed.Client

            def client(address):
                cluster = distributed.LocalCluster(threads_per_worker=1, **options)
                return clusters.enter_context(real(clusters.enter_context(cluster)))

            monkeypatch.setattr(distributed, "Client", client)
        yield tmp_path


def test_every_page_is_found():
    assert len(PAGES) > 10
    assert sum(1 for page in PAGES for _ in snippets(page)) > 40


@pytest.mark.parametrize("page", [p for p in PAGES if p.name not in ALONE], ids=lambda p: p.stem)
@pytest.mark.filterwarnings("ignore")
def test_snippets(page, elsewhere):
    left_out = run_page(page)
    if left_out:
        pytest.skip("; ".join(left_out))


@pytest.mark.parametrize("name", sorted(ALONE))
def test_snippets_in_a_process_of_their_own(name, tmp_path):
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'tests' / 'project')!r})\n"
    code += f"import test_docs; test_docs.run_alone({name!r})"
    missing = run_python(code, options=["-W", "ignore"], cwd=tmp_path).strip()
    if missing:
        pytest.skip(missing)


def run_alone(name):
    """Run one page in this process; what needs missing packages is printed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        left_out = run_page(DOCS / name)
    if left_out:
        print("; ".join(left_out))


def test_links_between_pages_lead_somewhere():
    for page in [*PAGES, ROOT / "README.md"]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_tests_that_pages_name_are_there():
    for page in PAGES:
        for command in re.findall(r"pytest (tests/[^`\n]*)", page.read_text(encoding="utf-8")):
            files = [word for word in command.split() if word.startswith("tests/")]
            found = {file: sorted(ROOT.glob(file)) for file in files}
            assert all(found.values()), f"{page.name}: {command}"
            paths = (path for matches in found.values() for path in matches)
            code = "".join(path.read_text(encoding="utf-8") for path in paths)
            asked = re.search(r"-k (\w+)", command)
            if asked and asked[1].islower():
                assert re.search(rf"def test\w*{asked[1]}", code), f"{page.name}: {command}"


def test_every_public_name_has_a_page(monkeypatch):
    pytest.importorskip("docutils")
    import skfashion
    from skfashion import datasets, inspection, model_selection, preprocessing

    monkeypatch.setenv("MPLBACKEND", "agg")  # which conf.py sets
    monkeypatch.setitem(skfashion._PUBLIC, "NewClassifier", "classifiers")
    listed = runpy.run_path(str(DOCS / "conf.py"))["api_page"]().split()
    for module in (skfashion, datasets, inspection, model_selection, preprocessing):
        assert {*module.__all__} <= {*listed, *skfashion._SUBPACKAGES}, module.__name__
    assert "NewClassifier" in listed


@pytest.mark.docs
def test_the_documentation_builds_without_a_warning(tmp_path):
    for name in ("sphinx", "numpydoc", "myst_parser", "furo", "sphinx_gallery", "matplotlib"):
        pytest.importorskip(name)
    # A copy: what Sphinx generates beside the sources stays out of the tree.
    source = shutil.copytree(
        DOCS,
        tmp_path / "docs",
        ignore=shutil.ignore_patterns("_build", "generated", "auto_examples", "runs"),
    )
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", source, tmp_path / "html"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=840,  # the gallery trains: two minutes on two cores that have nothing else to do
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert (tmp_path / "html" / "index.html").stat().st_size > 1000
    pages = [path.stem for path in (DOCS / "gallery").glob("plot_*.py")]
    assert len(pages) == 7
    for page in pages:
        assert (tmp_path / "html" / "auto_examples" / f"{page}.html").exists()
