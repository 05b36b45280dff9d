"""The loop over a plan's phases: what trains, how long, and what of it is known already."""

import threading
import time
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, replace
from weakref import WeakValueDictionary

import keras

from skfashion._training import features, stack
from skfashion._training.loops import KerasLoop, has_hooks_in_epochs
from skfashion._training.memory import retried
from skfashion._training.programs import Program, initial_weights, program_of
from skfashion._training.runs import Runs, State, result_key
from skfashion._training.seeding import build_scope, derive, order, views
from skfashion._utils.context import holding
from skfashion._utils.images import array_of, mirrored
from skfashion._utils.lazy_images import concatenate, is_unread, together

_CHECKPOINT_SECONDS = 5.0
_EVALUATE_BATCH = 256
_AT_WORK = WeakValueDictionary()  # keys of stages that a thread of this process trains -> locks
_MAX_CRASHES = 3  # of its process before an epoch ended; then a training is given up
_READ_ONLY = ContextVar("read_only", default=False)


class NotKeptError(LookupError):
    """A training would have to run of which nothing but the end was wanted."""


def only_kept():
    """In the block, let fits be read from their stores; those not there raise `NotKeptError`."""
    return holding(_READ_ONLY, True)


@dataclass
class Outcome:
    """What a run ends in."""

    state: State
    epochs_trained: int
    seconds: float
    complete: bool
    key: str | None
    compiled: bool  # by XLA where a plain graph would have done


@retried("training")
def run(
    plan,
    data,
    build,  # makes the network that a phase describes
    *,
    start,  # a `State` to go on from, or a `Start`
    store=None,
    replay=False,  # whether phases, done and half done, are kept in the store and read from it
    on_epoch=None,  # told phase, epoch and logs; ends the run by returning true
    score=None,  # of outputs for the validation images, where loss and accuracy aren't watched
    callbacks=list,  # makes Keras' callbacks, anew for a second try after memory ran out
    about=None,  # of the fit, for the store
):
    """Carry out a plan; return an `Outcome`."""
    started = time.perf_counter()
    state = start
    if not isinstance(start, State):
        weights = start.weights
        if weights is None:
            weights = initial_weights(plan, build, start.initialize)
        state = State(weights)
    runs = keys = None
    first = 0
    if store is not None and replay:
        _look_at(plan, data, build, state.weights, store)
        data_key = data.key(store)
        runs = Runs(store, state.weights, {**(about or {}), "data": data_key})
        runs.tell_of_older()
        keys = plan.keys(data_key)
        for i in reversed(range(len(plan.phases))):
            known = runs.result(keys[i], plan.phases[i].epochs)
            if known is not None:
                state, first = known, i + 1
                break
        if first == len(plan.phases):
            runs.share_result(keys[-1], plan.phases[-1].epochs)
    trainer = _Trainer(plan, data, build, runs, store, on_epoch, score, callbacks())
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
    return Outcome(state, trainer.epochs, seconds, complete, key, trainer.compiled)


def _look_at(plan, data, build, weights, store):
    """Compute what is frozen of images that nobody has read yet: their key is known then."""
    for X in (data.X, data.X_val):
        if is_unread(X, store):
            with program_of(plan, plan.phases[0], build, cut=True) as program:
                if program.parts.lower is not None:
                    for view in _views(plan, X) if X is data.X else [X]:
                        features.inputs(view, program.parts, weights, store)


def _views(plan, X):
    """Return the images that are trained on, and their mirror images if it is on them, too."""
    return together([X, mirrored(X)] if plan.mirrored else [X])


def next_phase(state):
    """Return the state in which the next phase begins: with the best weights and nothing else."""
    return State(state.weights, history=state.history, seconds=state.seconds)


class _Trainer:
    """Trains the phases of one plan, counting what it does."""

    def __init__(self, plan, data, build, runs, store, on_epoch, score, callbacks):
        self._plan = plan
        self._data = data
        self._build = build
        self._runs = runs
        self._store = store
        self._on_epoch = on_epoch
        self._score = score
        self._callbacks = callbacks
        self.epochs = 0
        self.compiled = False

    def stage(self, phase, key, state):
        """Train one phase from a state to its last epoch; of threads that want it, one does."""
        if self._runs is None:
            return self._stage(phase, key, state)
        with _AT_WORK.setdefault(key, threading.RLock()):
            return self._stage(phase, key, self._runs.furthest(key, phase.epochs) or state)

    def _stage(self, phase, key, state):
        going = True
        if state.epoch < phase.epochs and not state.stopped:
            if _READ_ONLY.get():
                raise NotKeptError
            with (
                self._attempt(key) as guard,
                self._program(phase) as program,
                stack.training(program.loop),
            ):
                state, going = self._train(program, phase, key, state, guard)
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
            with build_scope(0, *self._plan.formats):
                yield Program(self._build(phase.network), phase, cut=False, shared=False)
            return
        n = len(self._data.X) * (1 + self._plan.mirrored)
        n += 0 if self._data.X_val is None else len(self._data.X_val)
        with program_of(self._plan, phase, self._build, cut=True) as program:
            by_batch = features.is_by_batch(self._data.X, self._store)
            if program.parts.lower is None or by_batch or features.fits(program.parts, n):
                yield program
                return
        with program_of(self._plan, phase, self._build, cut=False) as program:
            yield program

    def _attempt(self, key):
        """Return the crash guard of a stage that is kept; refuse one that kills its process."""
        if self._runs is None:
            return nullcontext()
        guard = self._store.crash_guard(key)
        if guard.crashes >= _MAX_CRASHES:
            raise MemoryError(
                f"this training was started {guard.crashes} times and its process died each time "
                "before an epoch ended, as it does when a convolution can't get its memory. Take "
                "a smaller batch_size, image_size or network. To try the same again, call "
                f"skfashion.inspection.prune_runs({str(self._store.path)!r}) first."
            )
        return guard

    def _train(self, program, phase, key, state, guard):
        plan, data = self._plan, self._data
        if [array.shape for array in state.weights] != program.shapes:
            raise ValueError(
                "The weights to start from don't fit the network any more. warm_start=True goes on "
                "with those of the last fit, and parameters of the network have changed since: set "
                "them back, or warm_start=False."
            )
        training = program.begin(
            phase,
            state.weights,
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
        loop = program.loop
        if self._callbacks and has_hooks_in_epochs(self._callbacks):
            loop = KerasLoop(program.model, callbacks)
        self.compiled |= loop.compiles
        train = stack.resident(loop, *self._training_arrays(program, state))
        watched = valid = None
        if data.X_val is not None:
            watched = self._inputs(program, data.X_val, state)
            valid = stack.resident(loop, watched, data.y_val)
        callbacks.on_train_begin()
        saved = time.monotonic()
        going, logs = True, None
        while going and state.epoch < phase.epochs and not state.stopped:
            if phase.schedule != "constant":
                training.set_learning_rate(phase.learning_rate(state.epoch))
            callbacks.on_epoch_begin(state.epoch)
            if program.model.stop_training:
                # Which ends with the first batch, as Keras does.
                loop = KerasLoop(program.model, callbacks)
            state, logs = self._epoch(training, loop, phase, state, train, valid, watched)
            if guard is not None:
                guard.survived()
            callbacks.on_epoch_end(state.epoch - 1, logs)
            state = self._as_callbacks_left(training, state)
            if program.model.stop_training:
                state = replace(state, stopped=True)
            try:
                going = not (self._on_epoch and self._on_epoch(phase, state.epoch, logs))
            except BaseException:
                self._save(training, key, state)
                raise
            last = state.epoch == phase.epochs or state.stopped or not going
            is_kept = self._runs is not None  # else weights are fetched from a device at the end
            if last or (is_kept and time.monotonic() - saved >= _CHECKPOINT_SECONDS):
                state = self._save(training, key, state)
                saved = time.monotonic()
        callbacks.on_train_end(logs)
        return self._as_callbacks_left(training, state), going

    def _as_callbacks_left(self, training, state):
        """Return the state with weights that a callback may have set, to its best or to a mean."""
        if not self._callbacks:
            return state
        return replace(state, weights=training.weights(state.weights))

    def _save(self, training, key, state):
        slots, seeds = training.state()
        weights = training.weights(state.weights)
        best = state.best_weights() if callable(state.best_weights) else state.best_weights
        state = replace(state, weights=weights, best_weights=best, slots=slots, seeds=seeds)
        if self._runs is not None:
            self._runs.save_state(key, state)
        return state

    def _training_arrays(self, program, state):
        """Return inputs, targets and weights; of both views one after the other, if there are."""
        data = self._data
        inputs = [self._inputs(program, X, state) for X in _views(self._plan, data.X)]
        targets = [[a] * (1 + self._plan.mirrored) for a in (data.y, data.weight)]
        return [concatenate(several) for several in (inputs, *targets)]

    def _inputs(self, program, X, state):
        if program.parts.lower is None:
            return X
        return features.inputs(X, program.parts, state.weights, self._store)

    def _epoch(self, training, loop, phase, state, train, valid, watched):
        """Train one epoch; return the state after it and what there is to say of it."""
        plan = self._plan
        started = time.perf_counter()
        n = len(self._data.X)
        rows = order(plan.seed, n, phase.name, "order", state.epoch)
        if plan.mirrored:
            rows = rows + n * views(plan.seed, n, state.epoch, phase.name, "views")[rows]
        logs = loop.train_epoch(training.held, train, rows, plan.batch_size)
        rate = logs.pop("learning_rate")
        self.epochs += 1
        if valid is not None:
            # Where every batch is told of, there are as many as in Keras' `fit`.
            heard = self._callbacks and isinstance(loop, KerasLoop)
            batch = plan.batch_size if heard else _EVALUATE_BATCH
            scores = loop.evaluate(training.held, valid, batch)
            logs |= {f"val_{name}": value for name, value in scores.items()}
            if self._score is not None:
                weights = training.weights(state.weights)
                outputs = training.outputs(array_of(watched), weights, _EVALUATE_BATCH)
                logs[f"val_{plan.watched}"] = self._score(outputs)
        entry = {"phase": phase.name, "learning_rate": rate, **logs}
        state = replace(
            state,
            history=[*state.history, entry],
            seconds=[*state.seconds, time.perf_counter() - started],
            epoch=state.epoch + 1,
        )
        if plan.early_stopping is not None and valid is not None:
            state = _watched(state, plan.early_stopping, logs, training)
        return state, logs


def _watched(state, stopping, logs, training):
    """Return the state with what early stopping makes of its last epoch."""
    score = logs[f"val_{stopping.scoring}"]
    score = -score if stopping.scoring == "loss" else score
    waited = 0 if score >= state.best_score + stopping.tol else state.waited + 1
    if score > state.best_score:
        best = training.snapshot(state.weights)  # fetched when they are saved
        state = replace(state, best_score=score, best_weights=best)
    return replace(state, waited=waited, stopped=waited > stopping.n_iter_no_change)
