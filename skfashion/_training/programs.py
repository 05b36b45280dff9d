"""Pool of compiled networks: each traced once a process, for one fit or prediction at a time."""

import gc
import math
import threading
from contextlib import contextmanager

import keras
import numpy as np

from skfashion._training.cut import split, whole
from skfashion._training.loops import KerasLoop, to_numpy
from skfashion._training.optimizers import prepared, set_numbers
from skfashion._training.seeding import build_scope, derive, redraw
from skfashion._training.settings import keras_settings
from skfashion._utils.cache import Cache, size_of
from skfashion._utils.config import get_config
from skfashion.networks._layers import VariableDropout, with_variable_rates

# Programs built, after which TensorFlow's kernels are let go: it keeps some for each shape.
_BUILDS = 64


class Program:
    """A network, or its part above the cut, compiled and ready for any training of its shape.

    `shared`: whether it is for other trainings, too, with other dropout rates. One that is not
    consists of Keras' own parts alone: a user's callback may save it. `slots` are the
    optimizer's variables, but for its learning rate.
    """

    def __init__(self, network, compile_arguments, phase, *, cut, shared=True):
        self.shared = shared
        self.shapes = [tuple(w.shape) for w in network.weights]
        self.parts = split(network) if cut else whole(network)
        self.model = with_variable_rates(self.parts.upper) if shared else network
        arguments = dict(compile_arguments)
        optimizer, variables = arguments["optimizer"], self.model.trainable_variables
        if shared:
            arguments["optimizer"] = prepared(
                optimizer, variables, phase.optimizer[0], phase.numbers
            )
        # XLA pays on no CPU tried: 2 to 60 times slower (Keras' "auto" leaves it off there).
        self.model.compile(**arguments)
        self.model.optimizer.build(variables)
        self.slots = _slots(self.model.optimizer)
        # Most begin at zero: not Adagrad's and Ftrl's, and not a loss scale.
        self._fresh = [v if v.any() else None for v in map(to_numpy, self.slots)]
        self.loop = make_loop(self.model)
        # In the order in which the plan names them: a clone may list its layers otherwise.
        places = {layer.name: i for i, layer in enumerate(network.layers)}
        drops = [layer for layer in self.model.layers if type(layer) is VariableDropout]
        drops.sort(key=lambda layer: places[layer.name])
        self._dropout_rates = [layer.variable_rate for layer in drops]
        own = {id(v) for v in self._dropout_rates}
        self._weights = [w for w in self.model.weights if id(w) not in own]
        self._seeds = [v for v in self.model.variables if v.path.endswith("seed_generator_state")]
        self._nbytes = _bytes_of([*self.model.variables, *self.slots])
        self._carried = None

    def prepare(self, weights, *, numbers, dropout_rates, seed, slots=None, seeds=None):
        """Set everything a training depends on.

        Weights are the whole network's. Without slots and seeds, what `state` returned, the
        training starts from the beginning.
        """
        self.carry(weights)
        self._carried = None  # training changes them
        if self.shared:
            set_numbers(self.model.optimizer, numbers)
        if len(dropout_rates) == 1:
            dropout_rates *= len(self._dropout_rates)
        # A program that isn't shared has Keras' own layers, which know their rates.
        for variable, rate in zip(self._dropout_rates, dropout_rates, strict=self.shared):
            variable.assign(rate)
        for i, variable in enumerate(self._seeds):
            variable.assign(
                np.array([derive(seed, "layer", i), 0], "uint32") if seeds is None else seeds[i]
            )
        # A fused optimizer may have slots that Keras' own has not: one can't go on from the other.
        if slots is None or [v.shape for v in slots] != [tuple(v.shape) for v in self.slots]:
            slots = self._fresh
        for variable, value in zip(self.slots, slots, strict=True):
            variable.assign(np.zeros(variable.shape) if value is None else value)
        self.model.stop_training = False

    def carry(self, weights):
        """Make these weights of the whole network the program's; they are compared by identity."""
        if self._carried is weights:
            return
        self._carried = None  # whoever stops this half way leaves a mixture
        for variable, i in zip(self._weights, self.parts.upper_weights, strict=True):
            variable.assign(weights[i])
        self._carried = weights

    def weights(self, before):
        """Return the whole network's weights now, those below the cut from `before`."""
        after = list(before)
        for variable, i in zip(self._weights, self.parts.upper_weights, strict=True):
            after[i] = to_numpy(variable)
        return after

    def state(self):
        """Return slots and seeds: what a training needs beside weights to go on."""
        return [to_numpy(v) for v in self.slots], [to_numpy(v) for v in self._seeds]

    @property
    def nbytes(self):
        """Bytes held, about."""
        return self._nbytes + size_of(self._carried or []) + self.loop.nbytes


def make_loop(model):
    """Return the fastest loop for a compiled model on this backend."""
    if keras.backend.backend() == "tensorflow" and not model.run_eagerly:
        from skfashion._training.graph import GraphLoop

        return GraphLoop(model)
    return KerasLoop(model)


def _slots(optimizer):
    known = list(optimizer.variables)
    # Nadam has one that Keras doesn't list.
    inner = vars(getattr(optimizer, "inner_optimizer", optimizer)).values()
    hidden = [v for v in inner if isinstance(v, keras.Variable)]
    known += [v for v in hidden if all(v is not other for other in known)]
    return [v for v in known if v.name != "learning_rate"]


class Extractor:
    """The part of a network below the cut, for prediction alone."""

    def __init__(self, lower):
        self.model = lower
        self.loop = make_loop(lower)
        self._nbytes = _bytes_of(lower.variables)
        self._carried = None

    @property
    def nbytes(self):
        """Bytes held, about."""
        return self._nbytes + size_of(self._carried or []) + self.loop.nbytes

    def carry(self, weights):
        """Make these the weights of the program, if they are not."""
        if self._carried is not None and all(
            a is b for a, b in zip(self._carried, weights, strict=True)
        ):
            return
        self._carried = None
        for variable, array in zip(self.model.weights, weights, strict=True):
            variable.assign(array)
        self._carried = list(weights)


def _bytes_of(variables):
    return sum(4 * math.prod(v.shape) for v in variables)


class _Place:
    """A place in the pool: a program, once there is one, and who works with it."""

    def __init__(self):
        self.lock = threading.Lock()
        self.owner = None
        self.value = None
        self.traces = None  # when it was last weighed

    @property
    def nbytes(self):
        return 0 if self.value is None else self.value.nbytes


_POOL = Cache(
    "programs",
    max_entries=lambda: get_config()["program_cache_size"],
    max_bytes=lambda: get_config()["program_cache_bytes"],
)
# (network, dtype policy, seed, start) -> weights
_INITIAL = Cache("initial weights", max_bytes=lambda: get_config()["program_cache_bytes"] // 4)
_COLLECTED_FROM = 1 << 26  # bytes
_COUNTS = {"built": 0}


@contextmanager
def pooled(key, make):
    """Yield the program of a key, made where there is none, to one caller at a time.

    The key is all that the trace bakes in. Whoever asks for a program that is in use waits,
    but for a caller that uses it itself (a callback that predicts while it trains): that one
    gets a program of its own.
    """
    me = threading.get_ident()
    place = _POOL.setdefault(key, _Place())
    if place.owner == me:
        yield _made(make)
        return
    with place.lock:
        place.owner = me
        try:
            if place.value is None:
                place.value = _made(make)
            yield place.value
        except (MemoryError, RuntimeError):
            # What is left of it may be broken, and holds memory.
            place.value = None
            _POOL.pop(key)
            raise
        finally:
            place.owner = None
            if place.value is not None and place.value.loop.traces != place.traces:
                _keep(key, place)


def _keep(key, place):
    """Weigh a program anew, as using it has traced it, and free what leaves the pool for it."""
    _POOL.pop(key)
    before = _POOL.nbytes
    place.traces = place.value.loop.traces
    _POOL.put(key, place)
    if before + place.nbytes - _POOL.nbytes > _COLLECTED_FROM:
        gc.collect()  # programs are cycles, of few and large objects


def _made(make):
    _COUNTS["built"] += 1
    if _COUNTS["built"] % _BUILDS == 0 and keras.backend.backend() == "tensorflow":
        from skfashion._training import graph

        graph.forget_kernels()
    return make()


def program_of(plan, phase, build, *, cut):
    """Return a context with the program of a phase, its fixed part left off if `cut`."""
    key = (
        phase.network_key,
        phase.optimizer[0],
        plan.objective,
        plan.formats,
        keras_settings(),
        cut,
    )

    def make():
        # Any seed: weights and random layers are set anew for each training.
        with build_scope(0, *plan.formats):
            return Program(*build(phase), phase, cut=cut)

    return pooled(key, make)


def initial_weights(plan, build, initialize=None):
    """Return the weights that a plan's first phase starts from, not to be written to."""
    phase = plan.phases[0]
    key = (phase.network_key, plan.formats, plan.seed, plan.start, keras_settings())
    weights = _INITIAL.get(key)
    if weights is None:
        with build_scope(derive(plan.seed, "weights"), *plan.formats):
            network, _ = build(phase)
            redraw(network, plan.seed)
            if initialize is not None:
                initialize(network)
        weights = _INITIAL.put(key, [to_numpy(w) for w in network.weights])
    return list(weights)


def programs_info():
    """Return how many programs there are and were built, and all their traces."""
    values = [place.value for place in _POOL.values() if place.value is not None]
    traces = sum(value.loop.traces for value in values)
    return {"kept": len(values), **_COUNTS, "traces": traces}
