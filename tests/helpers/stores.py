"""What the tests of the store share: its files, and rows to put in."""

import time

import numpy as np


def rows_of(store, namespace="ns"):
    return store.rows("features", namespace, shape=(3, 4), dtype="float32")


def raising(error):
    """Return a function that raises an exception, whatever it is given."""

    def fails(*args, **kwargs):
        raise error

    return fails


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


def slow(function, rng, delay):
    """Return a function that takes its time, as on a network folder."""

    def call(*args):
        time.sleep(rng.uniform(0, delay))
        found = function(*args)
        time.sleep(rng.uniform(0, delay))
        return found

    return call
