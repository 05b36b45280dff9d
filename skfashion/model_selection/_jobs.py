"""What ``n_jobs="auto"`` means to a search."""

import math
import multiprocessing
from contextlib import ExitStack, contextmanager
from numbers import Integral

import joblib
import numpy as np
from joblib.parallel import LokyBackend, get_active_backend

from skfashion._utils.validation import StrOptions

N_JOBS = [Integral, StrOptions({"auto"}), None]  # what the parameter may be


@contextmanager
def resolved_jobs(search, X):
    """In the block, give a search with ``n_jobs="auto"`` the number that it stands for.

    All cores for networks of ours on a CPU, and a number of fits where they train together;
    None where a caller or a worker has arranged it.
    """
    with ExitStack() as stack:
        if search.n_jobs == "auto":
            search.n_jobs = None
            stack.callback(setattr, search, "n_jobs", "auto")
            n_fits = _fits_at_once(search.estimator, X) if _is_undecided() else None
            if n_fits is not None:
                stack.enter_context(joblib.parallel_config("skfashion", n_jobs=n_fits))
        yield


def n_at_once(search):
    """Return how many candidates leave no worker of a search idle at their end."""
    n_splits = getattr(search, "n_splits_", 1)  # unknown below scikit-learn 1.9
    n_jobs = joblib.effective_n_jobs(search.n_jobs)
    return n_jobs // math.gcd(n_jobs, n_splits)


def _is_undecided():
    backend, n_jobs = get_active_backend()
    return (
        type(backend) is LokyBackend
        and n_jobs is None
        and not backend.nesting_level
        and multiprocessing.parent_process() is None
    )


def _fits_at_once(estimator, X):
    """Return how many fits at a time a network of this package is best at, the last step or not."""
    # Steps before it may read files, or make larger images of these.
    is_known = isinstance(X, np.ndarray) and not getattr(estimator, "steps", None)
    while getattr(estimator, "steps", None):
        estimator = estimator.steps[-1][1]
    told = getattr(estimator, "_fits_at_once", None)
    return told and told(X.nbytes if is_known else 0)
