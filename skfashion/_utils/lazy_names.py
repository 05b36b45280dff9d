"""Public names that are imported when they are first used (PEP 562)."""

import sys
from importlib import import_module


def lazily(package, public, subpackages=()):
    """Return `__getattr__` and `__dir__` of a package; `public` are the modules of its names."""
    known = vars(sys.modules[package])

    def get(name):
        if name in public:
            value = getattr(import_module(f"{package}.{public[name]}"), name)
        elif name in subpackages:
            value = import_module(f"{package}.{name}")
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        known[name] = value
        return value

    return get, lambda: sorted({*known, *public, *subpackages})
