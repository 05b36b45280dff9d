"""What the attributes of a saved estimator may be, class by class."""

import json
import math
import re

from skfashion._persistence import _types
from skfashion._persistence._archive import ModelFileError, Stored
from skfashion._persistence._schema import Held, Named

# Private attributes that fitted estimators are made of; any other is another version's.
_PRIVATE = {
    "_dtype",
    "_dtype_in",
    "_position",
    "_recipe",
    "_routed",
    "_shape_in",
    "_skfashion_version",
    "_sklearn_output_config",
    "_sklearn_version",
    "_weights",
}
# What would make the reader's machine run, read or write something.
_BOUND = ("memory", "callbacks", "model")
_SIZES = ("image_shape", "image_shape_", "image_size", "size", "_shape_in")
_COMPILE = {"optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly"}
_RECIPE = {
    "batch_size",
    "dtype_policy",
    "early_stopping",
    "function",
    "logits",
    "n_outputs",
    "network",
    "one_hot",
    "seed",
    "stages",
    "start",
}
_DTYPE = re.compile(r"[<>|=][biuf][0-9]{1,2}")
_MAX_PIXELS = 1 << 28
_MAX_STEPS = 1000


def check_object(value, depth=0):
    """Check an estimator and, of a Pipeline, those inside.

    Parameters
    ----------
    value : object
        What a file holds.
    depth : int
        How many Pipelines it lies in.

    Raises
    ------
    ModelFileError
        If it is no estimator, or one with attributes it can't have or mustn't bring along.
    """
    if not isinstance(value, Held) or depth > 10:
        raise ModelFileError("it holds no estimator or Pipeline")
    state = dict(value.state)
    _check_names(value.name, state)
    if value.name == "Pipeline":
        _check_steps(state.pop("steps", None), depth)
    for name, part in state.items():
        _check_attribute(value.name, name, part)
    if value.name in _types.CLASSIFIERS:
        _check_fitted(value)


def _check_names(cls_name, state):
    cls = _types.object_class(cls_name)
    for name in state:
        if name.startswith("_") and name not in _PRIVATE:
            raise ModelFileError(f"its {cls_name} has a private attribute {name[:60]!r}")
        if not name.isidentifier() or hasattr(cls, name):
            raise ModelFileError(
                f"its {cls_name} has an attribute {name[:60]!r} in place of the class's own"
            )


def _check_steps(steps, depth):
    if not isinstance(steps, list) or not 0 < len(steps) <= _MAX_STEPS:
        raise ModelFileError("its Pipeline has no list of steps")
    for step in steps:
        if not isinstance(step, tuple) or len(step) != 2 or not isinstance(step[0], str):
            raise ModelFileError("its Pipeline has a step that is no pair of name and estimator")
        if step[1] is not None and step[1] != "passthrough":
            check_object(step[1], depth + 1)


def _check_attribute(cls_name, name, value):
    if name in _BOUND and value is not None:
        raise ModelFileError(
            f"its {cls_name} has {name}={_shown(value)}: a model mustn't bring along what the "
            "reader's machine would read, write or run"
        )
    if name == "weights" and value not in (None, "imagenet"):
        raise ModelFileError(
            f"its {cls_name} has weights={_shown(value)}: a model mustn't bring along the name of "
            "a file"
        )
    if name == "_routed":
        names = value if isinstance(value, dict) else [None]
        if not all(isinstance(n, str) and not n.startswith("callbacks__") for n in names):
            raise ModelFileError(f"its {cls_name} has callbacks")
    if name in ("_dtype", "_dtype_in") and not (isinstance(value, str) and _DTYPE.fullmatch(value)):
        raise ModelFileError(f"its {cls_name} has {name}={_shown(value)}")
    if name in _SIZES:
        _check_size(cls_name, name, value)
    if name == "n_jobs" and not (value is None or (type(value) is int and abs(value) <= 1024)):
        raise ModelFileError(f"its {cls_name} has n_jobs={_shown(value)}")
    if _has(value, Held):
        raise ModelFileError(f"its {cls_name} has an estimator as {name}")


def _check_size(cls_name, name, value):
    sides = (value, value) if type(value) is int else value
    # Of an array only the shape is known here, and its values are bound by the file's size.
    if value is None or (isinstance(value, Stored) and math.prod(value.shape) <= 4):
        return
    if not isinstance(sides, (tuple, list)) or not all(type(side) is int for side in sides):
        raise ModelFileError(f"its {cls_name} has {name}={_shown(value)}, which is no size")
    if len(sides) > 8 or min(sides, default=1) < 0 or math.prod(sides) > _MAX_PIXELS:
        raise ModelFileError(f"its {cls_name} has {name}={_shown(value)}, which is absurd")


def _check_fitted(held):
    state, name = held.state, held.name
    if ("_recipe" in state) != ("_weights" in state):
        raise ModelFileError(f"its {name} has weights without a network, or the other way round")
    if "_recipe" not in state:
        return
    _check_recipe(name, state["_recipe"])
    classes, shape = state.get("classes_"), state.get("image_shape_")
    if not isinstance(classes, Stored) or len(classes.shape) != 1:
        raise ModelFileError(f"its {name} has no list of classes")
    if not isinstance(state["_weights"], list):
        raise ModelFileError(f"its {name} has no list of weights")
    if not isinstance(shape, tuple) or state.get("n_features_in_") != math.prod(shape):
        raise ModelFileError(f"its {name} has image_shape_={_shown(shape)}, which is no size")
    position = state.get("_position", {})
    if not isinstance(position, dict) or position.keys() - {"phase", "epoch", "slots", "seeds"}:
        raise ModelFileError(f"its {name} has a _position that is none")
    # Keras is needed from here on, and not before.
    from skfashion._persistence._networks import check_network

    held.network = check_network(name, state)


def _check_recipe(name, recipe):
    right = (
        isinstance(recipe, dict)
        and recipe.keys() <= _RECIPE
        and recipe.keys() >= _RECIPE - {"function", "network"}
        and isinstance(recipe["stages"], list)
        and 0 < len(recipe["stages"]) <= _MAX_STEPS
        and all(_is_stage(stage) for stage in recipe["stages"])
        and not _has(recipe, (Stored, Named, Held))
        and (recipe["dtype_policy"] is None or _is_policy(recipe["dtype_policy"]))
    )
    if not right:
        raise ModelFileError(f"its {name} has a _recipe that is none")
    network = recipe.get("network")
    if name != "KerasImageClassifier":
        right = "network" not in recipe and "function" not in recipe
    else:
        right = (
            isinstance(network, dict)
            and network.keys() == {"key", "config", "image_data_format", "rates", "shapes"}
            and isinstance(network["config"], dict)
            and network["image_data_format"] in ("channels_last", "channels_first")
            and recipe.get("function") is None
        )
    if not right:
        raise ModelFileError(f"its {name} has no network that is described as data")


def _is_stage(stage):
    return (
        isinstance(stage, dict)
        and stage.keys() == {"name", "epochs", "schedule", "parameters", "compile"}
        and isinstance(stage["name"], str)
        and type(stage["epochs"]) is int
        and stage["schedule"] in ("constant", "cosine")
        and isinstance(stage["parameters"], dict)
        and isinstance(stage["compile"], dict)
        and stage["compile"].keys() <= _COMPILE
        and "class" not in stage["compile"]
    )


def _is_policy(text):
    """Tell whether it is a policy of number formats, or a map of such as JSON.

    Keras takes paths for regular expressions, and a stranger's may never end: plain ones only.
    """
    numbers = ("float16", "bfloat16", "float32", "float64", "mixed_float16", "mixed_bfloat16")
    try:
        named = json.loads(text) if str(text).startswith("{") else {"": text}
    except (TypeError, ValueError):
        return False
    return "" in named and all(
        name in numbers and re.fullmatch(r"[\w/]*", path) for path, name in named.items()
    )


def _has(value, kinds):
    if isinstance(value, dict):
        return any(_has(part, kinds) for part in value.values())
    if isinstance(value, (list, tuple)):
        return any(_has(part, kinds) for part in value)
    return isinstance(value, kinds)


def _shown(value):
    return repr(value)[:60]
