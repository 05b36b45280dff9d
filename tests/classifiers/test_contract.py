"""scikit-learn's own checks, on every classifier and on two-dimensional input."""

import pytest
from estimators import NAMES, scikit_learns_checks, small

# A mini-batch optimizer takes other steps on three copies of an image than on one image
# of weight three; scikit-learn expects the same of its own SGDClassifier.
EXPECTED = {"check_sample_weight_equivalence_on_dense_data": "mini-batches differ"}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@scikit_learns_checks(
    [small(name) for name in NAMES], expected_failed_checks=lambda estimator: EXPECTED
)
def test_scikit_learn_check(estimator, check):
    check(estimator)
