"""Networks, as functions from sizes to uncompiled Keras models.

They know nothing of scikit-learn. Initial weights come from Keras' global random state:
who calls them seeds it.
"""

from skfashion.networks._conv import conv
from skfashion.networks._dense import dense
from skfashion.networks._fine_tuned import features, fine_tuned, mobilenet
from skfashion.networks._layers import AUGMENTATIONS, augmented, rescaled

__all__ = [
    "AUGMENTATIONS",
    "augmented",
    "conv",
    "dense",
    "features",
    "fine_tuned",
    "mobilenet",
    "rescaled",
]
