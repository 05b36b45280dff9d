"""Configuration of Sphinx; build with ``sphinx-build -W --keep-going docs docs/_build/html``."""

import os
import re
import shutil
import sys
from importlib import import_module
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["MPLBACKEND"] = "agg"
os.environ.pop("SKFASHION_GALLERY", None)  # the long runs are not part of a build
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from docutils import nodes

import skfashion

project = "skfashion"
author = "the skfashion developers"
copyright = "2026, the skfashion developers"
version = release = skfashion.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
# Files with an underscore are parts of pages.
exclude_patterns = ["_build", "README.md", "_generated/*", "gallery/*", "guide/_*.md"]
default_role = "py:obj"

autosummary_generate = True
autodoc_typehints = "none"
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# On made-up images: the gallery needs neither data nor a network.
sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_examples",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "capture_repr": (),
    "download_all_examples": False,
    "plot_gallery": True,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "thumbnail_size": (420, 300),
    "copyfile_regex": r"^$",
}

html_theme = "furo"
html_title = "skfashion"
html_static_path = ["_static"]
html_css_files = ["skfashion.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
pygments_style = "friendly"
pygments_dark_style = "monokai"

# Links into the documentation of others need a network; without it names stay plain text.
if os.environ.get("SKFASHION_INTERSPHINX"):
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "sklearn": ("https://scikit-learn.org/stable", None),
        "skopt": ("https://scikit-optimize.readthedocs.io/en/latest", None),
    }

# What docstrings inherited from scikit-learn refer to stands there.
_SKLEARN = "https://scikit-learn.org/stable/"


def _link_to_sklearn(app, env, node, contnode):
    target = node["reftarget"]
    if node.get("reftype") == "term":
        page = f"glossary.html#term-{target.replace('_', '-')}"
    elif node.get("reftype") == "ref" and node["refdoc"].startswith("api/"):
        page = f"search.html?q={target}"
    else:
        return None
    return nodes.reference("", "", contnode, internal=False, refuri=_SKLEARN + page)


_NAME = re.compile(r"(?<=shape \()(\w+_)(?=,)")


def _quote_names(app, what, name, obj, options, lines):
    # In "shape (n_features_in_,)" reStructuredText takes the underscore for a link's.
    lines[:] = [_NAME.sub(r"`\1`", line) for line in lines]


_SECTIONS = {  # title: module, and the room that the names come from where it has several
    "Classifiers and features": ("skfashion", "classifiers"),
    "Saving": ("skfashion", "_persistence"),
    "Export": ("skfashion", "_export"),
    "Settings and caches": ("skfashion", "_utils"),
    "Preprocessing": ("skfashion.preprocessing", None),
    "Data": ("skfashion.datasets", None),
    "Searching": ("skfashion.model_selection", None),
    "Looking at what happened": ("skfashion.inspection", None),
}


def api_page():
    """Return the page that lists all public names, in reStructuredText."""
    parts = ["API\n===\n"]
    for title, (module, room) in _SECTIONS.items():
        names = import_module(module).__all__
        if room is not None:
            rooms = skfashion._PUBLIC
            names = [name for name in rooms if rooms[name].split(".")[0] == room]
        parts += [f"{title}\n{'-' * len(title)}\n", f".. currentmodule:: {module}\n"]
        parts += [".. autosummary::\n   :toctree: generated/\n   :nosignatures:\n"]
        parts += ["".join(f"   {name}\n" for name in names)]
    return "\n".join(parts)


def _write_api_page():
    page = Path(__file__).parent / "api" / "index.rst"
    page.parent.mkdir(exist_ok=True)
    if not page.exists() or page.read_text(encoding="utf-8") != api_page():
        page.write_text(api_page(), encoding="utf-8")


def _forget_runs(*_):
    """Remove what the scripts of the gallery keep, so that each build trains."""
    shutil.rmtree(Path(__file__).parent / "gallery" / "runs", ignore_errors=True)


def setup(app):
    """Connect what Sphinx is to call."""
    _forget_runs()
    _write_api_page()
    app.connect("build-finished", _forget_runs)
    # Before numpydoc, which stands at 500.
    app.connect("autodoc-process-docstring", _quote_names, priority=100)
    app.connect("missing-reference", _link_to_sklearn)
