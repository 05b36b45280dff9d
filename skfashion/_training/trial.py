"""One epoch in a process of its own, to learn whether a training kills its process.

Convolutions that get no memory end the process, without an exception. A process can also be
killed while it trains something harmless, by its user, a scheduler, or the death of a worker
beside it. Nobody can tell these apart afterwards, so a suspect is tried where its death does
no harm.
"""

import contextlib
import os
import pickle
import subprocess
import sys
import threading

import keras
from joblib import wrap_non_picklable_objects

from skfashion._config import get_config, set_config

_COMMAND = "from skfashion._training.trial import _main; _main()"


def survives(plan, data, build, state):
    """Train one epoch elsewhere, and throw away what it ends in.

    Parameters
    ----------
    plan : Plan
        Of one phase.
    data : Data
    build : callable
        As for `skfashion._training.phases.run`.
    state : State
        Where the phase is.

    Returns
    -------
    bool
        False where the process died, or the trial could not be made.
    """
    work = wrap_non_picklable_objects((plan, data, build, state, get_config()), keep_wrapper=False)
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", _COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={
                **os.environ,
                "KERAS_BACKEND": keras.backend.backend(),
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            },
        )
    except OSError:
        return False
    try:
        with contextlib.suppress(OSError):  # it died before it had read all
            pickle.dump(work, process.stdin)
            process.stdin.flush()
        return process.wait() == 0
    except (pickle.PicklingError, AttributeError, TypeError):
        return False  # something of the user's own that can't be sent
    finally:
        process.kill()
        process.wait()
        with contextlib.suppress(OSError):
            process.stdin.close()


def _main():
    from skfashion._training import prepare_process
    from skfashion._training.phases import run

    plan, data, build, state, config = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    set_config(**config)
    prepare_process()
    with contextlib.suppress(Exception):  # which kills nobody, and will be met again
        run(plan, data, build, start=state)
    os._exit(0)  # without waiting for the thread below, or for those of the backend


def _die_with_parent():
    while os.read(0, 1):  # nothing more comes: it ends when the other side is closed
        pass
    os._exit(1)
