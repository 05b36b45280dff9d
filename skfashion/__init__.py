"""Keras image classifiers as scikit-learn estimators.

=============================  =================================================
Module                         What it holds
=============================  =================================================
`skfashion`                    the classifiers, `save` and `load`
`skfashion.preprocessing`      transformers for images
`skfashion.datasets`           data to fetch, load and make
`skfashion.model_selection`    searches and ready-made search spaces
`skfashion.inspection`         what happened: tables, plots, reports
=============================  =================================================

Importing this package loads neither Keras nor TensorFlow: public names are
looked up when they are first used (PEP 562).
"""

from importlib import import_module as _import_module

__version__ = "0.1.0.dev0"

_PUBLIC = {
    "ConvClassifier": "classifiers",
    "DenseClassifier": "classifiers",
    "KerasImageClassifier": "classifiers",
    "MobileNetFineTuner": "classifiers",
    "config_context": "_config",
    "get_config": "_config",
    "load": "_persistence",
    "save": "_persistence",
    "set_config": "_config",
}
_SUBPACKAGES = ("classifiers", "datasets", "inspection", "model_selection", "preprocessing")

__all__ = [*_PUBLIC, *_SUBPACKAGES]


def __getattr__(name):
    if name in _PUBLIC:
        value = getattr(_import_module(f"skfashion.{_PUBLIC[name]}"), name)
    elif name in _SUBPACKAGES:
        value = _import_module(f"skfashion.{name}")
    else:
        raise AttributeError(f"module 'skfashion' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
