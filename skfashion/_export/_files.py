"""Bytes of JPEG and PNG files to pixels, as `ImageReader` reads them, in TensorFlow alone."""

import tensorflow as tf

_BITS = 22  # Pillow multiplies bytes by weights in units of 2**-22
_GREY = (0.299, 0.587, 0.114)


def pixels_of_files(files, shape, resize):
    """Return uint8 pixels of a shape for a vector of files; a transparent PNG lies on white."""
    return tf.map_fn(
        lambda file: _pixels(file, shape, resize),
        files,
        fn_output_signature=tf.TensorSpec(shape, tf.uint8),
    )


def _pixels(file, shape, resize):
    is_png = tf.strings.substr(file, 0, 4) == b"\x89PNG"
    image = tf.cond(is_png, lambda: _png(file), lambda: _jpeg(file))
    height, width = shape[:2]
    image.set_shape((None, None, 3))
    image = _fitted(image, height, width, resize)
    if shape[2] == 1:
        image = tf.round(tf.tensordot(image, tf.constant(_GREY, tf.float64), 1))[..., tf.newaxis]
    return tf.ensure_shape(tf.cast(image, tf.uint8), shape)


def _jpeg(file):
    image = tf.io.decode_jpeg(file, channels=3, dct_method="INTEGER_ACCURATE")
    return tf.cast(image, tf.float64)


def _png(file):
    image = tf.cast(tf.io.decode_png(file, channels=4), tf.float64)
    opacity = image[..., 3:] / 255
    return tf.round(image[..., :3] * opacity + 255 * (1 - opacity))


def _fitted(image, height, width, resize):
    sides = tf.cast(tf.shape(image)[:2], tf.float64)
    wanted = tf.constant((height, width), tf.float64)
    start, extent = tf.zeros(2, tf.float64), sides
    if resize == "crop":
        extent = wanted * tf.reduce_min(sides / wanted)
        start = (sides - extent) / 2
    inner = wanted
    if resize == "pad":
        inner = tf.maximum(tf.round(sides * tf.reduce_min(wanted / sides)), 1.0)
    image = _along(image, 1, inner[1], start[1], extent[1])
    image = _along(image, 0, inner[0], start[0], extent[0])
    if resize == "pad":
        inner = tf.cast(inner, tf.int32)
        image = tf.image.pad_to_bounding_box(
            image, (height - inner[0]) // 2, (width - inner[1]) // 2, height, width
        )
    return image


def _along(image, axis, n_out, start, extent):
    """Resize (h, w, c) bytes along an axis as Pillow does, bilinear, from `start` on."""
    n_in = tf.shape(image)[axis]
    scale = extent / n_out
    reach = tf.maximum(scale, 1.0)
    centers = start + (tf.range(n_out, dtype=tf.float64) + 0.5) * scale
    pixels = tf.range(tf.cast(n_in, tf.float64), dtype=tf.float64) + 0.5
    weights = tf.maximum(1 - tf.abs(pixels - centers[:, tf.newaxis]) / reach, 0.0)
    weights /= tf.reduce_sum(weights, axis=1, keepdims=True)
    units = tf.round(weights * 2**_BITS)
    spec = "ow,hwc->hoc" if axis == 1 else "oh,hwc->owc"
    total = tf.einsum(spec, units, image)
    return tf.clip_by_value(tf.floor(total / 2**_BITS + 0.5), 0, 255)
