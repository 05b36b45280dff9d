"""Tables of text: whole ones, and one that grows on a terminal, in a file or in a notebook."""

import io
import shutil

from rich import get_console
from rich.console import Console
from rich.table import Table
from rich.text import Text


def short(value):
    """Return a parameter in a few digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def table(rows, header=None, right=()):
    """Return lines with columns aligned, those in `right` to the right; others are wrapped."""
    grid = _grid(header or rows[0], right, show_header=header is not None)
    _fill(grid, *rows)
    page = io.StringIO()
    Console(file=page, width=_width(), color_system=None, force_jupyter=False).print(grid)
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines())


class GrowingTable:
    """A table of numbers and parameters, given as least widths by name; in a notebook it grows."""

    def __init__(self, numbers, parameters):
        self._names = list(parameters)
        self._is_notebook = get_console().is_jupyter
        width = get_console().width if self._is_notebook else _width()
        self._console = Console(width=width, force_jupyter=False)
        widths = {**numbers, **parameters}
        # A name of several words stands in several lines: values are short.
        header = [name.replace("_", "\n").replace(" ", "\n") for name in widths]
        least = [
            max(n, *map(len, name.split("\n")))
            for n, name in zip(widths.values(), header, strict=True)
        ]
        gap = next((gap for gap in (2, 1) if sum(least) + gap * len(least) <= width), None)
        # Where a column a parameter is too much, one column holds all of them.
        self._in_one = gap is None
        if self._in_one:
            header = [*header[: len(numbers)], "parameters"]
            least = [*least[: len(numbers)], 20]
        right = range(len(numbers) if self._in_one else len(header))
        self._columns = {"header": header, "right": right, "widths": least, "gap": gap or 2}
        self._whole = _grid(**self._columns)
        self._show(self._whole)

    def add(self, numbers, values, style=None):
        """Show one row more."""
        if self._in_one:
            pairs = zip(self._names, values, strict=True)
            values = ["  ".join(f"{name}={value}" for name, value in pairs)]
        line = _grid(**self._columns, show_header=False)
        for grid in (line, self._whole):
            _fill(grid, [*numbers, *values], style=style)
        self._show(line)

    def say(self, text):
        """Print a line below the table."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _show(self, lines):
        if not self._is_notebook:
            self._console.print(lines)
        elif lines is self._whole:
            from IPython.display import display

            self._display = display(lines, display_id=True)
        else:
            self._display.update(self._whole)


def _width():
    """Return how many characters a line may have; in a file as many as it takes."""
    return shutil.get_terminal_size(fallback=(10_000, 0)).columns


def _grid(header, right=(), widths=None, gap=2, show_header=True):
    grid = Table(box=None, pad_edge=False, show_header=show_header, header_style="")
    grid.padding = (0, gap, 0, 0)
    for i, name in enumerate(header):
        aligned = {"justify": "right", "no_wrap": True} if i in right else {"overflow": "fold"}
        grid.add_column(Text(str(name)), min_width=widths and widths[i], **aligned)
    return grid


def _fill(grid, *rows, style=None):
    for row in rows:
        grid.add_row(*(Text(str(value)) for value in row), style=style)
