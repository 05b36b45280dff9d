"""What a terminal gets: errors and warnings of one line, tables, a sign of life."""

import difflib
import gc
import io
import os
import shutil
import sys
import tempfile
import warnings
from contextlib import contextmanager, nullcontext


class UserError(Exception):
    """Something the user can mend; its text says how, in one line."""

    def __init__(self, message):
        super().__init__(one_line(message))


@contextmanager
def user_errors(types=(OSError, ValueError), advice=""):
    """Turn errors over what the user named into `UserError`, with what else to do about it."""
    try:
        yield
    except types as error:
        raise UserError(f"{error} {advice}") from error


def one_line(text):
    """Return text without line breaks."""
    return " ".join(str(text).split())


def last_line(text):
    """Return the last line of text, which of a traceback is the error."""
    return (str(text).strip().splitlines() or [type(text).__name__])[-1]


def say(text=""):
    """Print a line at once, also into a log."""
    try:
        print(_writable(text, sys.stdout), flush=True)
    except BrokenPipeError:
        # Somebody closed the pipe, as `head` does; Python would fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


def note(text):
    """Print a line that is not a result to standard error."""
    print(_writable(one_line(text), sys.stderr), file=sys.stderr, flush=True)


def _writable(text, stream):
    """Return text with escapes for characters that the encoding of a stream lacks."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return str(text).encode(encoding, "backslashreplace").decode(encoding)


@contextmanager
def short_warnings():
    """Show a warning as one line, without the place it comes from."""

    def show(message, category, filename, lineno, file=None, line=None):
        if category.__name__ == "FitFailedWarning":  # of scikit-learn, not imported for its name
            note(f"note: a fit failed: {last_line(message)}")
        else:
            note(f"note: {(str(message).strip().splitlines() or [category.__name__])[0]}")

    with warnings.catch_warnings():
        warnings.showwarning = show
        # Of other packages, about themselves.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        yield


@contextmanager
def loading():
    """Do in the block what takes seconds before there is anything to show."""
    status = nullcontext()
    if sys.stderr.isatty():
        from rich.console import Console

        status = Console(stderr=True).status("Loading ...")
    collecting = gc.isenabled()
    gc.disable()  # importing makes a million objects and no garbage: a quarter of its time
    try:
        with without_native_noise(), status:
            yield
    finally:
        if collecting:
            gc.enable()


@contextmanager
def without_native_noise():
    """Keep what libraries write to standard error below Python, unless something fails.

    TensorFlow tells of processors and cards whatever TF_CPP_MIN_LOG_LEVEL says.
    """
    above, below = sys.stderr, os.dup(2)
    above.flush()
    with tempfile.TemporaryFile() as noise, os.fdopen(os.dup(2), "w") as real:
        os.dup2(noise.fileno(), 2)
        sys.stderr = real
        try:
            yield
        except (UserError, KeyboardInterrupt):
            raise
        except BaseException:
            noise.seek(0)
            os.write(below, noise.read())
            raise
        finally:
            sys.stderr = above
            os.dup2(below, 2)
            os.close(below)


def terminal_width():
    """Return how many characters a line may have; what goes into a file is as wide as it takes."""
    return shutil.get_terminal_size(fallback=(10_000, 0)).columns


def table(rows, header=None, right=(), widths=None, gap=2):
    """Return lines with columns aligned, those in `right` to the right; `widths` are the least.

    Where the terminal is narrow, text that isn't aligned to the right is wrapped.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, show_header=header is not None, header_style="")
    grid.padding = (0, gap, 0, 0)
    for i, name in enumerate(header or rows[0]):
        aligned = {"justify": "right", "no_wrap": True} if i in right else {"overflow": "fold"}
        grid.add_column(Text(str(name)), min_width=widths and widths[i], **aligned)
    for row in rows:
        grid.add_row(*(Text(str(value)) for value in row))
    page = io.StringIO()
    # Text alone: it may go into a file.
    width = terminal_width()
    Console(file=page, width=width, color_system=None, force_jupyter=False).print(grid)
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines())


class ParameterTable:
    """Lines of numbers and parameters, to be printed one by one: names and widths come first.

    Where the terminal is too narrow for a column a parameter, one column holds all of them.
    """

    def __init__(self, numbers, parameters):
        self._names = list(parameters)
        widths = {**numbers, **parameters}
        words = [name.replace("_", " ").split() for name in widths]
        self._widths = [max(n, *map(len, w)) for n, w in zip(widths.values(), words, strict=True)]
        # A name of several words stands in several lines: values are short.
        self._header = ["\n".join(each) for each in words]
        room = terminal_width() - sum(self._widths)
        self._gap = next((gap for gap in (2, 1) if gap * len(self._widths) <= room), None)
        if self._gap is None:
            n = len(numbers)
            self._header, self._widths = [*self._header[:n], "parameters"], [*self._widths[:n], 20]

    def line(self, numbers, values, *, header):
        """Return the line of these texts, below the header or without it."""
        right = len(numbers)
        if self._gap is None:
            pairs = zip(self._names, values, strict=True)
            values = ["  ".join(f"{name}\N{NO-BREAK SPACE}{value}" for name, value in pairs)]
        else:
            right += len(values)
        head = self._header if header else None
        row = [*numbers, *values]
        text = table([row], head, range(right), self._widths, gap=self._gap or 2)
        return text.replace("\N{NO-BREAK SPACE}", " ")


def counted(number, noun):
    """Return a number with its noun."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def nearest(name, names):
    """Return the most similar of some names as a question, or nothing."""
    found = difflib.get_close_matches(name, names, 1)
    return f" Did you mean {found[0]!r}?" if found else ""


def short(value):
    """Return a parameter in a few digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
