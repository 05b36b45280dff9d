"""Values of a thread for the length of a block."""

from contextlib import contextmanager


@contextmanager
def holding(variable, value):
    """Give a `ContextVar` a value in the block."""
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)
