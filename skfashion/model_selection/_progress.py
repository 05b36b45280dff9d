"""Where a search stands, for scikit-learn's callbacks (1.9 and later)."""

from contextlib import contextmanager


@contextmanager
def task(context, name, search, **options):
    """Open a task below the one of a context and yield its own, below scikit-learn 1.9 None.

    Tasks of a search are: search > step > candidate and fold.
    """
    if context is None:
        yield None
        return
    inner = context.subcontext(task_name=name, **options)
    inner.call_on_fit_task_begin(estimator=search)
    try:
        yield inner
    finally:
        inner.call_on_fit_task_end(estimator=search)


def step(context, name, search, n_candidates):
    """Open the task of candidates that are evaluated together."""
    n = n_candidates * search.n_splits_ if context else None  # not known below 1.9
    return task(context, name, search, max_subtasks=n, sequential_subtasks=False)
