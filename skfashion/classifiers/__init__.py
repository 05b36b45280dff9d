"""Image classifiers, one a file."""

from skfashion.classifiers._conv import ConvClassifier
from skfashion.classifiers._dense import DenseClassifier
from skfashion.classifiers._keras import KerasImageClassifier
from skfashion.classifiers._mobilenet import MobileNetFineTuner

__all__ = ["ConvClassifier", "DenseClassifier", "KerasImageClassifier", "MobileNetFineTuner"]
