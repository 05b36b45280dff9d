"""Image classifiers, one a file, and the features of a network for others."""

from skfashion.classifiers._backbone import BackboneFineTuner
from skfashion.classifiers._conv import ConvClassifier
from skfashion.classifiers._dense import DenseClassifier
from skfashion.classifiers._features import BackboneFeatures
from skfashion.classifiers._keras import KerasImageClassifier
from skfashion.classifiers._mobilenet import MobileNetFineTuner

__all__ = [
    "BackboneFeatures",
    "BackboneFineTuner",
    "ConvClassifier",
    "DenseClassifier",
    "KerasImageClassifier",
    "MobileNetFineTuner",
]
