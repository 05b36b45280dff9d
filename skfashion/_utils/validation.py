"""What is private or experimental in scikit-learn: when it moves, this file alone changes."""

from sklearn.base import _fit_context
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
    validate_params,
)
from sklearn.utils._set_output import _wrap_data_with_container
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import (
    _check_feature_names_in,
    _check_method_params,
    _check_n_features,
)

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # below 1.9

    class CallbackSupportMixin:
        """Stands in where scikit-learn has no callbacks."""

    def with_callbacks(method):
        """Return the method as it is."""
        return method


class AnyCase(StrOptions):
    """Some words, written with capitals or without."""

    def is_satisfied_by(self, val):
        """Whether a value is one of them."""
        return isinstance(val, str) and super().is_satisfied_by(val.lower())
