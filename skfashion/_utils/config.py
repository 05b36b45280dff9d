"""Settings of the process: how much may be kept, which reuses are on."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_SETTINGS = {
    "feature_cache_bytes": 1 << 30,
    "program_cache_size": 24,
    "store_max_bytes": None,
    "kept_predictions": 8,
    "fused_optimizers": True,
}


def get_config() -> dict[str, Any]:
    """Return the settings of this process as a new dict.

    Returns
    -------
    dict
        See `set_config` for the names.
    """
    return dict(_SETTINGS)


def set_config(**settings: Any) -> None:
    """Change settings of this process; those that are not named stay as they are.

    None of them changes what is learnt, only what is kept, except that
    `fused_optimizers` rounds differently in the last digits.

    Parameters
    ----------
    **settings
        - ``feature_cache_bytes`` (int, 1 GiB at start): most bytes of frozen-backbone
          outputs to keep in memory; 0 turns their reuse off.
        - ``program_cache_size`` (int, 24 at start): most compiled networks to keep; 0
          turns their reuse off.
        - ``store_max_bytes`` (int or None, None at start): most bytes in the folder of
          any ``memory=``; what was used least recently goes first. None: no bound.
        - ``kept_predictions`` (int, 8 at start): most predictions of each fit to keep in
          the folder of its ``memory=``, those used last; 0 keeps none.
        - ``fused_optimizers`` (bool, True at start): whether TensorFlow's fused kernels
          carry out the steps of Adam, AdamW, RMSprop and SGD. False takes Keras' own.

    Raises
    ------
    TypeError
        If there is no such setting.
    ValueError
        If a value is none for it.
    """
    for name, value in settings.items():
        if name not in _SETTINGS:
            raise TypeError(f"there is no setting {name!r}; there are {', '.join(_SETTINGS)}.")
        if name == "fused_optimizers":
            if not isinstance(value, bool):
                raise ValueError(f"{name} must be True or False, got {value!r}.")
        elif not (name == "store_max_bytes" and value is None) and (
            isinstance(value, bool) or not isinstance(value, int) or value < 0
        ):
            raise ValueError(f"{name} must be an int >= 0, got {value!r}.")
    _SETTINGS.update(settings)


@contextmanager
def config_context(**settings: Any) -> Iterator[None]:
    """Change settings for the duration of a ``with`` block.

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
    before = get_config()
    set_config(**settings)
    try:
        yield
    finally:
        _SETTINGS.update(before)
