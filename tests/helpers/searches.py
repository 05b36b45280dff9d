"""What a search found, without the time it took."""

import numpy as np


def rows_of(search):
    """Return the columns of `cv_results_` that time doesn't change."""
    return {k: np.asarray(v).tolist() for k, v in search.cv_results_.items() if "time" not in k}


def assert_same_search(one, other):
    assert one.best_params_ == other.best_params_
    np.testing.assert_equal(rows_of(one), rows_of(other))
