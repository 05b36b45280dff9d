"""One deadline for everything a block of code starts, joblib's workers included.

A search that has a time budget sets the deadline; a training loop far below,
maybe in another process, asks `passed` after each epoch and raises
`DeadlineReached` when there is more to train but no time left. Neither knows
the other.
"""

import time
from contextlib import AbstractContextManager
from contextvars import ContextVar

from joblib import parallel_config
from joblib.parallel import get_active_backend

# Seconds since 1970, not of a monotonic clock: the number has to mean the same
# in a worker process and on another machine.
_AT = ContextVar("skfashion_deadline", default=None)


class DeadlineReached(BaseException):
    """The deadline passed before a fit was done; nothing is wrong with the fit.

    Not an `Exception`, for the reason `KeyboardInterrupt` is none: code that
    turns failures of a fit into scores must not take this for one.
    """


def passed():
    """Whether the deadline of the running code has passed.

    Returns
    -------
    passed : bool
        False where no deadline was set.
    """
    at = _AT.get()
    return at is not None and time.time() >= at


class deadline(AbstractContextManager):  # noqa: N801
    """A block whose work is to end `seconds` from now.

    Inside a block that has a deadline of its own, the earlier one counts.

    Parameters
    ----------
    seconds : float
        Seconds from now.

    workers : bool, default=False
        Whether tasks that joblib sends elsewhere from inside the block (to
        threads, processes or machines) see the deadline too. A task that
        raises `DeadlineReached` there does so here, once all tasks sent along
        with it are back: none is killed in the middle of an epoch.

    Examples
    --------
    >>> from skfashion._utils.deadline import deadline, passed
    >>> with deadline(3600):
    ...     passed()
    False
    >>> with deadline(0):
    ...     passed()
    True
    """

    def __init__(self, seconds, *, workers=False):
        self.seconds = seconds
        self.workers = workers

    def __enter__(self):
        at = time.time() + self.seconds
        outer = _AT.get()
        self.at = at if outer is None else min(at, outer)
        self._token = _AT.set(self.at)
        self._config = None
        if self.workers:
            backend, _ = get_active_backend()
            self._config = parallel_config(backend=_carrying(backend, self.at))
        return self

    def passed(self):
        """Whether this deadline has passed, lifted or not."""
        return time.time() >= self.at

    def lift(self):
        """End the deadline before the block does; doing so twice is fine."""
        if self._config is not None:
            self._config.unregister()
            self._config = None
        if self._token is not None:
            _AT.reset(self._token)
            self._token = None

    def __exit__(self, *exc_info):
        self.lift()


def _carrying(backend, at):
    """Make a twin of a joblib backend whose tasks know the deadline."""
    # Not copy.copy: Dask's backend pickles as a new, unconnected one.
    twin = object.__new__(type(backend))
    twin.__dict__.update(backend.__dict__)
    # joblib before 1.5 knows only the older of the two names.
    hook = "submit" if hasattr(backend, "submit") else "apply_async"
    send = getattr(twin, hook)

    def send_with_deadline(batch, callback=None):
        batch.items = [(_Until(at, task), args, kwargs) for task, args, kwargs in batch.items]
        return send(batch, callback)

    setattr(twin, hook, send_with_deadline)
    return twin


class _Until:
    """A task that runs under a deadline wherever it is sent."""

    def __init__(self, at, task):
        self.at = at
        self.task = task
        self.__name__ = getattr(task, "__name__", type(task).__name__)

    def __call__(self, *args, **kwargs):
        token = _AT.set(self.at)
        try:
            return self.task(*args, **kwargs)
        except DeadlineReached as reached:
            return _Cut(reached)
        finally:
            _AT.reset(token)


class _Cut:
    """What a task that was cut sends home: reading it raises.

    An exception would make joblib kill the tasks still running, and with them
    the epochs they are in.
    """

    def __init__(self, reached):
        self.reached = reached

    def __getitem__(self, key):
        raise self.reached
