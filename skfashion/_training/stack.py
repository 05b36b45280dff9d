"""Fits that train together: those side by side meet at every epoch, and one program trains them.

Knows threads, not epochs: what several fits bring to one, and how it is trained, their loop knows.
"""

import gc
import os
import threading
import time
import traceback
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import zip_longest
from weakref import WeakValueDictionary

import keras
import numpy as np

from skfashion._training import processes
from skfashion._training.keys import array_digest
from skfashion._utils.config import config_context, get_config
from skfashion._utils.context import holding
from skfashion._utils.lazy_images import LazyImages

_AT_MOST, _UNSURE = 64, 16  # fits side by side, where the images' size is known, or not
_TOGETHER = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)  # fits, for which an epoch is compiled
_FIRST = 0.05  # seconds that a fit waits before its first epoch: others may begin with it
_SHORTEST, _LONGEST = 0.05, 1.0  # that fits wait for each other, at least and at most
_ELSEWHERE = object()
_CURRENT = ContextVar("skfashion_meeting", default=None)


def stacks_fits():
    """Tell whether fits side by side are to train together: on accelerators, or where wished."""
    wanted, backend = get_config()["stack_fits"], keras.backend.backend()
    if wanted != "auto":
        return wanted and backend in ("jax", "tensorflow")
    if backend == "jax":
        import jax

        return jax.default_backend() != "cpu"
    return processes.compiles_epochs()


def fits_at_once(nbytes):
    """Return how many fits are to be side by side, on images of so many bytes; 0: not known."""
    # Each has a copy in the host's memory; on the device those of equal images share one.
    if not (nbytes and hasattr(os, "sysconf")):
        return _UNSURE
    half = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return max(1, min(_AT_MOST, half // nbytes))


@contextmanager
def training(loop):
    """In the block, this thread trains by a loop: others wait for it, if it is one that stacks."""
    meeting = _CURRENT.get()
    if meeting is None:
        yield
        return
    with meeting.place(None if loop.stacks and stacks_fits() else _ELSEWHERE):
        yield


def rounds_differently():
    """Tell whether fits of this thread may train with others, and so round otherwise."""
    return _CURRENT.get() is not None and stacks_fits()


def in_own_graphs():
    """Tell whether fits of this thread have other graphs than alone: TensorFlow's without XLA."""
    own = keras.backend.backend() == "tensorflow" and not processes.compiles_epochs()
    return own and rounds_differently()


def resident(loop, *arrays):
    """Return arrays where a loop reads them; fits that train together share equal ones."""
    meeting = _CURRENT.get()
    if meeting is None or not (loop.stacks and stacks_fits()):
        return loop.resident(*arrays)
    return [meeting.resident(loop, array) for array in arrays]


@contextmanager
def together():
    """In the block, find in stores what fits left that trained with others."""
    with config_context(stack_fits=True), Meeting().joined():
        yield


def train(function, work, most, *shape):
    """Call a function with a list of this work and of what other fits of its shape came with."""
    meeting = _CURRENT.get()
    if meeting is None or not stacks_fits():
        function([work])
    else:
        meeting.train(function, work, most, shape)


class Epoch:
    """What a fit brings to an epoch, and gets of it."""

    def __init__(self, places, carry, arrays, alone=None):
        self.places = places  # size, first row and number of batches, one after the other
        self.carry = carry  # what a step makes new: state and metrics
        self.arrays = arrays  # X, y, weights and order
        self.alone = alone  # trains it in another way, if there is one for a fit alone
        self.logs = None


def train_epochs(epochs, train, fetch):
    """Train an epoch of several fits together; those of one remainder share the last batch.

    `train` makes new carries and metrics of carries, arrays and a place; `fetch` gets metrics.
    """
    carries, told = [epoch.carry for epoch in epochs], []
    for places in zip_longest(*(epoch.places for epoch in epochs)):
        for place in dict.fromkeys(filter(None, places)):
            who = [i for i, own in enumerate(places) if own == place]
            # Filled up with the last one again, which is dropped.
            size = next((n for n in _TOGETHER if n >= len(who)), len(who))
            filled = who + who[-1:] * (size - len(who))
            given = [carries[i] for i in filled], [epochs[i].arrays for i in filled]
            trained, logs = train(*given, *place)
            for i, carry in zip(who, trained, strict=False):
                carries[i] = carry
            told.append((who, logs))
    fetched = fetch([logs for _, logs in told])  # waits for all
    for (who, _), logs in zip(told, fetched, strict=True):
        for place, i in enumerate(who):
            own = {name: float(np.ravel(values)[place]) for name, values in logs.items()}
            rate = (epochs[i].logs or own)["learning_rate"]
            epochs[i].logs = {**own, "learning_rate": rate}
    for epoch, carry in zip(epochs, carries, strict=True):
        epoch.carry = carry


class Meeting:
    """Where the threads of one call of joblib come to at each epoch, and wait for each other.

    Whoever trains in a group is expected there, and so is who trains nothing yet. A fit waits
    about as long as an epoch takes; who isn't there then is expected no more until it comes.
    """

    def __init__(self):
        self._changed = threading.Condition()
        self._places = {}  # threads -> the group they train in; None where that is to be seen
        self._groups = WeakValueDictionary()
        self._resident = WeakValueDictionary()
        self._putting = threading.Lock()

    @contextmanager
    def joined(self):
        """In the block, expect this thread."""
        with holding(_CURRENT, self), self.place(None):
            yield

    @contextmanager
    def place(self, place):
        """In the block, have this thread in a place; after it, where it was before."""
        before = self._places.get(threading.get_ident(), _ELSEWHERE)
        self._move(place)
        try:
            yield
        finally:
            self._move(before)

    def _move(self, place):
        with self._changed:
            self._places[threading.get_ident()] = place
            self._changed.notify_all()

    def resident(self, loop, array):
        """Return an array where a loop reads it, the same for all fits as long as one has it."""
        if isinstance(array, LazyImages):
            return array
        key = type(loop), array_digest(array)
        with self._putting:
            found = self._resident.get(key)
            if found is None:
                (found,) = loop.resident(array)
                self._resident[key] = found
            return found

    def train(self, function, work, most, shape):
        """Train with those that come, `most` of them; raise what this work alone has failed by."""
        mine = _Work(work)
        with self._changed:
            key = function, *shape
            group = self._groups.setdefault(key, _Group(function, most))
            self._wait(group, mine)
        if mine is mine.together[0]:
            group.carry_out(mine.together)
        mine.together[0].done.wait()
        if mine.error is not None:
            raise mine.error

    def _wait(self, group, mine):
        """Wait until it is settled who trains together."""
        me, now = threading.get_ident(), time.monotonic()
        if self._places[me] is not group:
            self._places[me], group.opens = group, now + _FIRST
        group.waiting[me] = mine
        group.closes = now + min(max(group.seconds, _SHORTEST), _LONGEST)
        self._changed.notify_all()
        while mine.together is None:
            expected = [
                thread
                for thread, place in self._places.items()
                if place in (None, group) and thread not in group.waiting
            ]
            left = (group.closes if expected else group.opens) - time.monotonic()
            if left > 0:
                self._changed.wait(left)
                continue
            self._places.update(dict.fromkeys(expected, _ELSEWHERE))
            group.close()
            self._changed.notify_all()


class _Work:
    """What one fit comes with to an epoch."""

    def __init__(self, given):
        self.given = given
        self.together = self.error = None
        self.done = threading.Event()


class _Group:
    """Fits of one shape, whose epochs one function trains together."""

    def __init__(self, function, most):
        self.waiting = {}  # threads -> work
        self.opens = self.closes = 0.0  # no sooner, with nobody expected, and no later
        self.seconds = _LONGEST  # that the last epoch took
        self._function = function
        self._most = most

    def close(self):
        """Settle who trains together."""
        waiting = list(self.waiting.values())
        self.waiting.clear()
        for start in range(0, len(waiting), self._most):
            together = waiting[start : start + self._most]
            for work in together:
                work.together = together

    def carry_out(self, together):
        """Train an epoch of each, and let them go on."""
        started = time.monotonic()
        try:
            self._carry_out(together)
        finally:
            self.seconds = time.monotonic() - started
            together[0].done.set()

    def _carry_out(self, together):
        """Train epochs as one; in halves where that fails, down to one that fails alone."""
        try:
            self._function([work.given for work in together])
            return
        except Exception as error:
            if len(together) == 1:
                together[0].error = error
                return
            traceback.clear_frames(error.__traceback__)  # they hold what took the memory
        gc.collect()
        half = len(together) // 2
        self._most = min(self._most, len(together) - half)
        self._carry_out(together[:half])
        self._carry_out(together[half:])
