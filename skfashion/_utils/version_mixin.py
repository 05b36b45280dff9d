"""What all estimators say of themselves: their version where pickled, and where their help is."""

from sklearn.exceptions import InconsistentVersionWarning

from skfashion._utils.warnings import warn
from skfashion._version import __version__

# Where the documentation lies. As long as it is published nowhere, links lead nowhere; but
# scikit-learn shows what a parameter means only beside a link.
_DOCUMENTATION = "#"


class VersionMixin:
    """Before `BaseEstimator`: writes the version into its state, and warns of another one."""

    _doc_link_module = "skfashion"
    _doc_link_template = _DOCUMENTATION + "api/generated/{address}.html"

    def _doc_link_url_param_generator(self):
        """Return the public address, from `skfashion.classifiers._dense` on: `skfashion`."""
        package = ".".join(type(self).__module__.split(".")[:2])
        package = package.removesuffix(".classifiers")
        return {"address": f"{package}.{type(self).__name__}"}

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
