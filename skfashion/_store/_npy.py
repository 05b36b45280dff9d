"""The bytes of a file: ``.npy`` blocks, the first of which is a JSON head.

Headers are compared, not parsed: before its checksum is right nothing of a file is interpreted.
"""

import json
import math
import re

import numpy as np

from ._files import DamageError, checksum, fill

_HEAD = re.compile(
    rb"\x93NUMPY\x01\x00v\x00"
    rb"\{'descr': '\|u1', 'fortran_order': False, 'shape': \((\d{1,9}),\), \} *\n"
)
_HEAD_SIZE = 128


def plain_dtype(dtype):
    """Return a dtype, if its values are nothing but their bytes."""
    dtype = np.dtype(dtype)
    if dtype.kind not in "biufc" or np.dtype(dtype.str) != dtype:
        raise TypeError(f"arrays of dtype {dtype!r} can't be stored: only numbers and bools can.")
    return dtype


def header(shape, dtype):
    """Return the header of a ``.npy`` block (version 1.0)."""
    text = f"{{'descr': {dtype.str!r}, 'fortran_order': False, 'shape': {shape!r}, }}"
    width = -(len(text) + 11) % 64 + len(text) + 1  # with the ten bytes before: 64 times n
    return b"\x93NUMPY\x01\x00" + width.to_bytes(2, "little") + f"{text:<{width - 1}}\n".encode()


def raw(array):
    """Look at the bytes of an array in C order, as one axis of uint8."""
    return array.reshape(-1).view(np.uint8)


def block_size(shape, dtype):
    """Return the size of a block in a file."""
    return len(header(shape, dtype)) + math.prod(shape) * dtype.itemsize


def head(content):
    """Return the first block of a file: what JSON can express, floats to the last bit."""
    body = json.dumps(content, separators=(",", ":")).encode("ascii")
    text = checksum(body).hex().encode("ascii") + b"\n" + body
    return header((len(text),), np.dtype(np.uint8)) + text


def read_head(file, size):
    """Return the dict that `head` wrote into a file, and where the next block begins."""
    match = _HEAD.fullmatch(file.read(_HEAD_SIZE))
    if match is None:
        raise DamageError("it doesn't begin like a file of the store")
    end = _HEAD_SIZE + int(match[1])
    if end > size:
        raise DamageError("it ends too soon")
    text = bytearray(end - _HEAD_SIZE)
    fill(file, text)
    told, _, body = bytes(text).partition(b"\n")
    if checksum(body).hex().encode("ascii") != told:
        raise DamageError("the checksum of its head is wrong")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise DamageError("its head isn't JSON") from error
    if not isinstance(content, dict):
        raise DamageError("its head isn't a JSON object")
    return content, end


def parse_layout(shape, dtype):
    """Return the shape and dtype that a head states, as a tuple of int and a NumPy dtype."""
    try:
        if not all(type(n) is int and 0 <= n < 2**62 for n in shape) or len(shape) > 32:
            raise ValueError(shape)
        return tuple(shape), plain_dtype(str(dtype))
    except (TypeError, ValueError, OverflowError, SyntaxError) as error:
        raise DamageError("its head states no valid shape and dtype") from error
