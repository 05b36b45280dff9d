"""A deadline for the fits of a search, which what is cloned under it carries, in any thread.

Worker processes get none: joblib would kill the fits beside one that raised there.
"""

import time
from contextlib import AbstractContextManager
from contextvars import ContextVar

from skfashion._utils.context import holding

_CURRENT = ContextVar("skfashion_deadline", default=None)
_CANCELLED = ContextVar("skfashion_cancelled", default=None)  # a `threading.Event`


class DeadlineReached(BaseException):
    """The deadline passed before a fit was done. An `Exception` would be scored as a failed fit."""


class deadline(AbstractContextManager):  # noqa: N801
    """A block whose fits are to end `seconds` from now."""

    def __init__(self, seconds):
        self.at = time.monotonic() + seconds

    def __enter__(self):
        self._token = _CURRENT.set(self)
        self.lifted = False
        return self

    def passed(self):
        """Whether it is too late, lifted or not."""
        return time.monotonic() >= self.at

    def lift(self):
        """Let estimators cloned from now on take their time; fits that run keep the deadline."""
        self.lifted = True

    def __exit__(self, *exc_info):
        self.lift()
        _CURRENT.reset(self._token)


def cancelled_by(event):
    """In the block, end the fits of this thread with their epoch once an event is set."""
    return holding(_CANCELLED, event)


class DeadlineMixin:
    """Lets an estimator carry the deadline under which it is cloned. Before `BaseEstimator`."""

    _deadline = None

    def __sklearn_clone__(self):
        new = super().__sklearn_clone__()
        known = [each for each in (self._deadline, _CURRENT.get()) if each and not each.lifted]
        if known:
            new._deadline = min(known, key=lambda each: each.at)
        return new

    def __getstate__(self):
        return {k: v for k, v in super().__getstate__().items() if k != "_deadline"}

    def _is_late(self):
        """Whether a fit is to end with the epoch it is in."""
        cancelled = _CANCELLED.get()
        if cancelled is not None and cancelled.is_set():
            return True
        return self._deadline is not None and self._deadline.passed()
