"""The joblib backend "skfashion": fits side by side, in threads of one process.

One-threaded operations in several fits at once use more of a CPU than operations that are
shared among threads; programs, features and images are there once for all of them.
"""

import threading
from contextlib import ExitStack
from functools import partial

import joblib
import keras
from joblib.parallel import SequentialBackend, ThreadingBackend
from threadpoolctl import ThreadpoolController

from skfashion._training.memory import Crew
from skfashion._training.processes import settings_of_thread, share_cores
from skfashion._training.stack import Meeting
from skfashion._utils.deadline import DeadlineReached, cancelled_by


class SideBySideBackend(ThreadingBackend):
    """Threads that share the cores, and fit in the settings of the thread that called.

    Without `n_jobs` all cores that this process may use; calls within a call have one.
    """

    default_n_jobs = -1
    _cancel = None  # ends graphs that run

    def effective_n_jobs(self, n_jobs):
        """Return how many threads that number means."""
        return super().effective_n_jobs(-1 if n_jobs is None else n_jobs)

    def configure(self, n_jobs=1, parallel=None, **options):
        """Share the cores among threads, which begin with the first task."""
        n_jobs = super().configure(n_jobs, parallel, **options)
        self._cancelled = threading.Event()
        self._settings = [*settings_of_thread(), Crew().joined, Meeting().joined]
        self._while_open = ExitStack()
        n_threads = share_cores(n_jobs)
        pools = ThreadpoolController()  # OpenMP's number of threads is each thread's own
        self._while_open.enter_context(pools.limit(limits=n_threads, user_api="blas"))
        self._settings.append(partial(pools.limit, limits=n_threads, user_api="openmp"))
        if keras.backend.backend() == "tensorflow":
            from skfashion._training import graph

            self._cancel = self._while_open.enter_context(graph.cancellable())
        return n_jobs

    def get_nested_backend(self):
        """Return what calls within a task run in: this thread."""
        return SequentialBackend(nesting_level=(self.nesting_level or 0) + 1), None

    def submit(self, func, callback=None):
        """Give a thread a task."""
        return super().submit(partial(_run, self._cancelled, self._settings, func), callback)

    def abort_everything(self, ensure_ready=True):
        """End what runs, in the middle of an epoch where the backend can."""
        self._cancelled.set()
        if self._cancel is not None:
            self._cancel()
        super().abort_everything(ensure_ready)

    def terminate(self):
        """Let the threads go."""
        super().terminate()
        self._while_open.close()


joblib.register_parallel_backend("skfashion", SideBySideBackend)


def _run(cancelled, settings, task):
    """Run a task of a call, unless the call was ended before."""
    with ExitStack() as stack:
        for context in (partial(cancelled_by, cancelled), *settings):
            stack.enter_context(context())
        try:
            return None if cancelled.is_set() else task()
        except DeadlineReached:
            if not cancelled.is_set():
                raise
        return None
