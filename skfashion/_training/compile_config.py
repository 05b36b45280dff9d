"""How a network is compiled, as data that can be kept and compared, and what follows of it.

Of the optimizer some is structure, for which a program is traced, and some are numbers that
are variables of it.
"""

import keras
import numpy as np

from skfashion._training import processes, stack
from skfashion._training.keys import freeze, token
from skfashion._training.loops import as_variable
from skfashion._utils.config import get_config
from skfashion.networks._config import beyond_config

# What of `keras.Model.compile` decides what is learnt.
_NAMES = ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly")
# Metrics of which Keras takes the kind that fits loss and outputs.
_ADAPTIVE = ("accuracy", "acc", "crossentropy", "ce")
# Options under which the fused kernels would not do Keras' step.
_UNUSUAL = ("use_ema", "amsgrad", "centered", "loss_scale_factor", "gradient_accumulation_steps")


def as_data(arguments):
    """Return arguments for `keras.Model.compile` as JSON-able data.

    JSON-able, but for classes and functions of the user's, which nothing else describes.
    """
    return {name: _as_data(arguments[name]) for name in _NAMES if arguments.get(name) is not None}


def from_config(config):
    """Return as data what `keras.Model.get_compile_config` says of a network."""
    try:
        arguments = keras.saving.deserialize_keras_object(config)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"model returned a compiled network that can't be compiled again ({error}): return "
            "it uncompiled, and give optimizer=, loss= and metrics= to the classifier."
        ) from None
    return as_data(arguments)


def with_accuracy(data, n_outputs, *, required):
    """Return data whose accuracy fits the outputs; `required` by early stopping."""
    metrics = data.get("metrics") or []
    metrics = list(metrics.values() if isinstance(metrics, dict) else metrics)
    if required and not any(_metric_name(metric) == "accuracy" for metric in metrics):
        metrics = ["accuracy", *metrics]
    if n_outputs == 1 and gives_logits(data):
        # Keras cuts at 0.5 whatever the outputs are; logits are to be cut at 0.
        binary = keras.metrics.BinaryAccuracy("accuracy", threshold=0.0)
        metrics = [_as_data(binary) if metric == "accuracy" else metric for metric in metrics]
    return {**data, "metrics": metrics}


def of_several_labels(data):
    """Return data by which each output has a target of its own: 0 or 1 for a label."""
    name = _name_of(_loss_of(data))
    if name is None or "categorical" in name:
        raise ValueError(
            f"loss={name or 'a function of your own'} is given one class an image, and y has "
            "several labels an image: give 'binary_crossentropy', 'binary_focal_crossentropy' or "
            "another of Keras' that compares each output with 0 or 1."
        )
    # Keras would take "accuracy" for that of the largest output.
    metrics = [_as_data(keras.metrics.BinaryAccuracy("accuracy"))]
    return {**data, "metrics": metrics}


def _metric_name(metric):
    if isinstance(metric, dict) and isinstance(metric.get("config"), dict):
        return metric["config"].get("name")
    return metric


def revived(data):
    """Return new arguments for `keras.Model.compile`, the inverse of `as_data`."""
    if isinstance(data, (list, tuple)):
        return [revived(value) for value in data]
    if not isinstance(data, dict):
        return data
    if "class" in data:
        classes = {kind.__name__: kind for kind in data.get("code", ()) if isinstance(kind, type)}
        with keras.saving.custom_object_scope(classes):
            return data["class"].from_config(data["config"])
    if "class_name" in data:
        # What is revived may come from a file of somebody else.
        return keras.saving.deserialize_keras_object(data, safe_mode=True)
    return {name: revived(value) for name, value in data.items()}


def has_foreign_code(data):
    """Tell whether something in it is the user's own, and could be something else tomorrow."""
    if isinstance(data, dict):
        return any(has_foreign_code(value) for value in data.values())
    if isinstance(data, (list, tuple)):
        return any(has_foreign_code(value) for value in data)
    return _is_foreign(data)


def gives_logits(data):
    """Tell whether the loss takes the network's outputs for logits."""
    loss = _loss_of(data)
    if isinstance(loss, dict) and isinstance(loss.get("config"), dict):
        return bool(loss["config"].get("from_logits", False))
    return bool(getattr(loss, "from_logits", False))


def is_crossentropy(data):
    """Tell whether the loss is a cross-entropy of Keras' own."""
    return "crossentropy" in (_name_of(_loss_of(data)) or "")


def takes_rows(data, n_outputs):
    """Tell whether the loss compares outputs with one-hot rows, not with class indices.

    Losses of the user's own get indices.
    """
    name = _name_of(_loss_of(data))
    if name is None:
        return False
    if n_outputs > 1:
        return "sparse" not in name
    if "crossentropy" in name and not name.startswith("binary"):
        raise ValueError(
            "model returned a network with one output, from which its loss can't learn: give "
            "loss='binary_crossentropy', or the network one output for each class."
        )
    return False


def check(data, n_outputs, callbacks):
    """Refuse an optimizer that averages weights where nobody takes the average, and metrics."""
    optimizer = data["optimizer"]
    if callbacks is None and isinstance(optimizer, dict) and optimizer["config"].get("use_ema"):
        raise ValueError(
            "use_ema=True keeps an average of the weights, and nothing here makes use of it: add "
            "callbacks=[keras.callbacks.SwapEMAWeights(swap_on_epoch=True)], or leave it out."
        )
    _refuse_other_metrics(data, takes_rows(data, n_outputs), n_outputs)


def _refuse_other_metrics(data, rows, n_outputs):
    """Refuse metrics of Keras' that want other targets than the loss is given.

    Some would fail in the midst of a graph, others return a number that means nothing.
    """
    for metric in _flat([data.get("metrics"), data.get("weighted_metrics")]):
        name = _name_of(metric)
        if name is None or metric in _ADAPTIVE:
            continue
        config = metric["config"] if isinstance(metric, dict) else None
        config = config if isinstance(config, dict) else {}  # of a function it is the name
        sparse = "sparse" in name or config.get("sparse_y_true", False)
        if name == "accuracy":
            why = "compares numbers of classes, and networks return probabilities: give 'accuracy'"
        elif config.get("sparse_y_pred", False):
            why = "compares numbers of classes: give it with sparse_y_pred=False"
        elif config.get("average", "") is None:
            why = "has a value for each class, and one is wanted: give it with average='macro'"
        elif n_outputs == 1 and (sparse or "categorical" in name or "onehot" in name):
            why = "wants an output for each class, and there is one in all: give a binary metric"
        elif n_outputs > 1 and rows and sparse:
            why = (
                "compares outputs with labels as numbers, and the loss with one-hot rows: give "
                "loss='sparse_categorical_crossentropy', or a metric that isn't sparse"
            )
        elif n_outputs > 1 and not rows and not sparse:
            why = (
                "compares outputs with one-hot rows, and the loss with labels as numbers: give "
                "loss='categorical_crossentropy', for which rows are made of the labels"
            )
        else:
            continue
        shown = metric if isinstance(metric, str) else f"keras.metrics.{metric['class_name']}"
        raise ValueError(f"metrics: {shown} {why}.")


def _flat(metrics):
    """Yield the metrics in lists and in dicts of outputs."""
    if isinstance(metrics, dict) and not metrics.keys() & {"class", "class_name"}:
        metrics = list(metrics.values())
    if isinstance(metrics, (list, tuple)):
        for part in metrics:
            yield from _flat(part)
    elif metrics is not None:
        yield metrics


def _loss_of(data):
    """Return the loss; of the one output, where it is said for each."""
    loss = data.get("loss")
    while isinstance(loss, (list, tuple, dict)) and len(loss) == 1:
        (loss,) = loss.values() if isinstance(loss, dict) else loss
    return loss


def _name_of(loss):
    """Return the name of a loss of Keras' own in lower case, without underscores."""
    if isinstance(loss, dict) and "class_name" in loss:
        loss = loss["config"] if loss["class_name"] == "function" else loss["class_name"]
    return loss.replace("_", "").lower() if isinstance(loss, str) else None


def _as_data(value):
    if isinstance(value, (list, tuple)):
        return [_as_data(v) for v in value]
    if isinstance(value, dict):
        return {name: _as_data(v) for name, v in value.items()}
    if isinstance(value, np.generic):
        return value.item()
    if not _is_foreign(value):
        return value
    code = list(beyond_config(value))
    if not code:
        return _as_data(_public(keras.saving.serialize_keras_object(value)))
    if isinstance(value, (keras.optimizers.Optimizer, keras.metrics.Metric)):
        return {"class": type(value), "config": _as_data(value.get_config()), "code": code}
    return value  # a function or loss of the user's, which has no state


def _public(config):
    """Name an optimizer as users do: on torch Keras writes the module of its kernels."""
    module = str(config.get("module")) if isinstance(config, dict) else ""
    if module.startswith("keras.src.backend.") and hasattr(keras.optimizers, config["class_name"]):
        return {**config, "module": "keras.optimizers", "registered_name": None}
    return config


def _is_foreign(value):
    return not (value is None or isinstance(value, (bool, int, float, str)))


def describe_optimizer(data):
    """Split an optimizer into what a program is traced for, hashable, and numbers set for a fit.

    Numbers the backend can't make variables of stay among the constants of the trace.
    """
    options = {name: value for name, value in data["config"].items() if name != "name"}
    fused = _is_fused(_class_of(data), options)
    numbers = tuple(
        (name, float(options.pop(name)))
        for name in ("learning_rate", "weight_decay", "momentum")
        if _is_variable(name, options.get(name), fused)
    )
    names = tuple(name for name, _ in numbers)
    return (freeze({**data, "config": options}, token), names, fused), numbers


def _class_of(data):
    """Return the class of a described optimizer; None where Keras has it elsewhere."""
    return data.get("class") or getattr(keras.optimizers, data["class_name"], None)


def prepared_optimizer(optimizer, variables, structure, numbers):
    """Return the optimizer, or a fused one, built on the variables, its numbers settable.

    Structure and numbers are what `describe_optimizer` returned, maybe under other settings.
    """
    if structure[2] is True:
        from skfashion._training import graph

        optimizer = graph.fused(optimizer)
    optimizer.build(variables)
    if "weight_decay" in numbers:
        optimizer.weight_decay = as_variable(optimizer, "weight_decay")
    return optimizer


def number_variables(optimizer, names):
    """Return the variables of an optimizer's numbers, in the order of their names."""
    # Of a loss scale around it Keras hands on the learning rate, and nothing else.
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    return [getattr(optimizer, name) for name in names]


def _is_variable(name, value, fused):
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False  # absent, None or a schedule
    if name == "learning_rate":
        return True
    if name == "weight_decay":
        return keras.backend.backend() in ("tensorflow", "jax")
    # Keras asks "momentum != 0" while it traces; our kernels don't.
    return bool(value) and fused


def _is_fused(kind, options):
    if keras.backend.backend() != "tensorflow" or not get_config()["fused_optimizers"]:
        return False
    if processes.compiles_epochs() or stack.in_own_graphs():
        return False  # the kernels are a CPU's, and write to variables
    from skfashion._training import graph

    return kind in graph.FUSED and not any(options.get(name) for name in _UNUSUAL)
