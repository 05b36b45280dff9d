"""skopt's Gaussian process, made cheaper without being changed.

It is small: hundreds of points at most. There the threads of a matrix library wait for each
other longer than they compute, all the more beside other busy processes.
"""

import functools
import threading
from contextlib import contextmanager

import numpy as np
from sklearn.utils import check_array
from skopt.learning import GaussianProcessRegressor
from threadpoolctl import ThreadpoolController

# The number of threads belongs to the process: two searches in two threads would undo each
# other's setting.
_LOCK = threading.Lock()


@contextmanager
def one_thread():
    """Let matrix products of this process run in one thread meanwhile."""
    with _LOCK, _libraries().limit(limits=1, user_api="blas"):
        yield


@functools.cache
def _libraries():
    """Find the matrix libraries once: that takes longer than a step of a small search."""
    return ThreadpoolController()


class Surrogate(GaussianProcessRegressor):
    """skopt's regressor; its variances at many points come from a matrix product.

    skopt sums over three indices instead, 20 times slower for 10,000 points after 300
    candidates, and that at each step. The parameters are those of skopt's.
    """

    def predict(
        self,
        X,
        return_std=False,
        return_cov=False,
        return_mean_grad=False,
        return_std_grad=False,
    ):
        """Predict the mean and, on request, its uncertainty, as skopt's regressor does."""
        others = return_cov or return_mean_grad or return_std_grad
        if others or not (return_std and hasattr(self, "X_train_")):
            return super().predict(X, return_std, return_cov, return_mean_grad, return_std_grad)
        X = check_array(X)
        covariance = self.kernel_(X, self.X_train_)
        mean = self.y_train_std_ * (covariance @ self.alpha_) + self.y_train_mean_
        explained = np.einsum("ij,ij->i", covariance @ self.K_inv_, covariance)
        variance = self.kernel_.diag(X) - explained
        # Where a point is known rounding may leave less than nothing.
        return mean, self.y_train_std_ * np.sqrt(np.maximum(variance, 0.0))


def cheaper(regressor):
    """Return a `Surrogate` in place of skopt's Gaussian process; anything else as it is."""
    if type(regressor) is not GaussianProcessRegressor:
        return regressor
    return Surrogate(**regressor.get_params(deep=False))
