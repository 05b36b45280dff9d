"""The Gaussian process that tells good candidates from bad ones after the first few.

It is small: hundreds of points at most. There the threads of a matrix library wait for each
other longer than they compute, all the more beside other busy processes.
"""

import functools
import threading
from contextlib import contextmanager

import numpy as np
from skopt.learning import GaussianProcessRegressor
from skopt.learning.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from threadpoolctl import ThreadpoolController

# The number of threads belongs to the process: two searches in two threads would undo each
# other's setting.
_LOCK = threading.Lock()
# Found once: that takes longer than a step of a small search.
_libraries = functools.cache(ThreadpoolController)


@contextmanager
def one_thread():
    """Let matrix products of this process run in one thread meanwhile."""
    with _LOCK, _libraries().limit(limits=1, user_api="blas"):
        yield


class Surrogate(GaussianProcessRegressor):
    """skopt's regressor, for a dozen scores of which some are far below the others.

    Columns are first multiplied by `weights`, which put the columns of a category together. What
    comes of it shares one length scale: a dozen scores can't tell one for each. Variances at many
    points come from a matrix product; skopt's sum over three indices takes 20 times as long.
    """

    def __init__(self, weights, random_state=None):
        self.weights = weights
        kernel = ConstantKernel(1.0, (0.1, 10.0)) * Matern(1.0, (0.3, 5.0), nu=2.5)
        kernel += WhiteKernel(0.1, (1e-3, 1.0))
        super().__init__(kernel, noise="gaussian", normalize_y=True, random_state=random_state)

    def fit(self, X, y):
        """Fit losses, the worst of them cut: where networks learn nothing says little else."""
        worst = 3 * np.median(y) - 2 * np.min(y)
        return super().fit(X @ self.weights, np.minimum(y, worst))

    def predict(self, X, return_std=False, return_mean_grad=False, return_std_grad=False):
        """Predict the mean and, on request, its uncertainty, as skopt's regressor does."""
        X = X @ self.weights
        if return_mean_grad:  # at one point, for acq_optimizer="lbfgs"
            mean, std, *gradients = super().predict(X, True, False, True, True)
            return (mean, std, *(self.weights @ each for each in gradients))
        covariance = self.kernel_(X, self.X_train_)
        mean = self.y_train_std_ * (covariance @ self.alpha_) + self.y_train_mean_
        if not return_std:
            return mean
        explained = np.einsum("ij,ij->i", covariance @ self.K_inv_, covariance)
        variance = self.kernel_.diag(X) - explained
        # Where a point is known rounding may leave less than nothing.
        return mean, self.y_train_std_ * np.sqrt(np.maximum(variance, 0.0))
