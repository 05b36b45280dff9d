"""Which estimators a file may hold, what of them is saved, and what their attributes may be.

Of ours, each class that this process has imported is known by its public name; of
scikit-learn, those of a fixed table. A name from a file is looked up and never imported.
"""

import math
import os
import re
from dataclasses import dataclass
from importlib import import_module
from itertools import takewhile
from types import FunctionType

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.model_selection import BaseCrossValidator

from skfashion._persistence._archive import ModelFileError, Stored, refuse_if
from skfashion._persistence._plain import leaves, public_members
from skfashion._utils.version_mixin import VersionMixin

ADVICE = (
    "skfashion.save keeps plain values, arrays and Keras' own classes, so that a file can be "
    "loaded without trusting it; joblib.dump keeps anything."
)
# Classes of scikit-learn, each with the attributes in which it holds other estimators.
_TABLE = """
    sklearn.calibration.CalibratedClassifierCV estimator cv calibrated_classifiers_
    sklearn.calibration._CalibratedClassifier estimator calibrators
    sklearn.calibration._SigmoidCalibration
    sklearn.calibration._TemperatureScaling
    sklearn.ensemble.StackingClassifier estimators estimators_ named_estimators_ final_estimator \
        final_estimator_ cv _label_encoder
    sklearn.ensemble.VotingClassifier estimators estimators_ named_estimators_ le_
    sklearn.frozen.FrozenEstimator estimator
    sklearn.isotonic.IsotonicRegression
    sklearn.linear_model.LogisticRegression
    sklearn.metrics._scorer._CurveScorer
    sklearn.metrics._scorer._Scorer
    sklearn.model_selection.FixedThresholdClassifier estimator estimator_
    sklearn.model_selection.KFold
    sklearn.model_selection.StratifiedKFold
    sklearn.model_selection.TunedThresholdClassifierCV estimator estimator_ cv scoring _curve_scorer
    sklearn.pipeline.Pipeline steps
    sklearn.preprocessing.LabelEncoder
    sklearn.preprocessing.MaxAbsScaler
    sklearn.preprocessing.MinMaxScaler
    sklearn.preprocessing.Normalizer
    sklearn.preprocessing.RobustScaler
    sklearn.preprocessing.StandardScaler
"""
_SKLEARN = {name: holders for name, *holders in map(str.split, _TABLE.strip().splitlines())}
# Where ours are, to be imported before a name that begins so is looked up.
_ROOMS = ("skfashion.preprocessing", "skfashion.classifiers")
# What parameters may name: classes and functions that are public in these modules.
_FUNCTIONS = ("keras.optimizers", "keras.losses", "keras.metrics", "sklearn.metrics")

# What would make the reader's machine run, read or write something.
_BOUND = ("memory", "callbacks", "model")
# Of this process: callbacks, requests of metadata routing, what is made again from the rest.
_PROCESS = ("_skl_callbacks", "_metadata_request", "_model", "_function", "_run_key")
# Private attributes that ours are made of; any other is another version's.
_PRIVATE = {
    *("_dtype", "_dtype_in", "_mean_weight", "_planar", "_plan", "_position", "_routed"),
    *("_shape_in", "_skfashion_version", "_sklearn_output_config", "_weights"),
}
_SIZES = ("image_shape", "image_shape_", "image_size", "size", "_shape_in")
_DTYPE = re.compile(r"[<>|=][biuf][0-9]{1,2}")
_MAX_PIXELS = 1 << 28
# How deep estimators lie in estimators, and how many a prediction asks at most.
_MAX_LEVELS, _MAX_ESTIMATORS = 20, 10_000


@dataclass(eq=False, repr=False)
class Held:
    """An estimator that is going to be built, by its class and its attributes."""

    cls: type
    state: dict
    built: object = None

    def __post_init__(self):
        inner = [part for part in leaves(self.state) if isinstance(part, Held)]
        self.levels = 1 + max((part.levels for part in inner), default=0)
        self.estimators = 1 + sum(part.estimators for part in inner)


def name_of_class(cls):
    """Return the name of a class in files, or None if it isn't one that `load` builds."""
    listed = [name for name in _SKLEARN if name.endswith(f".{cls.__name__}")]
    return next((name for name in (*listed, _public_name(cls)) if _found(name) is cls), None)


def _found(name):
    if name in _SKLEARN:
        module, _, bare = name.rpartition(".")
        return getattr(import_module(module), bare, None)
    for room in _ROOMS:
        if name.startswith(f"{room}."):
            import_module(room)
    # Of two classes of one name, as a cell that is run again makes them, the later.
    return {_public_name(cls): cls for cls in _subclasses(VersionMixin)}.get(name)


def _subclasses(cls):
    """Yield the classes that are made of one and can be built: not bases, not searches."""
    for sub in cls.__subclasses__():
        is_base = getattr(getattr(sub, "_network", None), "__isabstractmethod__", False)
        if issubclass(sub, BaseEstimator) and not (is_base or issubclass(sub, MetaEstimatorMixin)):
            yield sub
        yield from _subclasses(sub)


def _public_name(cls):
    rooms = takewhile(lambda room: not room.startswith("_"), cls.__module__.split("."))
    return ".".join([*rooms, cls.__name__])


def name_of_function(value):
    """Return module and name of a class or function that a parameter may name, or None."""
    if isinstance(value, (type, FunctionType)):
        for module in _FUNCTIONS:
            ours = module.partition(".")[0] == value.__module__.partition(".")[0]
            if ours and public_members(module).get(value.__name__) is value:
                return [module, value.__name__]
    return None


def function_of(name):
    """Return a class or function that a parameter names; raise KeyError if it isn't public."""
    module, bare = name
    return public_members(_FUNCTIONS[_FUNCTIONS.index(module)])[bare]


def state_of(estimator):
    """Return the name of an estimator's class, and its attributes that can be saved."""
    cls = type(estimator)
    name = name_of_class(cls)
    if name is None:
        hint = "; of a search, its best_estimator_" if hasattr(estimator, "best_estimator_") else ""
        raise TypeError(
            f"{cls.__name__} can't be saved: give a classifier or transformer of skfashion, or one "
            f"of {', '.join(sorted(known.rpartition('.')[2] for known in _SKLEARN))}{hint}. "
            f"{ADVICE}"
        )
    state = dict(getattr(estimator, "__getstate__", lambda: vars(estimator))() or {})
    if state.get("_function") is not None:
        raise ValueError(
            f"this {cls.__name__} can't be saved: its network has layers that aren't of "
            f"keras.layers. {ADVICE}"
        )
    for private in _PROCESS:
        state.pop(private, None)
    for key, value in state.items():
        if key in _BOUND or (key == "weights" and _is_path(value)):
            state[key] = None
        elif key == "random_state" and isinstance(estimator, BaseCrossValidator):
            # StackingClassifier puts a generator into a splitter that has none.
            state[key] = None if isinstance(value, np.random.RandomState) else value
        elif key == "_routed":
            state[key] = {k: v for k, v in value.items() if not k.startswith("callbacks__")}
        elif not key.startswith("_") and not key.endswith("_"):
            state[key] = _as_python(value)
    return name, state


def _is_path(value):
    return isinstance(value, (str, os.PathLike)) and value != "imagenet"


def _as_python(value):
    """Return NumPy's numbers and texts, which a search may have set, as Python's own."""
    if type(value) in (list, tuple):
        return type(value)(map(_as_python, value))
    return value.item() if isinstance(value, np.generic) else value


def held_of(name, state):
    """Return an estimator as `Held` if its class is known and can have such attributes."""
    cls = _found(name) if isinstance(name, str) else None
    refuse_if(
        cls is None,
        f"it holds {str(name)[:100]}, which load doesn't build here (a classifier of your own has "
        "to be imported first)",
    )
    is_state = isinstance(state, dict) and all(isinstance(key, str) for key in state)
    refuse_if(not is_state, f"it holds {cls.__name__} without attributes")
    held, its = Held(cls, state), f"its {cls.__name__} has"
    too_many = held.levels > _MAX_LEVELS or held.estimators > _MAX_ESTIMATORS
    refuse_if(too_many, "it holds too many estimators within estimators")
    for key, value in state.items():
        is_known = key in _PRIVATE or (name in _SKLEARN and not key.startswith("__"))
        strange = key in _PROCESS or (key.startswith("_") and not is_known)
        refuse_if(strange, f"{its} a private attribute {key[:60]!r}")
        taken = not key.isidentifier() or hasattr(cls, key)
        refuse_if(taken, f"{its} an attribute {key[:60]!r} in place of the class's own")
        holds = any(isinstance(part, Held) for part in leaves(value))
        refuse_if(holds and key not in _SKLEARN.get(name, ()), f"{its} an estimator as {key[:60]}")
        if reason := _why_not(key, value):
            raise ModelFileError(f"{its} {key}={repr(value)[:60]}, {reason}")
    if hasattr(cls, "_network"):
        # Keras is needed from here on, and not before.
        from skfashion._persistence._networks import check_fitted

        check_fitted(cls, state)
    return held


def _why_not(key, value):
    """Return why an attribute can't have a value, or None."""
    if key in _BOUND and value is not None:
        return "and a model mustn't bring along what the reader's machine would read, write or run"
    if key == "weights" and _is_path(value):
        return "and a model mustn't bring along the name of a file"
    if key == "_routed" and not (
        isinstance(value, dict)
        and all(isinstance(k, str) and not k.startswith("callbacks__") for k in value)
    ):
        return "and a model mustn't bring along callbacks"
    if key == "_planar" and type(value) is not bool:
        return "which isn't True or False"
    if key == "_mean_weight" and not (type(value) is float and 0 < value < math.inf):
        return "which isn't a positive number"
    if key in ("_dtype", "_dtype_in") and not (isinstance(value, str) and _DTYPE.fullmatch(value)):
        return "which isn't a type of numbers"
    if key == "n_jobs" and not (value is None or (type(value) is int and abs(value) <= 1024)):
        return "which isn't a number of processes"
    if key in ("steps", "estimators") and not _are_steps(value):
        return "which isn't a list of pairs of name and estimator"
    return _why_no_size(value) if key in _SIZES else None


def _are_steps(value):
    return isinstance(value, list) and all(
        isinstance(step, tuple)
        and len(step) == 2
        and isinstance(step[0], str)
        and (isinstance(step[1], Held) or str(step[1]) in ("None", "passthrough", "drop"))
        for step in value or [None]
    )


def _why_no_size(value):
    sides = (value, value) if type(value) is int else value
    # Of an array only the shape is known here, and its values are bound by the file's size.
    if value is None or (isinstance(value, Stored) and math.prod(value.shape) <= 4):
        return None
    if not isinstance(sides, (tuple, list)) or not all(type(side) is int for side in sides):
        return "which isn't a size"
    absurd = len(sides) > 8 or min(sides, default=1) < 0 or math.prod(sides) > _MAX_PIXELS
    return "which is absurd" if absurd else None
