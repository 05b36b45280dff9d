"""Searches for image classifiers, and spaces for them to search.

Imported when first used: scikit-optimize takes a second or two.
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING

from skfashion._utils.lazy_names import lazily as _lazily

_PUBLIC = {
    "BayesSearchCV": "_bayes",
    "EnsembleFromSearch": "_ensemble",
    "HyperbandSearchCV": "_hyperband",
    "search_space": "_spaces",
}

__all__ = [*_PUBLIC]
__getattr__, __dir__ = _lazily(__name__, _PUBLIC)

if _TYPE_CHECKING:  # type checkers and editors don't run `__getattr__`
    from skfashion.model_selection._bayes import BayesSearchCV as BayesSearchCV
    from skfashion.model_selection._ensemble import EnsembleFromSearch as EnsembleFromSearch
    from skfashion.model_selection._hyperband import HyperbandSearchCV as HyperbandSearchCV
    from skfashion.model_selection._spaces import search_space as search_space
