"""Global settings of Keras that decide what a network computes."""

import json

import keras
from keras.dtype_policies import DTypePolicyMap

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


def keras_settings():
    """Return version and settings of Keras, for the keys of whatever it has computed."""
    known = (getattr(keras.config, name, None) for name in _SETTINGS)
    return (keras.__version__, *(setting and setting() for setting in known))


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
