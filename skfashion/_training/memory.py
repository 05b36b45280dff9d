"""Running out of memory: the caches are emptied, and the work is tried again alone."""

import functools
import gc
import threading
import traceback
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar

from skfashion._utils.cache import clear_caches
from skfashion._utils.context import holding

_CREW = ContextVar("skfashion_crew", default=None)  # that this thread belongs to
_HAS_TURN = ContextVar("skfashion_turn", default=False)  # in its crew
_AGAIN = threading.RLock()
_NO_MEMORY = (
    "RESOURCE_EXHAUSTED",
    "Status: 1, message: could not",  # of oneDNN, whose status 1 is that
    "Dst tensor is not initialized",  # TensorFlow, of an array that a GPU has no room for
    "CUDA_ERROR_OUT_OF_MEMORY",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_ALLOC_FAILED",
)


class Crew:
    """Threads that fit side by side: any number are at work at once, or one is alone."""

    def __init__(self):
        self._turn = threading.Condition()
        self._at_work = 0
        self._alone = 0  # that are, or wait until they can be

    def joined(self):
        """In the block, count this thread as one of them."""
        return holding(_CREW, self)

    @contextmanager
    def at_work(self, alone):
        """Wait for a turn, and have it in the block."""
        with self._turn:
            self._alone += alone
            self._turn.wait_for(lambda: not (self._at_work if alone else self._alone))
            self._at_work += 1
        try:
            yield
        finally:
            with self._turn:
                self._at_work -= 1
                self._alone -= alone
                self._turn.notify_all()


def in_crew():
    """Tell whether other threads fit beside this one."""
    return _CREW.get() is not None


@contextmanager
def _turn(alone):
    """Work beside the others of a crew, or alone; what is called within the work belongs to it."""
    crew = _CREW.get()
    if crew is None or _HAS_TURN.get():
        # Threads of other backends can't be waited for: one may have started another.
        with _AGAIN if alone else nullcontext():
            yield
        return
    with holding(_HAS_TURN, True), crew.at_work(alone):
        yield


def retried(doing):
    """Let a function that runs out of memory run once more, with nothing kept in the caches.

    What they hold, or fits beside it, may be what was lacking.
    """

    def decorate(function):
        @functools.wraps(function)
        def call(*args, **kwargs):
            for last in (False, True):
                try:
                    with _turn(alone=last):
                        return function(*args, **kwargs)
                except Exception as error:
                    failure = _as_memory_error(error, doing)
                    if failure is None:
                        raise
                    clear_caches()
                    traceback.clear_frames(error.__traceback__)  # they hold what failed
                gc.collect()
                if last:
                    # Not within the block: its frames would keep the backend's tensors alive as
                    # long as somebody holds the exception.
                    raise failure

        return call

    return decorate


def _as_memory_error(error, doing):
    """Return a `MemoryError` for a backend's way of running out of memory, None for any other."""
    if type(error) is MemoryError and error.args:
        return error  # one of ours, from further in
    if not (
        isinstance(error, MemoryError)  # NumPy's
        or any(words in str(error) for words in _NO_MEMORY)
        or type(error).__name__ in ("ResourceExhaustedError", "OutOfMemoryError")
    ):
        return None
    told = str(error).splitlines() or [type(error).__name__]
    return MemoryError(
        f"out of memory while {doing}: {told[0][:200]}. Take a smaller batch_size, image_size or "
        "network."
    )
