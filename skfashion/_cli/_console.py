"""What a terminal gets: errors and warnings of one line, tables, a sign of life."""

import gc
import io
import os
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
    print(_writable(text, sys.stdout), flush=True)


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

    TensorFlow tells of processors and graphics cards while it is imported, whatever
    TF_CPP_MIN_LOG_LEVEL says, and so does each process started meanwhile.
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


def table(rows, header=None, right=(), widths=None):
    """Return lines with columns aligned, those in `right` to the right; `widths` are the least."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, show_header=header is not None, header_style="")
    for i, name in enumerate(header or rows[0]):
        justify = "right" if i in right else "left"
        grid.add_column(Text(str(name)), justify=justify, min_width=widths and widths[i])
    for row in rows:
        grid.add_row(*(Text(str(value)) for value in row))
    page = io.StringIO()
    # As wide as it takes, and text alone: it may go into a file.
    Console(file=page, width=10_000, color_system=None, force_jupyter=False).print(grid)
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines())


def counted(number, noun):
    """Return a number with its noun."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def short(value):
    """Return a parameter in a few digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
