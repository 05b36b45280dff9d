"""Which version of this package an estimator was pickled with, as scikit-learn does for its own."""

from sklearn.exceptions import InconsistentVersionWarning

from skfashion._utils.warnings import warn
from skfashion._version import __version__


class VersionMixin:
    """Writes the version into the state of an estimator, and warns of another one.

    To be named before `sklearn.base.BaseEstimator` among the bases.
    """

    def __getstate__(self):
        return {**super().__getstate__(), "_skfashion_version": __version__}

    def __setstate__(self, state):
        state = dict(state)
        version = state.pop("_skfashion_version", "an unknown one")
        if version != __version__:
            warn(
                InconsistentVersionWarning(
                    estimator_name=type(self).__name__,
                    current_sklearn_version=f"{__version__} of skfashion",
                    original_sklearn_version=version,
                )
            )
        super().__setstate__(state)
