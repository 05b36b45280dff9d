"""What `memory=` needs to know of a fit: whether it can be given back, and how it is listed."""

from numbers import Integral

import numpy as np

from skfashion._training import compile_config
from skfashion._utils.warnings import warn

_WARNED = set()


def is_replayable(estimator, recipe):
    """Tell whether a finished fit can stand for this one; if not, say why once."""
    if estimator.memory is None:
        return False
    network = recipe.get("network")
    foreign = (network is not None and network["config"] is None) or any(
        compile_config.has_foreign_code(stage["compile"]) for stage in recipe["stages"]
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


def about(estimator, n_samples):
    """Return what a record of the fit says of it, JSON-able.

    Parameters
    ----------
    estimator : BaseImageClassifier
    n_samples : int

    Returns
    -------
    dict
    """
    parameters = {
        name: _plain(value)
        for name, value in estimator.get_params(deep=False).items()
        if name != "memory"
    }
    return {
        "estimator": type(estimator).__name__,
        "parameters": parameters,
        "n_samples": n_samples,
    }


def _plain(value):
    value = value.item() if isinstance(value, np.generic) else value
    return value if isinstance(value, (int, float, str, bool, type(None))) else repr(value)
