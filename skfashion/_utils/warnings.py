"""The one way to warn: at the line of the user's that led here, however deep it was noticed."""

import os
import sys
import warnings

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
# Between the user's line and ours: pipelines, searches, checks of parameters.
_BETWEEN = ("sklearn", "joblib")


def warn(message, category=UserWarning):
    """Issue a warning that points at the last line outside this package and scikit-learn."""
    # Counted here, as a fixed number is wrong as soon as one more function lies between.
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _is_between(frame):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _is_between(frame):
    module = frame.f_globals.get("__name__", "").partition(".")[0]
    return module in _BETWEEN or frame.f_code.co_filename.startswith(_OURS)
