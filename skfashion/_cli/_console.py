"""What a terminal gets: errors and warnings of one line, a sign of life."""

import difflib
import gc
import os
import sys
import tempfile
import warnings
from contextlib import contextmanager


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


def note(text):
    """Print a line that is not a result to standard error."""
    print(one_line(text), file=sys.stderr)


@contextmanager
def short_warnings():
    """Show a warning as one line, without the place it comes from."""

    def show(message, category, *place, **options):
        lines = str(message).strip().splitlines() or [category.__name__]
        failed = category.__name__ == "FitFailedWarning"  # scikit-learn's: its end is the reason
        note(f"note: a fit failed: {lines[-1]}" if failed else f"note: {lines[0]}")

    with warnings.catch_warnings():
        warnings.showwarning = show
        for about_themselves in (DeprecationWarning, FutureWarning):  # of other packages
            warnings.simplefilter("ignore", about_themselves)
        yield


@contextmanager
def loading():
    """Do in the block what takes seconds before there is anything to show."""
    from rich.console import Console

    gc.disable()  # importing makes a million objects and no garbage: a quarter of its time
    try:
        with without_native_noise(), Console(stderr=True).status("Loading ..."):
            yield
    finally:
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
        except Exception as error:
            if not isinstance(error, UserError):
                noise.seek(0)
                os.write(below, noise.read())
            raise
        finally:
            sys.stderr = above
            os.dup2(below, 2)
            os.close(below)


def counted(number, noun):
    """Return a number with its noun."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def nearest(name, names):
    """Return the most similar of some names as a question, or nothing."""
    found = difflib.get_close_matches(name, names, 1)
    return f" Did you mean {found[0]!r}?" if found else ""
