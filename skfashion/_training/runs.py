"""Finished and half-done trainings on disk.

A stage is one phase of a plan on its data. For each there is the furthest state that was
reached, from which it can go on (Shin et al., "Hippo", PVLDB 2022, call the tree of such
stages a stage tree), and what it ended in for every number of epochs that was asked for.
"""

import json
import threading
import time
from dataclasses import dataclass, field
from weakref import WeakSet

import numpy as np

from skfashion._store import RESULTS, SHARED, STATES
from skfashion._training.keys import digest
from skfashion._utils.warnings import warn

_SAVING = threading.Lock()
_LOOKED_AT = WeakSet()  # stores of this process, for what an older version left in them


def result_key(key, epochs):
    """Return the key of what a stage of that many epochs ends in."""
    return digest(key, epochs)


@dataclass
class State:
    """Where a training is after an epoch."""

    weights: list  # of the whole network
    history: list = field(default_factory=list)  # a dict an epoch, over all phases
    seconds: list = field(default_factory=list)  # that each epoch took when it was trained
    epoch: int = 0  # epochs done in this phase
    slots: list | None = None  # of the optimizer
    seeds: list | None = None  # of random layers
    best_score: float = -np.inf  # best validation score so far, the negative of a loss
    best_weights: list | None = None  # or, of a training under way, what fetches them
    waited: int = 0  # epochs since the best score last rose
    stopped: bool = False  # whether early stopping ended the phase


class Runs:
    """The trainings of one plan in a store; initial weights are left out of its files."""

    def __init__(self, store, initial, about):
        self._store = store
        self._initial = initial
        self._about = about

    def tell_of_older(self):
        """Say once a process of a folder that fits that 0.1.0 kept in it are not found."""
        if self._store in _LOOKED_AT:
            return
        _LOOKED_AT.add(self._store)
        first = next(iter(self._store.entries(RESULTS)), None)
        meta = None if first is None else self._store.meta(RESULTS, first.key)
        if meta is not None and "epochs_asked" not in meta:
            warn(
                f"The folder {str(self._store.path)!r} has fits of skfashion 0.1.0, which this "
                "version lists but doesn't find: they are trained again. "
                "skfashion.inspection.prune_runs(folder, max_bytes=0) empties the folder."
            )

    def result(self, key, epochs):
        """Return the state in which a stage of that many epochs ended, or None."""
        return self._read(RESULTS, result_key(key, epochs))

    def furthest(self, key, epochs):
        """Return the last known state of a stage that is not past that epoch, or None."""
        known = self._store.meta(STATES, key)
        if known is None or known["epoch"] > epochs:
            return None
        state = self._read(STATES, key)
        return state if state is not None and state.epoch <= epochs else None

    def save_state(self, key, state):
        """Keep a state to go on from, unless there is a further one, whoever saved it."""
        with _SAVING:
            known = self._store.meta(STATES, key)
            if known is None or known["epoch"] <= state.epoch:
                self._write(STATES, key, state)

    def save_result(self, key, epochs, state):
        """Keep what a stage of that many epochs ended in."""
        self._write(RESULTS, result_key(key, epochs), state)

    def share_result(self, key, epochs):
        """Write that this fit ended in a known result, if that was a fit of other parameters.

        A parameter may be idle, as a rate for fine-tuning is where nothing is unfrozen.
        """
        key = result_key(key, epochs)
        known = self._store.meta(RESULTS, key)
        if known is not None and {**known, **self._about} != known:
            own = digest(key, json.dumps(self._about, sort_keys=True))
            self._store.put(SHARED, own, {**self._about, "result": key})

    def _read(self, kind, key):
        entry = self._store.get(kind, key)
        if entry is None:
            return None
        meta, arrays = entry.meta, entry.arrays
        weights = list(self._initial)
        best = None if meta["best"] is None else list(self._initial)
        for i in meta["changed"]:
            weights[i] = arrays[f"weights_{i}"]
        for i in meta["best"] or ():
            best[i] = arrays[f"best_{i}"]
        return State(
            weights=weights,
            history=meta["history"],
            seconds=meta["seconds"],
            epoch=meta["epoch"],
            slots=_listed(arrays, "slots", meta["n_slots"]),
            seeds=_listed(arrays, "seeds", meta["n_seeds"]),
            best_score=meta["best_score"],
            best_weights=best,
            waited=meta["waited"],
            stopped=meta["stopped"],
        )

    def _write(self, kind, key, state):
        result = kind == RESULTS
        changed, best = self._changed(state.weights), None
        arrays = {f"weights_{i}": state.weights[i] for i in changed}
        if state.best_weights is not None and not result:
            best = self._changed(state.best_weights)
            arrays |= {f"best_{i}": state.best_weights[i] for i in best}
        for name in () if result else ("slots", "seeds"):
            arrays |= {f"{name}_{i}": a for i, a in enumerate(getattr(state, name) or ())}
        meta = {
            **self._about,
            "history": state.history,
            "seconds": state.seconds,
            "when": time.time(),
            "epoch": state.epoch,
            "changed": changed,
            "best": best,
            "n_slots": None if result or state.slots is None else len(state.slots),
            "n_seeds": None if result or state.seeds is None else len(state.seeds),
            "best_score": state.best_score,
            "waited": state.waited,
            "stopped": state.stopped,
        }
        self._store.put(kind, key, meta, arrays)

    def _changed(self, weights):
        return [
            i for i, (a, b) in enumerate(zip(weights, self._initial, strict=True)) if a is not b
        ]


def _listed(arrays, name, n):
    return None if n is None else [arrays[f"{name}_{i}"] for i in range(n)]
