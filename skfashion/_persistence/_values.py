"""Values as JSON and back: plain ones as they are, any other as `{"$kind": content}`."""

import json
import re

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch

from skfashion._persistence import _estimators
from skfashion._persistence._archive import DOCUMENT, ModelFileError, Stored, refuse_if
from skfashion._persistence._estimators import Reference

_HEAD = {"format": "skfashion", "version": 1}
_PLAIN = (bool, int, float, str, type(None))
_NUMBER = re.compile(r"[<>|](b1|[iu][1248]|f[248])|U")
# How many estimators a prediction asks at most, those that are asked twice counted twice.
_MAX_ESTIMATORS = 10_000


class Writer:
    """Turns an estimator into text and arrays; what is met twice in it is written once."""

    def __init__(self, estimator):
        self.arrays, self._estimators = {}, []
        self._known = {}  # id -> value and node; what is kept here doesn't lose its id
        self._estimator(estimator)
        document = {**_HEAD, "estimators": self._estimators}
        self.text = json.dumps(document, separators=(",", ":")).encode()

    def _estimator(self, value):
        name, state = _estimators.state_of(value)
        where = f"of {type(value).__name__}"
        state = {key: self._node(part, f"{key} {where}") for key, part in state.items()}
        self._estimators.append({"class": name, "state": state})
        return {"$estimator": len(self._estimators) - 1}

    def _node(self, value, where):
        if type(value) in _PLAIN:
            return value
        if type(value) is list:
            return [self._node(part, where) for part in value]
        if type(value) is tuple:
            return {"$tuple": self._node(list(value), where)}
        if isinstance(value, dict):
            pairs = [[self._node(key, where), self._node(value[key], where)] for key in value]
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
        if id(value) not in self._known:
            self._known[id(value)] = value, self._once(value, where)
        return self._known[id(value)][1]

    def _once(self, value, where):
        if getattr(getattr(value, "dtype", None), "name", "") == "bfloat16":
            value = value.astype(np.float32)  # which holds it; NumPy's files don't know it
        if type(value) is np.ndarray and value.dtype.kind in "biufcU":
            name = f"{len(self.arrays)}.npy"
            self.arrays[name] = value
            return {"$array": name}
        if hasattr(value, "get_params") or _estimators.name_of_class(type(value)) is not None:
            return self._estimator(value)
        raise TypeError(
            f"{where} holds {str(value)[:80]!r} ({type(value).__name__}), which can't be saved. "
            f"{_estimators.ADVICE} A parameter that fit has used can be set to a plain value first "
            "(set_params): what is fitted doesn't change."
        )


class Reader:
    """Text and a `Stored` by name, checked, as class and state of estimators, parts first."""

    def __init__(self, text, arrays):
        self._arrays, self._unused, self.held = arrays, set(arrays), []
        try:
            document = json.loads(text, object_pairs_hook=self._value)
        except ModelFileError:
            raise
        except (ValueError, RecursionError) as error:
            raise ModelFileError(f"its {DOCUMENT} is not valid JSON ({error})"[:200]) from None
        right = isinstance(document, dict) and document.keys() == {*_HEAD, "estimators"}
        refuse_if(not right, "its structure isn't one that skfashion.save writes")
        refuse_if(
            {**document, **_HEAD} != document,
            f"its format is {str(document['format'])[:40]!r}, version "
            f"{str(document['version'])[:40]}: it needs another version of skfashion",
        )
        entries, counts = document["estimators"], []
        refuse_if(
            type(entries) is not list or not entries, "it doesn't hold an estimator or Pipeline"
        )
        for entry in entries:
            right = isinstance(entry, dict) and entry.keys() == {"class", "state"}
            refuse_if(not right, "it holds an estimator without class or attributes")
            cls, state = _estimators.check(entry["class"], entry["state"]), entry["state"]
            if hasattr(cls, "_network"):
                # Keras is needed from here on, and not before.
                from skfashion._persistence._networks import check_fitted

                check_fitted(cls, state)
            inner = [each.index for each in _estimators.leaves(state) if type(each) is Reference]
            later = max(inner, default=-1) >= len(counts)
            refuse_if(later, f"its {cls.__name__} holds an estimator that isn't there before it")
            counts.append(1 + sum(counts[index] for index in inner))
            too_many = counts[-1] > _MAX_ESTIMATORS
            refuse_if(too_many, "it holds too many estimators within estimators")
            self.held.append((cls, state))
        whole = issubclass(cls, BaseEstimator)
        refuse_if(not whole, f"it doesn't hold an estimator or Pipeline, but a {cls.__name__}")
        unused = min(self._unused, default="")
        refuse_if(unused, f"nothing in it refers to its member {unused!r}")

    def _value(self, pairs):
        """Return what an object of the document stands for; what it holds is done already."""
        refuse_if(len(dict(pairs)) < len(pairs), f"its {DOCUMENT} has a name twice")
        match pairs:
            case [("$tuple", list() as items)]:
                return tuple(items)
            case [("$dict", list() as items)] if _are_items(items):
                return dict(items)
            case [("$objects", list() as items)] if _are_plain(items):
                values = np.empty(len(items), object)
                values[:] = items
                return values
            case [("$number", [str() as kind, value])] if _is_number(kind, value):
                return np.dtype(kind).type(value)
            case [("$function", [str() as module, str() as name])]:
                if (function := _estimators.function_of(module, name)) is not None:
                    return function
            case [("$array", str() as name)] if name in self._arrays:
                self._unused.discard(name)
                return self._arrays[name]
            case [("$estimator", index)] if type(index) is int and index >= 0:
                return Reference(index)
        if any(key.startswith("$") for key, _ in pairs):
            raise ModelFileError(f"it holds {str(dict(pairs))[:80]}, which no model needs")
        return dict(pairs)


def _are_plain(values):
    return all(isinstance(value, (*_PLAIN, np.generic)) for value in values)


def _are_items(pairs):
    are_pairs = all(type(pair) is list and len(pair) == 2 for pair in pairs)
    return are_pairs and _are_plain(key for key, _ in pairs) and len(dict(pairs)) == len(pairs)


def _is_number(kind, value):
    """Tell whether a number of that kind is written so."""
    if not _NUMBER.fullmatch(kind):
        return False
    try:
        return type(np.dtype(kind).type(value).item()) is type(value)
    except (OverflowError, TypeError, ValueError):
        return False


def build(held, arrays):
    """Return the last of some estimators, all of them built, with their arrays in place."""
    built = []
    for cls, state in held:
        state = _filled(state, arrays, built)
        if "named_estimators_" in state:  # scikit-learn's dict with attributes
            state["named_estimators_"] = Bunch(**state["named_estimators_"])
        built.append(cls.__new__(cls))
        if hasattr(cls, "__setstate__"):
            built[-1].__setstate__(state)
        else:
            vars(built[-1]).update(state)
    return built[-1]


def _filled(value, arrays, built):
    if isinstance(value, Stored):
        return arrays[value.name]
    if isinstance(value, Reference):
        return built[value.index]
    if isinstance(value, dict):
        return {key: _filled(part, arrays, built) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_filled(part, arrays, built) for part in value)
    return value
