"""What a fit tells while it runs, and what may end it early."""

import time

from skfashion._training import settings
from skfashion._utils.deadline import DeadlineReached
from skfashion._utils.sklearn_callbacks import FitTasks


class Progress:
    """Prints, and stops by time."""

    def __init__(self, estimator, plan):
        self._name = type(estimator).__name__
        self._is_late = estimator._is_late
        self._verbose = estimator.verbose
        self._limit = estimator.max_fit_seconds
        self._last = plan.phases[-1]
        self._started = time.monotonic()
        self._tasks = FitTasks(estimator, plan.phases)
        self._told = set()
        self.late = False

    def on_epoch(self, phase, epoch, logs):
        """Tell of an epoch; return whether the fit ends with it."""
        if self._verbose > 1:
            numbers = "  ".join(f"{name} {value:.4f}" for name, value in logs.items())
            print(f"[{self._name}] {phase.name} {epoch}/{phase.epochs}  {numbers}", flush=True)
        # A training that is done once more, for lack of memory, tells of its epochs again.
        stop = (phase, epoch) not in self._told and self._tasks.epoch(phase, logs)
        self._told.add((phase, epoch))
        if phase is self._last and epoch == phase.epochs:
            return False
        if self._is_late():
            raise DeadlineReached(f"{self._name} stopped after epoch {epoch}.")
        self.late = self._limit is not None and time.monotonic() - self._started >= self._limit
        return stop or self.late

    def on_end(self, outcome):
        """Tell of the whole fit."""
        self._tasks.end()
        if self._verbose:
            logs = outcome.state.history[-1]
            numbers = "  ".join(
                f"{name} {value:.4f}"
                for name, value in logs.items()
                if isinstance(value, float) and name != "learning_rate"
            )
            known = len(outcome.state.history) - outcome.epochs_trained
            reused = f" ({known} known)" if known else ""
            how = ", compiled by XLA" if settings.compiles_epochs() else ""
            print(
                f"[{self._name}] {len(outcome.state.history)} epochs{reused} in "
                f"{outcome.seconds:.1f} s{how}  {numbers}",
                flush=True,
            )
