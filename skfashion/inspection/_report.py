"""One page on a search that needs nothing but a browser."""

import os
import re
import shlex
import sys
from datetime import datetime, timezone
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from skfashion._utils.files import whole
from skfashion._utils.typing import Array, Frame, PathLike
from skfashion.inspection._histories import check_search
from skfashion.inspection._pictures import image_shape_for
from skfashion.inspection._report_facts import SearchFacts, TestFacts
from skfashion.inspection._report_findings import of_findings
from skfashion.inspection._report_html import escape
from skfashion.inspection._report_sections import of_best, of_search, of_test
from skfashion.inspection._style import pyplot


class Page(type(Path())):
    """The path of a page, which a notebook shows as the page itself."""

    def _repr_html_(self):
        try:
            page = escape(self.read_text(encoding="utf-8"))
        except OSError:
            return None
        return f'<iframe srcdoc="{page}" style="width:100%;height:800px;border:0"></iframe>'


def write_report(
    search: Any,
    path: PathLike = "report.html",
    *,
    X_test: Array | None = None,
    y_test: Array | None = None,
    X_train: Array | None = None,
    y_train: Array | None = None,
    title: str | None = None,
    command: str | None = None,
    display_labels: Array | None = None,
    model: PathLike | None = None,
    findings: Frame | None = None,
) -> Path:
    """Write a search up as one HTML page, which needs no network.

    It has the best parameters and a program that uses them, the candidates as lines to point at
    and as a table to sort, which parameter mattered, learning curves, over-fitting, precision and
    recall a class, mistakes on test images, and how far probabilities can be trusted.

    Parameters
    ----------
    search : fitted search
        Any of scikit-learn's or of this package. Learning curves need a classifier of this
        package, and those of all candidates its `memory`; see `history_frame`.
    path : str or path, default="report.html"
        The file, replaced if it exists.
    X_test, y_test : array-like or sequence of str, default=None
        Images that took no part in the search, as its estimator takes them, and their labels.
    X_train, y_train : array-like or sequence of str, default=None
        Images of the search and their labels, told and shown by class beside those of the test.
    title : str, default=None
        None: the classes of search and estimator.
    command : str, default=None
        What ran the search. None: what started this Python, if that was a program.
    display_labels : array-like of shape (n_classes,), default=None
        What to call the classes, in the order of ``search.classes_``.
    model : str or path, default=None
        File that the best estimator was saved to, for the program that reads it.
    findings : pandas.DataFrame, default=None
        What `inspect_images` found among the images of the search and of the test, shown with the
        images where these are given.

    Returns
    -------
    pathlib.Path
        The file. A notebook shows the page in its place.

    Raises
    ------
    NotFittedError, TypeError, ValueError, OSError, ImportError
        If it is not a fitted search, test images and labels can't be used, the file can't be
        written, or Matplotlib is not installed.

    Notes
    -----
    Candidates are numbered from 1, in the order of ``cv_results_``. What mattered is
    `sklearn.inspection.permutation_importance` in a random forest that is fitted to parameters and
    scores, from eight candidates on.
    """
    path = Page(path)
    if path.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder: give the name of a file to write.")
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(path.parent)!r} to write {path.name!r} in."
        )
    pyplot("write_report")
    check_search(search)
    for name, X, y in (("test", X_test, y_test), ("train", X_train, y_train)):
        if (X is None) != (y is None):
            raise ValueError(
                f"X_{name} and y_{name} belong together: one was given without the other."
            )
        if X is not None and len(X) != len(y):
            raise ValueError(f"X_{name} has {len(X)} images and y_{name} {len(y)} labels.")
    if X_test is not None and not hasattr(search, "best_estimator_"):
        raise ValueError("X_test needs a search that has refitted its best: refit=True.")
    found = SearchFacts(search)
    test = None if X_test is None else TestFacts(search, X_test, y_test, display_labels)
    name = type(search).__name__
    command = _started_by() if command is None else command
    values = {
        "title": escape(title or f"{name} of {found.estimator_name}"),
        "subtitle": f"{name}, {datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC",
        "css": _resource("report.css"),
        "js": _resource("report.js"),
        "command": "" if command is None else escape(command),
        **of_search(found),
        **of_best(found, model),
    }
    if test is not None:
        values |= of_test(test, None if X_train is None else (X_train, y_train))
    if findings is not None:
        given = {"train": X_train, "test": X_test}
        given = {part: X for part, X in given.items() if X is not None}
        values |= of_findings(findings, given, image_shape_for(search))
    page = Template(_with_parts(_resource("report.html"), values)).substitute(values)
    # Names of folders may not be text.
    with whole(path, "x", encoding="utf-8", errors="backslashreplace") as file:
        file.write(page)
    return path


def _started_by():
    """Return the command this Python was started with; None where somebody types into it."""
    program = getattr(sys.modules.get("__main__"), "__file__", None)
    if program is None or hasattr(sys, "ps1") or "ipykernel" in sys.modules:
        return None
    return shlex.join([os.path.basename(sys.orig_argv[0]), *sys.orig_argv[1:]])


def _with_parts(template, values):
    """Leave out the parts of a template that have nothing to tell."""
    part = re.compile(r"<!--if (\w+)-->(.*?)<!--end \1-->\n?", re.DOTALL)
    while part.search(template):
        template = part.sub(lambda found: found[2] if values.get(found[1]) else "", template)
    return template


def _resource(name):
    return files("skfashion.inspection").joinpath(name).read_text(encoding="utf-8")
