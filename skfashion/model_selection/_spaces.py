"""Ready-made search spaces."""

from typing import Any, Literal, overload

from skfashion._utils.messages import shown
from skfashion.model_selection._converters import CONVERTERS


@overload
def search_space(
    estimator: Any, kind: Literal["random", "bayes", "optuna"] = ..., *, step: str | None = ...
) -> dict[str, Any]: ...
@overload
def search_space(
    estimator: Any, kind: Literal["grid"], *, step: str | None = ...
) -> dict[str, list[Any]] | list[dict[str, list[Any]]]: ...
def search_space(
    estimator: Any,
    kind: Literal["grid", "random", "bayes", "optuna"] = "random",
    *,
    step: str | None = None,
) -> Any:
    """Give a sensible search space for a classifier of this package.

    The space is made new for each call and is yours to change: drop what you want
    to leave at its default, add what is missing.

    Parameters
    ----------
    estimator : estimator
        A classifier of this package, or an estimator that holds one, such as a
        Pipeline.
    kind : {"grid", "random", "bayes", "optuna"}, default="random"
        For which search:

        - ``"grid"``: short lists, at most 24 combinations, for
          `sklearn.model_selection.GridSearchCV` and ``HalvingGridSearchCV``;
        - ``"random"``: lists and distributions of `scipy.stats`, for
          `sklearn.model_selection.RandomizedSearchCV`, ``HalvingRandomSearchCV``
          and `HyperbandSearchCV` (which sets the epochs itself: pop them);
        - ``"bayes"``: dimensions of `skopt.space`, for `BayesSearchCV`;
        - ``"optuna"``: distributions of Optuna, for its ``OptunaSearchCV``.
    step : str, default=None
        Name of the classifier within `estimator`, as `get_params` has it. Found by
        itself where `estimator` holds one classifier of this package. With a bare
        classifier it is the prefix to write.

    Returns
    -------
    space : dict of str -> list, distribution or dimension, or list of such dicts
        Keyed by parameter name, ``<step>__`` in front where there is a step. A grid is a list of
        two where one value leaves parameters idle, as ``unfreeze_from=None`` leaves
        ``fine_tune_learning_rate``.

    Raises
    ------
    ValueError, TypeError
        If `kind` is not one of the four, no known classifier can be found, or more
        than one; or if `estimator` is not an estimator.
    ImportError
        If `kind` is ``"optuna"`` and Optuna is not installed.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> from skfashion import DenseClassifier
    >>> from skfashion.model_selection import search_space
    >>> search_space(DenseClassifier(), "grid")["hidden_layer_sizes"]
    ['128', '256-128', '512-256-128']
    >>> pipe = make_pipeline(MinMaxScaler(), DenseClassifier())
    >>> sorted(search_space(pipe, "random"))[:2]
    ['denseclassifier__activation', 'denseclassifier__batch_norm']
    """
    if kind not in CONVERTERS:
        raise ValueError(f"kind must be one of {sorted(CONVERTERS)}, got {kind!r}.")
    classifier, prefix = _find(estimator, step)
    space = CONVERTERS[kind](classifier._default_space())
    if isinstance(space, list):
        return [_prefixed(each, prefix) for each in space]
    return _prefixed(space, prefix)


def idle_parameters(estimator):
    """Return parameters that change nothing beside a value: name -> (other name, its value)."""
    try:
        classifier, prefix = _find(estimator, None)
        declared = classifier._default_space()
    except (TypeError, ValueError):
        return {}
    return {
        f"{prefix}{name}": (f"{prefix}{values.unless[0]}", values.unless[1])
        for name, values in declared.items()
        if getattr(values, "unless", None)
    }


def _prefixed(space, prefix):
    return {f"{prefix}{name}": values for name, values in space.items()}


def _find(estimator, step):
    """Find the classifier to tune, and what its parameters begin with."""
    if is_ours(estimator):
        return estimator, "" if step is None else f"{step}__"
    if isinstance(estimator, type) or not hasattr(estimator, "get_params"):
        raise TypeError(
            f"A space is for an estimator, such as DenseClassifier(), not for {shown(estimator)}."
        )
    inside = estimator.get_params(deep=True)
    if step is not None and step not in inside:
        raise ValueError(f"{type(estimator).__name__} has no step {step!r}.")
    found = sorted(name for name, value in inside.items() if is_ours(value))
    if step is not None:
        found = [name for name in found if name == step]
    if not found:
        what = type(estimator if step is None else inside[step]).__name__
        raise ValueError(
            "Spaces are known for classifiers of skfashion and for what holds one of them, not "
            f"for {what}."
        )
    if len(found) > 1:
        raise ValueError(f"There are several classifiers to tune: choose one of step={found}.")
    return inside[found[0]], f"{found[0]}__"


def is_ours(estimator):
    """Tell a classifier of this package, or one made after its pattern."""
    return hasattr(type(estimator), "_default_space")
