"""Predictions under load: many threads on one estimator, a million rows at once."""

import resource
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from children import needs_linux, resident, result_of
from estimators import KINDS, small

from skfashion import DenseClassifier
from skfashion.datasets import make_images

N_THREADS, N_CALLS = 8, 40


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize("name", KINDS)
def test_eight_threads_on_one_estimator(name, images, capsys, record_property):
    pytest.importorskip("psutil")
    X, y = images
    # The other one is of the same shape: both are predicted by one program.
    one, other = (small(name, epochs=2, random_state=seed).fit(X, y) for seed in (0, 1))
    parts = [X[i::N_THREADS] for i in range(N_THREADS)]
    expected = {clf: [clf.predict_proba(part) for part in parts] for clf in (one, other)}
    before = {name: id(value) for name, value in vars(one).items()}
    sizes = []
    ready = threading.Barrier(N_THREADS, timeout=300)

    def ask(i):
        for turn in range(N_CALLS):
            if turn == N_CALLS // 4:
                ready.wait()
                if i == 0:
                    sizes.append(resident())
                ready.wait()
            clf, j = other if turn % 4 == 3 else one, (i + turn) % N_THREADS
            np.testing.assert_array_equal(clf.predict_proba(parts[j]), expected[clf][j])

    with ThreadPoolExecutor(N_THREADS) as pool:
        list(pool.map(ask, range(N_THREADS)))
    grown = resident() - sizes[0]
    record_property("predictions", N_THREADS * N_CALLS)
    with capsys.disabled():
        print(
            f"\n{name}: {N_THREADS * N_CALLS} calls by {N_THREADS} threads, {grown / 1e6:+.1f} MB"
        )
    assert {name: id(value) for name, value in vars(one).items()} == before
    assert grown < 3e7


N_ROWS = 1_000_000


def million():
    """Predict a million rows; return bytes in and out, the peak beyond them, and seconds."""
    X, y = make_images(n_samples=300, n_classes=10, image_size=28, random_state=0)
    clf = DenseClassifier(64, epochs=3, random_state=0).fit(X, y)
    expected = clf.predict_proba(X)
    many = np.empty((N_ROWS, 28, 28), np.uint8)
    for i in range(0, N_ROWS, len(X)):
        many[i : i + len(X)] = X[: N_ROWS - i]
    before, started = resident(), time.perf_counter()
    assert peak() < before + 5e7  # so that what is seen next is the prediction's
    found = clf.predict_proba(many)
    seconds, more = time.perf_counter() - started, peak() - before
    for i in range(0, N_ROWS, len(X)):
        np.testing.assert_allclose(
            found[i : i + len(X)], expected[: N_ROWS - i], rtol=1e-5, atol=1e-6
        )
    return many.nbytes, found.nbytes, more, seconds


@needs_linux
def test_a_million_rows(capsys, record_property):
    taken, given, more, seconds = result_of(million)
    record_property("bytes_over_input", more)
    with capsys.disabled():
        print(
            f"\n{N_ROWS:,} rows: {taken / 1e6:.0f} MB in, {given / 1e6:.0f} MB out, "
            f"{more / 1e6:.0f} MB more than the input at most, {seconds:.0f} s"
        )
    assert more < 4 * given + 5e7
