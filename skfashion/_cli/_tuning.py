"""What is tuned and how: a pipeline, its space, and the search."""

import math
from contextlib import suppress

import numpy as np
from joblib import cpu_count, effective_n_jobs
from sklearn.model_selection import ParameterGrid, ParameterSampler
from sklearn.pipeline import Pipeline

from skfashion._cli._console import UserError, user_errors
from skfashion._training import has_idle_cores, share_cores
from skfashion.classifiers._common import ReadyClassifier, augmentation_names
from skfashion.inspection import runs_frame
from skfashion.model_selection import BayesSearchCV, HyperbandSearchCV, search_space
from skfashion.model_selection._one_by_one import GridSearchCV, RandomizedSearchCV
from skfashion.preprocessing import ImageReader, PixelScaler

_PREFIX = "classifier__"
_LEAST_STEPS = 8


def models(base=ReadyClassifier):
    """Return the imported classifiers that have a name on the command line, by that name."""
    found = {}
    for cls in base.__subclasses__():
        declared = vars(cls).get("_command_line")
        found |= models(cls) | ({declared.name: cls} if declared else {})
    return found


def make_search(settings, *, files, cv, jobs):
    """Make a search, and say how many candidates it has. Its pipeline keeps nothing yet."""
    if jobs is None and has_idle_cores():
        share_cores(cpu_count())  # before TensorFlow begins, as it does with ImageNet weights
    kind, candidates = settings["search"], settings["candidates"]
    pipeline = _make_pipeline(settings, files)
    space = _make_space(pipeline, kind, n_images=min(len(train) for train, _ in cv))
    common = {"cv": cv, "n_jobs": "auto" if jobs is None else jobs, "verbose": 1}
    common["scoring"] = settings["scoring"]
    if kind == "grid":
        return GridSearchCV(pipeline, space, **common), len(ParameterGrid(space))
    common["random_state"] = settings["seed"]
    if kind == "random":
        drawn = ParameterSampler(space, candidates, random_state=settings["seed"])
        search = RandomizedSearchCV(pipeline, space, n_iter=candidates, **common)
        return search, len(list(drawn))
    if kind == "hyperband":
        resource = {"resource": f"{_PREFIX}epochs", "max_resources": settings["epochs"]}
        search = HyperbandSearchCV(pipeline, space, **resource, **common)
        return search, int(search.brackets()["n_candidates"].sum())
    # As many at a time as give every process a fit. One for threads: what a search proposes
    # doesn't depend on how many cores there are.
    at_a_time = 1 if jobs is None else math.ceil(effective_n_jobs(jobs) / len(cv))
    search = BayesSearchCV(pipeline, space, n_iter=candidates, n_points=at_a_time, **common)
    return search, candidates


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
    for name in ("backbone", "alpha", "augmentation", "class_weight"):
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


def _make_space(pipeline, kind, n_images):
    """Return what a search of this kind tries on so many images."""
    space = search_space(pipeline, "random" if kind == "hyperband" else kind)
    # How long to train is said once, on the command line, and Adam does for a first search.
    declared = pipeline[-1]._command_line
    fixed = ("epochs", *declared.half_epochs, "optimizer", *declared.parameters)
    name = f"{_PREFIX}batch_size"
    for part in space if isinstance(space, list) else [space]:
        for each in fixed:
            part.pop(f"{_PREFIX}{each}", None)
        if name in part:
            sizes = sorted(getattr(part[name], "categories", part[name]))
            # A few steps an epoch teach a network next to nothing.
            part[name] = [size for size in sizes if size * _LEAST_STEPS <= n_images] or sizes[:1]
    return space


def epoch_seconds(memory, folds):
    """Return what an epoch of a candidate takes, as the store tells; None if it doesn't."""
    with suppress(OSError):
        runs = runs_frame(memory)
        # In one fold of a candidate its network is traced, which takes longer than an epoch.
        each = (runs["seconds"] / runs["epochs"]).quantile(0.4)
        return None if np.isnan(each) else folds * each
