"""Pool of compiled networks: each traced once a process, for any number of fits at a time."""

import gc
from contextlib import contextmanager
from functools import partial

import keras
import numpy as np

from skfashion._training import processes, stack
from skfashion._training.compile_config import number_variables, prepared_optimizer, revived
from skfashion._training.cut import split, whole
from skfashion._training.keys import keras_settings
from skfashion._training.loops import KerasLoop, to_arrays, variables_of
from skfashion._training.seeding import BUILD_LOCK, build_scope, derive, redraw
from skfashion._utils.cache import Cache
from skfashion._utils.config import get_config
from skfashion._utils.lazy_images import read_ahead
from skfashion.networks._layers import VariableDropout, with_variable_rates

# Programs built, after which TensorFlow's kernels are let go: it keeps some for each shape.
_BUILDS = 64


class Program:
    """A network, or its part above the cut, compiled and ready for any training of its shape.

    `shared`: whether it is for other trainings, too, with other dropout rates. One that is not
    consists of Keras' own parts alone: a user's callback may save it. `slots` are the
    optimizer's variables, but for its numbers.
    """

    def __init__(self, network, phase, *, cut, shared=True):
        self.shared = shared
        self.shapes = [tuple(w.shape) for w in network.weights]
        self.parts = split(network) if cut else whole(network)
        self.model = with_variable_rates(self.parts.upper) if shared else network
        arguments = revived(phase.compile)
        optimizer, variables = arguments["optimizer"], self.model.trainable_variables
        if shared:
            arguments["optimizer"] = prepared_optimizer(
                optimizer, variables, phase.optimizer[0], phase.numbers
            )
        # Keras' "auto" leaves XLA off on TensorFlow without a GPU.
        self.model.compile(**arguments)
        self.model.optimizer.build(variables)
        self.loop = make_loop(self.model, exclusive=not shared)
        self._numbers = number_variables(self.model.optimizer, phase.numbers) if shared else []
        others = {id(v) for v in (*self.model.variables, *self._numbers)}
        self.slots = [
            v for v in variables_of(self.model) if id(v) not in others and v.name != "learning_rate"
        ]
        # Most begin at zero: not Adagrad's and Ftrl's, and not a loss scale.
        self._fresh = [v if v.any() else None for v in to_arrays(self.slots)]
        # In the order in which the plan names them: a clone may list its layers otherwise.
        places = {layer.name: i for i, layer in enumerate(network.layers)}
        drops = [layer for layer in self.model.layers if type(layer) is VariableDropout]
        drops.sort(key=lambda layer: places[layer.name])
        self._dropout_rates = [layer.variable_rate for layer in drops]
        rates = {id(v) for v in self._dropout_rates}
        self._weights = [w for w in self.model.weights if id(w) not in rates]
        self._seeds = [v for v in self.model.variables if v.path.endswith("seed_generator_state")]
        held = {id(v): v for v in (*network.weights, *self._weights, *self.slots)}
        self._nbytes = self.loop.let_go(held.values())

    def begin(self, phase, weights, *, seed, slots=None, seeds=None):
        """Return the `Training` of a phase that begins with these weights of the whole network.

        Without slots and seeds, what its `state` returned, it starts from the beginning.
        """
        rates = phase.dropout_rates
        if len(rates) == 1:
            rates *= len(self._dropout_rates)
        if seeds is None:
            seeds = [
                np.array([derive(seed, "layer", i), 0], "uint32") for i, _ in enumerate(self._seeds)
            ]
        # A fused optimizer may have slots that Keras' own has not: one can't go on from the other.
        if slots is None or [v.shape for v in slots] != [tuple(v.shape) for v in self.slots]:
            slots = [
                np.zeros(v.shape, v.dtype) if fresh is None else fresh
                for v, fresh in zip(self.slots, self._fresh, strict=True)
            ]
        pairs = [
            *self._with_weights(weights),
            *zip(self._seeds, seeds, strict=True),
            *zip(self.slots, slots, strict=True),
            # A program that isn't shared has Keras' own layers and optimizer, which know theirs.
            *zip(self._dropout_rates, rates, strict=self.shared),
            *zip(self._numbers, phase.numbers.values(), strict=self.shared),
        ]
        if self.loop.exclusive:
            self.model.stop_training = False
        return Training(self, self.loop.hold(pairs))

    def predictor(self, weights):
        """Return a function that predicts a batch with these weights of the whole network."""
        held = self.loop.hold(self._with_weights(weights), fixed=True)
        return partial(self.loop.predict, held)

    def _with_weights(self, weights):
        return [
            (v, weights[i]) for v, i in zip(self._weights, self.parts.upper_weights, strict=True)
        ]

    @property
    def nbytes(self):
        """Bytes held, about."""
        return self._nbytes + self.loop.nbytes


class Training:
    """What one training on a program has of its own: weights, optimizer state, seeds."""

    def __init__(self, program, held):
        self._program = program
        self.held = held

    def set_learning_rate(self, rate):
        """Set the learning rate of the epochs to come."""
        self.held.assign(self._program.model.optimizer.learning_rate, rate)

    def weights(self, before):
        """Return the whole network's weights now, those below the cut from `before`."""
        return self._merged(before, self.held.arrays(self._program._weights))

    def snapshot(self, before):
        """Return a function that fetches these weights; until then they stay on the device."""
        copies = self.held.copies(self._program._weights)
        return lambda: self._merged(before, to_arrays(copies))

    def _merged(self, before, upper):
        after = list(before)
        for i, array in zip(self._program.parts.upper_weights, upper, strict=True):
            after[i] = array
        return after

    def outputs(self, X, weights, batch_size):
        """Return what the network makes of inputs with these weights."""
        predict = self._program.predictor(weights)
        batches = [slice(i, i + batch_size) for i in range(0, len(X), batch_size)]
        return np.concatenate([predict(part) for part in read_ahead(X, batches)])

    def state(self):
        """Return slots and seeds: what a training needs beside weights to go on."""
        slots = self._program.slots
        arrays = self.held.arrays([*slots, *self._program._seeds])
        return arrays[: len(slots)], arrays[len(slots) :]


def make_loop(model, *, exclusive=False):
    """Return the fastest loop for a compiled model on this backend."""
    backend = keras.backend.backend()
    if backend == "tensorflow" and not model.run_eagerly:
        from skfashion._training import graph, graph_stack, xla_loop

        xla = model.compiled and model.jit_compile and processes.compiles_epochs()
        if (xla or stack.in_own_graphs()) and not exclusive and graph_stack.can_stack(model):
            return (graph_stack.StackingXlaLoop if xla else graph_stack.StackingLoop)(model)
        return (xla_loop.XlaLoop if xla else graph.GraphLoop)(model, exclusive=exclusive)
    plain = keras.distribution.distribution() is None and not keras.config.is_nnx_enabled()
    if backend == "jax" and plain and model.jit_compile and not model.run_eagerly:
        from skfashion._training.jax_loop import JaxLoop

        return JaxLoop(model, exclusive=exclusive)
    return KerasLoop(model)


class Extractor:
    """The part of a network below the cut, for prediction alone."""

    def __init__(self, parts):
        self.parts = parts
        self.loop = make_loop(parts.lower)
        self._nbytes = self.loop.let_go(parts.lower.weights)

    def predictor(self, weights):
        """Return a function that predicts a batch with these weights."""
        pairs = list(zip(self.parts.lower.weights, weights, strict=True))
        held = self.loop.hold(pairs, fixed=True)
        return partial(self.loop.predict, held)

    nbytes = Program.nbytes


_POOL = Cache(
    "programs",
    max_entries=lambda: get_config()["program_cache_size"],
    max_bytes=lambda: get_config()["program_cache_bytes"],
)
_INITIAL = Cache("initial weights", max_bytes=lambda: get_config()["program_cache_bytes"] // 4)
_COLLECTED_FROM = 1 << 26  # bytes
_COUNTS = {"built": 0}


@contextmanager
def pooled(key, make):
    """Yield the program of a key, made where there is none; the key is all its trace bakes in.

    One whose loop is exclusive is out of the pool meanwhile: who asks for it then gets another.
    """
    with BUILD_LOCK:  # two threads would make the same one
        program = _POOL.get(key) or _POOL.put(key, _made(make))
        if program.loop.exclusive:
            _POOL.pop(key)
    traces = program.loop.traces
    try:
        yield program
    except Exception:
        _POOL.pop(key)  # what is left of it may be broken, and holds memory
        raise
    if program.loop.exclusive or program.loop.traces != traces:
        _keep(key, program)


def _keep(key, program):
    """Weigh a program anew, as using it has traced it, and free what leaves the pool for it."""
    _POOL.pop(key)
    before = _POOL.nbytes
    _POOL.put(key, program)
    if before + program.nbytes - _POOL.nbytes > _COLLECTED_FROM:
        gc.collect()  # programs are cycles, of few and large objects


def _made(make):
    _COUNTS["built"] += 1
    if _COUNTS["built"] % _BUILDS == 0 and keras.backend.backend() == "tensorflow":
        from skfashion._training import graph

        graph.forget_kernels()
    return make()


def program_of(plan, phase, build, *, cut):
    """Return a context with the program of a phase, its fixed part left off if `cut`."""

    def make():
        # Any seed: weights and random layers are set anew for each training.
        with build_scope(0, *plan.formats):
            return Program(build(phase.network), phase, cut=cut)

    return pooled((*plan.program_key(phase), cut), make)


def frozen_part(plan, build):
    """Return a context with the extractor of what is frozen in a plan's first network."""

    def make():
        with build_scope(0, *plan.formats):
            parts = split(build(plan.phases[0].network))
        if parts.lower is None:
            raise ValueError(
                "This backbone has no features that are fixed for an image: it has no weights, or "
                "a layer that draws at random or changes in training. Leave that layer out."
            )
        return Extractor(parts)

    return pooled(("frozen", plan.phases[0].network_key, plan.formats, keras_settings()), make)


def initial_weights(plan, build, initialize=None):
    """Return the weights that a plan's first phase starts from, not to be written to."""
    key = plan.weights_key()
    weights = _INITIAL.get(key)
    if weights is None:
        with build_scope(derive(plan.seed, "weights"), *plan.formats):
            network = build(plan.phases[0].network)
            redraw(network, plan.seed)
            if initialize is not None:
                initialize(network)
        weights = _INITIAL.put(key, to_arrays(network.weights))
    return list(weights)


def programs_info():
    """Return how many programs there are and were built, and all their traces."""
    traces = sum(program.loop.traces for program in _POOL.values())
    return {"kept": len(_POOL), **_COUNTS, "traces": traces}
