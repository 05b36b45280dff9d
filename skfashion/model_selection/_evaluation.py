"""What the searches of this package share: candidates that may fail, folds that stay."""

import functools
import math
import re
import time
from concurrent.futures import BrokenExecutor
from copy import deepcopy

import joblib
import numpy as np
from sklearn import get_config
from sklearn.base import clone, is_classifier
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import check_cv
from sklearn.utils import get_tags

from skfashion._utils.docs import complete
from skfashion._utils.validation import BaseSearchCV
from skfashion._utils.version_mixin import VersionMixin
from skfashion._utils.warnings import warn
from skfashion.model_selection._candidates import CandidateTable
from skfashion.model_selection._jobs import n_at_once, resolved_jobs
from skfashion.model_selection._spaces import idle_parameters, is_ours

# Descriptions of the parameters that the searches share.
_PARAMETERS = {
    "estimator": (
        "estimator",
        """What to tune: a classifier, regressor or Pipeline with a `score` method, or `scoring`
        must be given.""",
    ),
    "scoring": (
        "str, callable, list, tuple or dict",
        """Score of a candidate, as for `sklearn.model_selection.GridSearchCV`. Of several, `refit`
        names the one that guides the search.""",
    ),
    "n_jobs": (
        'int, "auto" or None',
        """Fits to run in parallel. "auto": networks of this package side by side on all cores of a
        CPU, all else one at a time.""",
    ),
    "refit": (
        "bool, str or callable",
        """Whether the best candidate is fitted to all data; of several scores the name of the one
        that decides. A callable chooses ``best_index_`` from ``cv_results_``.""",
    ),
    "cv": (
        "int, splitter or iterable",
        """Folds of the cross-validation, as for `sklearn.model_selection.GridSearchCV`. They are
        drawn once: a splitter that shuffles without a seed is fine.""",
    ),
    "verbose": (
        "int",
        """Amount of printing: from 1 a table that grows with the candidates, from 2 also
        scikit-learn's line for each fit.""",
    ),
    "pre_dispatch": (
        "int or str",
        "Fits handed out at a time, as for `sklearn.model_selection.GridSearchCV`.",
    ),
    "return_train_score": ("bool", "Whether ``cv_results_`` holds training scores."),
}
_EVERY_FIT_FAILED = re.compile(r"All the \d+ fits failed")


class SearchMixin(VersionMixin):
    """Scikit-learn's search base, for searches that evaluate a few candidates at a time.

    `BaseSearchCV` ends a search when all fits of one call to `evaluate_candidates` failed. Here
    that may be one candidate, which keeps its row, with `error_score` in it.
    """

    # What else `CandidateTable` is told, of which there is one if `verbose`.
    _table_options = {}

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        complete(cls, _PARAMETERS, {})

    @functools.wraps(BaseSearchCV.fit)
    def fit(self, X, y=None, **params):
        _warn_of_lost_groups(self.estimator, params)
        with resolved_jobs(self, X):
            return BaseSearchCV.fit(self, X, y, **params)

    def _format_results(self, candidate_params, n_splits, out, more_results=None):
        # scikit-learn calls it whenever candidates were evaluated, with all fits so far, and
        # keeps the last table it gets. Evaluations fills in that one, once, at the end.
        self._evaluations.fits = out
        return self._evaluations.table

    def __sklearn_tags__(self):
        # scikit-learn's searches hand on a part of these; but a search takes what its estimator
        # takes: several outputs, NaN, images.
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.input_tags = deepcopy(inner.input_tags)
        tags.target_tags = deepcopy(inner.target_tags)
        tags.target_tags.required = False  # As there: an estimator that needs y says so itself.
        return tags

    def _check_refit_for_multimetric(self, scores):
        if not (isinstance(self.refit, str) and self.refit in scores):
            raise ValueError(
                f"With several scores, refit must name the one that guides the search, one of "
                f"{sorted(scores)}; got refit={self.refit!r}."
            )

    def __getstate__(self):
        # scikit-learn sends the search along with each fit; what a fit in progress
        # needs on this side (closures, backends) stays here.
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name not in _OF_A_FIT}


def _warn_of_lost_groups(estimator, params):
    """Warn where early stopping doesn't get the groups that the splitter gets."""
    routed = get_config()["enable_metadata_routing"]
    if routed or params.get("groups") is None or any(name.endswith("X_val") for name in params):
        return
    inside = estimator, *estimator.get_params(deep=True).values()
    if any(is_ours(each) and getattr(each, "early_stopping", False) for each in inside):
        warn(
            "Without metadata routing scikit-learn gives groups= to the splitter alone, and "
            "early_stopping=True watches images of groups that it trains on: "
            "sklearn.set_config(enable_metadata_routing=True) hands them on. Or give X_val= and "
            "y_val=, or leave early stopping out."
        )


_OF_A_FIT = ("_evaluations", "_fit_state", "_table_options")


class Evaluations:
    """The candidates a search has evaluated, in order, and what came of them.

    They have their parameters in `spaces`, and are trained for so many `epochs`. `fits` and
    `table` are scikit-learn's results of all fits, and what becomes `cv_results_`.
    """

    def __init__(self, search, evaluate_candidates, spaces, epochs):
        self._search = search
        self._verbose = search.verbose
        self._shown = None
        if search.verbose:
            options = {"refit": 0.5 if search.refit else 0, **search._table_options}
            idle = idle_parameters(search.estimator)
            self._shown = CandidateTable(spaces, epochs, idle=idle, **options)
        self._evaluate_candidates = evaluate_candidates
        self._cv = _fixed_splits(search)
        self._outcomes = {}
        self._rows = []
        self.fits = []
        self.table = {}

    def __enter__(self):
        self._search._evaluations = self
        self._search.verbose = 0  # scikit-learn would print a line each time it is called
        return self

    def __exit__(self, *exc_info):
        self._search.verbose = self._verbose
        del self._search._evaluations

    def score(self, candidate):
        """Return a candidate's mean test score: not finite if it failed, None if it is new."""
        outcome = self._outcomes.get(_key(candidate))
        return None if outcome is None else self._mean_test_score(outcome)

    def evaluate(self, candidates, *, more_results=None, callback_ctx=None, until=math.inf):
        """Write a row of the results for each candidate; return their mean test scores.

        One evaluated before has its scores and zero seconds. `more_results` are further columns.
        None is begun after `until`, in monotonic time.
        """
        more, scores = more_results or {}, []
        step = max(1, len(candidates))
        if self._shown or until < math.inf:
            step = n_at_once(self._search)
            callback_ctx = None  # its tasks can be counted only once
        for start in range(0, len(candidates), step):
            if start and time.monotonic() > until:
                self._search.stopped_by_time_ = True
                break
            part = slice(start, start + step)
            columns = {name: values[part] for name, values in more.items()}
            scores += self._evaluate(candidates[part], columns, callback_ctx)
            if self._shown:
                self._shown.add(candidates[part], scores[part])
        return scores

    def _evaluate(self, candidates, more, callback_ctx):
        keys = [_key(candidate) for candidate in candidates]
        new = {}
        for key, candidate in zip(keys, candidates, strict=True):
            if key not in self._outcomes:
                new.setdefault(key, candidate)
        if new:
            self._run(list(new), list(new.values()), callback_ctx)
        unwritten = set(new)
        for i, (key, candidate) in enumerate(zip(keys, candidates, strict=True)):
            outcome = self._outcomes[key]
            columns = {name: column[i] for name, column in more.items()}
            written = outcome if key in unwritten else outcome.again()
            self._rows.append((candidate, written, columns))
            unwritten.discard(key)
        return [self._mean_test_score(self._outcomes[key]) for key in keys]

    def finish(self):
        """Fill in `cv_results_` with all rows, those of failed candidates too."""
        good = next((outcome for _, outcome, _ in self._rows if outcome.fits), None)
        if good is None:
            raise ValueError(
                f"All {len(self._rows)} candidates failed, so there is nothing to choose from. "
                "Set error_score='raise' to see the first error where it happens. "
                f"The last one was:\n{self._rows[-1][1].error}"
            )
        fits, more = [], {}
        for _, outcome, columns in self._rows:
            fits.extend(outcome.fits or outcome.failed_fits(good.fits, self._search.error_score))
            for name, value in columns.items():
                more.setdefault(name, []).append(value)
        self.table.update(
            BaseSearchCV._format_results(
                self._search, [row[0] for row in self._rows], len(good.fits), fits, more
            )
        )
        if self._shown:
            late = getattr(self._search, "stopped_by_time_", False)
            self._shown.done(late=late, refit=self._search.refit)

    def _run(self, keys, candidates, callback_ctx):
        context = {} if callback_ctx is None else {"callback_ctx": callback_ctx}
        known, start = len(self.fits), time.perf_counter()
        try:
            # Clones, made here, carry the search's deadline into whatever thread.
            self._evaluate_candidates(clone(candidates, safe=False), cv=self._cv, **context)
            new = self.fits[known:]
            n_splits = len(new) // len(keys)
            for i, key in enumerate(keys):
                self._outcomes[key] = _Outcome(new[i * n_splits : (i + 1) * n_splits])
            return
        except ValueError as error:
            # A search inside this one says the same of its own fits.
            if self._search.error_score == "raise" or not _EVERY_FIT_FAILED.search(str(error)):
                raise
            failure = str(error).strip()
        except BrokenExecutor as error:
            if self._search.error_score == "raise":
                raise
            if len(candidates) > 1:
                # A worker process died, and nobody knows of which candidate.
                for key, candidate in zip(keys, candidates, strict=True):
                    self._run([key], [candidate], None)
                return
            failure = f"A worker process died: {error}"
        seconds = (time.perf_counter() - start) / len(candidates)
        for key in keys:
            self._outcomes[key] = _Outcome([], seconds=seconds, error=failure)
        warn(
            f"These candidates failed and score {self._search.error_score}; the search goes "
            f"on: {candidates}\n{failure}",
            FitFailedWarning,
        )

    def _mean_test_score(self, outcome):
        if not outcome.fits:
            score = self._search.error_score
            return np.nan if score == "raise" else score
        scores = [fit["test_scores"] for fit in outcome.fits]
        if isinstance(scores[0], dict):
            self._search._check_refit_for_multimetric(scores[0])
            scores = [each[self._search.refit] for each in scores]
        return float(np.mean(scores))


class _Outcome:
    """The fits of one candidate, or that there are none."""

    def __init__(self, fits, *, seconds=0.0, error=None):
        self.fits = fits
        self.seconds = seconds
        self.error = error

    def again(self):
        """Return the same, as answered from memory."""
        fits = [{**fit, "fit_time": 0.0, "score_time": 0.0} for fit in self.fits]
        return _Outcome(fits, error=self.error)

    def failed_fits(self, like, error_score):
        """Fits with `error_score`, like those of another candidate."""
        failed = []
        for fit in like:
            fit = {**fit, "fit_time": self.seconds / len(like), "score_time": 0.0}
            for scores in ("test_scores", "train_scores"):
                if isinstance(fit.get(scores), dict):
                    fit[scores] = dict.fromkeys(fit[scores], error_score)
                elif scores in fit:
                    fit[scores] = error_score
            failed.append(fit)
        return failed


class _SplitOnce:
    """A splitter whose first answer stands: every candidate meets the same folds."""

    def __init__(self, cv, classifier):
        self._cv = cv
        self._classifier = classifier
        self._splits = None

    def split(self, X, y=None, **params):
        if self._splits is None:
            cv = check_cv(self._cv, y, classifier=self._classifier)
            self._splits = list(cv.split(X, y, **params))
        return self._splits


def _fixed_splits(search):
    is_splitter = search.cv is None or isinstance(search.cv, int) or hasattr(search.cv, "split")
    # Splits given as such are fixed, and can be read only once if they are a generator.
    return _SplitOnce(search.cv, is_classifier(search.estimator)) if is_splitter else None


def _key(candidate):
    """Make what two candidates share exactly if they are the same."""
    return tuple(sorted((name, _value_key(value)) for name, value in candidate.items()))


def _value_key(value):
    try:
        return joblib.hash(value)
    except Exception:
        # What cannot be pickled (lambdas) is the same only if it is the same object: how it
        # looks tells less, as long texts are cut. The rows of results keep it alive.
        return f"object {id(value)}"
