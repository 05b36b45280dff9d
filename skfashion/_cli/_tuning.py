"""What is tuned and how: a pipeline, its space, the search, and a line for each candidate."""

import math
import re
import time
from collections import deque

from joblib import effective_n_jobs
from sklearn import model_selection as sklearn_searches
from sklearn.model_selection import ParameterGrid, ParameterSampler
from sklearn.pipeline import Pipeline

from skfashion._cli._console import say, short, table, user_errors
from skfashion.classifiers._common import ReadyClassifier
from skfashion.model_selection import BayesSearchCV, HyperbandSearchCV, search_space
from skfashion.model_selection._evaluation import Evaluations, SearchMixin
from skfashion.preprocessing import ImageReader, PixelScaler


def models(base=ReadyClassifier):
    """Return the imported classifiers that have a name on the command line, by that name."""
    found = {}
    for cls in base.__subclasses__():
        declared = vars(cls).get("_command_line")
        found |= models(cls) | ({declared.name: cls} if declared else {})
    return found


def make_pipeline(cls, *, files, size, epochs, memory, seed):
    """Make the pipeline that is tuned, and get what its training would have to download."""
    declared = cls._command_line
    parameters = {**declared.parameters, "epochs": epochs, "memory": memory, "random_state": seed}
    parameters |= dict.fromkeys(declared.half_epochs, max(1, epochs // 2))
    steps = []
    if files:
        # The classifiers scale inside the network: read images stay one byte a value.
        steps.append(("reader", ImageReader(size=size, memory=memory, white="auto")))
    elif declared.size_parameter:
        parameters[declared.size_parameter] = size
    if declared.standardize and not files:
        steps.append(("scaler", PixelScaler("standard")))
        parameters["input_range"] = "as-is"
    classifier = cls(**parameters)
    with user_errors(OSError, advice="Or choose another --model."):
        classifier._fetch()
    return Pipeline([*steps, ("classifier", classifier)])


def make_space(pipeline, kind):
    """Return what a search of this kind tries."""
    space = search_space(pipeline, "random" if kind == "hyperband" else kind)
    # How long to train is said once, on the command line, and Adam does for a first search.
    for name in ("epochs", *pipeline[-1]._command_line.half_epochs, "optimizer"):
        space.pop(f"classifier__{name}", None)
    return space


def make_search(kind, pipeline, space, *, candidates, epochs, cv, jobs, seed):
    """Make a search and say how many candidates it has."""
    common = {"cv": cv, "n_jobs": jobs}
    if kind == "grid":
        return _GridSearchCV(pipeline, space, **common), len(ParameterGrid(space))
    common["random_state"] = seed
    if kind == "random":
        drawn = ParameterSampler(space, candidates, random_state=seed)
        search = _RandomizedSearchCV(pipeline, space, n_iter=candidates, **common)
        return search, len(list(drawn))
    if kind == "hyperband":
        resource = {"resource": "classifier__epochs", "max_resources": epochs}
        search = HyperbandSearchCV(pipeline, space, **resource, **common)
        return search, int(search.brackets()["n_candidates"].sum())
    search = BayesSearchCV(
        pipeline,
        space,
        n_iter=candidates,
        n_points=_at_a_time(jobs, cv),
        optimizer_kwargs={"n_initial_points": n_drawn(candidates)},
        **common,
    )
    return search, candidates


def n_drawn(candidates):
    """Return how many candidates of a Bayesian search are drawn at random, the first ones.

    scikit-optimize draws ten, which of a short search would leave few to choose, or none.
    """
    return min(10, max(1, candidates // 2))


def _at_a_time(jobs, cv):
    """Return how many candidates it takes to give every process a fit."""
    return math.ceil(effective_n_jobs(jobs) / len(cv))


class _OneByOneMixin(SearchMixin):
    """Makes a search of scikit-learn's, which evaluates all candidates at once, tell of each."""

    def _run_search(self, evaluate_candidates, callback_ctx=None):
        step = _at_a_time(self.n_jobs, self.cv)
        with Evaluations(self, evaluate_candidates) as evaluations:

            def evaluate(candidates, **context):
                candidates = list(candidates)
                for start in range(0, len(candidates), step):
                    evaluations.evaluate(candidates[start : start + step])
                evaluations.finish()

            # Below scikit-learn 1.9 there are no callbacks.
            context = {} if callback_ctx is None else {"callback_ctx": callback_ctx}
            super()._run_search(evaluate, **context)


class _GridSearchCV(_OneByOneMixin, sklearn_searches.GridSearchCV):
    pass


class _RandomizedSearchCV(_OneByOneMixin, sklearn_searches.RandomizedSearchCV):
    pass


class CandidateTable:
    """A table that is printed line by line: score, best so far, time left, parameters."""

    def __init__(self, total):
        self.total = total
        self.n_done = 0
        self._best = -math.inf
        # Few, because a search that is continued reads its first candidates back in no time.
        self._newest = deque([time.monotonic()], maxlen=6)

    def add(self, parameters, score):
        """Print the line of a candidate, the first one below the header."""
        self.n_done += 1
        self._newest.append(time.monotonic())
        if score > self._best:
            self._best = score
        if self.n_done == 1:
            # Text such as 512-256-128 is longer than a number.
            texts = [isinstance(value, str) for value in parameters.values()]
            self._widths = [9, 6, 6, 8, *(11 if text else 8 for text in texts)]
        row = [
            f"{self.n_done}/{self.total}",
            "failed" if math.isnan(score) else f"{score:.4f}",
            "" if self._best == -math.inf else f"{self._best:.4f}",
            self._time_left(),
            *map(short, parameters.values()),
        ]
        names = ["candidate", "score", "best", "time left", *parameters]
        # A name of several words stands in several lines: values are short.
        words = [re.split("[ _]", name.removeprefix("classifier__")) for name in names]
        header = ["\n".join(each) for each in words] if self.n_done == 1 else None
        say(table([row], header, range(len(row)), self._widths))

    def _time_left(self):
        if self.n_done == self.total:
            return ""
        each = (self._newest[-1] - self._newest[0]) / (len(self._newest) - 1)
        minutes, seconds = divmod(round(each * (self.total - self.n_done)), 60)
        return f"{minutes}:{seconds:02d}"
