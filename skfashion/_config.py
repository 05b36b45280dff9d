"""Settings of the process: how much may be kept, which reuses are on."""

from contextlib import contextmanager

_SETTINGS = {
    "feature_cache_bytes": 1 << 30,
    "program_cache_size": 24,
    "fused_optimizers": True,
}


def get_config():
    """Return the settings of this process as a new dict.

    Returns
    -------
    dict
        See `set_config` for the names.
    """
    return dict(_SETTINGS)


def set_config(*, feature_cache_bytes=None, program_cache_size=None, fused_optimizers=None):
    """Change settings of this process; what is None stays as it is.

    None of them changes what is learnt, only what is kept in memory, except that
    `fused_optimizers` rounds differently in the last digits.

    Parameters
    ----------
    feature_cache_bytes : int, default=None
        Most bytes of frozen-backbone outputs to keep in memory (1 GiB at start).
        0 turns their reuse off.
    program_cache_size : int, default=None
        Most compiled networks to keep (24 at start). 0 turns their reuse off.
    fused_optimizers : bool, default=None
        Whether TensorFlow's fused kernels carry out the steps of Adam, AdamW, RMSprop
        and SGD (True at start). False takes Keras' own steps.
    """
    given = {
        "feature_cache_bytes": feature_cache_bytes,
        "program_cache_size": program_cache_size,
        "fused_optimizers": fused_optimizers,
    }
    for name in ("feature_cache_bytes", "program_cache_size"):
        value = given[name]
        if value is not None and (not isinstance(value, int) or value < 0):
            raise ValueError(f"{name} must be an int >= 0, got {value!r}.")
    _SETTINGS.update({name: value for name, value in given.items() if value is not None})


@contextmanager
def config_context(**settings):
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
