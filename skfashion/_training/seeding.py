"""Seeds and number formats under which networks are built; no global random state is touched."""

import json
import random
import threading
from contextlib import contextmanager
from zlib import crc32

import keras
import numpy as np
from keras.dtype_policies import DTypePolicyMap

# Private parts of Keras: its global generator has no public way to be put back, and a network of
# the user's that draws from it must not change it for others; nor can its default seeds be chosen
# but by seeding Python's own generator, from which any other thread may draw.
from keras.src.backend.common import global_state
from keras.src.random import seed_generator

from skfashion._training.loops import to_numpy
from skfashion._utils.messages import shown

_KERAS_STATE = ("global_seed_generator", "global_random_seed")
_KERAS_NAMES = "object_name_uids"
# Building sets Keras' data format, which is that of the process: one build at a time.
BUILD_LOCK = threading.RLock()


class _DefaultSeeds(threading.local):
    """What Keras draws default seeds from: in a build of this thread a generator of ours."""

    generator = random

    def randint(self, low, high):
        return self.generator.randint(low, high)


_DEFAULT_SEEDS = _DefaultSeeds()


def derive(seed, *path):
    """Return a seed, from 0 to 2**31 - 1, for one purpose of the fit that has this seed."""
    words = [crc32(repr(part).encode()) for part in path]
    return int(np.random.SeedSequence([seed, *words]).generate_state(1)[0] >> 1)


def order(seed, n, *path):
    """Return a permutation of ``range(n)``, int32, for one purpose."""
    return np.random.default_rng(derive(seed, *path)).permutation(n).astype(np.int32)


def views(seed, n, epoch, *path):
    """Return for each of n images which of two views an epoch trains, int32: in turns.

    The first is drawn. Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, found
    turns to be better than draws.
    """
    first = np.random.default_rng(derive(seed, *path)).integers(2, size=n, dtype=np.int32)
    return (first + np.int32(epoch)) % 2


@contextmanager
def build_scope(seed, dtype_policy=None, image_data_format="channels_last", *, fresh_names=True):
    """Let Keras draw from this seed in this thread alone, and put all back after.

    Policy and data format are those given meanwhile, None for those that are set.
    """
    # TensorFlow keeps some 36 kB for each name a variable ever had, so layers are numbered from the
    # start; not where layers from outside may come in, as names in a model must differ.
    with BUILD_LOCK:
        source, generator = seed_generator.python_random, _DEFAULT_SEEDS.generator
        changed = (*_KERAS_STATE, _KERAS_NAMES) if fresh_names else _KERAS_STATE
        keras_state = {name: global_state.get_global_attribute(name) for name in changed}
        seed_generator.python_random = _DEFAULT_SEEDS
        _DEFAULT_SEEDS.generator = random.Random(seed)
        for name in changed:
            global_state.set_global_attribute(name, None)
        policy, data_format = keras.config.dtype_policy(), keras.config.image_data_format()
        try:
            if dtype_policy is not None:
                keras.config.set_dtype_policy(policy_of(dtype_policy))
            keras.config.set_image_data_format(image_data_format or data_format)
            yield
        finally:
            keras.config.set_dtype_policy(policy)
            keras.config.set_image_data_format(data_format)
            seed_generator.python_random = source
            _DEFAULT_SEEDS.generator = generator
            for name, value in keras_state.items():
                global_state.set_global_attribute(name, value)


def redraw(network, seed):
    """Draw anew, from our seed, what initializers without one have drawn in a new network."""
    # By place: so they don't depend on how often Keras draws in between. Weights set since stay as
    # they are.
    for i, (weight, initializer) in enumerate(_initialized(network)):
        drawn = initializer(weight.shape, dtype=weight.dtype)
        if np.array_equal(keras.ops.convert_to_numpy(drawn), to_numpy(weight)):
            config = {**initializer.get_config(), "seed": derive(seed, "weight", i)}
            again = type(initializer).from_config(config)
            weight.assign(again(weight.shape, dtype=weight.dtype))


def _initialized(network):
    """Yield weights and their random initializers, those whose seed nobody chose."""
    for layer in network._flatten_layers(include_self=False):
        for weight in layer._trainable_variables + layer._non_trainable_variables:
            initializer = getattr(layer, f"{weight.name}_initializer", None)
            if isinstance(initializer, keras.initializers.Initializer):
                unseeded = initializer.get_config().get("seed", 0) is None
                if unseeded:
                    yield weight, initializer


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
