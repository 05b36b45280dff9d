"""Global settings of Keras that decide what a network computes."""

import json
from contextlib import contextmanager
from functools import partial

import keras
from keras.dtype_policies import DTypePolicyMap
from keras.src.backend.common import global_state

from skfashion._utils.messages import shown

_SETTINGS = (
    "backend",
    "floatx",
    "epsilon",
    "image_data_format",
    "is_flash_attention_enabled",
    "is_nnx_enabled",
    "max_epochs",
    "max_steps_per_epoch",
)

# What Keras keeps for each thread of what a user may have set.
_OF_THREAD = ("dtype_policy", "custom_objects_scope_dict", "distribution")


def keras_settings():
    """Return version and settings of Keras, for the keys of whatever it has computed.

    Beside them stands what kind of program computes it, where that rounds in its own way.
    """
    known = (getattr(keras.config, name, None) for name in _SETTINGS)
    return (keras.__version__, *(setting and setting() for setting in known), *_programs())


def _programs():
    """Return what tells programs from those that Keras' own loop, or a plain graph, would be."""
    if keras.backend.backend() == "jax":
        # Before, Keras' own `fit` trained here: what it left in a store is not gone on from.
        return ("jax_loop",)
    return ("xla_loop",) if compiles_epochs() else ()


def compiles_epochs():
    """Tell whether TensorFlow is to compile epochs with XLA: on a GPU, where it pays.

    On every CPU tried that was 2 to 60 times slower.
    """
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf
    from tensorflow.python.eager import context
    from tensorflow.python.framework.config import is_op_determinism_enabled

    if is_op_determinism_enabled() or not tf.config.get_visible_devices("GPU"):
        return False  # XLA knows not all operations deterministically; Keras leaves it then
    return "CPU" not in (context.context().device_name or "").upper()


def text_of_policy(policy):
    """Return text that `policy_of` makes a policy of number formats of again."""
    if not isinstance(policy, DTypePolicyMap):
        return policy.name
    names = {path: inner.name for path, inner in policy.items()}
    return json.dumps({"": policy.default_policy.name, **names})


def policy_of(text):
    """Return the policy; raise a ValueError if Keras doesn't know it."""
    if not text.startswith("{"):
        return keras.dtype_policies.get(text)
    named = {path: keras.dtype_policies.get(name) for path, name in json.loads(text).items()}
    return DTypePolicyMap(default_policy=named.pop(""), policy_map=named)


def checked_policy(name):
    """Return the text of a policy of number formats: of this one, or of the one that is set.

    None where Keras doesn't find that again by its name.
    """
    text = text_of_policy(keras.config.dtype_policy()) if name is None else name
    try:
        policy_of(text)
    except ValueError:
        if name is None:
            return None
        raise ValueError(
            f"dtype_policy={shown(name)} is not a policy of Keras: give 'float32', "
            "'mixed_bfloat16' or 'mixed_float16', or None for the one that is set."
        ) from None
    return text


def settings_of_thread():
    """Return functions that make contexts in which another thread has the settings of this one."""
    values = {name: global_state.get_global_attribute(name) for name in _OF_THREAD}
    contexts = [partial(_with_attributes, values)]
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf
        from tensorflow.python.eager import context

        if context.context().device_name:
            contexts.append(partial(tf.device, context.context().device_name))
    elif keras.backend.backend() == "jax":
        import jax

        contexts.append(partial(jax.default_device, jax.config.jax_default_device))
    return contexts


@contextmanager
def _with_attributes(values):
    before = {name: global_state.get_global_attribute(name) for name in values}
    for name, value in values.items():
        global_state.set_global_attribute(name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            global_state.set_global_attribute(name, value)
