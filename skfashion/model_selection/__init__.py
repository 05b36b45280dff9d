"""Searches for image classifiers, and spaces for them to search.

Imported when first used: scikit-optimize takes a second or two.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING

_PUBLIC = {
    "BayesSearchCV": "._bayes",
    "EnsembleFromSearch": "._ensemble",
    "HyperbandSearchCV": "._hyperband",
    "search_space": "._spaces",
}

__all__ = [*_PUBLIC]

if _TYPE_CHECKING:  # type checkers and editors don't run `__getattr__`
    from skfashion.model_selection._bayes import BayesSearchCV as BayesSearchCV
    from skfashion.model_selection._ensemble import EnsembleFromSearch as EnsembleFromSearch
    from skfashion.model_selection._hyperband import HyperbandSearchCV as HyperbandSearchCV
    from skfashion.model_selection._spaces import search_space as search_space


def __getattr__(name):
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(_import_module(_PUBLIC[name], __name__), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
