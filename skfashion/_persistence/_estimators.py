"""Which estimators a file may hold, what of them is saved, and what their attributes may be.

A name from a file is looked up, among classes this process has imported, and never imported.
"""

import math
import os
import re
from dataclasses import dataclass
from importlib import import_module
from itertools import takewhile
from numbers import Integral
from types import FunctionType

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.model_selection import BaseCrossValidator

from skfashion._persistence._archive import ModelFileError, Stored, refuse_if
from skfashion._utils.version_mixin import VersionMixin

ADVICE = (
    "skfashion.save keeps plain values, arrays and Keras' own classes, so that a file can be "
    "loaded without trusting it; joblib.dump keeps anything."
)
# Classes of scikit-learn that may be in a file, and may hold others.
_TABLE = """
    calibration CalibratedClassifierCV _CalibratedClassifier _SigmoidCalibration _TemperatureScaling
    ensemble StackingClassifier VotingClassifier
    frozen FrozenEstimator
    isotonic IsotonicRegression
    linear_model LogisticRegression
    metrics._scorer _CurveScorer _Scorer
    model_selection FixedThresholdClassifier KFold StratifiedKFold TunedThresholdClassifierCV
    pipeline Pipeline
    preprocessing LabelEncoder MaxAbsScaler MinMaxScaler Normalizer RobustScaler StandardScaler
"""
_SKLEARN = {
    f"sklearn.{module}.{name}"
    for module, *names in map(str.split, _TABLE.strip().splitlines())
    for name in names
}
# Classes that may hold others.
_HOLDERS = {*_SKLEARN, "skfashion.model_selection.EnsembleFromSearch"}
# Where ours are, to be imported before a name that begins so is looked up.
_ROOMS = ("skfashion.preprocessing", "skfashion.classifiers", "skfashion.model_selection")
# What parameters may name: classes and functions that are public in these modules.
_FUNCTIONS = ("keras.optimizers", "keras.losses", "keras.metrics", "sklearn.metrics")
_NO_FUNCTIONS = {"deserialize", "get", "serialize"}

# What would make the reader's machine run, read or write something.
_BOUND = ("memory", "callbacks", "model", "search")
# Of this process: callbacks, requests of metadata routing, settings, what is made from the rest.
_PROCESS = ("_skl_callbacks", "_metadata_request", "_settings", "_model", "_function", "_run_key")
# Private attributes that ours are made of; any other is another version's.
_PRIVATE = {
    *("_dtype", "_dtype_in", "_mean_weight", "_planar", "_plan", "_position", "_routed"),
    *("_shape_in", "_skfashion_version", "_sklearn_output_config", "_weights"),
}
_MAX_PIXELS = 1 << 28


@dataclass(frozen=True)
class Reference:
    """An estimator of the file, by its place among them."""

    index: int


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


def name_of_function(value):
    """Return module and name of a class or function that a parameter may name, or None."""
    if isinstance(value, (type, FunctionType)):
        for module in _FUNCTIONS:
            ours = module.partition(".")[0] == value.__module__.partition(".")[0]
            if ours and function_of(module, value.__name__) is value:
                return [module, value.__name__]
    return None


def function_of(module, name):
    """Return a class or function that a parameter may name, or None if it isn't public there."""
    return public_members(module).get(name) if module in _FUNCTIONS else None


def name_of_class(cls):
    """Return the name of a class in files, or None if it isn't one that `load` builds."""
    name = _public_name(cls)
    return name if _class_of(name) is cls else None


def _public_name(cls):
    rooms = cls.__module__.split(".")
    if not cls.__name__.startswith("_"):
        rooms = takewhile(lambda room: not room.startswith("_"), rooms)
    return ".".join([*rooms, cls.__name__])


def _class_of(name):
    module, _, bare = name.rpartition(".")
    if name in _SKLEARN:
        return getattr(import_module(module), bare, None)
    if module in _ROOMS:
        getattr(import_module(module), bare, None)  # some are imported when they are asked for
    # Of two classes of one name, as a cell that is run again makes them, the later.
    return {_public_name(cls): cls for cls in _subclasses(VersionMixin)}.get(name)


def _subclasses(cls):
    """Yield the classes that are made of one and can be built: not bases, not searches."""
    for sub in cls.__subclasses__():
        is_base = getattr(getattr(sub, "_network", None), "__isabstractmethod__", False)
        if issubclass(sub, BaseEstimator) and not (is_base or issubclass(sub, MetaEstimatorMixin)):
            yield sub
        yield from _subclasses(sub)


def state_of(estimator):
    """Return the name of an estimator's class, and its attributes that can be saved."""
    cls = type(estimator)
    name = name_of_class(cls)
    if name is None:
        hint = "; of a search, its best_estimator_" if hasattr(estimator, "best_estimator_") else ""
        known = ", ".join(sorted(each.rpartition(".")[2] for each in _SKLEARN))
        raise TypeError(
            f"{cls.__name__} can't be saved: give a classifier or transformer of skfashion, or one "
            f"of {known}{hint}. {ADVICE}"
        )
    state = dict(getattr(estimator, "__getstate__", lambda: vars(estimator))() or {})
    if state.get("_function") is not None:
        raise ValueError(
            f"this {cls.__name__} can't be saved: its network has layers that aren't of "
            f"keras.layers. {ADVICE}"
        )
    state = {key: value for key, value in state.items() if key not in _PROCESS}
    for key, value in state.items():
        made = key == "backbone" and callable(value)  # what it made is in the plan
        if key in _BOUND or made or (key == "weights" and _is_path(value)):
            state[key] = None
        elif key == "random_state" and isinstance(estimator, BaseCrossValidator):
            # StackingClassifier puts a generator into a splitter that has none.
            state[key] = None if isinstance(value, np.random.RandomState) else value
        elif key == "_routed":
            state[key] = {k: v for k, v in value.items() if not k.startswith("callbacks__")}
    return name, state


def check(name, state):
    """Return the class of an estimator in a file, if it is known and can have such attributes."""
    cls = _class_of(str(name))
    refuse_if(
        cls is None,
        f"it holds {str(name)[:100]}, which load doesn't build here (a classifier of your own has "
        "to be imported first)",
    )
    is_state = isinstance(state, dict) and all(isinstance(key, str) for key in state)
    refuse_if(not is_state, f"it holds {cls.__name__} without attributes")
    its = f"its {cls.__name__} has"
    for key, value in state.items():
        is_known = key in _PRIVATE or (name in _SKLEARN and not key.startswith("__"))
        strange = key in _PROCESS or (key.startswith("_") and not is_known)
        refuse_if(strange, f"{its} a private attribute {key[:60]!r}")
        taken = not key.isidentifier() or hasattr(cls, key)
        refuse_if(taken, f"{its} an attribute {key[:60]!r} in place of the class's own")
        holds = any(isinstance(part, Reference) for part in leaves(value))
        refuse_if(holds and name not in _HOLDERS, f"{its} an estimator as {key[:60]}")
        can_be, reason = _RULES.get(key, (None, ""))
        if can_be and not can_be(value):
            raise ModelFileError(f"{its} {key}={repr(value)[:60]}, {reason}")
    return cls


def _is_path(value):
    return isinstance(value, (str, os.PathLike)) and value != "imagenet"


def _is_routed(value):
    return isinstance(value, dict) and not any(str(k).startswith("callbacks__") for k in value)


def _is_number_of_jobs(value):
    return value is None or (isinstance(value, Integral) and abs(value) <= 1024)


def _is_step(value):
    match value:
        case (str(), Reference() | None | "passthrough" | "drop"):
            return True
    return False


def _is_size(value):
    # Of an array only the shape is known here, and its values are bound by the file's size.
    if value is None or (isinstance(value, Stored) and math.prod(value.shape) <= 4):
        return True
    sides = value if isinstance(value, (tuple, list)) else (value, value)
    are_sides = all(isinstance(side, Integral) and side >= 0 for side in sides)
    return are_sides and len(sides) <= 8 and math.prod(map(int, sides)) <= _MAX_PIXELS


_BRINGS = "and a model mustn't bring along what the reader's machine would read, write or run"
_TYPE = "which isn't a type of numbers"
_STEPS = "which isn't a list of pairs of name and estimator"
_SIZE = "which isn't a size, or is an absurd one"
# What an attribute must be, whoever has it, and what is wrong with any other value.
_RULES = {
    **dict.fromkeys(_BOUND, (lambda value: value is None, _BRINGS)),
    "weights": (lambda value: not _is_path(value), _BRINGS),
    "_routed": (_is_routed, _BRINGS),
    "_dtype": (lambda value: re.fullmatch(r"[<>|=][biuf][0-9]{1,2}", str(value)), _TYPE),
    "n_jobs": (_is_number_of_jobs, "which isn't a number of processes"),
    "steps": (lambda value: value and all(map(_is_step, value)), _STEPS),
    **dict.fromkeys(("image_shape", "image_shape_", "image_size"), (_is_size, _SIZE)),
    **dict.fromkeys(("size", "_shape_in"), (_is_size, _SIZE)),
}
_RULES.update(_dtype_in=_RULES["_dtype"], estimators=_RULES["steps"])
