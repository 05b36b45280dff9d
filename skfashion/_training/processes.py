"""What a process has to see to before its backend starts, and what its threads have set.

In the main process cores, devices and memory are the user's to arrange: all that is done here
is for workers of joblib and Dask.
"""

import functools
import multiprocessing
import os
import re
import sys
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import islice

import joblib
import keras
from keras.src.backend.common import global_state

from skfashion._utils.lazy_images import ahead
from skfashion._utils.warnings import warn

# What Keras keeps for each thread of what a user may have set.
_OF_THREAD = ("dtype_policy", "custom_objects_scope_dict", "distribution")
_STARTED_IN = None  # number of the process in which the backend was started by us


def prepare_process():
    """Give a worker its share of cores and devices; refuse a process that was forked.

    Before the first operation of a fit or prediction; all calls but the first do nothing.
    """
    global _STARTED_IN
    here = os.getpid()
    if here == _STARTED_IN:
        return
    if _STARTED_IN is not None:
        raise RuntimeError(
            f"this process was forked from one in which {keras.backend.backend()} had been "
            "started by a fit or a prediction, and would hang. With joblib use its default "
            "backend, loky, or 'threading', not 'multiprocessing'; with multiprocessing the "
            "context 'spawn'; with gunicorn or os.fork load the model before the fork, and "
            "predict first after it, in the child."
        )
    _STARTED_IN = here
    worker = worker_number()
    if worker is None:
        return
    if keras.backend.backend() == "tensorflow":
        _prepare_tensorflow(worker)
    elif keras.backend.backend() == "jax":
        _prepare_jax(worker)


def worker_number():
    """Return which worker of a pool this process is, from 0, or None outside of pools."""
    loky = re.fullmatch(r"LokyProcess-(\d+)(:\d+)?", multiprocessing.current_process().name)
    if loky:
        return int(loky[1]) - 1
    if "distributed.worker" in sys.modules:
        worker = sys.modules["distributed.worker"]
        try:
            name = str(worker.get_worker().name)
        except ValueError:  # the process that holds the client
            return None
        number = re.search(r"(\d+)$", name)
        return int(number[1]) if number else 0
    return None


def has_idle_cores():
    """Tell whether one fit leaves cores of this machine idle: TensorFlow on a CPU."""
    if keras.backend.backend() != "tensorflow" or joblib.cpu_count() < 2:
        return False
    import tensorflow as tf

    return not tf.config.get_visible_devices("GPU")


def compiles_epochs():
    """Tell whether TensorFlow is to compile epochs with XLA: on a GPU, where it pays.

    On every CPU tried that was 2 to 60 times slower.
    """
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf
    from tensorflow.python.eager import context
    from tensorflow.python.framework.config import is_op_determinism_enabled

    if is_op_determinism_enabled() or not tf.config.get_visible_devices("GPU"):
        return False  # XLA knows not all operations deterministically; Keras leaves it then
    return "CPU" not in (context.context().device_name or "").upper()


def on_all_cores(function, items):
    """Yield what a function returns for each item, several at once where one leaves cores idle.

    So it does where TensorFlow has fewer threads an operation than there are cores.
    """
    items = iter(items)
    yield from map(function, islice(items, 1))  # alone: it may trace
    n_threads = _calls_at_once()
    if n_threads == 1:
        yield from map(function, items)
        return
    settings = settings_of_thread()

    def call(item):
        with ExitStack() as stack:
            for context in settings:
                stack.enter_context(context())
            return function(item)

    yield from ahead(call, items, n_threads)


def device_kind():
    """Return what the backend computes on: "cpu", "gpu" or another."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return "gpu" if tf.config.list_logical_devices("GPU") else "cpu"
    if keras.backend.backend() == "torch":  # for which Keras lists no devices
        return keras.ops.zeros(()).device.type
    return keras.distribution.list_devices()[0].split(":")[0]


def _calls_at_once():
    """Return how many batches are worth computing at once: on a CPU as cores allow."""
    if keras.backend.backend() != "torch" and device_kind() != "cpu":
        return 2  # one batch is read and sent while another is computed
    if not has_idle_cores():
        return 1
    import tensorflow as tf

    told = os.environ.get("TF_NUM_INTRAOP_THREADS", "")
    each = int(told) if told.isdigit() else tf.config.threading.get_intra_op_parallelism_threads()
    return joblib.cpu_count() // each if each else 1


def share_cores(n_jobs):
    """Share the cores among fits side by side; return how many threads an operation has.

    TensorFlow takes it before its first network alone: after that it is said once.
    """
    n_threads = max(1, joblib.cpu_count() // n_jobs)
    if keras.backend.backend() == "tensorflow":
        try:
            _set_threads(n_threads, max(n_jobs, joblib.cpu_count()))
        except RuntimeError:
            _tell_of_threads()
    elif keras.backend.backend() == "jax":
        os.environ.setdefault("NPROC", str(n_threads))  # read with JAX' first operation on a CPU
    return n_threads


@functools.cache
def _tell_of_threads():
    warn(
        "TensorFlow has begun with threads for one fit at a time. Fits side by side are faster "
        "where the search is the first thing that a process trains or predicts."
    )


def _set_threads(intra, inter):
    import tensorflow as tf

    if "TF_NUM_INTRAOP_THREADS" not in os.environ:
        tf.config.threading.set_intra_op_parallelism_threads(intra)
    if "TF_NUM_INTEROP_THREADS" not in os.environ:
        tf.config.threading.set_inter_op_parallelism_threads(inter)


def _prepare_tensorflow(worker):
    import tensorflow as tf

    told = os.environ.get("OMP_NUM_THREADS", "1")  # by joblib or Dask, for BLAS
    try:
        _set_threads(int(told) if told.isdigit() else 1, 1)
        gpus = tf.config.list_physical_devices("GPU")
        if gpus:
            # One device a worker, chosen here: CUDA_VISIBLE_DEVICES is the user's.
            mine = gpus[worker % len(gpus)]
            tf.config.set_visible_devices(mine, "GPU")
            tf.config.experimental.set_memory_growth(mine, True)
            _tell_of_workers(worker, gpus)
    except RuntimeError:
        # The user's own code has started TensorFlow in this worker, and so arranged it.
        return


def _prepare_jax(worker):
    import jax

    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # read with the first operation
    devices = jax.local_devices()
    if jax.config.jax_default_device is None and (len(devices) > 1 or devices[0].platform != "cpu"):
        jax.config.update("jax_default_device", devices[worker % len(devices)])
        _tell_of_workers(worker, devices)


def _tell_of_workers(worker, devices):
    n = len(devices)
    if worker >= n:
        warn(
            f"There are more workers than GPUs ({n}): some share one, and its "
            f"memory. n_jobs={n} is usually as fast."
        )


def settings_of_thread():
    """Return functions that make contexts in which another thread has the settings of this one."""
    values = {name: global_state.get_global_attribute(name) for name in _OF_THREAD}
    contexts = [partial(_with_attributes, values)]
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf
        from tensorflow.python.eager import context

        if context.context().device_name:
            contexts.append(partial(tf.device, context.context().device_name))
    elif keras.backend.backend() == "jax":
        import jax

        contexts.append(partial(jax.default_device, jax.config.jax_default_device))
    return contexts


@contextmanager
def _with_attributes(values):
    before = {name: global_state.get_global_attribute(name) for name in values}
    for name, value in values.items():
        global_state.set_global_attribute(name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            global_state.set_global_attribute(name, value)
