"""An estimator as it is saved: what belongs to this machine is left out, the rest is plain."""

import copy
import os

import numpy as np

from skfashion._persistence import _types

_ADVICE = (
    "skfashion.save keeps plain values, arrays and Keras' own classes, so that a file can be "
    "loaded without trusting it; joblib.dump keeps anything."
)


def portable(estimator):
    """Return a copy of an estimator that can be saved.

    Parameters
    ----------
    estimator : estimator or Pipeline
        Left as it is.

    Returns
    -------
    estimator
        Sharing its arrays.

    Raises
    ------
    TypeError
        If it is of no type that `skfashion.load` builds, or holds such a value.
    ValueError
        If its network has parts that aren't Keras' own.
    """
    if not _types.is_savable_object(estimator):
        raise TypeError(
            f"{type(estimator).__name__} can't be saved: give one of {', '.join(_types.OBJECTS)}"
            f"{_hint(estimator)}. {_ADVICE}"
        )
    new = copy.copy(estimator)
    state, name = vars(new), type(new).__name__
    # Callbacks, requests of metadata routing: of this process, or of whom it was fitted by.
    for private in ("_skl_callbacks", "_metadata_request", "_model", "_plan"):
        state.pop(private, None)
    for bound in ("memory", "callbacks", "model"):
        if bound in state:
            state[bound] = None
    if state.get("weights") != "imagenet" and "weights" in state:
        state["weights"] = None
    if "_routed" in state:
        state["_routed"] = {k: v for k, v in new._routed.items() if not k.startswith("callbacks__")}
    if "_weights" in state:
        state["_weights"] = _widened(new._weights)
    if "_position" in state:
        state["_position"] = {key: _widened(part) for key, part in new._position.items()}
    for parameter in new.get_params(deep=False).keys() & state.keys():
        state[parameter] = _as_python(state[parameter])
    if name == "Pipeline":
        kept = (None, "passthrough")
        new.steps = [(step, e if e in kept else portable(e)) for step, e in new.steps]
    elif state.get("_recipe", {}).get("function") is not None:
        raise ValueError(
            f"this {name} can't be saved: its network has layers that aren't of keras.layers. "
            f"{_ADVICE}"
        )
    for attribute, value in state.items():
        if (name, attribute) != ("Pipeline", "steps"):
            _check_plain(value, f"{attribute} of {name}")
    return new


def _as_python(value):
    """Return NumPy's numbers and texts, which a search may have set, as Python's own."""
    if type(value) in (list, tuple):
        return type(value)(map(_as_python, value))
    return value.item() if isinstance(value, np.generic) else value


def _widened(arrays):
    """Return arrays with bfloat16, which NumPy's files don't know, as float32, which holds it."""
    if not isinstance(arrays, list):
        return arrays
    return [
        array.astype(np.float32) if getattr(array, "dtype", None) == "bfloat16" else array
        for array in arrays
    ]


def _hint(estimator):
    if hasattr(estimator, "best_estimator_"):
        return "; of a search, its best_estimator_"
    return ", fitted or not" if not isinstance(estimator, (str, os.PathLike)) else ""


def _check_plain(value, where):
    if isinstance(value, dict):
        for key, part in value.items():
            if isinstance(key, (bool, np.bool_)) or not isinstance(
                key, (str, int, float, np.generic)
            ):
                raise TypeError(f"{where} has a key {key!r} that can't be saved. {_ADVICE}")
            _check_plain(part, f"[{key!r}] in {where}")
    elif type(value) in (list, tuple):
        for index, part in enumerate(value):
            _check_plain(part, f"[{index}] in {where}")
    elif type(value) is np.ndarray and value.dtype.kind == "O" and value.ndim == 1:
        for part in value:
            if not isinstance(part, (str, int, float, np.generic, type(None))):
                raise TypeError(f"{where} holds {part!r}, which can't be saved. {_ADVICE}")
    elif not _is_plain(value):
        raise TypeError(
            f"{where} holds {str(value)[:80]!r} ({type(value).__name__}), which can't be saved. "
            f"{_ADVICE} A parameter that fit has used can be set to a plain value first "
            "(set_params): what is fitted doesn't change."
        )


def _is_plain(value):
    if value is None or type(value) in (bool, int, float, str):
        return True
    if type(value) is np.ndarray or isinstance(value, np.generic):
        return value.dtype.kind in "biufcU"
    return _types.is_savable_keras(value)
