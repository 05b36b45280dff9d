"""Keys: hashable stand-ins for parameters, and digests of data and arrays."""

import inspect
from hashlib import blake2b
from uuid import uuid4
from weakref import WeakKeyDictionary

import numpy as np

_TOKENS = WeakKeyDictionary()  # objects of the user's -> names that nothing else ever has


def token(value):
    """Return a name for an object that no other object has, in this process or another."""
    return _TOKENS.setdefault(value, uuid4().hex)


def by_source(value):
    """Return what an object of the user's says of itself: configuration, name, source code.

    A token where code has no source, or holds variables of the function around it.
    """
    if hasattr(value, "get_config") and not isinstance(value, type):
        return (by_source(type(value)), freeze(value.get_config()))
    if hasattr(value, "__qualname__"):
        return (_public(value.__module__), value.__qualname__, _code_of(value))
    return repr(value)


def freeze(value, stand_in=by_source):
    """Return a hashable stand-in for a parameter, which reads the same in every process.

    What is not plain data is stood in for by `by_source`, or by a `token` of the object.
    """
    if isinstance(value, np.generic):
        return value.item()  # before float and str, which some of these are, with another repr
    if isinstance(value, dict):
        pairs = ((str(k), freeze(v, stand_in)) for k, v in value.items())
        return tuple(sorted(pairs, key=lambda pair: pair[0]))
    if isinstance(value, (list, tuple)):
        return tuple(freeze(v, stand_in) for v in value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.ndarray):
        return ("array", array_digest(value))  # its repr leaves out the middle
    return stand_in(value)


def _public(module):
    """Return the public part of a module's name: files of our own may move, keys must not."""
    return module.partition("._")[0] if module.startswith("skfashion.") else module


def _code_of(value):
    # A notebook defines the same name again and again: what it says now is what counts.
    if value.__module__.split(".")[0] in ("keras", "skfashion"):
        return ""
    functions = vars(value).values() if isinstance(value, type) else [value]
    codes = [getattr(function, "__code__", None) for function in functions]
    held = {name for code in codes for name in getattr(code, "co_freevars", ())}
    try:
        if held <= {"__class__"}:  # which super() needs
            return digest(inspect.getsource(value))
    except (OSError, TypeError):
        pass
    return token(value)


def digest(*parts):
    """Return 32 hexadecimal digits that stand for plain hashable data."""
    return blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def array_digest(array):
    """Return 32 hexadecimal digits that stand for an array: bytes, shape and dtype."""
    array = np.ascontiguousarray(array)
    h = blake2b(repr((array.shape, array.dtype.str)).encode(), digest_size=16)
    h.update(array.view(np.uint8).reshape(-1).data if array.size else b"")
    return h.hexdigest()


def weights_digest(arrays):
    """Return 32 hexadecimal digits that stand for a list of arrays."""
    return digest(*(array_digest(a) for a in arrays))
