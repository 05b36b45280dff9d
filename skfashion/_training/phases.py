"""The loop over a plan's phases: what trains, how long, and what of it is known already."""

import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import keras

from skfashion._training import features
from skfashion._training.loops import (
    KerasLoop,
    has_hooks_in_epochs,
    memory_errors,
    retried,
    to_numpy,
)
from skfashion._training.programs import Program, initial_weights, program_of
from skfashion._training.runs import Runs, State, result_key
from skfashion._training.seeding import build_scope, derive, order
from skfashion._training.trial import survives

_CHECKPOINT_SECONDS = 5.0
_EVALUATE_BATCH = 256
# Deaths before the end of an epoch, after which a training is tried alone, and given up.
_SUSPECT, _GUILTY = 2, 4


@dataclass
class Outcome:
    """What a run ends in.

    Attributes
    ----------
    state : State
        Of the last phase.
    epochs_trained, steps_trained : int
        What had to be computed; the rest was known.
    seconds : float
        Wall-clock seconds.
    complete : bool
        False where `on_epoch` ended it.
    key : str or None
        Stands for the trained weights where the run is replayable and complete.
    """

    state: State
    epochs_trained: int
    steps_trained: int
    seconds: float
    complete: bool
    key: str | None


@retried("training")
def run(
    plan,
    data,
    build,
    *,
    start=None,
    initialize=None,
    store=None,
    replay=False,
    on_epoch=None,
    callbacks=list,
    about=None,
):
    """Carry out a plan.

    Parameters
    ----------
    plan : Plan
    data : Data
    build : callable
        Phase -> (uncompiled network, arguments for its `compile`).
    start : State, list of ndarray or None
        A state goes on with the first phase, weights begin it. None: weights from the
        networks' initializers and the seed.
    initialize : callable or None
        Sets pretrained weights of a new network, after its initializers; `plan.start`
        must tell which.
    store : Store or None
        Where rows of the frozen part are kept.
    replay : bool
        Whether finished and half-done phases are kept and read there, too.
    on_epoch : callable or None
        Called after every epoch with (phase, epoch, history entry); true ends the run.
    callbacks : callable
        Returns Keras' callbacks, new ones each time. They see the whole network; it is built
        for them alone and nothing is left out.
    about : dict or None
        Kept beside what is stored.

    Returns
    -------
    Outcome
    """
    started = time.perf_counter()
    if isinstance(start, State):
        state = start
    else:
        with memory_errors("building the network"):
            weights = start if start is not None else initial_weights(plan, build, initialize)
        state = State(weights)
    runs = keys = None
    first = 0
    if store is not None and replay:
        data_key = data.key()
        runs = Runs(store, state.weights, {**(about or {}), "data": data_key})
        keys = plan.stage_keys(data_key)
        for i in reversed(range(len(plan.phases))):
            known = runs.result(keys[i], plan.phases[i].epochs)
            if known is not None:
                state, first = known, i + 1
                break
    trainer = _Trainer(plan, data, build, runs, store, on_epoch, callbacks())
    done = first
    for i in range(first, len(plan.phases)):
        if i:
            state = next_phase(state)
        state, complete, going = trainer.stage(plan.phases[i], keys[i] if keys else None, state)
        if complete:
            done += 1
        if not (complete and going):
            break
    complete = done == len(plan.phases)
    seconds = time.perf_counter() - started
    key = result_key(keys[-1], plan.phases[-1].epochs) if keys and complete else None
    return Outcome(state, trainer.epochs, trainer.steps, seconds, complete, key)


def next_phase(state):
    """Return the state in which the phase after a state begins.

    It has its own optimizer and its own patience, and starts where the best of the last
    one was.
    """
    return State(state.weights, history=state.history, seconds=state.seconds)


def one_phase(plan, index, epochs):
    """Return a plan of one phase of a plan, up to that epoch, at a constant rate."""
    return replace(plan, phases=(replace(plan.phases[index], epochs=epochs, schedule="constant"),))


class _Trainer:
    """Trains the phases of one plan, counting what it does.

    Parameters
    ----------
    plan, data, build, store, on_epoch, callbacks
        As for `run`.
    runs : Runs or None
    """

    def __init__(self, plan, data, build, runs, store, on_epoch, callbacks):
        self._plan = plan
        self._data = data
        self._build = build
        self._runs = runs
        self._store = store
        self._on_epoch = on_epoch
        self._callbacks = callbacks
        self.epochs = self.steps = 0

    def stage(self, phase, key, state):
        """Train one phase from a state to its last epoch.

        Returns
        -------
        state : State
        complete : bool
            Whether the phase is.
        going : bool
            False where `on_epoch` ended the run.
        """
        if self._runs is not None:
            state = self._runs.furthest(key, phase.epochs) or state
        going = True
        if state.epoch < phase.epochs and not state.stopped:
            with (
                memory_errors("building the network"),
                self._attempt(phase, key, state) as attempt,
                self._program(phase) as program,
                memory_errors("training"),  # within, so that the program is let go
            ):
                state, going = self._train(program, phase, key, state, attempt)
        complete = going or state.epoch == phase.epochs or state.stopped
        if state.best_weights is not None:
            state = replace(state, weights=state.best_weights)
        if complete and self._runs is not None:
            self._runs.save_result(key, phase.epochs, state)
        return state, complete, going

    @contextmanager
    def _program(self, phase):
        if self._callbacks:
            # What a callback is given is its own to keep: built for it, and for no other.
            with build_scope(0, self._plan.dtype_policy):
                yield Program(*self._build(phase), phase, cut=False, shared=False)
            return
        n = len(self._data.X) + (0 if self._data.X_val is None else len(self._data.X_val))
        with program_of(self._plan, phase, self._build, cut=True) as program:
            if program.parts.lower is None or features.fits(program.parts, n):
                yield program
                return
        with program_of(self._plan, phase, self._build, cut=False) as program:
            yield program

    @contextmanager
    def _attempt(self, phase, key, state):
        if self._runs is None:
            yield None
            return
        deaths = self._store.deaths(key)
        if deaths >= _SUSPECT:
            # One that lives when it is tried alone may die here, where there is less memory.
            one_epoch = one_phase(self._plan, self._plan.phases.index(phase), state.epoch + 1)
            training = partial(run, one_epoch, self._data, self._build, start=state)
            if deaths >= _GUILTY or not survives(training):
                raise MemoryError(
                    f"this training was started {deaths} times and its process died each time, "
                    "as it does when a convolution can't get its memory. Take a smaller "
                    "batch_size, image_size or network; to try once more, run "
                    "skfashion.inspection.prune_runs on the folder."
                )
        with self._store.begin(key) as attempt:
            yield attempt

    def _train(self, program, phase, key, state, attempt):
        plan, data = self._plan, self._data
        program.prepare(
            state.weights,
            numbers=phase.numbers,
            dropout_rates=plan.dropout_rates,
            seed=derive(plan.seed, phase.name),
            slots=state.slots,
            seeds=state.seeds,
        )
        callbacks = keras.callbacks.CallbackList(
            self._callbacks,
            add_history=bool(self._callbacks),
            model=program.model,
            epochs=phase.epochs,
            steps=-(-len(data.X) // plan.batch_size),
            verbose=0,
        )
        heard = KerasLoop(program.model, callbacks)
        loop = heard if has_hooks_in_epochs(self._callbacks) else program.loop
        with memory_errors("loading the images"):
            train = loop.resident(self._inputs(program, data.X, state), data.y, data.weight)
            valid = None
            if data.X_val is not None:
                valid = loop.resident(self._inputs(program, data.X_val, state), data.y_val)
        callbacks.on_train_begin()
        saved = time.monotonic()
        first = state.epoch + 1
        going, logs = True, None
        while going and state.epoch < phase.epochs and not state.stopped:
            rate = phase.learning_rate(state.epoch)
            if rate is not None:
                program.model.optimizer.learning_rate.assign(rate)
            callbacks.on_epoch_begin(state.epoch)
            if program.model.stop_training:
                loop = heard  # which ends with the first batch, as Keras does
            with memory_errors("training"):
                state, logs = self._epoch(program, loop, phase, state, train, valid)
            if attempt is not None:
                attempt.touch()
                if state.epoch == first:
                    # It got on: processes that died before were not killed by this training.
                    self._store.forgive(key)
            callbacks.on_epoch_end(state.epoch - 1, logs)
            state = self._as_callbacks_left(program, state)
            if program.model.stop_training:
                state = replace(state, stopped=True)
            try:
                going = not (self._on_epoch and self._on_epoch(phase, state.epoch, logs))
            except BaseException:
                self._save(program, key, state)
                raise
            last = state.epoch == phase.epochs or state.stopped or not going
            if last or time.monotonic() - saved >= _CHECKPOINT_SECONDS:
                state = self._save(program, key, state)
                saved = time.monotonic()
        callbacks.on_train_end(logs)
        return self._as_callbacks_left(program, state), going

    def _as_callbacks_left(self, program, state):
        """Return the state with weights that a callback may have set, to its best or to a mean."""
        if not self._callbacks:
            return state
        return replace(state, weights=program.weights(state.weights))

    def _save(self, program, key, state):
        slots, seeds = program.state()
        state = replace(state, slots=slots, seeds=seeds)
        if self._runs is not None:
            self._runs.save_state(key, state)
        return state

    def _inputs(self, program, X, state):
        if program.parts.lower is None:
            return X
        return features.rows(X, program.parts.segments, state.weights, store=self._store)

    def _epoch(self, program, loop, phase, state, train, valid):
        """Train one epoch; return the state after it and what there is to say of it."""
        plan = self._plan
        started = time.perf_counter()
        rate = float(to_numpy(program.model.optimizer.learning_rate))
        n = len(self._data.X)
        rows = order(plan.seed, n, phase.name, "order", state.epoch)
        logs = loop.train_epoch(train, rows, plan.batch_size)
        self.epochs += 1
        self.steps += -(-n // plan.batch_size)
        if valid is not None:
            # Where every batch is told of, there are as many as in Keras' `fit`.
            batch = plan.batch_size if loop is not program.loop else _EVALUATE_BATCH
            scores = loop.evaluate(valid, batch)
            logs |= {f"val_{name}": value for name, value in scores.items()}
        entry = {"phase": phase.name, "learning_rate": rate, **logs}
        state = replace(
            state,
            weights=program.weights(state.weights),
            history=[*state.history, entry],
            seconds=[*state.seconds, time.perf_counter() - started],
            epoch=state.epoch + 1,
        )
        if plan.early_stopping is not None and valid is not None:
            state = _watched(state, plan.early_stopping, logs)
        return state, logs


def _watched(state, stopping, logs):
    """Return the state with what early stopping makes of its last epoch."""
    score = logs["val_accuracy"]
    waited = 0 if score >= state.best_score + stopping.tol else state.waited + 1
    if score > state.best_score:
        state = replace(state, best_score=score, best_weights=state.weights)
    return replace(state, waited=waited, stopped=waited > stopping.n_iter_no_change)
