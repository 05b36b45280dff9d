"""The one door to what is private in scikit-learn: validation helpers and the base of searches.

`_parameter_constraints` is how scikit-learn's own estimators say which values a
parameter may take, and gives users the messages they know. Its building blocks
have no public address yet, so they are imported here and nowhere else: when they
move, one file changes.
"""

from sklearn.base import _fit_context
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils._param_validation import (
    HasMethods,
    Hidden,
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
    validate_params,
)

__all__ = [
    "BaseSearchCV",
    "HasMethods",
    "Hidden",
    "Interval",
    "InvalidParameterError",
    "Options",
    "StrOptions",
    "_fit_context",
    "validate_params",
]
