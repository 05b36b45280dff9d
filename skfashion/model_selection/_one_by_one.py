"""scikit-learn's own searches with the table and the failing candidates of ours."""

import math
import time

from sklearn import model_selection

from skfashion.model_selection._evaluation import Evaluations, SearchMixin


class _OneByOneMixin(SearchMixin):
    """Makes a search of scikit-learn's, which evaluates all candidates at once, tell of each."""

    time_budget = math.inf  # seconds after which no candidate is begun

    def _run_search(self, evaluate_candidates, callback_ctx=None):
        self.stopped_by_time_ = False
        end = time.monotonic() + self.time_budget

        def evaluate(candidates, **context):
            candidates = list(candidates)
            spaces = [{name: [value] for name, value in each.items()} for each in candidates]
            epochs = [1] * len(candidates)
            with Evaluations(self, evaluate_candidates, spaces, epochs) as evaluations:
                evaluations.evaluate(candidates, until=end)
                evaluations.finish()

        # Below scikit-learn 1.9 there are no callbacks.
        super()._run_search(evaluate, **({"callback_ctx": callback_ctx} if callback_ctx else {}))


class GridSearchCV(_OneByOneMixin, model_selection.GridSearchCV):
    """Every combination of some values."""


class RandomizedSearchCV(_OneByOneMixin, model_selection.RandomizedSearchCV):
    """Candidates drawn at random."""
