"""What is tuned and how: a pipeline, its space, and the search."""

import math
from contextlib import suppress

import numpy as np
from joblib import cpu_count, effective_n_jobs
from sklearn import model_selection as sklearn_searches
from sklearn.model_selection import ParameterGrid, ParameterSampler
from sklearn.pipeline import Pipeline

from skfashion._cli._console import UserError, user_errors
from skfashion._training import has_idle_cores, share_cores
from skfashion._utils.search_values import Number
from skfashion.classifiers._common import ReadyClassifier, augmentation_names
from skfashion.inspection import runs_frame
from skfashion.model_selection import BayesSearchCV, HyperbandSearchCV, search_space
from skfashion.model_selection._evaluation import Evaluations, SearchMixin
from skfashion.preprocessing import ImageReader, PixelScaler

_PREFIX = "classifier__"
# Settings that are parameters of the classifier.
OPTIONS = ("alpha", "augmentation", "class_weight")


def models(base=ReadyClassifier):
    """Return the imported classifiers that have a name on the command line, by that name."""
    found = {}
    for cls in base.__subclasses__():
        declared = vars(cls).get("_command_line")
        found |= models(cls) | ({declared.name: cls} if declared else {})
    return found


def make_search(settings, *, files, cv, jobs):
    """Make a search; return with it the declared values of what it tries, and its epochs.

    The epochs are those that each candidate is trained for. Its pipeline keeps nothing yet.
    """
    if jobs is None and has_idle_cores():
        share_cores(cpu_count())  # before TensorFlow begins, as it does with ImageNet weights
    kind, seed = settings["search"], settings["seed"]
    pipeline = _make_pipeline(settings, files)
    space, declared = _make_space(pipeline, kind)
    epochs, candidates = settings["epochs"], settings["candidates"]
    common = {"cv": cv, "n_jobs": "auto" if jobs is None else jobs, "scoring": settings["scoring"]}
    if kind == "grid":
        search = _GridSearchCV(pipeline, space, **common)
        return search, declared, [epochs] * len(ParameterGrid(space))
    common["random_state"] = seed
    if kind == "random":
        search = _RandomizedSearchCV(pipeline, space, n_iter=candidates, **common)
        drawn = ParameterSampler(space, candidates, random_state=seed)
        return search, declared, [epochs] * len(list(drawn))
    if kind == "hyperband":
        resource = {"resource": f"{_PREFIX}epochs", "max_resources": epochs}
        search = HyperbandSearchCV(pipeline, space, **resource, **common)
        rungs = search.brackets()
        # One that goes on trains what it hasn't yet.
        trained = rungs["total_continued"] // rungs["n_candidates"]
        declared["epochs"] = Number(1, epochs)
        return search, declared, trained.repeat(rungs["n_candidates"]).tolist()
    search = BayesSearchCV(
        pipeline,
        space,
        n_iter=candidates,
        n_points=at_a_time(jobs, cv),
        **common,
    )
    return search, declared, [epochs] * candidates


def _make_pipeline(settings, files):
    """Make the pipeline that is tuned, and get what its training would have to download."""
    cls = models()[settings["model"]]
    declared, epochs = cls._command_line, settings["epochs"]
    parameters = {**declared.parameters, "epochs": epochs, "random_state": settings["seed"]}
    parameters |= dict.fromkeys(declared.half_epochs, max(1, epochs // 2))
    steps = []
    if files:
        # The classifiers scale inside the network: read images stay one byte a value.
        steps.append(("reader", ImageReader(size=settings["size"], white="auto")))
    elif declared.size_parameter:
        parameters[declared.size_parameter] = settings["size"]
    if declared.standardize and not files:
        steps.append(("scaler", PixelScaler("standard")))
        parameters["input_range"] = "as-is"
    for name in OPTIONS:
        if settings[name] is not None:
            if name not in cls().get_params():
                option = name.replace("_", "-")
                raise UserError(f"--{option} is not for --model {settings['model']}.")
            parameters[name] = settings[name]
    classifier = cls(**parameters)
    with user_errors(ValueError):
        classifier._validate_params()
        augmentation_names(settings["augmentation"])
    with user_errors(advice="Or choose another --model."):
        classifier._fetch()
    return Pipeline([*steps, ("classifier", classifier)])


def _make_space(pipeline, kind):
    """Return what a search of this kind tries, and the declared values of its parameters."""
    space = search_space(pipeline, "random" if kind == "hyperband" else kind)
    parts = space if isinstance(space, list) else [space]
    # How long to train is said once, on the command line, and Adam does for a first search.
    for name in ("epochs", *pipeline[-1]._command_line.half_epochs, "optimizer"):
        for part in parts:
            part.pop(f"{_PREFIX}{name}", None)
    declared = pipeline[-1]._default_space()
    names = sorted({name.removeprefix(_PREFIX) for part in parts for name in part})
    return space, {name: declared[name] for name in names}


def keep_in(search, memory):
    """Have the pipeline of a search keep finished fits, and decoded images, in a folder."""
    for name, step in search.estimator.steps:
        if "memory" in step.get_params():
            search.estimator.set_params(**{f"{name}__memory": memory})


def epoch_seconds(memory, folds):
    """Return what an epoch of a candidate takes, as the store tells; None if it doesn't."""
    with suppress(OSError):
        runs = runs_frame(memory)
        # In one fold of a candidate its network is traced, which takes longer than an epoch.
        each = (runs["seconds"] / runs["epochs"]).quantile(0.4)
        return None if np.isnan(each) else folds * each


def at_a_time(jobs, cv):
    """Return how many candidates it takes to give every process a fit.

    One for threads: what a search proposes doesn't depend on how many cores there are.
    """
    return 1 if jobs is None else math.ceil(effective_n_jobs(jobs) / len(cv))


class _OneByOneMixin(SearchMixin):
    """Makes a search of scikit-learn's, which evaluates all candidates at once, tell of each."""

    def _run_search(self, evaluate_candidates, callback_ctx=None):
        with Evaluations(self, evaluate_candidates) as evaluations:

            def evaluate(candidates, **context):
                evaluations.evaluate(list(candidates))
                evaluations.finish()

            # Below scikit-learn 1.9 there are no callbacks.
            context = {} if callback_ctx is None else {"callback_ctx": callback_ctx}
            super()._run_search(evaluate, **context)


class _GridSearchCV(_OneByOneMixin, sklearn_searches.GridSearchCV):
    pass


class _RandomizedSearchCV(_OneByOneMixin, sklearn_searches.RandomizedSearchCV):
    pass
