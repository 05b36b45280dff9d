"""Which program a phase of a plan is carried out by, and what it is fed with."""

import gc
import traceback
from contextlib import contextmanager

from skfashion._training import features
from skfashion._training.drawing import redraw
from skfashion._training.loops import to_numpy
from skfashion._training.programs import Program, borrow, clear_programs
from skfashion._training.seeding import build_scope, derive
from skfashion._training.settings import keras_settings
from skfashion._utils.cache import Recent

_INITIAL = Recent(size=8)  # (network, formats, seed, start, settings) -> weights


def initial_weights(plan, build, initialize=None):
    """Return the weights that a plan's first phase starts from.

    Parameters
    ----------
    plan, build, initialize
        As for `skfashion._training.run`.

    Returns
    -------
    list of ndarray
        Not to be written to: they are kept for the next fit.
    """
    phase = plan.phases[0]
    key = (phase.network_key, plan.formats, plan.seed, plan.start, keras_settings())
    weights = _INITIAL.get(key)
    if weights is None:
        with build_scope(derive(plan.seed, "weights"), *plan.formats):
            network, _ = build(phase)
            redraw(network, plan.seed)
            if initialize is not None:
                initialize(network)
        # The list itself is kept, too: a program knows by it whose weights it carries.
        weights = _INITIAL.put(key, [to_numpy(w) for w in network.weights])
    return list(weights)


@contextmanager
def given_back():
    """Let go of all that is kept for reuse if memory runs out in the block.

    It may be what was lacking, and the next candidate of a search wants it, too.
    """
    try:
        yield
    except MemoryError as error:
        clear_programs()
        _INITIAL.clear()
        traceback.clear_frames(error.__traceback__)  # they hold what failed
        gc.collect()
        raise


@contextmanager
def lent(plan, phase, build, *, cut):
    """Lend the program of a phase.

    Parameters
    ----------
    plan : Plan
    phase : Phase
        Of the plan.
    build : callable
        As for `skfashion._training.run`.
    cut : bool
        Whether the fixed part of the network is left off.

    Yields
    ------
    Program
    """
    key = (
        phase.network_key,
        phase.optimizer[0],
        plan.objective,
        plan.formats,
        keras_settings(),
        cut,
    )

    def make():
        # Any seed: weights and random layers are set anew for whoever borrows it.
        with build_scope(0, *plan.formats):
            return Program(*build(phase), phase.numbers, cut=cut)

    with borrow(key, make) as program:
        yield program


def rows_of(program, X, weights, store, *, write):
    """Return what the part above the cut is fed with.

    Parameters
    ----------
    program : Program
        Of a network that is cut.
    X : ndarray of shape (n, ...)
        Images.
    weights : list of ndarray
        Of the whole network.
    store : Store or None
        Where rows are kept.
    write : bool
        Whether new ones are put there.

    Returns
    -------
    ndarray of shape (n, ...)
    """
    return features.rows(X, program.parts, weights, store=store, write=write)
