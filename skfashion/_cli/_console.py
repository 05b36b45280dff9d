"""What the terminal gets: errors and warnings of one line, tables, durations."""

import os
import sys
import tempfile
import warnings
from contextlib import contextmanager

from sklearn.exceptions import FitFailedWarning


class UserError(Exception):
    """Something the user can mend; its text says how, in one line."""

    def __init__(self, message):
        super().__init__(one_line(message))


@contextmanager
def user_errors(*types):
    """Turn errors of reading what the user named into `UserError`."""
    types = types or (OSError, ValueError)
    try:
        yield
    except types as error:
        raise UserError(error) from error


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
    """Print a line that is no result to standard error."""
    print(_writable(one_line(text), sys.stderr), file=sys.stderr, flush=True)


def _writable(text, stream):
    """Return text with escapes for what a stream doesn't take.

    That is what its encoding lacks, and of file names the bytes that are no text.
    """
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return str(text).encode(encoding, "backslashreplace").decode(encoding)


@contextmanager
def short_warnings():
    """Show a warning as one line, without the place it comes from."""

    def show(message, category, filename, lineno, file=None, line=None):
        if issubclass(category, FitFailedWarning):
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


def table(rows, right=()):
    """Align columns."""
    lines = [[str(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            value.rjust(width) if i in right else value.ljust(width)
            for i, (value, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def duration(seconds):
    """Return a duration as people say it."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


def counted(number, noun):
    """Return a number with its noun."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
