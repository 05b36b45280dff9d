"""Values as JSON and back: plain ones as they are, any other as `{"$kind": content}`."""

import re

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch

from skfashion._persistence import _estimators
from skfashion._persistence._archive import ModelFileError, Stored, refuse_if
from skfashion._persistence._estimators import Held

_HEAD = {"format": "skfashion", "version": 1}
_PLAIN = (bool, int, float, str, type(None))
_PYTHON = {"b": bool, "i": int, "u": int, "f": float, "U": str}
_NUMBER = re.compile(r"[<>|](b1|[iu][1248]|f[248])|U")
_MAX_DEPTH = 100


class Writer:
    """Turns an estimator into nodes; what is met twice in it is written once."""

    def __init__(self, estimator):
        self.arrays, self._estimators = {}, []
        self._known = {}  # id -> value and node; what is kept here doesn't lose its id
        self._estimator(estimator)
        self.document = {**_HEAD, "estimators": self._estimators}

    def _node(self, value, where):
        if getattr(getattr(value, "dtype", None), "name", "") == "bfloat16":
            value = value.astype(np.float32)  # which holds it; NumPy's files don't know it
        if type(value) in _PLAIN:
            return value
        if type(value) is list:
            return [self._node(part, f"[{index}] in {where}") for index, part in enumerate(value)]
        if type(value) is tuple:
            return {"$tuple": self._node(list(value), where)}
        if isinstance(value, dict):
            pairs = [
                [self._node(key, f"a key of {where}"), self._node(part, f"[{key!r}] in {where}")]
                for key, part in value.items()
            ]
            as_is = all(type(key) is str and not key.startswith("$") for key in value)
            return dict(pairs) if as_is else {"$dict": pairs}
        if isinstance(value, np.generic):
            kind = "U" if isinstance(value, np.str_) else value.dtype.str
            if _NUMBER.fullmatch(kind):
                return {"$number": [kind, value.item()]}
        if type(value) is np.ndarray and value.dtype.kind == "O" and value.ndim == 1:
            return {"$objects": self._node(list(value), where)}
        if (name := _estimators.name_of_function(value)) is not None:
            return {"$function": name}
        return self._node_once(value, where)

    def _node_once(self, value, where):
        if id(value) in self._known:
            return self._known[id(value)][1]
        if type(value) is np.ndarray and value.dtype.kind in "biufcU":
            name = f"{len(self.arrays)}.npy"
            self.arrays[name], node = value, {"$array": name}
        elif hasattr(value, "get_params") or _estimators.name_of_class(type(value)) is not None:
            node = {"$estimator": self._estimator(value)}
        else:
            raise TypeError(
                f"{where} holds {str(value)[:80]!r} ({type(value).__name__}), which can't be "
                f"saved. {_estimators.ADVICE} A parameter that fit has used can be set to a plain "
                "value first (set_params): what is fitted doesn't change."
            )
        self._known[id(value)] = value, node
        return node

    def _estimator(self, value):
        name, state = _estimators.state_of(value)
        where = f"of {type(value).__name__}"
        state = {key: self._node(part, f"{key} {where}") for key, part in state.items()}
        self._estimators.append({"class": name, "state": state})
        return len(self._estimators) - 1


class Reader:
    """Turns a document into `Held`, all of it checked: an estimator holds only earlier ones.

    `arrays` has a `Stored` by name for each array of the file.
    """

    def __init__(self, document, arrays):
        right = isinstance(document, dict) and document.keys() == {*_HEAD, "estimators"}
        refuse_if(not right, "its structure isn't one that skfashion.save writes")
        refuse_if(
            {**document, **_HEAD} != document,
            f"its format is {str(document['format'])[:40]!r}, version "
            f"{str(document['version'])[:40]}: it needs another version of skfashion",
        )
        self._arrays, self._unused, self._held = arrays, set(arrays), []
        for entry in _list(document["estimators"]):
            named = isinstance(entry, dict) and entry.keys() == {"class", "state"}
            refuse_if(not named, "it holds an estimator without class or attributes")
            held = _estimators.held_of(entry["class"], self._value(entry["state"]))
            self._held.append(held)
        whole = self._held and issubclass(self._held[-1].cls, BaseEstimator)
        refuse_if(not whole, "it doesn't hold an estimator or Pipeline")
        unused = min(self._unused, default="")
        refuse_if(unused, f"nothing in it refers to its member {unused!r}")
        self.estimator = self._held[-1]

    def _value(self, node, depth=0):
        refuse_if(depth > _MAX_DEPTH, f"its structure has more than {_MAX_DEPTH} levels")
        if isinstance(node, list):
            return [self._value(part, depth + 1) for part in node]
        if not isinstance(node, dict):
            return node
        if not any(key.startswith("$") for key in node):
            return {key: self._value(part, depth + 1) for key, part in node.items()}
        try:
            ((kind, content),) = node.items()
            if kind in ("$tuple", "$dict", "$objects"):
                content = self._value(_list(content), depth + 1)
            return self._KINDS[kind](self, content)
        # Whatever is wrong with a kind or its content, but for what lies deeper.
        except (TypeError, KeyError, IndexError, OverflowError, ValueError) as error:
            if isinstance(error, ModelFileError):
                raise
            raise ModelFileError(f"it holds {str(node)[:80]}, which no model needs") from None

    def _dict(self, pairs):
        value = dict(pairs)
        plain = all(isinstance(key, (*_PLAIN, np.generic)) for key in value)
        if len(value) < len(pairs) or not plain:
            raise ValueError("two keys are the same, or one isn't plain")
        return value

    def _objects(self, items):
        if not all(isinstance(value, (*_PLAIN, np.generic)) for value in items):
            raise TypeError("neither text nor number")
        values = np.empty(len(items), object)
        values[:] = items
        return values

    def _number(self, content):
        kind, value = content
        if not _NUMBER.fullmatch(kind) or type(value) is not _PYTHON[kind.lstrip("<>|")[0]]:
            raise TypeError("not a number of this kind")
        return np.dtype(kind).type(value)

    def _array(self, name):
        stored = self._arrays[name]
        self._unused.discard(name)
        return stored

    def _held_at(self, index):
        if type(index) is not int or index < 0:
            raise TypeError("not an index")
        return self._held[index]

    _KINDS = {
        "$tuple": lambda self, items: tuple(items),
        "$dict": _dict,
        "$objects": _objects,
        "$number": _number,
        "$function": lambda self, name: _estimators.function_of(name),
        "$array": _array,
        "$estimator": _held_at,
    }


def build(value, arrays):
    """Return a value of `Reader` with its arrays in place and its estimators built."""
    if isinstance(value, Stored):
        return arrays[value.name]
    if isinstance(value, dict):
        return {key: build(part, arrays) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(build(part, arrays) for part in value)
    if not isinstance(value, Held):
        return value
    if value.built is None:
        state = build(value.state, arrays)
        if "named_estimators_" in state:  # scikit-learn's dict with attributes
            state["named_estimators_"] = Bunch(**state["named_estimators_"])
        value.built = value.cls.__new__(value.cls)
        if hasattr(value.cls, "__setstate__"):
            value.built.__setstate__(state)
        else:
            vars(value.built).update(state)
    return value.built


def _list(value):
    refuse_if(not isinstance(value, list), f"it holds a {type(value).__name__} in place of a list")
    return value
