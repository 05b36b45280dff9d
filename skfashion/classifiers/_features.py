"""Features of a frozen backbone, as a transformer."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skfashion import _training, networks
from skfashion._store import open_store
from skfashion._utils import typing as hints
from skfashion._utils.config import in_settings
from skfashion._utils.validation import StrOptions, _fit_context
from skfashion.classifiers import _checks
from skfashion.classifiers._base import unchanged_on_error
from skfashion.classifiers._estimator import BaseImageEstimator
from skfashion.classifiers._on_backbone import OnBackbone


class BackboneFeatures(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, OnBackbone, BaseImageEstimator
):
    """Features of images from a frozen image model, one row an image.

    For scikit-learn's own classifiers, neighbours and clusterings. Each image is computed
    once, whatever is fitted on its row; rows are shared with `BackboneFineTuner`.

    Parameters
    ----------
    backbone : str or callable, default="efficientnet_v2_b0"
        Image model, as for `BackboneFineTuner`.
    alpha : float, default=1.0
        Width of a MobileNet, as for `BackboneFineTuner`.
    weights : {"imagenet"}, path or None, default="imagenet"
        Weights of the image model, as for `BackboneFineTuner`. None: random, always the same.
    image_size : int or (int, int), default=None
        Height and width, pixels, that the images are resized to inside the network. None:
        as they are, or to 32 (Xception: 71) where they are smaller.
    pooling : {"avg", "max"}, default="avg"
        What of each feature is taken over the places of an image: mean or maximum.

    Attributes
    ----------
    n_features_in_ : int
        Pixels times channels.

    See Also
    --------
    BackboneFineTuner : Trains a head of its own, and the top of the backbone.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skfashion import BackboneFeatures
    >>> from skfashion.datasets import make_images
    >>> X, y = make_images(n_samples=40, n_classes=2, random_state=0)
    >>> features = BackboneFeatures("mobilenet_v2", alpha=0.35, weights=None)
    >>> features.fit_transform(X).shape
    (40, 1280)
    >>> make_pipeline(features, LogisticRegression()).fit(X, y).predict(X).shape
    (40,)
    """

    _parameter_constraints = {
        **BaseImageEstimator._parameter_constraints,
        **OnBackbone._constraints,
        "pooling": [StrOptions({"avg", "max"})],
    }
    _network = staticmethod(networks.features)

    def __init__(
        self,
        backbone: str | Callable[..., Any] = "efficientnet_v2_b0",
        *,
        alpha: float = 1.0,
        weights: hints.PathLike | None = "imagenet",
        image_size: hints.Size | None = None,
        pooling: Literal["avg", "max"] = "avg",
        image_shape: hints.Shape | None = None,
        input_range: hints.PixelRange = "auto",
        dtype_policy: str | None = None,
        memory: hints.MemoryLike = None,
    ) -> None:
        self.backbone = backbone
        self.alpha = alpha
        self.weights = weights
        self.image_size = image_size
        self.pooling = pooling
        self.image_shape = image_shape
        self.input_range = input_range
        self.dtype_policy = dtype_policy
        self.memory = memory

    @in_settings
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: hints.Array, y: Any = None) -> hints.Self:
        """Look at images: their shape and the range of their pixels, and nothing else.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, h * w * c)
            Images: uint8 or float.
        y : ignored
            Present by convention.

        Returns
        -------
        self : object
            The fitted transformer, with the weights of the backbone.

        Raises
        ------
        ValueError
            If images can't be read as such, or there are no such weights.
        OSError
            If the weights can't be read or downloaded.
        """
        _training.prepare_process()
        with unchanged_on_error(self):
            self._see(_checks.check_images(self, X, reset=True), reset=True)
            self.input_range_ = self.input_range_ or "0-255"
            backbone, start = self._backbone_and_start(self.image_shape_, 0)
            network = {
                "image_shape": self.image_shape_,
                "rescaling": self._rescaling(),
                "backbone": backbone,
                "alpha": float(self.alpha),
                "image_size": self._size_of(self.image_shape_),
                "pooling": self.pooling,
            }
            policy = _training.checked_policy(self.dtype_policy)
            key, rates = self._structure(network)
            phase = _training.Phase("features", 1, network, key, {}, rates)
            self._plan = _training.Plan((phase,), 1, policy, 0, 0, start=start.key)
            self._weights = _training.initial_weights(
                self._plan, self._new_network, start.initialize
            )
            self._forget()
            if callable(self.backbone):
                _training.n_frozen(self._plan, self._new_network)  # refuses what is not fixed
        return self

    @in_settings
    def transform(self, X: hints.Array) -> hints.NDArray:
        """Return the features of images.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, h * w * c)
            Images.

        Returns
        -------
        ndarray of shape (n, n_features)
            float32; a DataFrame where `set_output` asks for one.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If the images have another shape than in `fit`.
        """
        check_is_fitted(self)
        _training.prepare_process()
        rows = _training.frozen_rows(
            self._plan,
            self._weights,
            self._see_again(X),
            self._new_network,
            open_store(self.memory),
        )
        return rows.astype(np.float32, copy=False)

    @property
    def _n_features_out(self):
        return _training.n_frozen(self._plan, self._new_network)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
