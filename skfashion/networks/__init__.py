"""Networks, as functions from sizes to uncompiled Keras models.

They know nothing of scikit-learn. Initial weights come from Keras' global random state:
who calls them seeds it.
"""

from skfashion.networks._conv import conv
from skfashion.networks._dense import dense
from skfashion.networks._layers import AUGMENTATIONS, augmented, rescaled
from skfashion.networks._mobilenet import mobilenet

__all__ = ["AUGMENTATIONS", "augmented", "conv", "dense", "mobilenet", "rescaled"]
