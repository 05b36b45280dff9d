"""What `memory=` needs to know of a fit: whether it can be given back, and how it is listed."""

import re
from numbers import Integral

import numpy as np

from skfashion._training import compile_config
from skfashion._utils.warnings import warn

_WARNED = set()


def is_replayable(estimator, plan):
    """Tell whether a finished fit can stand for this one; if not, say why once."""
    foreign = getattr(estimator, "_function", None) is not None or any(
        compile_config.has_foreign_code(phase.compile) for phase in plan.phases
    )
    if not isinstance(estimator.random_state, Integral):
        reason = (
            "memory= can give back a finished fit only for a fixed seed: set random_state= to "
            "an integer."
        )
    elif estimator.callbacks:
        reason = (
            "memory= doesn't give back finished fits with callbacks=: what a callback does "
            "can't be told from outside."
        )
    elif foreign:
        reason = (
            "memory= gives back finished fits only of networks, losses, metrics and optimizers "
            "made of Keras' own parts: what code of yours does can't be told from outside."
        )
    else:
        return True
    if reason not in _WARNED:
        _WARNED.add(reason)
        warn(f"{reason} Other things are reused all the same.")
    return False


def about(estimator, plan, n_samples):
    """Return what a record of the fit says of it, JSON-able."""
    return {
        "estimator": type(estimator).__name__,
        "parameters": parameters_of(estimator),
        "epochs_asked": {phase.name: phase.epochs for phase in plan.phases},
        "n_samples": n_samples,
    }


def parameters_of(estimator):
    """Return the parameters as records have them: JSON-able, the same in every process."""
    parameters = estimator.get_params(deep=False).items()
    return {name: _recorded(value) for name, value in parameters if name != "memory"}


def _recorded(value):
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, (int, float, str, bool, type(None))):
        return value
    if hasattr(value, "get_config") and not isinstance(value, type):
        return f"{type(value).__name__}({value.get_config()})"
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))
