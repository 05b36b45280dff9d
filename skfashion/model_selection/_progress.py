"""Where a search stands, for scikit-learn's callbacks (1.9 and later)."""

from contextlib import contextmanager


class Progress:
    """The task tree of a search: search > step > candidate and fold.

    `root` is the context of its `fit`, None below scikit-learn 1.9, where nothing is done;
    `n_steps` is None where it isn't known.
    """

    def __init__(self, search, root, n_steps):
        self._search = search
        self._root = root
        self._n_steps = n_steps

    def __enter__(self):
        if self._root is not None:
            self._context = self._root.subcontext(task_name="search", max_subtasks=self._n_steps)
            self._context.call_on_fit_task_begin(estimator=self._search)
        return self

    def __exit__(self, *exc_info):
        if self._root is not None:
            self._context.call_on_fit_task_end(estimator=self._search)

    @contextmanager
    def step(self, name, n_candidates):
        """Open a context for the evaluation of some candidates, or None."""
        if self._root is None:
            yield None
            return
        step = self._context.subcontext(
            task_name=name,
            max_subtasks=n_candidates * self._search.n_splits_,
            sequential_subtasks=False,
        )
        step.call_on_fit_task_begin(estimator=self._search)
        try:
            yield step
        finally:
            step.call_on_fit_task_end(estimator=self._search)
