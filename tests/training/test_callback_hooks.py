"""Every hook that Keras documents is called as `keras.Model.fit` calls it."""

import keras
import numpy as np
import pytest

from skfashion import DenseClassifier
from skfashion._training import phases
from skfashion._training.compile_config import revived
from skfashion._training.programs import initial_weights

HOOKS = [
    f"on_{what}_{when}"
    for what in ("train", "epoch", "batch", "train_batch", "test", "test_batch")
    for when in ("begin", "end")
] + [f"on_predict_{what}{when}" for what in ("", "batch_") for when in ("begin", "end")]
EPOCHS, BATCH = 3, 16
told = []  # of the class or module: every fit copies its callbacks


def tell(name, *args):
    *number, logs = (*args, None) if name.endswith("begin") and not args else args
    told.append((name, *number, {k: float(v) for k, v in (logs or {}).items()}))


class Subclass(keras.callbacks.Callback):
    pass


def hook(name, call_base):
    def method(self, *args, **kwargs):
        told_args = (*args, *kwargs.values())
        tell(name, *told_args)
        told.append(("params", *sorted(self.params.items()), type(self.model).__name__))
        if call_base:
            getattr(keras.callbacks.Callback, name)(self, *args, **kwargs)

    return method


for each in HOOKS:
    setattr(Subclass, each, hook(each, each.startswith("on_train_batch")))


def one_hook(name):
    """A callback with one hook, an attribute of the instance alone."""
    callback = keras.callbacks.Callback()
    setattr(callback, name, lambda *args, **kwargs: tell(name, *args, *kwargs.values()))
    return callback


def lambda_callback():
    names = [name for name in HOOKS if "on_batch" not in name]
    return keras.callbacks.LambdaCallback(**{name: getattr(one_hook(name), name) for name in names})


class Stops(Subclass):
    def __init__(self, name, at):
        super().__init__()
        self.name, self.at = name, at

        def stop(*args, **kwargs):
            getattr(Subclass, name)(self, *args, **kwargs)
            if not args or args[0] in (None, {}, at):
                self.model.stop_training = True

        setattr(self, name, stop)

    def __deepcopy__(self, memo):
        return Stops(self.name, self.at)


CALLBACKS = {
    "a subclass": Subclass,
    "LambdaCallback": lambda_callback,
    "two": lambda: [lambda_callback(), Subclass()],
    "stop in a batch": lambda: Stops("on_train_batch_end", 1),
    "stop at the second epoch": lambda: Stops("on_epoch_begin", 1),
    "stop at the beginning": lambda: Stops("on_train_begin", None),
    "stop after testing": lambda: Stops("on_test_end", None),
}


@pytest.fixture(autouse=True, scope="module")
def _in_order():
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(phases, "order", lambda seed, n, *path: np.arange(n, dtype=np.int32))
        yield


def ours(callbacks, X, y, validation):
    del told[:]
    clf = DenseClassifier(8, epochs=EPOCHS, batch_size=BATCH, random_state=0, callbacks=callbacks)
    known = {"X_val": validation[0], "y_val": validation[1]} if validation else {}
    return clf.fit(X, y, **known), list(told)


def keras_own(clf, callbacks, X, y, validation):
    """Return what `Model.fit` tells, from the same weights."""
    model = clf._new_network(clf._plan.phases[0].network)
    model.set_weights(initial_weights(clf._plan, clf._new_network))
    model.compile(**revived(clf._plan.phases[0].compile))

    del told[:]
    if validation:
        validation = validation[0][..., None], validation[1].astype("float32")
    model.fit(
        X[..., None],
        y.astype("float32"),
        batch_size=BATCH,
        epochs=EPOCHS,
        shuffle=False,
        validation_data=validation,
        callbacks=callbacks,
        verbose=0,
    )
    return list(told)


def assert_same(mine, theirs):
    assert [event[:-1] for event in mine] == [event[:-1] for event in theirs]
    for one, other in zip(mine, theirs, strict=True):
        if isinstance(one[-1], dict):
            assert one[-1] == pytest.approx(other[-1], rel=1e-3), one
        else:
            assert one == other


@pytest.fixture(scope="module")
def parts(images):
    """Images and labels to train with, and to validate with."""
    X, y = images
    return X[:40], y[:40], (X[40:], y[40:])


@pytest.mark.parametrize("validated", [False, True])
@pytest.mark.parametrize("name", CALLBACKS)
def test_hooks_are_called_as_keras_calls_them(name, validated, parts):
    X, y, validation = parts if validated else (*parts[:2], None)
    clf, mine = ours(CALLBACKS[name](), X, y, validation)
    assert_same(mine, keras_own(clf, CALLBACKS[name](), X, y, validation))


@pytest.fixture(scope="module")
def all_of_keras(parts):
    clf, _ = ours(None, *parts)
    return keras_own(clf, lambda_callback(), *parts)


@pytest.mark.parametrize(
    "name", ["on_epoch_end", "on_train_batch_end", "on_test_begin", "on_test_batch_end"]
)
def test_a_hook_alone_is_called_as_keras_calls_it(name, parts, all_of_keras):
    _, mine = ours(one_hook(name), *parts)
    assert_same(mine, [event for event in all_of_keras if event[0] == name])


def test_hooks_that_are_never_called_change_nothing(images):
    X, y = images
    clf, mine = ours(one_hook("on_predict_begin"), X, y, None)
    assert mine == []
    plain, _ = ours(None, X, y, None)
    np.testing.assert_allclose(clf.history_["loss"], plain.history_["loss"], rtol=1e-5)


def test_the_history_that_callbacks_read_is_of_all_epochs(images):
    class Reads(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            pass

        def on_train_end(self, logs=None):
            told.append(dict(self.model.history.history))

    clf, mine = ours(Reads(), *images, None)
    assert mine[-1]["loss"] == clf.history_["loss"]
