"""Scores of scikit-learn: of what a network returns while it is trained, and of a search."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import get_scorer


class _Predicted(ClassifierMixin, BaseEstimator):
    """Classifier of which nothing but its probabilities is there, for a scorer to ask for."""

    def __init__(self, classes, probabilities, multilabel):
        self.classes_ = classes
        self._multilabel = multilabel
        self._probabilities = probabilities

    def predict_proba(self, X):
        return self._probabilities

    def predict(self, X):
        return decided(self._probabilities, self.classes_, self._multilabel)


def decided(probabilities, classes, multilabel):
    """Return the most probable label of each image; of several, rows of 1 above a half."""
    if multilabel:
        return (probabilities > 0.5).astype(int)
    return classes[np.argmax(probabilities, axis=1)]


def score_of(name, classes, labels, probabilities):
    """Return a function that scores a network's outputs for images with these labels."""
    scorer, several = get_scorer(name), labels.ndim == 2
    if several:  # the numbers of two labels would be taken for two classes
        classes = np.tile([0, 1], (len(classes), 1))

    def score(outputs):
        predicted = _Predicted(classes, probabilities(outputs), several)
        try:
            return float(scorer(predicted, outputs, labels))
        except (TypeError, ValueError, AttributeError) as error:
            other = "f1_samples" if several else "balanced_accuracy"
            raise ValueError(
                f"scoring={name!r} can't score the validation images ({error}): give another, such "
                f"as 'accuracy', {other!r} or 'loss'."
            ) from error

    return score


def score_column(search):
    """Return the column of ``cv_results_`` with the score that chose the best candidate."""
    refit = getattr(search, "refit", None)
    if not getattr(search, "multimetric_", False):
        return "mean_test_score"
    scores = [name for name in search.cv_results_ if name.startswith("mean_test_")]
    return f"mean_test_{refit}" if f"mean_test_{refit}" in scores else scores[0]
