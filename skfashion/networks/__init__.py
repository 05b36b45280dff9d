"""Networks, as functions from sizes to uncompiled Keras models.

Who calls them seeds Keras' global random state, which initial weights come from.
"""

from skfashion.networks._conv import conv
from skfashion.networks._dense import dense
from skfashion.networks._fine_tuned import features, fine_tuned, mobilenet
from skfashion.networks._layers import AUGMENTATIONS, augmented, rescaled
