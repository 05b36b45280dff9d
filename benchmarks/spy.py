"""What our side did: steps, epochs, fits and rows counted; its order and start written down.

All looks behind the public names are in this file.
"""

import functools
import os
import time
from dataclasses import dataclass, field

import numpy as np


@dataclass
class Work:
    """What was trained since `watch`.

    Attributes
    ----------
    steps, epochs : int
    orders : list of ndarray
        The order of the images in each epoch; kept on request.
    starts : list of list of ndarray
        The weights each plan began with; kept on request.
    fits : list of dict
        Seconds, epochs, steps and resident bytes after each call of `fit`.
    """

    steps: int = 0
    epochs: int = 0
    orders: list = field(default_factory=list)
    starts: list = field(default_factory=list)
    fits: list = field(default_factory=list)

    def counts(self):
        """Return the counts, with the rows of frozen layers that were computed."""
        from skfashion import _training

        return {
            "steps": self.steps,
            "epochs": self.epochs,
            "rows": _training.features_info()["computed"],
            "traces": _training.programs_info()["traces"],
        }


def watch(*, keep=False, progress=None):
    """Count what skfashion does from now on.

    Parameters
    ----------
    keep : bool
        Whether to keep orders and starts.
    progress : path or None
        A file that gets a line when an epoch begins: its number of steps. What a process
        did before it was killed stands there.

    Returns
    -------
    Work
    """
    from skfashion._training import loops, phases
    from skfashion.classifiers import _base

    work = Work()
    lines = os.open(progress, os.O_WRONLY | os.O_CREAT | os.O_APPEND) if progress else None
    if lines is not None:
        os.write(lines, f"{time.time()}\n".encode())

    def counted(method):
        @functools.wraps(method)
        def train_epoch(self, held, data, order, batch_size):
            steps = -(-len(order) // int(batch_size))
            if lines is not None:
                os.write(lines, f"{steps}\n".encode())
            logs = method(self, held, data, order, batch_size)
            work.steps += steps
            work.epochs += 1
            if keep:
                work.orders.append(np.array(order))
            return logs

        return train_epoch

    for loop in (loops.KerasLoop, *_fast_loops()):
        loop.train_epoch = counted(loop.train_epoch)

    initial = phases.initial_weights

    @functools.wraps(initial)
    def noted(*args, **kwargs):
        weights = initial(*args, **kwargs)
        if keep:
            work.starts.append(list(weights))
        return weights

    phases.initial_weights = noted
    _time_fits(_base.BaseImageClassifier, work)
    return work


def _fast_loops():
    """Return what trains on this backend instead of Keras' own loop."""
    import keras

    if keras.backend.backend() == "jax":
        from skfashion._training.jax_loop import JaxLoop

        return [JaxLoop]
    if keras.backend.backend() != "tensorflow":
        return []
    from skfashion._training.graph import GraphLoop
    from skfashion._training.xla_loop import XlaLoop

    return [GraphLoop, XlaLoop]


def _time_fits(cls, work):
    fit = cls.fit

    @functools.wraps(fit)
    def timed(self, *args, **kwargs):
        before, started = (work.epochs, work.steps), time.perf_counter()
        result = fit(self, *args, **kwargs)
        work.fits.append(
            {
                "seconds": time.perf_counter() - started,
                "epochs": work.epochs - before[0],
                "steps": work.steps - before[1],
                "rss_bytes": resident_bytes(),
            }
        )
        return result

    cls.fit = timed


def resident_bytes():
    """Return the bytes of memory this process holds now, or None where it can't be read."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


def start_ours(*, fused=True):
    """Import all that our side needs, and wake the backend."""
    import skfashion
    from skfashion.classifiers import _scikeras

    if hasattr(_scikeras, "_wrapper_class"):
        _scikeras._wrapper_class()  # imports scikeras
    skfashion.set_config(fused_optimizers=fused)
    wake()
    return skfashion


def wake():
    """Import Keras and run one operation, so that nobody pays for the backend's start."""
    import keras

    keras.ops.convert_to_numpy(keras.ops.zeros(1))
    return keras


def step_of_ours():
    """Return backend and kind of optimizer step, as the table shows it."""
    import keras

    import skfashion
    from skfashion._training import processes

    backend = keras.backend.backend()
    fused = backend == "tensorflow" and skfashion.get_config()["fused_optimizers"]
    if processes.compiles_epochs():
        return {"step": f"{backend}, epochs compiled by XLA"}
    return {"step": f"{backend}, {'fused' if fused else 'Keras own'} step"}
