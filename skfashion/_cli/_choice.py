"""Which model is trained on a folder of images, and at which size, where nobody says."""

import os
import tempfile
import urllib.request

import numpy as np
from rich.filesize import decimal

from skfashion._cli._console import note
from skfashion._utils.image_files import sides_of

# In smaller images MobileNet, which was trained at 224 x 224, finds too little.
_LEAST_SIDE = 64
_LARGE_SIDE = 160
_SIZES = (224, 192, 160, 128, 96)
_MOST_BYTES = 3 << 29  # 1.5 GiB

_WEIGHTS = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{}_224_no_top.h5"
_ADDRESS = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
_SECONDS = 10


def choose(arguments, data):
    """Return which model and which size, None for the model's own, and say why."""
    model, size = arguments.model, arguments.size
    if not data.files:
        return model or "dense", size
    side, why = _shorter_side(data.X), ""
    if model is None:
        model = "mobilenet" if side >= _LEAST_SIDE else "conv"
        why = f" (mobilenet from {_LEAST_SIDE} on, conv below)"
    if model == "mobilenet" and not _weights_are_at_hand(arguments.alpha) and not arguments.model:
        model = "conv"
        why = (
            ", but ImageNet weights for mobilenet are neither in Keras' cache nor within reach. "
            "With them a few photos a class get far more right: connect once, and run this again"
        )
    at_size = ""
    if model in ("mobilenet", "backbone") and size is None:
        n_images = len(data.X) + len(data.X_test)
        wanted, size = _sizes(side, n_images)
        at_size = f" at {size} x {size}"
        if size < wanted:
            why += f"; at {wanted} x {wanted} {n_images:,} images would take more than 1.5 GiB"
        elif size < _SIZES[0]:
            why += f"; a larger --size, up to {_SIZES[0]}, takes longer and may get more right"
    if why or at_size:
        print(
            f"Model {model}{at_size}: the images' shorter side is {side} pixels in the median{why}."
        )
    return model, size


def _shorter_side(names):
    """Return the median of the shorter sides of images, of a thousand where there are more."""
    return int(np.median(sides_of(names[:: -(-len(names) // 1000)])[:, 0]))


def _sizes(side, n_images):
    """Return the size that suits images, and the one that their number leaves room for."""
    wanted = _SIZES[0] if side >= _LARGE_SIDE else max(s for s in _SIZES if s <= max(side, 96))
    fitting = [s for s in _SIZES if s <= wanted and n_images * s * s * 3 <= _MOST_BYTES]
    return wanted, max(fitting, default=_SIZES[-1])


def _weights_are_at_hand(alpha):
    """Whether ImageNet weights can be had; asks before Keras, which takes seconds, is imported."""
    name = _WEIGHTS.format(float(alpha or 0.35))
    home = os.path.expanduser(os.environ.get("KERAS_HOME") or os.path.join("~", ".keras"))
    # Keras' other folder is for those who may not write in the first.
    for folder in (home, os.path.join(tempfile.gettempdir(), ".keras")):
        if os.path.exists(os.path.join(folder, "models", name)):
            return True
    size = _size_there(_ADDRESS + name)
    if size is None:
        return False
    note(f"Downloading ImageNet weights of MobileNetV2 to {home} ({decimal(size)}) ...")
    return True


def _size_there(address):
    """Return how many bytes an address has; None if it can't be reached."""
    try:
        request = urllib.request.Request(address, method="HEAD")
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            return int(answer.headers["Content-Length"])
    except (OSError, TypeError, ValueError):
        return None
