"""What an estimator needs that stands on a backbone: its size, its start, its pixels."""

import os
from functools import partial
from hashlib import blake2b
from numbers import Integral, Real

from skfashion import _training
from skfashion._training import Start
from skfashion._utils.images import size_of
from skfashion._utils.messages import shown
from skfashion._utils.validation import HasMethods, Interval, StrOptions
from skfashion.classifiers._common import ScalesPixels
from skfashion.networks import _backbones


class OnBackbone(ScalesPixels):
    """Mixin of estimators with `backbone`, `alpha`, `weights` and `image_size`."""

    _constraints = {
        **ScalesPixels._range_constraint,
        "backbone": [StrOptions({*_backbones.BACKBONES}), callable],
        "alpha": [Interval(Real, 0, None, closed="neither")],
        "weights": [str, HasMethods("__fspath__"), None],
        "image_size": [Interval(Integral, 32, None, closed="left"), "array-like", None],
    }
    _sees_neighbours = True

    @property
    def _backbone(self):
        """Name of the backbone, or the function that makes it."""
        return self.backbone

    @property
    def _spec(self):
        return _backbones.known(self._backbone)

    @property
    def _black_and_white(self):
        return self._spec.black_and_white

    def _fetch(self):
        if self.weights == "imagenet" and isinstance(self._backbone, str):
            _backbones.imagenet_weights(self._backbone, self.alpha)

    def _size_of(self, image_shape):
        """Return the height and width, pixels, at which the backbone sees images."""
        if image_shape[2] == 4:
            raise ValueError(
                f"{type(self).__name__} sees 1 or 3 channels, and images of shape {image_shape} "
                "have 4: drop the last one, X[..., :3]."
            )
        smallest = self._spec.smallest
        if self.image_size is None:
            return _backbones.backbone_size(image_shape, smallest)
        size = size_of(self.image_size, "image_size")
        if min(size) < smallest:
            raise ValueError(
                f"image_size={shown(self.image_size)} is too small for "
                f"{self._spec.model or 'a backbone'}: give {smallest} or more for height and width."
            )
        return size

    def _backbone_and_start(self, image_shape, seed):
        """Return what stands for the backbone in a plan, and what it starts from."""
        backbone, weights = self._backbone, self.weights
        if self.alpha != 1 and not self._spec.widths:
            raise ValueError(
                f"alpha={self.alpha} is the width of a MobileNet, and backbone={shown(backbone)} "
                "has one width: leave alpha at 1.0."
            )
        key = str(weights)
        if weights not in ("imagenet", None):
            # By content: the same file elsewhere is the same start, another file is not.
            key, weights = _digest_of_file(weights), os.fspath(weights)
        if callable(backbone):
            with _training.build_scope(seed, _training.checked_policy(self.dtype_policy)):
                backbone, own = _backbones.described(
                    backbone, self._size_of(image_shape), _training.write_down_statistics
                )
            if weights in ("imagenet", None):
                own = _training.to_arrays(own)
                key, weights = _training.weights_digest(own), own
        settings = {"backbone": backbone, "alpha": float(self.alpha), "weights": weights}
        return backbone, Start(key, initialize=partial(_backbones.pretrain, **settings))


def _digest_of_file(path):
    try:
        with open(path, "rb") as file:
            return blake2b(file.read(), digest_size=16).hexdigest()
    except OSError as error:
        raise type(error)(
            f"weights={shown(str(path))} can't be read ({error.strerror}): give 'imagenet', None, "
            "or the path of a .weights.h5 file."
        ) from None
