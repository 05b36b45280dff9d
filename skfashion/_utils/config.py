"""Settings of a thread: how much may be kept, which reuses are on; estimators take them along."""

import functools
import multiprocessing
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import MethodType
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

_DEFAULTS = {
    "feature_cache_bytes": 1 << 30,
    "image_cache_bytes": 1 << 30,
    "image_memory_bytes": 1 << 30,
    "program_cache_bytes": 1 << 29,
    "program_cache_size": 24,
    "store_max_bytes": None,
    "kept_predictions": 8,
    "fused_optimizers": True,
    "stack_fits": "auto",
}
# `own` and `carried`: settings of this thread, and of an estimator at work. Each is a dict that
# changes in place, so that whoever holds it sees it change.
_LOCAL = threading.local()
_CARRIED = WeakKeyDictionary()  # estimator -> settings of the thread that used it last
_Method = TypeVar("_Method")


def get_config() -> dict[str, Any]:
    """Return the settings of this thread, which `set_config` names.

    Returns
    -------
    dict
        A new one.
    """
    return dict(_current() or _DEFAULTS)


def set_config(**settings: Any) -> None:
    """Change settings of this thread; those that are not named stay as they are.

    Each thread has its own, and begins with the defaults. An estimator takes them along to the
    workers (threads, processes, machines) of a search or another tool of scikit-learn. They change
    what is kept, not what is learnt; `fused_optimizers` and `stack_fits` round the last digits
    differently.

    Parameters
    ----------
    **settings
        - ``feature_cache_bytes`` (int, 1 GiB at start): most bytes of frozen-backbone
          outputs to keep in memory; 0 turns their reuse off.
        - ``image_cache_bytes`` (int, 1 GiB at start): most bytes of decoded images that
          `skfashion.preprocessing.ImageReader` keeps in memory.
        - ``image_memory_bytes`` (int, 1 GiB at start): most bytes of images that
          `skfashion.preprocessing.ImageReader` returns as an array; more are read when
          they are needed.
        - ``program_cache_bytes`` (int, 512 MiB at start): most bytes of compiled networks
          to keep in memory; initial and pretrained weights have a quarter of that each.
        - ``program_cache_size`` (int, 24 at start): most compiled networks to keep; 0
          turns their reuse off.
        - ``store_max_bytes`` (int or None, None at start): most bytes in the folder of
          any ``memory=``; what was used least recently goes first. None: no bound.
        - ``kept_predictions`` (int, 8 at start): most predictions of each fit to keep in
          the folder of its ``memory=``, those used last; 0 keeps none.
        - ``fused_optimizers`` (bool, True at start): whether TensorFlow's fused kernels
          carry out the steps of Adam, AdamW, RMSprop and SGD. False takes Keras' own.
        - ``stack_fits`` ("auto" at start, or bool): whether fits side by side, under
          ``joblib.parallel_config("skfashion")``, train as one program where their networks
          are of one shape and without convolutions. "auto": on an accelerator.

    Raises
    ------
    TypeError, ValueError
        If there is no such setting, or it can't have such a value.

    See Also
    --------
    cache_info : What is kept at the moment.
    """
    for name, value in settings.items():
        if name not in _DEFAULTS:
            raise TypeError(f"there is no setting {name!r}; there are {', '.join(_DEFAULTS)}.")
        if name == "stack_fits":
            fits = value == "auto" or isinstance(value, bool)
            wanted = "'auto', True or False"
        elif isinstance(_DEFAULTS[name], bool):
            fits, wanted = isinstance(value, bool), "True or False"
        else:
            fits, wanted = type(value) is int and value >= 0, "an int >= 0"
        if not fits and not (value is None and _DEFAULTS[name] is None):
            raise ValueError(f"{name} must be {wanted}, got {value!r}.")
    if _own() is None:
        _LOCAL.own = get_config()
    _own().update(settings)


@contextmanager
def config_context(**settings: Any) -> Iterator[None]:
    """Change settings of this thread for the duration of a ``with`` block.

    Parameters
    ----------
    **settings
        As for `set_config`.

    Examples
    --------
    >>> import skfashion
    >>> with skfashion.config_context(feature_cache_bytes=0):
    ...     skfashion.get_config()["feature_cache_bytes"]
    0
    """
    own, before = _own(), get_config()
    set_config(**settings)
    changed = _own()
    try:
        yield
    finally:
        changed.update(before)
        _LOCAL.own = own


class SettingsMixin:
    """Lets an estimator carry the settings of the thread that uses it, to workers without any.

    That is the last thread with settings that cloned it or looked at its `fit`, as all tools do.
    """

    def __sklearn_clone__(self):
        settings = _noted(self)
        clone = super().__sklearn_clone__()
        if settings is not None:
            _CARRIED[clone] = settings
        return clone

    def __getstate__(self):
        state, settings = super().__getstate__(), _noted(self)
        if settings is None or settings == _DEFAULTS:
            return state
        return {**state, "_settings": dict(settings)}

    def __setstate__(self, state):
        state = dict(state)
        settings = {**_DEFAULTS, **state.pop("_settings", {})}
        super().__setstate__(state)
        if settings != _DEFAULTS:
            _CARRIED[self] = settings
        _noted(self)


def in_settings(method: _Method) -> _Method:
    """Let a method, outermost, see the settings its estimator carries: to look at it notes them."""
    return _InSettings(method)


class _InSettings:
    def __init__(self, method):
        @functools.wraps(method)
        def call(estimator, *args, **kwargs):
            before = getattr(_LOCAL, "carried", None)
            _LOCAL.carried = _noted(estimator)
            try:
                return method(estimator, *args, **kwargs)
            finally:
                _LOCAL.carried = before

        self._call = call

    def __get__(self, estimator, cls=None):
        if estimator is None:
            return self._call
        _noted(estimator)
        return MethodType(self._call, estimator)


def _own():
    """Return the settings of this thread; None in a worker, whose own were never set."""
    own = getattr(_LOCAL, "own", None)
    if (
        own is None
        and threading.current_thread() is threading.main_thread()
        and multiprocessing.parent_process() is None
    ):
        own = _LOCAL.own = dict(_DEFAULTS)
    return own


def _current():
    return _own() or getattr(_LOCAL, "carried", None)


def _noted(estimator):
    """Return the settings that an estimator carries: this thread's, if it has some."""
    settings = _current()
    if settings is None:
        return _CARRIED.get(estimator)
    _CARRIED[estimator] = settings
    return settings
