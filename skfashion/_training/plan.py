"""What is to be trained: a plan of phases, plain data throughout."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from math import cos, pi

import numpy as np

from skfashion._training import compile_config, stack
from skfashion._training.keys import array_digest, digest, freeze, keras_settings, token

# Raised when the same plan would end in other numbers than with the version before.
ALGORITHM = 1


@dataclass(frozen=True)
class EarlyStopping:
    """When to stop, as in scikit-learn's `MLPClassifier`."""

    n_iter_no_change: int  # epochs without an improvement that end the training
    tol: float  # least improvement of the validation score that counts
    # "accuracy", "loss", or the name of another score; left out of keys as what it was always.
    scoring: str = field(default="accuracy", repr=False)


@dataclass(frozen=True, eq=False)
class Phase:
    """One training with one optimizer."""

    name: str  # for the history
    epochs: int  # passes over the training data
    network: dict  # what the estimator builds the network from
    network_key: str  # stands for it and for what of it is trained; rates of dropout left out
    compile: dict  # optimizer, loss and metrics, see `compile_config`
    dropout_rates: tuple  # of the dropout layers, in order; one for all if there is one
    schedule: str = "constant"  # or "cosine": course of the learning rate
    image_data_format: str = "channels_last"  # Keras' setting under which the network is built

    @cached_property
    def optimizer(self):
        """What of the optimizer a program is traced for, and its numbers, set for each fit."""
        return compile_config.describe_optimizer(self.compile["optimizer"])

    @property
    def numbers(self):
        """Attributes of the optimizer that are variables of the graph, a dict."""
        return dict(self.optimizer[1])

    def learning_rate(self, epoch):
        """Return the learning rate of an epoch, counted from 0, of a schedule that has a course.

        Along the cosine of Loshchilov and Hutter (ICLR 2017), without restarts.
        """
        return self.numbers["learning_rate"] * (1 + cos(pi * epoch / self.epochs)) / 2

    @property
    def key(self):
        """What its course depends on: not its length where a longer one begins the same."""
        length = 0 if self.schedule == "constant" else self.epochs
        network = (self.network_key, self.dropout_rates, self.image_data_format)
        return (self.name, *network, *self.optimizer, length, self.schedule)


@dataclass(frozen=True, eq=False)
class Plan:
    """All that decides what a fit ends in, but for the data."""

    phases: tuple  # carried out one after the other
    batch_size: int
    dtype_policy: str
    seed: int  # of weights, order, dropout and augmentation
    n_outputs: int  # columns that the network returns
    early_stopping: EarlyStopping | None = None
    # Whether images are trained in turns as they are and mirrored, two views that can be kept.
    mirrored: bool = False
    start: str = ""  # stands for the weights it starts from, where network and seed don't say it

    @cached_property
    def formats(self):
        """Policy and data format under which the networks are built, for `build_scope`."""
        return self.dtype_policy, self.phases[0].image_data_format

    @cached_property
    def objective(self):
        """Stands for loss and metrics, in which each object of the user's is itself alone."""
        return freeze({**self.phases[0].compile, "optimizer": None}, token)

    @cached_property
    def gives_logits(self):
        """Whether the network's outputs are logits."""
        return compile_config.gives_logits(self.phases[0].compile)

    @cached_property
    def takes_rows(self):
        """Whether the loss compares outputs with one-hot rows, not with class indices."""
        return compile_config.takes_rows(self.phases[0].compile, self.n_outputs)

    @property
    def watched(self):
        """The score that early stopping watches, None without it."""
        return self.early_stopping and self.early_stopping.scoring

    def weights_key(self):
        """Return what the weights depend on that the first phase starts from."""
        network = self.phases[0].network_key
        return (network, self.formats, self.seed, self.start, keras_settings())

    def program_key(self, phase):
        """Return what a program of a phase is traced for: all but what is set for each training."""
        settings = (self.objective, self.formats, keras_settings(), stack.in_own_graphs())
        return (phase.network_key, phase.optimizer[0], *settings)

    def keys(self, data_key):
        """Return a key for each phase on data of that digest: of all its course depends on.

        A phase's length is part of later keys alone: other last phases share the first.
        """
        before = digest(
            ALGORITHM,
            keras_settings(),
            data_key,
            self.objective,
            self.batch_size,
            self.dtype_policy,
            self.seed,
            self.early_stopping,
            self.start,
            # What is as it always was isn't named: keys stay what they were.
            *(["mirrored"] if self.mirrored else ()),
            *([self.watched] if self.watched not in (None, "accuracy") else ()),
            *(["stacked"] if stack.rounds_differently() else ()),
        )
        keys = []
        for phase in self.phases:
            key = digest(before, phase.key)
            keys.append(key)
            before = digest(key, phase.epochs)
        return keys

    def only(self, index, epochs):
        """Return a plan of one phase of this one, up to that epoch, at a constant rate."""
        phase = replace(self.phases[index], epochs=epochs, schedule="constant")
        return replace(self, phases=(phase,))

    def as_data(self):
        """Return plain data, from which `from_data` makes the plan again."""
        stopping = self.early_stopping
        return {
            **vars_of(self),
            "phases": [vars_of(phase) for phase in self.phases],
            "early_stopping": None if stopping is None else list(vars_of(stopping).values()),
        }

    @classmethod
    def from_data(cls, data):
        """Return the plan of what `as_data` returned."""
        stopping = data["early_stopping"]
        return cls(
            **{
                **data,
                "phases": tuple(Phase(**phase) for phase in data["phases"]),
                "early_stopping": None if stopping is None else EarlyStopping(*stopping),
            }
        )


@dataclass(frozen=True, eq=False)
class Start:
    """Weights that a plan starts from; those that initializers and seed make where it is empty."""

    key: str = ""  # stands for them in `Plan.start`
    weights: list | None = None
    initialize: object = None  # function that sets pretrained ones of a new network


def vars_of(value):
    """Return the fields of a dataclass as a dict, without what is derived from them."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


@dataclass(frozen=True, eq=False)
class Data:
    """Arrays of a fit: pixels, targets and weights, for training and for stopping."""

    X: np.ndarray  # (n, ...), uint8 or float32; or `LazyImages`
    y: np.ndarray  # (n,) or (n, n_classes), float32, as the loss wants it
    weight: np.ndarray  # (n,), float32
    X_val: np.ndarray | None = None
    y_val: np.ndarray | None = None

    def key(self, store=None):
        """Return a digest of all arrays; of images, a store may know those of rows."""
        arrays = (self.X, self.y, self.weight, self.X_val, self.y_val)
        return digest(*(None if a is None else array_digest(a, store) for a in arrays))
