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

from typing import TYPE_CHECKING as _TYPE_CHECKING

from skfashion._utils.lazy_names import lazily as _lazily
from skfashion._version import __version__ as __version__

_PUBLIC = {
    "BackboneFeatures": "classifiers",
    "BackboneFineTuner": "classifiers",
    "ConvClassifier": "classifiers",
    "DenseClassifier": "classifiers",
    "EnsembleFromSearch": "model_selection",
    "KerasImageClassifier": "classifiers",
    "MobileNetFineTuner": "classifiers",
    "cache_info": "_utils.cache",
    "clear_caches": "_utils.cache",
    "config_context": "_utils.config",
    "export": "_export",
    "get_config": "_utils.config",
    "load": "_persistence",
    "save": "_persistence",
    "set_config": "_utils.config",
    "show_versions": "_utils.show_versions",
}
_SUBPACKAGES = ("classifiers", "datasets", "inspection", "model_selection", "preprocessing")

__all__ = [*_PUBLIC, *_SUBPACKAGES]
__getattr__, __dir__ = _lazily(__name__, _PUBLIC, _SUBPACKAGES)

if _TYPE_CHECKING:  # type checkers and editors don't run `__getattr__`
    from skfashion import datasets as datasets
    from skfashion import inspection as inspection
    from skfashion import model_selection as model_selection
    from skfashion import preprocessing as preprocessing
    from skfashion._export import export as export
    from skfashion._persistence import load as load
    from skfashion._persistence import save as save
    from skfashion._utils.cache import cache_info as cache_info
    from skfashion._utils.cache import clear_caches as clear_caches
    from skfashion._utils.config import config_context as config_context
    from skfashion._utils.config import get_config as get_config
    from skfashion._utils.config import set_config as set_config
    from skfashion._utils.show_versions import show_versions as show_versions
    from skfashion.classifiers import BackboneFeatures as BackboneFeatures
    from skfashion.classifiers import BackboneFineTuner as BackboneFineTuner
    from skfashion.classifiers import ConvClassifier as ConvClassifier
    from skfashion.classifiers import DenseClassifier as DenseClassifier
    from skfashion.classifiers import KerasImageClassifier as KerasImageClassifier
    from skfashion.classifiers import MobileNetFineTuner as MobileNetFineTuner
    from skfashion.model_selection import EnsembleFromSearch as EnsembleFromSearch
