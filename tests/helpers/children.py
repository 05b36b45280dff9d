"""Processes to be killed and starved: they begin with everything imported.

A server process imports TensorFlow once and never runs an operation of it; a fork of it is
there in milliseconds, where a new Python needs seconds. Forking what only imported is safe:
the threads that would be missing in the child are started by the first operation.
"""

import ctypes
import multiprocessing
import os
import sys
import traceback

import pytest

PRELOADED = [
    "tensorflow",
    "keras",
    "scikeras.wrappers",
    "sklearn.pipeline",
    "sklearn.model_selection",
    "skfashion.classifiers._scikeras",
    "skfashion._training",
    "skfashion.classifiers",
    "skfashion.datasets",
    "skfashion.inspection",
    "skfashion.preprocessing",
    "psutil",
    "pytest",
]

needs_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="needs fork, SIGKILL and limits as Linux has them"
)


def start(function, *args, connection=None):
    """Start a function of a test module in a process of its own; return the process."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=_run, args=(connection, function, args))
    process.start()
    return process


class Child:
    """A process that computes one result."""

    def __init__(self, function, *args):
        self._connection, other = multiprocessing.Pipe(duplex=False)
        self.process = start(function, *args, connection=other)
        other.close()

    def result(self, timeout=600):
        """Return what the function returned; fail with its traceback, or if it died."""
        if not self._connection.poll(timeout):
            self.process.kill()
            raise AssertionError(f"no result after {timeout} s")
        try:
            worked, result = self._connection.recv()
        except EOFError:
            self.process.join()
            raise AssertionError(f"the process died: {self.process.exitcode}") from None
        self.process.join()
        assert worked, result
        return result


def result_of(function, *args, timeout=600):
    """Return what a function returns in a process of its own."""
    return Child(function, *args).result(timeout)


def resident():
    """Return the bytes that this process holds in memory."""
    import psutil

    return psutil.Process().memory_info().rss


def drop_rights_of_root():
    """Let permissions of files hold in this process whoever runs it."""
    version, itself, none = 0x20080522, 0, (ctypes.c_uint32 * 6)()
    assert ctypes.CDLL(None).capset((ctypes.c_uint32 * 2)(version, itself), none) == 0


def _run(connection, function, args):
    try:
        told = True, function(*args)
    except BaseException:
        told = False, traceback.format_exc()
    if connection is not None:
        connection.send(told)
        connection.close()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0 if told[0] else 1)  # TensorFlow's threads needn't be waited for
