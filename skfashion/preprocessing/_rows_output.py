"""scikit-learn's `set_output` for results that are rows, and only for those."""

from functools import wraps

import numpy as np
from sklearn.base import TransformerMixin

_MIXED = (
    "The images have different sizes, so they can't form one array. Bring them to one size "
    "first: ImageReader(size=...) does so when reading files."
)
_APART = "X is an array of {n} arrays: join them first, with numpy.stack(X)."


class RowsOutputMixin(TransformerMixin):
    """scikit-learn's `set_output`, for results that are rows only."""

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        # scikit-learn has just wrapped these to return a DataFrame if the user wants one.
        # Only rows can become one; images of a higher rank go past the wrapper.
        for name in ("transform", "fit_transform"):
            if name in cls.__dict__:
                setattr(cls, name, _wrapped_for_rows(cls.__dict__[name]))


def rows_come_out(method):
    """Mark a method that returns rows whatever the rank of what it is given."""
    method.rows_come_out = True
    return method


def rank_of(X):
    """Return how many axes X has, and refuse images of different sizes by that name."""
    if not hasattr(X, "ndim"):
        try:
            X = np.asarray(X)
        except ValueError as error:
            if "inhomogeneous" in str(error):
                raise ValueError(_MIXED) from error
            raise
    if X.ndim == 1 and X.dtype == object and len(X) and all(np.ndim(image) > 1 for image in X):
        alike = len({np.shape(image) for image in X}) == 1
        raise ValueError(_APART.format(n=len(X)) if alike else _MIXED)
    return X.ndim


def _wrapped_for_rows(method):
    plain = getattr(method, "__wrapped__", method)
    if getattr(plain, "rows_come_out", False):
        return method

    @wraps(plain)
    def either(self, X, *args, **kwargs):
        return (plain if rank_of(X) > 2 else method)(self, X, *args, **kwargs)

    return either
