"""What a fit tells while it runs, and what may end it early."""

import time

from skfashion._utils.deadline import DeadlineReached


class Progress:
    """Prints, stops by time, and tells scikit-learn's callbacks, from its version 1.9 on.

    Their tasks are the fit, its phases if there are several, and epochs:
    `sklearn.callback.ProgressBar`, set on any search, shows them all.
    """

    def __init__(self, estimator, plan):
        self._estimator = estimator
        self._name = type(estimator).__name__
        self._phases = plan.phases
        self._started = time.monotonic()
        self._told = set()
        self._fit = self._phase = self._context = None
        self.late = False
        if hasattr(estimator, "_init_callback_context"):
            n = len(plan.phases) if len(plan.phases) > 1 else plan.phases[0].epochs
            self._fit = self._context = estimator._init_callback_context(max_subtasks=n)
            self._fit.call_on_fit_task_begin(estimator=estimator)

    def on_epoch(self, phase, epoch, logs):
        """Tell of an epoch; return whether the fit ends with it."""
        if self._estimator.verbose > 1:
            numbers = "  ".join(f"{name} {value:.4f}" for name, value in logs.items())
            print(f"[{self._name}] {phase.name} {epoch}/{phase.epochs}  {numbers}", flush=True)
        # A training that is done once more, for lack of memory, tells of its epochs again.
        first, stop = (phase, epoch) not in self._told, False
        if first and self._fit is not None:
            stop = self._tell(phase, logs)
        self._told.add((phase, epoch))
        if phase is self._phases[-1] and epoch == phase.epochs:
            return False
        if self._estimator._is_late():
            raise DeadlineReached(f"{self._name} stopped after epoch {epoch}.")
        limit = self._estimator.max_fit_seconds
        self.late = limit is not None and time.monotonic() - self._started >= limit
        return stop or self.late

    def on_end(self, outcome):
        """Tell of the whole fit."""
        if self._fit is not None:
            self._end_phase()
            self._fit.call_on_fit_task_end(estimator=self._estimator)
        if self._estimator.verbose:
            logs = outcome.state.history[-1]
            numbers = "  ".join(
                f"{name} {value:.4f}"
                for name, value in logs.items()
                if isinstance(value, float) and name != "learning_rate"
            )
            known = len(outcome.state.history) - outcome.epochs_trained
            reused = f" ({known} known)" if known else ""
            print(
                f"[{self._name}] {len(outcome.state.history)} epochs{reused} in "
                f"{outcome.seconds:.1f} s  {numbers}",
                flush=True,
            )

    def _tell(self, phase, logs):
        """Tell callbacks of an epoch that is done; return whether one wants to stop."""
        if phase is not self._phase and len(self._phases) > 1:
            self._end_phase()
            self._context = self._fit.subcontext(phase.name, max_subtasks=phase.epochs)
            self._context.call_on_fit_task_begin(estimator=self._estimator)
        self._phase = phase
        task = self._context.subcontext("epoch")
        task.call_on_fit_task_begin(estimator=self._estimator)
        return task.call_on_fit_task_end(estimator=self._estimator, metadata=dict(logs))

    def _end_phase(self):
        if self._context is not self._fit:
            self._context.call_on_fit_task_end(estimator=self._estimator)
