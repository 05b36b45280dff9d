"""Networks on a backbone: a new head for classes, or features alone."""

import keras
from keras import layers

from skfashion.networks import _backbones
from skfashion.networks import _layers as parts


def _rates(parameters):
    dropout = parameters.get("dropout", 0.0)
    own = _backbones.dropout_rates(parameters["backbone"], parameters.get("unfreeze_from"))
    return (*own, dropout) if dropout else own


# Before, heads began at random, and dropout brought the statistics of batches with it.
_SINCE = ("head from zero",)


@parts.dropout_rates_by(_rates, _SINCE)
def fine_tuned(
    image_shape,
    n_classes,
    *,
    backbone,
    rescaling=(1.0, 0.0),
    augmentation=(),
    alpha=1.0,
    image_size=None,
    unfreeze_from=None,
    dropout=0.0,
    multilabel=False,
):
    """Build a backbone with a new head, frozen below `unfreeze_from`; `pretrain` gives it weights.

    `backbone` is a name of `BACKBONES` or text of `described`; images are resized to `image_size`,
    of None at least as large as the backbone needs them.
    """
    inputs = keras.Input(image_shape, name="pixels")
    x = parts.augmented(parts.rescaled(inputs, *rescaling), augmentation)
    body, x = _backbones.put_on(_as_rgb(x, image_size, backbone), backbone, alpha, "avg")
    names = _backbones.backbone_layers(backbone)
    _backbones.freeze(body, _backbones.unfreeze_index(names, unfreeze_from))
    x = parts.dropped(x, dropout, "average_dropout")
    name = backbone if backbone in _backbones.BACKBONES else "fine_tuned"
    # There are more features than images to tell what to do with them: what a random start adds
    # where the images say nothing would stay in the head.
    outputs = parts.probabilities(x, n_classes, multilabel, kernel_initializer="zeros")
    return keras.Model(inputs, outputs, name=name)


@parts.dropout_rates_by(parts.one_rate, _SINCE)
def mobilenet(image_shape, n_classes, *, version="v2", **parameters):
    """Build a MobileNet with a new head: `fine_tuned`, as MobileNets were called before it."""
    return fine_tuned(image_shape, n_classes, backbone=f"mobilenet_{version}", **parameters)


@parts.dropout_rates_by(lambda parameters: ())
def features(image_shape, *, backbone, rescaling=(1.0, 0.0), alpha=1.0, image_size=None, pooling):
    """Build a frozen backbone without a head, from images to rows; pooling is "avg" or "max"."""
    inputs = keras.Input(image_shape, name="pixels")
    x = _as_rgb(parts.rescaled(inputs, *rescaling), image_size, backbone)
    body, x = _backbones.put_on(x, backbone, alpha, pooling)
    _backbones.freeze(body, None)
    return keras.Model(inputs, layers.Activation("linear", name="features", dtype="float32")(x))


def _as_rgb(x, image_size, backbone):
    """Return images in three channels, and of the size at which a backbone sees them."""
    shape = x.shape[1:]
    smallest = _backbones.known(backbone).smallest
    height, width = image_size or _backbones.backbone_size(shape, smallest)
    if shape[2] == 1:
        x = layers.Concatenate(name="grey_to_rgb")([x, x, x])
    if (height, width) != tuple(shape[:2]):
        x = layers.Resizing(height, width, name="resize")(x)
    return x
