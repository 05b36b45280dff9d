"""The fixed list of types that a saved model may be made of, by their public names.

Nothing is imported here but what a name stands for, and only if a file asks for it.
"""

import sys
from importlib import import_module
from types import FunctionType

CLASSIFIERS = ("ConvClassifier", "DenseClassifier", "KerasImageClassifier", "MobileNetFineTuner")
_TRANSFORMERS = ("GrayscaleToRGB", "ImageFlattener", "ImageReader", "ImageResizer", "PixelScaler")
_SCALERS = ("MaxAbsScaler", "MinMaxScaler", "Normalizer", "RobustScaler", "StandardScaler")

# Of Keras, what a parameter may name: classes, and functions of labels and predictions.
_KERAS = ("keras.optimizers", "keras.losses", "keras.metrics")
_NO_LOSSES = {"deserialize", "get", "serialize"}

OBJECTS = {
    **dict.fromkeys(CLASSIFIERS, "skfashion"),
    **dict.fromkeys(_TRANSFORMERS, "skfashion.preprocessing"),
    "Pipeline": "sklearn.pipeline",
    **dict.fromkeys(_SCALERS, "sklearn.preprocessing"),
}


def object_class(name):
    """Return a class of the list.

    Parameters
    ----------
    name : str
        One of `OBJECTS`.

    Returns
    -------
    type
    """
    return getattr(import_module(OBJECTS[name]), name)


def public_object(module, name):
    """Return the module under which a class of the list is public.

    Parameters
    ----------
    module : str
        Where it says it is defined, or the public one.
    name : str

    Returns
    -------
    str or None
        None if it isn't of the list.
    """
    public = OBJECTS.get(name)
    if public is None or public == module:
        return public
    # Files of skops.io name the private module, which may be another in the next version.
    known = module.startswith(f"{public.partition('.')[0]}.")
    return public if known and object_class(name).__module__ == module else None


def public_keras(module, name):
    """Return the module under which something of Keras is public that a parameter may name.

    Parameters
    ----------
    module : str
        Where it says it is defined, or the public one.
    name : str

    Returns
    -------
    str or None
        None if it isn't of the list.
    """
    if module.partition(".")[0] != "keras":
        return None
    for public in _KERAS:
        value = public_members(public).get(name)
        if value is not None and module in (public, value.__module__):
            return public
    return None


def public_members(module):
    """Return classes and functions that are public in a module of Keras, by name.

    Parameters
    ----------
    module : str
        Such as ``"keras.losses"``.

    Returns
    -------
    dict
    """
    return {
        name: value
        for name, value in vars(import_module(module)).items()
        if isinstance(value, (type, FunctionType))
        and value.__module__.partition(".")[0] == "keras"
        and name == value.__name__
        and name not in _NO_LOSSES
    }


def is_savable_object(value):
    """Tell whether something is an estimator of the list itself, not of a subclass."""
    cls = type(value)
    return (
        OBJECTS.get(cls.__name__) is not None
        and public_object(cls.__module__, cls.__name__) is not None
    )


def is_savable_keras(value):
    """Tell whether something is a class or a function of Keras' own that a parameter may name."""
    return (
        isinstance(value, (type, FunctionType))
        and "keras" in sys.modules
        and public_keras(value.__module__, value.__name__) is not None
    )
