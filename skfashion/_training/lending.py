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

    Not to be written to: they are kept for the next fit.
    """
    phase = plan.phases[0]
    key = (phase.network, plan.formats, plan.seed, plan.start, keras_settings())
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
    """Lend the program of a phase; `cut`: without the fixed part of its network."""
    key = (
        phase.network,
        phase.optimizer,
        tuple(name for name, _ in phase.numbers),
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
    """Return what the part above the cut is fed with."""
    return features.rows(X, program.parts, weights, store=store, write=write)
