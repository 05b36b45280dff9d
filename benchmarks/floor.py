"""The least there is to compute: multiplications and additions of a network.

Counted are Dense, Conv2D and DepthwiseConv2D, a multiplication and an addition each two
operations. Training takes three times a prediction: forward, gradient of the input,
gradient of the weights. The rest (normalisation, activations, the optimizer) is left out,
so the floor is a little lower than it could be.
"""

import math

TRAIN = 3


def macs(model):
    """Return the multiply-adds of one image in a Keras model, layer by layer.

    Parameters
    ----------
    model : keras.Model
        Functional, built.

    Returns
    -------
    dict of str to int
    """
    from keras import layers

    counts = {}
    for layer in model.layers:
        if isinstance(layer, layers.DepthwiseConv2D):
            height, width, channels = layer.output.shape[1:]
            counts[layer.name] = height * width * channels * math.prod(layer.kernel_size)
        elif isinstance(layer, (layers.Conv2D, layers.Dense)):
            # Every output position and channel is a sum over one column of the kernel.
            kernel = layer.kernel.shape
            positions = math.prod(layer.output.shape[1:-1])
            counts[layer.name] = positions * math.prod(kernel)
    return counts


def networks(*specs):
    """Return the multiply-adds of networks of ours.

    Parameters
    ----------
    *specs : dict
        `network` (name of a function in skfashion.networks) and its arguments.

    Returns
    -------
    list of dict
        `forward`: of the whole network; `trainable`: of the layers that are trained.
    """
    from benchmarks.harness import Side, finish, start

    return finish(start("floor", Side("networks"), {"specs": list(specs)}))["networks"]


def flops(macs_an_image, images, *, train=False):
    """Return the operations for a number of images, predicted or trained on."""
    return 2 * macs_an_image * images * (TRAIN if train else 1)
