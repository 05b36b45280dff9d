"""Scores of scikit-learn for what a network returns while it is trained."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import get_scorer


class _Predicted(ClassifierMixin, BaseEstimator):
    """Classifier of which nothing but its probabilities is there, for a scorer to ask for."""

    def __init__(self, classes, probabilities):
        self.classes_ = classes
        self._probabilities = probabilities

    def predict_proba(self, X):
        return self._probabilities

    def predict(self, X):
        return self.classes_[np.argmax(self._probabilities, axis=1)]


def score_of(name, classes, y, probabilities):
    """Return a function that scores a network's outputs for images with these labels' numbers."""
    scorer, labels = get_scorer(name), classes[y]

    def score(outputs):
        predicted = _Predicted(classes, probabilities(outputs))
        try:
            return float(scorer(predicted, outputs, labels))
        except (TypeError, ValueError, AttributeError) as error:
            raise ValueError(
                f"scoring={name!r} can't score the validation images ({error}): give another, such "
                "as 'accuracy', 'balanced_accuracy' or 'loss'."
            ) from error

    return score
