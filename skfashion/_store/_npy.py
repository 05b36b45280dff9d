"""The bytes of a file: ``.npy`` blocks, the first of which is a JSON head.

Headers are written and compared here, not parsed by NumPy: nothing of a file is
interpreted before its checksum has been found right, and no memory is taken
before the sizes are known to fit the file.
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
    """Check that values of a type are nothing but their bytes.

    Parameters
    ----------
    dtype : dtype-like
        Numbers, bools, dates or text of fixed length, in any byte order.

    Returns
    -------
    numpy.dtype

    Raises
    ------
    TypeError
        For objects, records and types that NumPy knows by an extension only.
    """
    dtype = np.dtype(dtype)
    if dtype.kind not in "biufcmMSU" or np.dtype(dtype.str) != dtype or not dtype.itemsize:
        raise TypeError(
            f"arrays of dtype {dtype!r} can't be stored: only numbers, bools, dates and text of "
            "fixed length can. Convert the array first, or look at it as bytes with .view()."
        )
    return dtype


def header(shape, dtype, fortran=False):
    """Return the header of a ``.npy`` block (version 1.0).

    Parameters
    ----------
    shape : tuple of int
        Of the array.
    dtype : numpy.dtype
        Of the array.
    fortran : bool, default=False
        Whether the first axis varies fastest.

    Returns
    -------
    bytes
    """
    text = f"{{'descr': {dtype.str!r}, 'fortran_order': {fortran}, 'shape': {shape!r}, }}"
    width = -(len(text) + 11) % 64 + len(text) + 1  # with the ten bytes before: 64 times n
    return b"\x93NUMPY\x01\x00" + width.to_bytes(2, "little") + f"{text:<{width - 1}}\n".encode()


def raw(array):
    """Look at an array's bytes, in the order they have in memory if that is simple.

    Parameters
    ----------
    array : numpy.ndarray
        Of a plain type.

    Returns
    -------
    numpy.ndarray
        One axis of uint8. A copy only if the array isn't contiguous.
    """
    if not array.flags.c_contiguous:
        array = array.T if array.flags.f_contiguous else array.copy(order="C")
    return array.reshape(-1).view(np.uint8)


def is_fortran(array):
    """Tell whether `raw` gives an array's bytes with the first axis fastest.

    Parameters
    ----------
    array : numpy.ndarray
        Of any type.

    Returns
    -------
    bool
    """
    return bool(array.flags.f_contiguous and not array.flags.c_contiguous)


def block_size(shape, dtype, fortran=False):
    """Return the size of a block in a file.

    Parameters
    ----------
    shape, dtype, fortran
        As for `header`.

    Returns
    -------
    int
    """
    return len(header(shape, dtype, fortran)) + math.prod(shape) * dtype.itemsize


def head(content):
    """Return the first block of a file.

    Parameters
    ----------
    content : dict
        Whatever JSON can express; floats come back exactly, nan and infinities too.

    Returns
    -------
    bytes
    """
    body = json.dumps(content, separators=(",", ":")).encode("ascii")
    text = checksum(body).hex().encode("ascii") + b"\n" + body
    return header((len(text),), np.dtype(np.uint8)) + text


def read_head(file, size):
    """Read the first block of a file.

    Parameters
    ----------
    file : binary file
        At its beginning.
    size : int
        The size of the file.

    Returns
    -------
    content : dict
    end : int
        Where the next block begins.

    Raises
    ------
    DamageError
        If it isn't what `head` wrote.
    """
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
        raise DamageError("its head is no JSON") from error
    if not isinstance(content, dict):
        raise DamageError("its head is no JSON object")
    return content, end


def parse_layout(shape, dtype):
    """Check the shape and dtype that a head states.

    Parameters
    ----------
    shape : object
        Should be a list of sizes.
    dtype : object
        Should be the text of a plain type.

    Returns
    -------
    shape : tuple of int
    dtype : numpy.dtype

    Raises
    ------
    DamageError
        If they aren't.
    """
    try:
        if not all(type(n) is int and 0 <= n < 2**62 for n in shape) or len(shape) > 32:
            raise ValueError(shape)
        return tuple(shape), plain_dtype(str(dtype))
    except (TypeError, ValueError, OverflowError, SyntaxError) as error:
        raise DamageError("its head states no valid shape and dtype") from error
