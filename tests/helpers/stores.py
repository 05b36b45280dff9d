"""What the tests of the store share: its files, and rows to put in."""

import contextlib
import os
import time

import numpy as np


def rows_of(store, namespace="ns", shape=(3, 4), dtype="float32"):
    return store.rows("features", namespace, shape=shape, dtype=dtype)


def raising(error):
    """Return a function that raises an exception, whatever it is given."""

    def fails(*args, **kwargs):
        raise error

    return fails


class Written(contextlib.AbstractContextManager):
    """A file of the store; a function is given it, and the bytes, whenever it is written."""

    def __init__(self, file, write):
        self._file, self._write = file, write
        self.close = file.close

    def __exit__(self, *exception):
        self.close()

    def write(self, data):
        self._write(self._file, bytes(data))
        return memoryview(data).nbytes


def files(store):
    return sorted(path for path in store.path.rglob("*") if path.is_file())


def make_rows(n, shape=(3, 4), dtype="float32"):
    rng = np.random.default_rng(0)
    keys = [rng.bytes(16) for _ in range(n)]
    return keys, rng.integers(0, 100, (n, *shape)).astype(dtype)


def assert_same(found, expected):
    assert found.dtype.str == expected.dtype.str
    assert found.shape == expected.shape
    assert found.tobytes() == expected.tobytes()


def as_on_a_network_folder(rng, delay):
    """Let renaming and listing take their time in this process, and a listing be an old one."""

    def slow(function):
        def call(*args):
            time.sleep(rng.uniform(0, delay))
            found = function(*args)
            time.sleep(rng.uniform(0, delay))
            return found

        return call

    if delay:
        os.replace, os.scandir = slow(os.replace), slow(os.scandir)
