"""Work in a process of its own, to learn whether it kills its process.

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
from multiprocessing.spawn import get_executable
from pathlib import Path

import keras
from joblib import wrap_non_picklable_objects

from skfashion._training.processes import prepare_process, worker_number
from skfashion._utils.config import get_config, set_config

_COMMAND = "from skfashion._training.trial import _main; _main()"


def survives(work):
    """Do some work elsewhere, and throw away what it ends in.

    Parameters
    ----------
    work : callable
        Called without arguments; with closures, it can be sent as well.

    Returns
    -------
    bool
        False where the process died, or the trial could not be made.
    """
    if getattr(sys, "frozen", False):
        return False  # a program that carries its Python within: started again, it is no Python
    parcel = (work, get_config(), worker_number())
    parcel = wrap_non_picklable_objects(parcel, keep_wrapper=False)
    try:
        process = subprocess.Popen(
            [get_executable(), "-c", _COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={
                **os.environ,
                "KERAS_BACKEND": keras.backend.backend(),
                "PYTHONPATH": os.pathsep.join(p for p in sys.path if p and isinstance(p, str)),
                # What is free on a GPU is not all for this one.
                "TF_FORCE_GPU_ALLOW_GROWTH": "true",
                "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
            },
        )
    except (OSError, TypeError, ValueError):
        return False  # no Python to be started
    try:
        with contextlib.suppress(OSError):  # it died before it had read all
            pickle.dump(parcel, process.stdin)
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
    with contextlib.suppress(OSError):  # Linux only
        # Where memory is short, this one is to go, and not who waits for it.
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    work, config, worker = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    set_config(**config)
    prepare_process(worker)
    with contextlib.suppress(Exception):  # which kills nobody, and will be met again
        work()
    os._exit(0)  # without waiting for the thread below, or for those of the backend


def _die_with_parent():
    while os.read(0, 1):  # nothing more comes: it ends when the other side is closed
        pass
    os._exit(1)
