"""One page on a search that needs nothing but a browser."""

import json
import os
import shlex
import sys
from datetime import datetime, timezone
from importlib.resources import files
from pathlib import Path
from typing import Any

from skfashion._utils.typing import Array, PathLike
from skfashion.inspection import _report_sections as sections
from skfashion.inspection._histories import check_search
from skfashion.inspection._report_html import escape


def write_report(
    search: Any,
    path: PathLike = "report.html",
    *,
    X_test: Array | None = None,
    y_test: Array | None = None,
    title: str | None = None,
    command: str | None = None,
    display_labels: Array | None = None,
) -> Any:
    """Write a search up as one HTML page.

    The page needs no network: scripts and images are in it (about 5 MB, nearly all of it
    Plotly). It has the best parameters, parallel coordinates and learning curves to point
    at, the candidates as a table to sort, over-fitting, mistakes on test images, what was
    reused, and the versions that took part.

    Parameters
    ----------
    search : fitted search
        Any of scikit-learn's or of this package. Learning curves need a classifier of this
        package, and those of all candidates its `memory`; see `history_frame`.
    path : str or path, default="report.html"
        The file, replaced if it exists.
    X_test : array-like or sequence of str, default=None
        Images that took no part in the search, as its estimator takes them.
    y_test : array-like of shape (n,), default=None
        Their labels.
    title : str, default=None
        None: the classes of search and estimator.
    command : str, default=None
        What ran the search, to be shown. None: what started this Python, where that was
        with a program.
    display_labels : array-like of shape (n_classes,), default=None
        What to call the classes, in the order of ``search.classes_``.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    NotFittedError, TypeError, ValueError, OSError, ImportError
        If it is not a fitted search, test images and labels can't be used, the file can't be
        written, or Plotly is not installed.

    See Also
    --------
    SearchDisplay, HistoryDisplay, MistakesDisplay : The same as pictures.

    Examples
    --------
    >>> from skfashion.inspection import write_report
    >>> write_report(search, "report.html", X_test=X, y_test=y)  # doctest: +SKIP
    PosixPath('report.html')
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder: give the name of a file to write.")
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(path.parent)!r} to write {path.name!r} in."
        )
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise ImportError("write_report needs Plotly: pip install plotly.") from error
    check_search(search)
    if (X_test is None) != (y_test is None):
        raise ValueError("X_test and y_test belong together: one was given, the other not.")
    if X_test is not None and not hasattr(search, "best_estimator_"):
        raise ValueError("X_test needs a search that has refitted its best: refit=True.")
    found = sections.SearchFacts(search)
    test = None if X_test is None else sections.TestFacts(search, X_test, y_test, display_labels)
    body, figures = sections.all_of(found, test, _started_by() if command is None else command)
    name = type(search).__name__
    page = _resource("report.html").format(
        title=escape(title or f"{name} of {found.estimator_name}"),
        subtitle=f"{name}, {datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC",
        css=_resource("report.css"),
        js=_resource("report.js"),
        plotly=get_plotlyjs(),
        body=body,
        # A script ends where the page says so, whatever stands within quotes.
        charts=json.dumps(figures, allow_nan=False).replace("<", r"\u003c"),
    )
    # Not one half of a page over a good one.
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        # Names of folders may not be text.
        half.write_text(page, encoding="utf-8", errors="backslashreplace")
        os.replace(half, path)
    finally:
        half.unlink(missing_ok=True)
    return path


def _started_by():
    """Return the command this Python was started with; None where somebody types into it."""
    program = getattr(sys.modules.get("__main__"), "__file__", None)
    if program is None or hasattr(sys, "ps1") or "ipykernel" in sys.modules:
        return None
    return shlex.join([os.path.basename(sys.orig_argv[0]), *sys.orig_argv[1:]])


def _resource(name):
    return files("skfashion.inspection").joinpath(name).read_text(encoding="utf-8")
