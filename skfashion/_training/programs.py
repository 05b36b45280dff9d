"""Compiled networks, traced once a process and lent to one fit or prediction at a time."""

import threading
from collections import OrderedDict
from contextlib import contextmanager

import keras
import numpy as np

from skfashion._training.cut import split, whole
from skfashion._training.loops import make_loop, to_numpy
from skfashion._training.optimizers import prepared, set_numbers
from skfashion._training.seeding import derive
from skfashion._utils.config import get_config
from skfashion.networks._layers import VariableDropout, with_variable_rates


class Program:
    """A network, or its part above the cut, compiled and ready to be lent.

    Parameters
    ----------
    network : keras.Model
        The whole network.
    compile_arguments : dict
        For `keras.Model.compile`, with an optimizer that is not built.
    numbers : dict of float
        Of the optimizer.
    cut : bool
        Whether to leave off what `skfashion._training.cut.split` finds to be fixed.
    shared : bool
        Whether it will be lent again, to trainings with other dropout rates. One that is not
        consists of Keras' own parts alone: a user's callback may save it.

    Attributes
    ----------
    parts : skfashion._training.cut.Split
    loop : KerasLoop or GraphLoop
    slots : list of keras.Variable
        The optimizer's own, but for its learning rate.
    """

    def __init__(self, network, compile_arguments, numbers, *, cut, shared=True):
        self.shared = shared
        self.shapes = [tuple(w.shape) for w in network.weights]
        self.parts = split(network) if cut else whole(network)
        self.model = with_variable_rates(self.parts.upper) if shared else network
        arguments = dict(compile_arguments)
        optimizer, variables = arguments["optimizer"], self.model.trainable_variables
        if shared:
            arguments["optimizer"] = prepared(optimizer, variables, numbers)
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
        self._carried = None

    def prepare(self, weights, *, numbers, dropout_rates, seed, slots=None, seeds=None):
        """Set everything a training depends on.

        Parameters
        ----------
        weights : list of ndarray
            Of the whole network.
        numbers : dict of float
            Of the optimizer.
        dropout_rates : tuple of float
            One for all dropout layers, or one for each.
        seed : int
            Of the random layers.
        slots, seeds : list of ndarray or None
            Where a training goes on: what `state` returned. None: from the start.
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
        """Make the weights of a network those of the program, if they are not.

        Parameters
        ----------
        weights : list of ndarray
            Of the whole network; compared by identity, so never written to.
        """
        if self._carried is weights:
            return
        self._carried = None  # whoever stops this half way leaves a mixture
        for variable, i in zip(self._weights, self.parts.upper_weights, strict=True):
            variable.assign(weights[i])
        self._carried = weights

    def weights(self, before):
        """Return the weights of the whole network as they are now.

        Parameters
        ----------
        before : list of ndarray
            Where those below the cut are taken from.

        Returns
        -------
        list of ndarray
        """
        after = list(before)
        for variable, i in zip(self._weights, self.parts.upper_weights, strict=True):
            after[i] = to_numpy(variable)
        return after

    def state(self):
        """Return slots and seeds: what a training needs beside weights to go on."""
        return (
            [to_numpy(v) for v in self.slots],
            [to_numpy(v) for v in self._seeds],
        )


def _slots(optimizer):
    known = list(optimizer.variables)
    # Nadam has one that Keras doesn't list.
    inner = vars(getattr(optimizer, "inner_optimizer", optimizer)).values()
    hidden = [v for v in inner if isinstance(v, keras.Variable)]
    known += [v for v in hidden if all(v is not other for other in known)]
    return [v for v in known if v.name != "learning_rate"]


class Extractor:
    """The part of a network below the cut, for prediction alone.

    Parameters
    ----------
    lower : keras.Model
    """

    def __init__(self, lower):
        self.model = lower
        self.loop = make_loop(lower)
        self._carried = None

    def carry(self, weights):
        """Make these the weights of the program, if they are not.

        Parameters
        ----------
        weights : list of ndarray
            Of the lower part.
        """
        if self._carried is not None and all(
            a is b for a, b in zip(self._carried, weights, strict=True)
        ):
            return
        self._carried = None
        for variable, array in zip(self.model.weights, weights, strict=True):
            variable.assign(array)
        self._carried = list(weights)


class _Slot:
    def __init__(self):
        self.lock = threading.Lock()
        self.owner = None
        self.value = None


_SLOTS = OrderedDict()
_POOL_LOCK = threading.Lock()
_COUNTS = {"built": 0, "borrowed": 0}


@contextmanager
def borrow(key, make):
    """Lend the program of a key to one caller, making it where there is none.

    Whoever asks for a program that is lent out waits, but for a caller that holds it
    itself (a callback that predicts while it trains): that one gets a program of its own.

    Parameters
    ----------
    key : hashable
        Everything the trace bakes in.
    make : callable
        Returns the program.

    Yields
    ------
    object
        What `make` returned, now or earlier.
    """
    size = get_config()["program_cache_size"]
    me = threading.get_ident()
    with _POOL_LOCK:
        _COUNTS["borrowed"] += 1
        slot = _SLOTS.get(key)
        if slot is None:
            slot = _Slot()
            if size:
                _SLOTS[key] = slot
        if key in _SLOTS:
            _SLOTS.move_to_end(key)
        while len(_SLOTS) > size:
            _SLOTS.popitem(last=False)
    if slot.owner == me:
        yield _made(make)
        return
    with slot.lock:
        slot.owner = me
        try:
            if slot.value is None:
                slot.value = _made(make)
            yield slot.value
        except (MemoryError, RuntimeError):
            # What is left of it may be broken, and holds memory.
            with _POOL_LOCK:
                if _SLOTS.get(key) is slot:
                    del _SLOTS[key]
            raise
        finally:
            slot.owner = None


def _made(make):
    _COUNTS["built"] += 1
    return make()


def clear_programs():
    """Forget all programs that are not lent out."""
    with _POOL_LOCK:
        _SLOTS.clear()


def programs_info():
    """Return how many programs there are, were built and were lent, and all their traces."""
    with _POOL_LOCK:
        values = [slot.value for slot in _SLOTS.values() if slot.value is not None]
        traces = sum(value.loop.traces for value in values)
        return {"kept": len(_SLOTS), "traces": traces, **_COUNTS}
