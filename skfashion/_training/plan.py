"""What is to be trained, as plain hashable data, and the keys made of it."""

import inspect
from collections.abc import Hashable
from dataclasses import dataclass, replace
from hashlib import blake2b
from math import cos, pi
from uuid import uuid4
from weakref import WeakKeyDictionary

import numpy as np

from skfashion._training.settings import keras_settings

_TOKENS = WeakKeyDictionary()  # classes and functions -> names that nothing else ever has

# Raised when the same plan would end in other numbers than with the version before.
ALGORITHM = 1


@dataclass(frozen=True)
class EarlyStopping:
    """When to stop: as in scikit-learn's `MLPClassifier`.

    Attributes
    ----------
    n_iter_no_change : int
        Epochs without an improvement of the validation accuracy that end the training.
    tol : float
        Least improvement that counts.
    """

    n_iter_no_change: int
    tol: float


@dataclass(frozen=True)
class Phase:
    """One training with one optimizer.

    Attributes
    ----------
    name : str
        For the history.
    network : hashable
        What the builder builds, with which layers trainable; without `Plan.dropout_rates`.
    optimizer : hashable
        Class and constants, without `numbers`.
    numbers : tuple of (str, float)
        Attributes of the optimizer that are variables of the graph.
    epochs : int
        Passes over the training data.
    schedule : {"constant", "cosine"}
        How the learning rate goes on from that of the optimizer.
    """

    name: str
    network: Hashable
    optimizer: Hashable
    numbers: tuple
    epochs: int
    schedule: str = "constant"

    def learning_rate(self, epoch):
        """Return the learning rate of an epoch; None to leave it as it is.

        Parameters
        ----------
        epoch : int
            From 0.

        Returns
        -------
        float or None
            Along the cosine of Loshchilov and Hutter (ICLR 2017), without restarts.
        """
        if self.schedule == "constant":
            return None
        return dict(self.numbers)["learning_rate"] * (1 + cos(pi * epoch / self.epochs)) / 2

    @property
    def course(self):
        """The phase without its length, where a shorter one is the beginning of a longer."""
        return replace(self, epochs=0) if self.schedule == "constant" else self


@dataclass(frozen=True)
class Plan:
    """All that decides what a fit ends in, but for the data.

    Attributes
    ----------
    phases : tuple of Phase
        Carried out one after the other.
    objective : hashable
        Loss and metrics.
    batch_size : int
    dropout_rates : tuple of float
        Of the dropout layers, in order; one for all of them if there is one.
    dtype_policy : str or None
        As `skfashion._training.settings.policy_of` reads it; None for the one that is set.
    seed : int
        Of weights, order, dropout and augmentation.
    early_stopping : EarlyStopping or None
    start : str
        Digest of the weights the training starts from, where network and seed do not
        say it.
    image_data_format : str
    """

    phases: tuple
    objective: Hashable
    batch_size: int
    dropout_rates: tuple
    dtype_policy: str
    seed: int
    early_stopping: EarlyStopping | None = None
    start: str = ""
    image_data_format: str = "channels_last"

    @property
    def formats(self):
        """Policy and data format under which the networks are built, for `build_scope`."""
        return self.dtype_policy, self.image_data_format

    def stage_keys(self, data_key):
        """Return a key for each phase: of all that its course depends on.

        The length of a phase is part of the keys after it, so trainings that differ in
        their last phases share the first.

        Parameters
        ----------
        data_key : str
            Digest of the data.

        Returns
        -------
        list of str
        """
        before = digest(ALGORITHM, keras_settings(), data_key, replace(self, phases=()))
        keys = []
        for phase in self.phases:
            key = digest(before, phase.course)
            keys.append(key)
            before = digest(key, phase.epochs)
        return keys


@dataclass(frozen=True, eq=False)
class Data:
    """Arrays of a fit: pixels, targets and weights, for training and for stopping.

    Attributes
    ----------
    X : ndarray of shape (n, ...)
        uint8 or float32.
    y : ndarray of shape (n,) or (n, n_classes)
        float32, as the loss wants it.
    weight : ndarray of shape (n,)
        float32.
    X_val, y_val : ndarray or None
        The same of the validation images.
    """

    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    X_val: np.ndarray | None = None
    y_val: np.ndarray | None = None

    def key(self):
        """Return a digest of all arrays."""
        arrays = (self.X, self.y, self.weight, self.X_val, self.y_val)
        return digest(*(None if a is None else array_digest(a) for a in arrays))


def frozen(value):
    """Return a hashable stand-in for a parameter that reads the same in every process.

    Parameters
    ----------
    value : object
        Plain data, something with a Keras configuration, a class or a function.

    Returns
    -------
    hashable
        Of code that can't be told from other code (it has no source, or holds variables of
        the function around it) one that no other object has, here or in another process.
    """
    if isinstance(value, np.generic):
        return value.item()  # before float and str, which some of these are, with another repr
    if isinstance(value, dict):
        pairs = ((str(k), frozen(v)) for k, v in value.items())
        return tuple(sorted(pairs, key=lambda pair: pair[0]))
    if isinstance(value, (list, tuple)):
        return tuple(frozen(v) for v in value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.ndarray):
        return ("array", array_digest(value))  # its repr leaves out the middle
    if hasattr(value, "get_config") and not isinstance(value, type):
        return (frozen(type(value)), frozen(value.get_config()))
    if hasattr(value, "__qualname__"):
        return (_public(value.__module__), value.__qualname__, _code_of(value))
    return repr(value)


def _public(module):
    """Return the public part of a module's name: files of our own may move, keys must not."""
    return module.partition("._")[0] if module.startswith("skfashion.") else module


def _code_of(value):
    # A notebook defines the same name again and again: what it says now is what counts.
    if value.__module__.split(".")[0] in ("keras", "skfashion"):
        return ""
    functions = vars(value).values() if isinstance(value, type) else [value]
    held = {name for function in functions for name in _held_by(function)}
    try:
        if held <= {"__class__"}:  # which super() needs
            return digest(inspect.getsource(value))
    except (OSError, TypeError):
        pass
    return _TOKENS.setdefault(value, uuid4().hex)


def _held_by(function):
    """Return the names of the variables that a function holds of those around it."""
    return getattr(getattr(function, "__code__", None), "co_freevars", ())


def digest(*parts):
    """Return 32 hexadecimal digits that stand for plain hashable data."""
    return blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def array_digest(array):
    """Return 32 hexadecimal digits that stand for an array: bytes, shape and dtype."""
    array = np.ascontiguousarray(array)
    h = blake2b(repr((array.shape, array.dtype.str)).encode(), digest_size=16)
    h.update(array.view(np.uint8).reshape(-1).data if array.size else b"")
    return h.hexdigest()


def weights_digest(arrays):
    """Return 32 hexadecimal digits that stand for a list of arrays."""
    return digest(*(array_digest(a) for a in arrays))
