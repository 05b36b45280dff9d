"""Python source of estimators and searches, which runs when it is pasted."""

import inspect
import math
import os
import sys
import textwrap

import numpy as np

_WIDTH = 88
_MOST_VALUES = 50  # of an array that is written out


class Code:
    """Source of objects, with the imports that it needs."""

    def __init__(self):
        self._imports = set()
        self.notes = []

    def of(self, value, **replaced):
        """Return source of a value; of an estimator, what was given other than its defaults."""
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, float) and not math.isfinite(value):
            return f"float({str(value)!r})"
        if value is None or isinstance(value, (bool, int, float, str)):
            return repr(value)
        if isinstance(value, os.PathLike):
            return repr(os.fspath(value))
        if isinstance(value, tuple) and len(value) == 1:
            return f"({self.of(value[0])},)"
        if isinstance(value, (list, tuple)):
            opened, closed = "[]" if isinstance(value, list) else "()"
            return _broken(opened, map(self.of, value), closed)
        if isinstance(value, dict):
            return _broken("{", [f"{self.of(k)}: {self.of(v)}" for k, v in value.items()], "}")
        if isinstance(value, np.ndarray) and value.size <= _MOST_VALUES:
            self._imports.add("import numpy as np")
            return f"np.array({value.tolist()!r})"
        if isinstance(value, type) or inspect.isfunction(value):
            return self._name(value)
        return self._object(value, replaced)

    def block(self, *lines):
        """Return the imports, what can't be written, and lines of source."""
        imports = "\n".join(sorted(self._imports))
        notes = [f"# {note}" for note in dict.fromkeys(self.notes)]
        return "\n".join([*([imports, ""] if imports else []), *notes, *lines])

    def _object(self, value, replaced):
        name = type(value).__name__
        if hasattr(value, "get_params"):
            given = {**value.get_params(deep=False), **replaced}
            known = inspect.signature(type(value)).parameters
            changed = {
                name: each
                for name, each in given.items()
                if name not in known or repr(each) != repr(known[name].default)
            }
            return _broken(f"{self._name(type(value))}(", self._arguments((), changed), ")")
        if hasattr(value, "dist"):  # a frozen distribution of SciPy, whose repr is an address
            self._imports.add(f"from scipy.stats import {value.dist.name}")
            return _broken(f"{value.dist.name}(", self._arguments(value.args, value.kwds), ")")
        if hasattr(value, "get_config") and hasattr(value, "from_config"):
            return f"{self._name(type(value))}.from_config({self.of(value.get_config())})"
        if hasattr(value, "categories"):  # a dimension of skopt, whose repr leaves some out
            told = {"categories": tuple(value.categories), "prior": value.prior}
            return _broken(f"{self._name(type(value))}(", self._arguments((), told), ")")
        if repr(value).startswith(f"{name}("):
            return repr(value).replace(name, self._name(type(value)), 1)
        return self._unknown(name)

    def _arguments(self, positional, named):
        return [*map(self.of, positional), *(f"{k}={self.of(v)}" for k, v in named.items())]

    def _name(self, value):
        """Return the name of a class or function, imported from where it is public."""
        module, name = value.__module__, value.__qualname__
        if not name.isidentifier():
            return self._unknown(name)
        if module == "__main__":
            self.notes.append(f"{name} is defined in your own program.")
            return name
        parts = module.split(".")
        for n in range(1, len(parts)):
            outer = ".".join(parts[:n])
            if getattr(sys.modules.get(outer), name, None) is value:
                module = outer
                break
        self._imports.add(f"from {module} import {name}")
        return name

    def _unknown(self, name):
        self.notes.append(f"In place of ... belongs an object that has no source: {name}.")
        return "..."


def estimator_code(estimator):
    """Return source that makes an estimator anew, without what it learned."""
    code = Code()
    made = code.of(estimator)
    return code.block(
        f"model = {made}",
        "# model.fit(X, y) trains it on your images and labels; then model.predict(X).",
    )


def search_code(search, n_splits):
    """Return source that makes a search anew; of folds given by rows it has their number."""
    code, replaced = Code(), {}
    cv = getattr(search, "cv", None)
    if not (cv is None or isinstance(cv, int) or hasattr(cv, "get_n_splits")):
        replaced["cv"] = n_splits
        code.notes.append("cv was given as rows of each fold; this is their number.")
    made = code.of(search, **replaced)
    return code.block(f"search = {made}", "# search.fit(X, y) runs it on your images and labels.")


def load_code(path):
    """Return source that reads a saved model."""
    return (
        f"from skfashion import load\n\nmodel = load({os.fspath(path)!r})\n"
        "# model.predict(X) of images as the search took them."
    )


def _broken(opened, parts, closed):
    """Join parts on one line, or a line each where they are long."""
    parts = list(parts)
    line = f"{opened}{', '.join(parts)}{closed}"
    if len(line) <= _WIDTH and "\n" not in line:
        return line
    inside = ",\n".join(textwrap.indent(part, "    ") for part in parts)
    return f"{opened}\n{inside},\n{closed}"
