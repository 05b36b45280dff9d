"""What the tests of the store share: its files, and rows to put in."""

import numpy as np


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
