"""The only room that knows scikit-learn's callbacks (experimental; absent below 1.9).

With them `sklearn.callback.ProgressBar`, set on any search, shows candidate, fold, phase
and epoch.
"""

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:
        """Stands in where scikit-learn has no callbacks."""

    def with_callbacks(method):
        """Return the method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "FitTasks", "with_callbacks"]


class FitTasks:
    """The tasks of one fit: the fit, its phases if there are several, their epochs.

    Does nothing where nobody listens.
    """

    def __init__(self, estimator, phases):
        self._estimator = estimator
        self._root = self._phase = self._context = None
        self._several = len(phases) > 1
        if hasattr(estimator, "_init_callback_context"):
            n = len(phases) if self._several else phases[0].epochs
            self._root = estimator._init_callback_context(max_subtasks=n)
            self._root.call_on_fit_task_begin(estimator=estimator)

    def epoch(self, phase, logs):
        """Tell of an epoch that is done; return whether somebody wants to stop."""
        if self._root is None:
            return False
        if phase is not self._phase:
            self._end_phase()
            self._phase, self._context = phase, self._root
            if self._several:
                self._context = self._root.subcontext(phase.name, max_subtasks=phase.epochs)
                self._context.call_on_fit_task_begin(estimator=self._estimator)
        task = self._context.subcontext("epoch")
        task.call_on_fit_task_begin(estimator=self._estimator)
        return task.call_on_fit_task_end(estimator=self._estimator, metadata=dict(logs))

    def end(self):
        """Tell that the fit is done."""
        if self._root is not None:
            self._end_phase()
            self._root.call_on_fit_task_end(estimator=self._estimator)

    def _end_phase(self):
        if self._context is not None and self._context is not self._root:
            self._context.call_on_fit_task_end(estimator=self._estimator)
