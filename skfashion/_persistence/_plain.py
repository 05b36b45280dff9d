"""Plain data, and the public names of Keras and scikit-learn that may stand in it."""

from importlib import import_module
from types import FunctionType

_NO_FUNCTIONS = {"deserialize", "get", "serialize"}


def leaves(value):
    """Yield what is in lists, tuples and dicts, and in those within them."""
    if isinstance(value, (dict, list, tuple)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from leaves(part)
    else:
        yield value


def public_members(module):
    """Return the classes and functions of Keras or scikit-learn that are public in a module."""
    return {
        name: value
        for name, value in vars(import_module(module)).items()
        if isinstance(value, (type, FunctionType))
        and value.__module__.partition(".")[0] == module.partition(".")[0]
        and name == value.__name__
        and name not in _NO_FUNCTIONS
    }
