"""What this package takes from scikit-learn's private modules."""

from sklearn.model_selection._search import BaseSearchCV

__all__ = ["BaseSearchCV"]
