"""What a process trained and wrote, in a file that outlives its being killed."""

import os
from pathlib import Path

INF = float("inf")


class Diary:
    """Reads what `keep_diary` wrote: tuples of words, in the order of their events.

    ==========================  ========================================================
    Line                        Meaning
    ==========================  ========================================================
    ``start``                   a process is about to search
    ``asked  <fit>``            the store is asked what is known of a fit
    ``epoch  <fit> <n>``        an epoch of it begins, n were done before
    ``write``                   a file is about to be written
    ``saves  <fit> <n>``        its state after n epochs is about to be kept
    ``kept   <fit> <n>``        its state after n epochs is in the store
    ``done   <fit>``            its result is in the store
    ==========================  ========================================================

    Each line ends with the number of the process.
    """

    def __init__(self, path):
        self.path = Path(path)

    def read(self):
        try:
            text = self.path.read_text()
        except FileNotFoundError:
            return []
        # A line is written at once; one without an end is none.
        return [tuple(line.split()) for line in text.split("\n")[:-1]]

    def count(self, what):
        return sum(line[0] == what for line in self.read())

    def assert_nothing_known_was_trained(self):
        """Check that nobody trains what he could have known to be in the store.

        Of two processes that train the same at once, the slower may look before the other
        writes, and write after it: an epoch less is in the store then, and is trained again.
        A third that asks before the slower has written may know no more than that either.
        """
        kept, writer, known, saving = {}, {}, {}, {}
        for what, *words, process in self.read():
            fit = words[0] if words else None
            if what == "asked":
                under_way = [n for (_, each), n in saving.items() if each == fit]
                surely = kept.get(fit, 0)
                known[process, fit] = surely if surely == INF else min([surely, *under_way])
            elif what == "saves":
                saving[process, fit] = int(words[1])
            elif what == "epoch":
                assert int(words[1]) >= known.get((process, fit), 0), (fit, words, process)
            elif what == "kept" and saving.pop((process, fit), None) and kept.get(fit) != INF:
                alone = writer.setdefault(fit, process) == process
                kept[fit] = max(kept.get(fit, 0) if alone else 0, int(words[1]))
                writer[fit] = process
            elif what == "done":
                kept[fit] = INF


def keep_diary(path, *, checkpoint_seconds=None):
    """Write the diary of this process from now on."""
    from skfashion._store import Store
    from skfashion._training import phases
    from skfashion._training.runs import Runs

    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(*words):
        os.write(file, (" ".join(map(str, (*words, os.getpid()))) + "\n").encode())

    if checkpoint_seconds is not None:
        phases._CHECKPOINT_SECONDS = checkpoint_seconds
    current = [None]
    trainer = phases._Trainer
    train, epoch = trainer._train, trainer._epoch
    save_state, save_result, write = Runs.save_state, Runs.save_result, Store.write
    result = Runs.result

    def _result(self, key, epochs):
        note("asked", key)
        return result(self, key, epochs)

    def _train(self, program, phase, key, state, guard):
        current[0] = key
        return train(self, program, phase, key, state, guard)

    def _epoch(self, program, loop, phase, state, *args):
        note("epoch", current[0], state.epoch)
        return epoch(self, program, loop, phase, state, *args)

    def _save_state(self, key, state):
        note("saves", key, state.epoch)
        save_state(self, key, state)
        note("kept", key, state.epoch)

    def _save_result(self, key, epochs, state):
        save_result(self, key, epochs, state)
        note("done", key)

    def _write(self, *args):
        note("write")
        return write(self, *args)

    trainer._train, trainer._epoch = _train, _epoch
    Runs.result, Runs.save_state, Runs.save_result = _result, _save_state, _save_result
    Store.write = _write
    note("start")
